/* Certificates and roles: asks for the next certificate in time, and for the one of another role when the cluster wants it; becomes a
 * manager or stops being one. */
#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "node/node_internal.h"
#include "os/log.h"
#include "pki/renewal.h"

enum { POST_ARENA_MAX = 1 << 20, RENEW_CALL_MS = 5000, ROLE_AGAIN_MS = 500, MEMBER_AGAIN_MS = 250, DOUBT_MS = 3000 };

static void seek_again(void *host);

/* ---- renewing ---------------------------------------------------------------------------------------------------- */

static void after_renewal(struct host *host, const struct err *err)
{
	struct swarm *swarm = &host->swarm;

	swarm->is_renewing = false;
	if (!err) {
		swarm->renewals_failed = 0;
		swarm->must_renew = false;
		swarm_tell_certificate(host);
		log_info("swarm: this node's certificate is new, its role %s", swarm->identity.facts.name.role);
		post_look(host);
		return;
	}
	log_debug("swarm: certificate: %s", err->text);
	swarm->renewals_failed++;
	if (cert_name_is_manager(&swarm->identity.facts.name) != (swarm->wanted == ROLE_MANAGER) || swarm->must_renew)
		timer_set_in(&swarm->post_again, ROLE_AGAIN_MS);
	else
		timer_set_in(&swarm->renew, renewal_retry_ms(swarm->renewals_failed, &swarm->rng));
}

/* is_doubt: only to find out whether this node is a manager still. */
struct renewing { struct host *host; struct buf key; bool is_doubt; };

static void renewing_free(struct renewing *r)
{
	if (!r)
		return;
	seal_wipe(&r->key);
	free(r);
}

/* What a manager in doubt was told. It steps down when it is none any more. */
static void doubt_is_over(struct host *host, const struct err *err)
{
	struct swarm *swarm = &host->swarm;

	swarm->is_renewing = false;
	if (!err) {
		log_warn("swarm: this node is no manager any more: it was demoted while it was away");
		swarm->wanted = ROLE_WORKER;
		post_look(host);
	} else if (err->code == ERR_DENIED) {
		if (!str_eq(swarm->trouble.text, err->text))
			log_error("swarm: %s", err->text);
		swarm->trouble = *err;
	}
}

static void renewed(void *arg, const void *body, size_t size, const char *own_address UNUSED, const struct err *failure)
{
	struct renewing *r = arg;
	struct host *host = r->host;
	bool is_doubt = r->is_doubt;
	struct renew_answer answer;
	struct arena arena;
	struct err err;
	int got = -1;

	host->swarm.errand = NULL;
	host->swarm.renewing = NULL;
	arena_init(&arena, "renew", POST_ARENA_MAX);
	if (failure)
		err = *failure;
	else if (dispatch_read(&renew_answer_shape, body, size, &arena, &answer, &err) == 0 &&
		 swarm_take_cluster_key(host, &answer.cluster_key, &answer.lock, &err) == 0)
		got = swarm_set_identity(host, answer.roots ? answer.roots : "", answer.cert ? answer.cert : "", &r->key, &err);
	arena_fini(&arena);
	renewing_free(r);
	if (is_doubt)
		doubt_is_over(host, got < 0 ? &err : NULL);
	else
		after_renewal(host, got < 0 ? &err : NULL);
}

static void ask_others(struct host *host, struct renewing *r, const char *request)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct renew_ask ask = { (char *)(uintptr_t)request, r->is_doubt, host->swarm.generation };
	struct arena arena;

	arena_init(&arena, "renew", POST_ARENA_MAX);
	dispatch_write(&renew_ask_shape, &ask, &body);
	host->swarm.errand = errand_new(host->loop, host->swarm.rpc, swarm_manager_addresses(host, &arena), NULL, RPC_RENEW, &body,
					RENEW_CALL_MS, renewed, r);
	host->swarm.renewing = r;
	arena_fini(&arena);
}

static int ask_for_certificate(struct host *host, bool is_doubt, struct err *err)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	struct renewing *r = NEW(struct renewing);

	r->host = host;
	r->is_doubt = is_doubt;
	if (!host->swarm.managers.count || host->swarm.errand) {
		err_set(err, ERR_UNAVAILABLE, "no manager is known that could sign");
	} else if (cert_key_new(&r->key, err) == 0 && cert_request_new(buf_text(&r->key), NULL, &request, err) == 0) {
		ask_others(host, r, buf_text(&request));
		return 0;
	}
	renewing_free(r);
	return -1;
}

/* A manager signs for itself, but not that it is one no more: that is for those who stay. */
static void renew(struct host *host)
{
	struct swarm *swarm = &host->swarm;
	struct manager *manager = swarm_manager(host);
	struct err err;

	swarm->is_renewing = true;
	if (manager && manager_is_current(manager) && swarm->wanted == ROLE_MANAGER) {
		int got = swarm_certify(host, &err);

		after_renewal(host, got < 0 ? &err : NULL);
	} else if (ask_for_certificate(host, false, &err) < 0) {
		after_renewal(host, &err);
	}
}

/* A manager that hears of no leader may have been demoted, or given up, while it was away; also one that has not seen the state yet: what its
 * log holds may be all that it has, and alone it never learns what of that was agreed on. */
static void doubt(void *arg)
{
	struct host *host = arg;
	struct swarm *swarm = &host->swarm;
	struct err err;

	if (!swarm->manager)
		return;
	timer_set_in(&swarm->doubt, DOUBT_MS);
	if (manager_has_leader(swarm->manager) || swarm->is_renewing)
		return;
	swarm->managers_first++;
	swarm->is_renewing = ask_for_certificate(host, true, &err) == 0;
}

static void renewal_is_due(void *arg)
{
	struct host *host = arg;
	nsec now = swarm_calendar(host);

	if (!host->node_id[0] || host->swarm.is_renewing)
		return;
	if (now >= host->swarm.renew_at)
		renew(host);
	else
		timer_set_in(&host->swarm.renew, renewal_wait_ms(host->swarm.renew_at, now));
}

/* Certificates are dated by the cluster's calendar. While that is not known nobody is in reach who could sign another one. */
void post_set_renewal(struct host *host)
{
	struct swarm *swarm = &host->swarm;

	swarm->renew_at = renewal_at(&swarm->identity.facts, &swarm->rng);
	timer_set_in(&swarm->renew, renewal_wait_ms(swarm->renew_at, swarm_calendar(host)));
}

/* ---- becoming a manager ------------------------------------------------------------------------------------------ */

static bool is_member(const struct host *host)
{
	struct roster roster;

	manager_roster(host->swarm.manager, &roster);
	return roster_find(&roster, host->node_id) != NULL;
}

static void asked_for_membership(void *arg, const void *body UNUSED, size_t size UNUSED, const char *own_address UNUSED,
				 const struct err *err)
{
	struct host *host = arg;

	host->swarm.errand = NULL;
	if (err)
		log_info("swarm: this node is to be a manager: %s", err->text);
	timer_set_in(&host->swarm.member_again, MEMBER_AGAIN_MS);
}

static void seek_again(void *arg)
{
	struct host *host = arg;
	struct swarm *swarm = &host->swarm;
	CLEANUP(buf_finip) struct buf body = BUF_INIT;
	struct member_ask ask = { .address = swarm->advertise };
	struct arena arena;

	if (!swarm->manager || is_member(host) || swarm->wanted != ROLE_MANAGER)
		return;
	if (swarm->errand || !swarm->managers.count) {
		timer_set_in(&swarm->member_again, MEMBER_AGAIN_MS);
		return;
	}
	arena_init(&arena, "member", POST_ARENA_MAX);
	ask.raft_id = replica_status(manager_replica(swarm->manager)).self;
	dispatch_write(&member_ask_shape, &ask, &body);
	swarm->errand = errand_new(host->loop, swarm->rpc, swarm_manager_addresses(host, &arena), NULL, RPC_MEMBER, &body, RENEW_CALL_MS,
				   asked_for_membership, host);
	arena_fini(&arena);
}

void post_seek_membership(struct host *host)
{
	timer_set_in(&host->swarm.member_again, 0);
}

static int make_manager(struct host *host, struct err *err)
{
	if (swarm_listen_now(host, err) < 0 || (host->swarm.is_damaged && mend_set_aside(host, err) < 0) ||
	    replica_join(host->store, host->swarm.identity.facts.name.cluster_id, host->node_id, replica_new_id(), err) < 0)
		return -1;
	return swarm_open_manager(host, err);
}

/* The session goes on until this node knows the cluster itself. */
static void rise(struct host *host)
{
	struct err err;

	if (host->swarm.is_damaged && !mend_may_rise(host))
		return;
	log_info("swarm: this node becomes a manager");
	if (make_manager(host, &err) == 0) {
		post_seek_membership(host);
		return;
	}
	log_error("swarm: this node cannot become a manager: %s", err.text);
	host->swarm.trouble = err;
	timer_set_in(&host->swarm.post_again, 10 * ROLE_AGAIN_MS);
}

/* ---- becoming a worker ------------------------------------------------------------------------------------------- */

static void step_down(struct host *host)
{
	log_info("swarm: this node is a worker from now on");
	swarm_close_manager(host);
	swarm_end_manager(host);
	swarm_open_client(host);
}

/* ---- looking ----------------------------------------------------------------------------------------------------- */

static void learn(struct host *host)
{
	struct swarm *swarm = &host->swarm;
	struct manager *manager = swarm_manager(host);
	const struct node *self = manager ? view_node(manager_view(manager), host->node_id) : NULL;
	struct manager_ats managers;
	struct tls_info told;
	struct arena arena;

	/* what others have certified in the meantime is newer than a view without a leader */
	if (!self || (!cert_name_is_manager(&swarm->identity.facts.name) && !manager_has_leader(manager)))
		return;
	swarm->wanted = self->spec.role;
	swarm_follow_lock(host);
	arena_init(&arena, "managers", POST_ARENA_MAX);
	told = manager_trust(manager, &arena);
	swarm->must_renew = !swarm_has_trust(host, &told);
	dispatcher_managers(manager_view(manager), &arena, &managers);
	swarm_keep_managers(host, &managers, view_cluster(manager_view(manager))->generation);
	arena_fini(&arena);
}

static void look(void *arg)
{
	struct host *host = arg;
	struct swarm *swarm = &host->swarm;

	if (!host->node_id[0] || !swarm->identity.chain_pem.len)
		return;
	learn(host);
	switch (post_next((struct post_in){
		.runs = swarm->manager ? POST_MANAGER : swarm->client ? POST_WORKER : POST_NONE,
		.is_certified_manager = cert_name_is_manager(&swarm->identity.facts.name),
		.wanted = swarm->wanted, .must_renew = swarm->must_renew, .is_busy = swarm->is_renewing })) {
	case POST_REST:
		break;
	case POST_RENEW:
		renew(host);
		break;
	case POST_RISE:
		rise(host);
		break;
	case POST_STEP_DOWN:
		step_down(host);
		break;
	}
}

/* Whoever says that something changed is on the stack still. */
void post_look(struct host *host)
{
	timer_set_in(&host->swarm.post_again, 0);
}

void post_begin_doubt(struct host *host)
{
	timer_set_in(&host->swarm.doubt, DOUBT_MS);
}

void post_open(struct host *host)
{
	timer_init(&host->swarm.post_again, host->loop, look, host);
	timer_init(&host->swarm.renew, host->loop, renewal_is_due, host);
	timer_init(&host->swarm.member_again, host->loop, seek_again, host);
	timer_init(&host->swarm.doubt, host->loop, doubt, host);
}

void post_close(struct host *host)
{
	struct swarm *swarm = &host->swarm;

	timer_cancel(&swarm->post_again);
	timer_cancel(&swarm->renew);
	timer_cancel(&swarm->member_again);
	timer_cancel(&swarm->doubt);
	errand_forget(swarm->errand);
	swarm->errand = NULL;
	renewing_free(swarm->renewing);
	swarm->renewing = NULL;
	swarm->is_renewing = false;
}
