/* What this node is in a cluster: its identity, its connections, the manager or the session that runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/json.h"
#include "node/address_io.h"
#include "node/host_facts_io.h"
#include "node/node_internal.h"
#include "os/entropy.h"
#include "os/file.h"
#include "pki/ca.h"
#include "pki/cluster_key_io.h"

enum { LISTEN_AGAIN_MS = 1000 };

/* ---- what node.db remembers -------------------------------------------------------------------------------------- */

static void read_managers(struct swarm *swarm, const char *text)
{
	struct session_news news;
	struct err err;

	if (dispatch_read(&session_news_shape, text, strlen(text), &swarm->managers_arena, &news, &err) < 0)
		log_warn("node.db: %s; the managers' addresses are unknown", err.text);
	else
		swarm->managers = news.managers;
}

void swarm_take_setting(struct host *host, const char *id, const char *value)
{
	struct swarm *swarm = &host->swarm;

	if (str_eq(id, "listen"))
		str_copy(swarm->listen, sizeof swarm->listen, value);
	else if (str_eq(id, "advertise"))
		str_copy(swarm->advertise, sizeof swarm->advertise, value);
	else if (str_eq(id, "managers"))
		read_managers(swarm, value);
}

static bool are_kept(const struct host *host, const struct manager_ats *managers)
{
	const struct manager_ats *kept = &host->swarm.managers;
	size_t same = 0, others = 0;

	for (size_t i = 0; i < managers->count; i++) {
		const struct manager_at *at = &managers->items[i];

		if (str_eq(at->node_id, host->node_id) || str_is_empty(at->address))
			continue;
		same += others < kept->count && str_eq(kept->items[others].node_id, at->node_id) &&
			str_eq(kept->items[others].address, at->address);
		others++;
	}
	return same == others && others == kept->count;
}

void swarm_keep_managers(struct host *host, const struct manager_ats *managers)
{
	struct swarm *swarm = &host->swarm;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct session_news news = { 0 };
	struct arena old = swarm->managers_arena;
	struct err err;

	if (are_kept(host, managers))
		return;
	arena_init(&swarm->managers_arena, "managers", MANAGERS_BYTES_MAX);
	news.managers.items = ARENA_ARRAY(&swarm->managers_arena, struct manager_at, managers->count);
	for (size_t i = 0; i < managers->count; i++)
		if (!str_eq(managers->items[i].node_id, host->node_id) && !str_is_empty(managers->items[i].address))
			news.managers.items[news.managers.count++] = (struct manager_at){
				arena_strdup(&swarm->managers_arena, managers->items[i].node_id),
				arena_strdup(&swarm->managers_arena, managers->items[i].address) };
	swarm->managers = news.managers;
	arena_fini(&old);
	dispatch_write(&session_news_shape, &news, &text);
	if (node_set(host, "managers", buf_text(&text), &err) < 0)
		log_warn("node.db: %s; the managers' addresses are not kept", err.text);
}

const char *swarm_manager_addresses(const struct host *host, struct arena *arena)
{
	const struct manager_ats *managers = &host->swarm.managers;
	const char *list = "";

	for (size_t i = 0; i < managers->count; i++)
		list = arena_printf(arena, "%s%s%s", list, i ? "," : "", managers->items[i].address);
	return list;
}

/* "10.0.0.1:2377" without the port. */
static void learn_address(struct host *host, const char *at)
{
	char address[256];
	uint16_t port;
	struct err err;

	if (hostport_parse(at, CLUSTER_PORT, address, &port, &err) == 0)
		str_copy(host->swarm.address, sizeof host->swarm.address, address);
}

int swarm_set_address(struct host *host, const char *listen, const char *advertise, struct err *err)
{
	struct swarm *swarm = &host->swarm;

	str_copy(swarm->listen, sizeof swarm->listen, listen);
	str_copy(swarm->advertise, sizeof swarm->advertise, advertise);
	learn_address(host, advertise);
	return node_set(host, "listen", listen, err) < 0 || node_set(host, "advertise", advertise, err) < 0 ? -1 : 0;
}

/* ---- who this node is -------------------------------------------------------------------------------------------- */

static char *identity_dir(struct host *host)
{
	return path_join(host->settings->data_root, "certificates");
}

/* Who has joined nothing can dial whoever has the root that a token names. */
static int use_no_identity(struct host *host, struct err *err)
{
	struct tls_context *tls;

	if (tls_context_new(NULL, NULL, NULL, &tls, err) < 0)
		return -1;
	tls_context_drop(host->swarm.tls);
	host->swarm.tls = tls;
	return 0;
}

static int use_identity(struct host *host, struct err *err)
{
	struct swarm *swarm = &host->swarm;
	struct tls_context *tls;

	if (tls_context_new(buf_text(&swarm->identity.roots_pem), buf_text(&swarm->identity.chain_pem), buf_text(&swarm->identity.key_pem), &tls,
			    err) < 0)
		return -1;
	tls_context_drop(swarm->tls);
	swarm->tls = tls;
	swarm->identity.facts = *tls_context_own(tls);
	buf_clear(&swarm->issuer_subject);
	buf_clear(&swarm->issuer_key);
	post_set_renewal(host);
	return ca_issuer(buf_text(&swarm->identity.roots_pem), buf_text(&swarm->identity.chain_pem), &swarm->issuer_subject, &swarm->issuer_key, err);
}

int swarm_set_identity(struct host *host, const char *roots_pem, const char *chain_pem, struct buf *key_pem, struct err *err)
{
	CLEANUP(str_freep) char *dir = identity_dir(host);
	struct identity fresh = { 0 };

	buf_add_str(&fresh.roots_pem, roots_pem);
	buf_add_str(&fresh.chain_pem, chain_pem);
	buf_add_str(&fresh.key_pem, buf_text(key_pem));
	if (identity_save(dir, &fresh, NULL, err) < 0) {
		identity_fini(&fresh);
		return -1;
	}
	identity_fini(&host->swarm.identity);
	host->swarm.identity = fresh;
	return use_identity(host, err);
}

int swarm_certify(struct host *host, struct err *err)
{
	struct manager *manager = host->swarm.manager;
	CLEANUP(seal_wipe) struct buf key = BUF_INIT;
	CLEANUP(buf_finip) struct buf request = BUF_INIT, chain = BUF_INIT;
	struct arena arena;
	int got;

	if (cert_key_new(&key, err) < 0 || cert_request_new(buf_text(&key), NULL, &request, err) < 0 ||
	    manager_sign(manager, host->node_id, buf_text(&request), &chain, err) < 0)
		return -1;
	arena_init(&arena, "roots", MANAGERS_BYTES_MAX);
	got = swarm_set_identity(host, manager_trust(manager, &arena).trust_root, buf_text(&chain), &key, err);
	arena_fini(&arena);
	return got;
}

static struct tls_info own_trust(const struct host *host)
{
	const struct swarm *swarm = &host->swarm;

	return (struct tls_info){ (char *)(uintptr_t)buf_text(&swarm->identity.roots_pem), (char *)(uintptr_t)buf_text(&swarm->issuer_subject),
				  (char *)(uintptr_t)buf_text(&swarm->issuer_key) };
}

bool swarm_has_trust(const struct host *host, const struct tls_info *told)
{
	struct tls_info own = own_trust(host);

	return shape_equal(&tls_info_shape, told, &own);
}

int swarm_make_cluster_key(struct host *host, struct err *err)
{
	struct seal_key key;
	int rc;

	seal_key_new(&key);
	rc = cluster_key_save(host->settings->data_root, &key, err);
	seal_key_forget(&key);
	return rc;
}

int swarm_take_cluster_key(struct host *host, const struct bytes *bytes, struct err *err)
{
	struct seal_key key;
	int rc;

	if (bytes->count == 0)
		return 0;
	if (bytes->count != SEAL_KEY_SIZE)
		return err_set(err, ERR_INVALID, "the cluster's key has %zu bytes instead of %d", bytes->count, SEAL_KEY_SIZE);
	memcpy(key.bytes, bytes->items, SEAL_KEY_SIZE);
	rc = cluster_key_save(host->settings->data_root, &key, err);
	seal_key_forget(&key);
	return rc;
}

int swarm_forget(struct host *host, struct err *err)
{
	static const char *const settings[] = { "node_id", "listen", "advertise", "managers", "founding" };
	struct swarm *swarm = &host->swarm;
	CLEANUP(str_freep) char *dir = identity_dir(host);
	int result = identity_remove(dir, err) < 0 ? -1 : cluster_key_remove(host->settings->data_root, err);

	for (size_t i = 0; result == 0 && i < ARRAY_COUNT(settings); i++)
		result = node_set(host, settings[i], NULL, err);
	identity_fini(&swarm->identity);
	swarm->identity = (struct identity){ 0 };
	buf_fini(&swarm->issuer_subject);
	buf_fini(&swarm->issuer_key);
	swarm->must_renew = false;
	if (result == 0)
		result = use_no_identity(host, err);
	host->node_id[0] = swarm->address[0] = swarm->listen[0] = swarm->advertise[0] = 0;
	swarm->managers.count = 0;
	swarm->trouble.code = 0;
	swarm->wanted = ROLE_WORKER;
	return result;
}

/* ---- connections ------------------------------------------------------------------------------------------------- */

static struct tls_context *context(void *arg)
{
	struct host *host = arg;

	return host->swarm.tls;
}

/* A node that was removed has a good certificate still. Who does not know the cluster yet cannot tell. */
static int admit(void *arg, const struct cert_name *peer, struct err *err)
{
	const struct manager *manager = swarm_manager(arg);

	if (!manager || !manager_is_current(manager) || view_node(manager_view(manager), peer->node_id))
		return 0;
	return err_set(err, ERR_DENIED, "node %s is not in this swarm, or was removed from it", peer->node_id);
}

int swarm_listen_now(struct host *host, struct err *err)
{
	if (host->swarm.is_listening)
		return 0;
	if (rpc_listen(host->swarm.rpc, host->swarm.listen, err) < 0)
		return err_wrap(err, "manager stopped: failed to listen on remote API address");
	host->swarm.is_listening = true;
	return 0;
}

void swarm_listen(struct host *host)
{
	struct err err;

	if (swarm_listen_now(host, &err) == 0)
		return;
	log_error("swarm: %s; other nodes do not reach this manager", err.text);
	timer_set_in(&host->swarm.listen_again, LISTEN_AGAIN_MS);
}

static void listen_again(void *arg)
{
	struct host *host = arg;

	if (host->swarm.manager)
		swarm_listen(host);
}

/* ---- a manager --------------------------------------------------------------------------------------------------- */

static void on_assign(void *arg, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count,
		      bool is_complete)
{
	struct host *host = arg;

	agent_assign(host->agent, items, count, removed, removed_count, is_complete);
	if (!is_complete)
		return;
	swarm_close_client(host);       /* from here on it is its own manager's */
	agent_report_all(host->agent);
	post_look(host);
}

static void learn_role(struct host *host)
{
	const struct manager *manager = host->swarm.manager;
	const struct node *self = manager ? view_node(manager_view(manager), host->node_id) : NULL;

	if (self)
		host->swarm.wanted = self->spec.role;
}

static void on_applied(void *arg, const struct applied *applied)
{
	struct host *host = arg;
	bool is_about_us = false;

	if (host->api)
		api_on_applied(host->api, applied);
	for (size_t i = 0; i < applied->event_count; i++)
		is_about_us = is_about_us || applied->events[i].kind == KIND_CLUSTER ||
			      (applied->events[i].kind == KIND_NODE && str_eq(applied->events[i].id, host->node_id));
	if (is_about_us)
		post_look(host);
}

static void on_stopped(void *arg, const struct err *err)
{
	(void)arg;
	log_error("cluster state: %s; writes are refused, containers go on", err->text);
}

int swarm_open_manager(struct host *host, struct err *err)
{
	const struct manager_hooks hooks = { on_assign, on_applied, on_stopped, host };
	struct swarm *swarm = &host->swarm;
	struct seal_key key = { { 0 } };

	bool has_key = cluster_key_load(host->settings->data_root, &key, err) == 0;
	int rc;

	if (!has_key && err->code != ERR_NOT_FOUND)
		return -1;
	rc = manager_open(host->loop, host->store, swarm->rpc, host->node_id, swarm->advertise, has_key ? &key : NULL, &hooks, &swarm->manager, err);
	seal_key_forget(&key);
	if (rc < 0)
		return -1;
	for (size_t i = 0; i < swarm->managers.count; i++)
		manager_hint(swarm->manager, swarm->managers.items[i].node_id, swarm->managers.items[i].address);
	return 0;
}

/* Whoever waits for it is told from within, and must find none. */
void swarm_close_manager(struct host *host)
{
	struct swarm *swarm = &host->swarm;
	struct manager *manager = swarm->manager;

	swarm->manager = NULL;
	manager_close(manager);
	rpc_unlisten(swarm->rpc);
	swarm->is_listening = false;
}

struct manager *swarm_manager(const struct host *host)
{
	struct manager *manager = host->swarm.manager;
	return manager && manager_is_founded(manager) ? manager : NULL;
}

void swarm_describe(struct host *host, struct arena *arena, struct node_description *ret)
{
	host_description(&host->facts, arena, ret);
	ret->tls = own_trust(host);
}

static void describe_manager(struct host *host)
{
	struct node_description description;
	struct arena arena;

	arena_init(&arena, "description", DESCRIPTION_BYTES_MAX);
	swarm_describe(host, &arena, &description);
	manager_describe_node(host->swarm.manager, &description, host->swarm.advertise);
	arena_fini(&arena);
}

void swarm_tell_certificate(struct host *host)
{
	struct swarm *swarm = &host->swarm;

	if (swarm_manager(host))
		describe_manager(host);
	else if (swarm->client && !cert_name_is_manager(&swarm->identity.facts.name))
		dispatch_client_renew(swarm->client);
}

/* ---- a worker's session ------------------------------------------------------------------------------------------ */

static void describe_session(void *arg, struct arena *arena, struct session_ask *ret)
{
	struct host *host = arg;

	swarm_describe(host, arena, &ret->description);
	ret->address = host->swarm.advertise;
}

static void on_session_assign(void *arg, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count,
			      bool is_complete)
{
	struct host *host = arg;
	agent_assign(host->agent, items, count, removed, removed_count, is_complete);
}

static void on_session_open(void *arg)
{
	struct host *host = arg;

	host->swarm.trouble.code = 0;
	agent_report_all(host->agent);
	if (host->swarm.changing && host->swarm.changing->is_join && !host->swarm.manager)
		change_end(host, NULL);
}

static void on_news(void *arg, const struct session_news *news)
{
	struct host *host = arg;

	host->swarm.wanted = news->role;
	host->swarm.must_renew = !str_is_empty(news->tls.trust_root) && !swarm_has_trust(host, &news->tls);
	if (news->managers.count)
		swarm_keep_managers(host, &news->managers);
	post_look(host);
}

static void on_trouble(void *arg, const struct err *err)
{
	((struct host *)arg)->swarm.trouble = *err;
}

void swarm_open_client(struct host *host)
{
	const struct dispatch_client_hooks hooks = { describe_session, on_session_assign, on_session_open, on_news, on_trouble, host };

	host->swarm.client = dispatch_client_new(host->loop, host->swarm.rpc, host->node_id, &hooks);
	dispatch_client_set_managers(host->swarm.client, &host->swarm.managers);
}

static void free_client(void *arg)
{
	dispatch_client_free(arg);
}

/* It may be on the stack: what it has heard may be why it is closed. */
void swarm_close_client(struct host *host)
{
	struct dispatch_client *client = host->swarm.client;

	host->swarm.client = NULL;
	if (client)
		loop_defer(host->loop, free_client, client);
}

void swarm_report(struct host *host, const struct task_status *status)
{
	if (host->swarm.client)
		dispatch_client_report(host->swarm.client, status);
	else if (host->swarm.manager)
		manager_report(host->swarm.manager, status);
}

/* ---- what people are told ---------------------------------------------------------------------------------------- */

void swarm_facts(void *arg, struct api_swarm_facts *ret)
{
	static struct arena arena;      /* until the next call */
	struct host *host = arg;
	const struct swarm *swarm = &host->swarm;
	const struct manager *manager = swarm_manager(host);
	bool is_joining = swarm->changing && swarm->changing->is_join;

	if (arena.name)
		arena_fini(&arena);
	arena_init(&arena, "swarm facts", MANAGERS_BYTES_MAX);
	*ret = (struct api_swarm_facts){ .state = "inactive", .error = "", .node_id = "", .address = "" };
	if (!host->node_id[0] && !is_joining)
		return;
	ret->state = is_joining ? "pending" : "active";
	ret->node_id = host->node_id;
	ret->address = swarm->address;
	ret->managers = swarm->managers;
	if (manager)
		dispatcher_managers(manager_view(manager), &arena, &ret->managers);
	if (swarm->client && swarm->trouble.code)
		ret->error = swarm->trouble.text;
}

/* ---- going on ---------------------------------------------------------------------------------------------------- */

/* A crash between the founding's first step and its entry: there is nothing in it that anybody was told of. */
static int wipe_unfounded(struct host *host, struct err *err)
{
	log_warn("an interrupted init is undone");
	swarm_close_manager(host);
	return store_cluster_wipe(host->store, err) < 0 ? -1 : swarm_forget(host, err);
}

static void adopt_old_addresses(struct host *host)
{
	const struct node *self = view_node(manager_view(host->swarm.manager), host->node_id);
	struct err err;

	if (host->swarm.listen[0] || !self || !self->manager)
		return;
	if (swarm_set_address(host, "0.0.0.0:2377", self->manager->address, &err) < 0)
		log_warn("node.db: %s", err.text);
}

static int open_as_manager(struct host *host, bool has_identity, struct err *err)
{
	if (!host->node_id[0])
		return err_set(err, ERR_IO, "node.db does not say which node this is, though raft.db holds a cluster: was node.db removed?");
	if (swarm_open_manager(host, err) < 0)
		return -1;
	if (!has_identity && !manager_is_founded(host->swarm.manager))
		return wipe_unfounded(host, err);
	if (!has_identity && swarm_certify(host, err) < 0)
		return err_wrap(err, "certificate of this node");
	host->swarm.wanted = ROLE_MANAGER;
	if (manager_is_founded(host->swarm.manager)) {
		adopt_old_addresses(host);
		learn_role(host);
	}
	learn_address(host, host->swarm.advertise);
	swarm_listen(host);
	describe_manager(host);
	post_seek_membership(host);
	return 0;
}

static int load_identity(struct host *host, bool *ret_has, struct err *err)
{
	CLEANUP(str_freep) char *dir = identity_dir(host);

	*ret_has = identity_load(dir, NULL, &host->swarm.identity, err) == 0;
	if (*ret_has)
		return use_identity(host, err);
	return err->code == ERR_NOT_FOUND ? 0 : -1;
}

int swarm_open(struct host *host, struct err *err)
{
	struct swarm *swarm = &host->swarm;
	const struct rpc_config config = { .context = context, .admit = admit, .arg = host, .format_level = FORMAT_LEVEL,
					   .limits = RPC_LIMITS_DEFAULT };
	bool has_identity;
	uint64_t seed;

	entropy_fill(&seed, sizeof seed);
	rng_seed(&swarm->rng, seed);
	timer_init(&swarm->listen_again, host->loop, listen_again, host);
	list_init(&swarm->wishes);
	post_open(host);
	swarm->rpc = rpc_new(host->loop, host->work, &config);
	if (use_no_identity(host, err) < 0 || load_identity(host, &has_identity, err) < 0)
		return -1;
	if (replica_exists(host->store))
		return open_as_manager(host, has_identity, err);
	if (has_identity && host->node_id[0]) {
		learn_address(host, swarm->advertise);
		swarm->wanted = ROLE_WORKER;
		swarm_open_client(host);
		return 0;
	}
	/* Tasks of a cluster this node has left must not come back. */
	agent_assign(host->agent, NULL, 0, NULL, 0, true);
	return has_identity || host->node_id[0] ? swarm_forget(host, err) : 0;
}

void swarm_close(struct host *host)
{
	struct swarm *swarm = &host->swarm;

	if (!swarm->rpc)
		return;
	post_close(host);
	wishes_drop(host);
	join_drop(host);
	change_drop(host);
	timer_cancel(&swarm->listen_again);
	swarm_close_manager(host);
	dispatch_client_free(swarm->client);
	swarm->client = NULL;
	rpc_free(swarm->rpc);
	swarm->rpc = NULL;
	tls_context_drop(swarm->tls);
	identity_fini(&swarm->identity);
	buf_fini(&swarm->issuer_subject);
	buf_fini(&swarm->issuer_key);
}
