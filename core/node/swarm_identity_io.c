/* Who this node is: its key and certificate, the roots it trusts. */
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/json.h"
#include "node/node_internal.h"
#include "os/file.h"
#include "pki/ca.h"
#include "pki/cluster_key_io.h"

static char *identity_dir(struct host *host)
{
	return path_join(host->settings->data_root, "certificates");
}

/* Who has joined nothing can dial whoever has the root that a token names. */
int swarm_use_no_identity(struct host *host, struct err *err)
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

int swarm_load_identity(struct host *host, bool *ret_has, struct err *err)
{
	CLEANUP(str_freep) char *dir = identity_dir(host);

	*ret_has = identity_load(dir, host->swarm.has_key ? &host->swarm.key : NULL, &host->swarm.identity, err) == 0;
	if (*ret_has)
		return use_identity(host, err);
	return err->code == ERR_NOT_FOUND ? 0 : -1;
}

int swarm_set_identity(struct host *host, const char *roots_pem, const char *chain_pem, struct buf *key_pem, struct err *err)
{
	CLEANUP(str_freep) char *dir = identity_dir(host);
	struct swarm *swarm = &host->swarm;
	struct identity fresh = { 0 };
	struct cert_facts facts;

	buf_add_str(&fresh.roots_pem, roots_pem);
	buf_add_str(&fresh.chain_pem, chain_pem);
	buf_add_str(&fresh.key_pem, buf_text(key_pem));
	fresh.is_sealed = swarm->has_lock && cert_read(chain_pem, &facts, err) == 0 && cert_name_is_manager(&facts.name);
	if (identity_save(dir, &fresh, fresh.is_sealed ? &swarm->key : NULL, err) < 0) {
		identity_fini(&fresh);
		return -1;
	}
	identity_fini(&swarm->identity);
	swarm->identity = fresh;
	return use_identity(host, err);
}

int swarm_save_identity(struct host *host, const struct seal_key *lock, struct err *err)
{
	CLEANUP(str_freep) char *dir = identity_dir(host);

	if (identity_save(dir, &host->swarm.identity, lock, err) < 0)
		return -1;
	host->swarm.identity.is_sealed = lock != NULL;
	return 0;
}

bool swarm_needs_no_key(struct host *host)
{
	CLEANUP(str_freep) char *dir = identity_dir(host);
	struct identity identity = { 0 };
	struct err err;
	int got = identity_load(dir, NULL, &identity, &err);
	bool is_worker = got == 0 && !cert_name_is_manager(&identity.facts.name);
	bool is_whole = host->node_id[0] && (got == 0 || err.code != ERR_NOT_FOUND);

	identity_fini(&identity);
	return is_worker || (!is_whole && !replica_exists(host->store));
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

struct tls_info swarm_own_trust(const struct host *host)
{
	const struct swarm *swarm = &host->swarm;

	return (struct tls_info){ (char *)(uintptr_t)buf_text(&swarm->identity.roots_pem), (char *)(uintptr_t)buf_text(&swarm->issuer_subject),
				  (char *)(uintptr_t)buf_text(&swarm->issuer_key) };
}

bool swarm_has_trust(const struct host *host, const struct tls_info *told)
{
	struct tls_info own = swarm_own_trust(host);

	return shape_equal(&tls_info_shape, told, &own);
}

int swarm_forget(struct host *host, struct err *err)
{
	static const char *const settings[] = { "node_id", "listen", "advertise", "data_path", "interface", "managers", "founding" };
	struct swarm *swarm = &host->swarm;
	CLEANUP(str_freep) char *dir = identity_dir(host);
	int result = identity_remove(dir, err) < 0 ? -1 : cluster_key_remove(host->settings->data_root, err);

	for (size_t i = 0; result == 0 && i < ARRAY_COUNT(settings); i++)
		result = node_set(host, settings[i], NULL, err);
	identity_fini(&swarm->identity);
	swarm->identity = (struct identity){ 0 };
	buf_fini(&swarm->issuer_subject);
	buf_fini(&swarm->issuer_key);
	swarm_drop_cluster_key(host);
	swarm->must_renew = false;
	swarm->calendar_ahead = 0;
	swarm->clock_trouble[0] = 0;
	if (result == 0)
		result = swarm_use_no_identity(host, err);
	host->node_id[0] = swarm->interface[0] = swarm->address[0] = swarm->listen[0] = swarm->advertise[0] = 0;
	swarm->managers.count = 0;
	swarm->generation = 0;
	swarm->trouble.code = 0;
	swarm->wanted = ROLE_WORKER;
	return result;
}
