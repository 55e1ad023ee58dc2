#include "manager/control.h"

#include <string.h>

#include "base/str.h"
#include "manager/manager_internal.h"
#include "manager/sealed.h"
#include "manager/trust.h"
#include "model/defaults.h"
#include "model/validate.h"
#include "os/entropy.h"

/* A service that is to be created may come without a name: one is invented for it. */
static int validate_new(const struct service_spec *spec, struct err *err)
{
	struct service_spec named = *spec;
	char any[] = "any";

	if (str_is_empty(named.name))
		named.name = any;
	return validate_service_spec(&named, err);
}

static void take_service(struct ask *ask, const struct service_spec *spec)
{
	shape_copy(&service_spec_shape, spec, &ask->arena, &ask->verb.service);
	service_spec_normalize(&ask->verb.service, &ask->arena);
}

/* What its tasks show a registry. */
static int seal_auth(struct ask *ask, const char *old, struct err *err)
{
	char **auth = &ask->verb.service.task.container.registry_auth;

	return sealed_registry_auth(manager_key(ask->manager), old, *auth, &ask->arena, auth, err);
}

void control_service_create(struct manager *m, const struct service_spec *spec, control_done_fn *done, void *arg)
{
	char id[ID_SIZE];
	struct ask *ask;
	struct err err;

	entropy_id(id);
	ask = ask_new(m, VERB_SERVICE_CREATE, id, done, arg);
	take_service(ask, spec);
	if (validate_new(&ask->verb.service, &err) < 0 || seal_auth(ask, NULL, &err) < 0)
		ask_refuse(ask, &err);
	else
		ask_begin(ask);
}

static const char *current_auth(struct manager *m, const char *service_id, const struct service *service)
{
	const struct service_spec *spec = view_service_spec(manager_view(m), service_id, service->spec_version);

	return spec ? spec->task.container.registry_auth : NULL;
}

void control_service_update(struct manager *m, const char *service_id, uint64_t spec_index, const struct service_spec *spec,
			    control_done_fn *done, void *arg)
{
	const struct service *service = view_service(manager_view(m), service_id);
	struct ask *ask = ask_new(m, VERB_SERVICE_UPDATE, service_id, done, arg);
	struct err err;

	ask->verb.spec_index = spec_index;
	take_service(ask, spec);
	if (validate_service_spec(&ask->verb.service, &err) < 0 || seal_auth(ask, service ? current_auth(m, service_id, service) : NULL, &err) < 0)
		ask_refuse(ask, &err);
	else
		ask_begin(ask);
}

void control_service_remove(struct manager *m, const char *service_id, control_done_fn *done, void *arg)
{
	ask_begin(ask_new(m, VERB_SERVICE_REMOVE, service_id, done, arg));
}

void control_node_update(struct manager *m, const char *node_id, uint64_t spec_index, const struct node_spec *spec, control_done_fn *done,
			 void *arg)
{
	struct ask *ask = ask_new(m, VERB_NODE_UPDATE, node_id, done, arg);

	ask->verb.spec_index = spec_index;
	shape_copy(&node_spec_shape, spec, &ask->arena, &ask->verb.node);
	ask_begin(ask);
}

void control_node_remove(struct manager *m, const char *node_id, bool force, control_done_fn *done, void *arg)
{
	struct ask *ask = ask_new(m, VERB_NODE_REMOVE, node_id, done, arg);

	ask->verb.force = force;
	ask_begin(ask);
}

void control_node_demote(struct manager *m, const char *node_id, control_done_fn *done, void *arg)
{
	ask_begin(ask_new(m, VERB_NODE_DEMOTE, node_id, done, arg));
}

int control_cluster_is_supported(const struct cluster_spec *old, const struct cluster_spec *new, struct err *err)
{
	const struct { bool differs; const char *name; } settings[] = {
		{ old->dispatcher.heartbeat_ns != new->dispatcher.heartbeat_ns, "--dispatcher-heartbeat" },
		{ old->raft.snapshot_interval != new->raft.snapshot_interval, "--snapshot-interval" },
		{ old->raft.keep_old_snapshots.value != new->raft.keep_old_snapshots.value, "--max-snapshots" },
		{ old->raft.slow_follower_entries != new->raft.slow_follower_entries, "Spec.Raft.LogEntriesForSlowFollowers" },
		{ old->raft.election_tick != new->raft.election_tick, "Spec.Raft.ElectionTick" },
		{ old->raft.heartbeat_tick != new->raft.heartbeat_tick, "Spec.Raft.HeartbeatTick" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
		if (settings[i].differs)
			return err_set(err, ERR_UNSUPPORTED, "%s is not supported by swarmbox yet", settings[i].name);
	return 0;
}

/* A root that somebody brings counts as one that was asked for; it goes into the state as any root does, sealed, and not with the spec. */
static int make_root(struct ask *ask, const struct cluster *cluster, struct err *err)
{
	struct ca_config *ca = &ask->verb.cluster.ca;
	struct trust_brought brought = { ca->signing_cert, ca->signing_key };
	bool is_brought = !str_is_empty(brought.cert_pem), has_key = !str_is_empty(brought.key_pem);
	int rc = 0;

	ca->signing_cert = ca->signing_key = arena_strdup(&ask->arena, "");
	if (has_key && !is_brought)
		rc = err_set(err, ERR_INVALID, "if a signing CA key is provided, the signing CA cert must also be provided");
	else if (is_brought && !has_key)
		rc = err_set(err, ERR_INVALID, "there must be at least one valid, reachable external CA corresponding to the desired CA certificate "
			     "(swarmbox asks none: give the key too)");
	else if (is_brought)
		ca->force_rotate = cluster->spec.ca.force_rotate + 1;
	if (rc == 0 && cluster->spec.ca.force_rotate != ca->force_rotate)
		rc = trust_offer(cluster, manager_key(ask->manager), manager_calendar(ask->manager), is_brought ? &brought : NULL, &ask->arena,
				 &ask->verb.rotation, err);
	if (has_key)
		explicit_bzero((char *)(uintptr_t)brought.key_pem, strlen(brought.key_pem));
	return rc < 0 && err->code == ERR_INVALID ?
		       err_set(err, ERR_INVALID, "rpc error: code = InvalidArgument desc = %s", arena_strdup(&ask->arena, err->text)) : rc;
}

/* Whatever may be needed to replace what stands there. */
static int make_new(struct ask *ask, const struct cluster *cluster, struct err *err)
{
	const struct seal_key *key = manager_key(ask->manager);
	struct verb *verb = &ask->verb;
	struct join_tokens tokens;

	if (sealed_tokens_new(key, cluster->tls.trust_root, &ask->arena, &tokens, err) < 0)
		return -1;
	verb->worker_token = tokens.worker;
	verb->manager_token = tokens.manager;
	if (verb->cluster.encryption.auto_lock && sealed_unlock_key_new(key, &ask->arena, &verb->unlock_key, err) < 0)
		return -1;
	return make_root(ask, cluster, err);
}

void control_cluster_update(struct manager *m, uint64_t spec_index, const struct cluster_spec *spec, struct control_rotate rotate,
			    control_done_fn *done, void *arg)
{
	const struct cluster *cluster = view_cluster(manager_view(m));
	struct ask *ask = ask_new(m, VERB_CLUSTER_UPDATE, manager_cluster_id(m), done, arg);
	struct err err;

	ask->verb.spec_index = spec_index;
	ask->verb.rotate_worker = rotate.worker_token;
	ask->verb.rotate_manager = rotate.manager_token;
	ask->verb.rotate_unlock_key = rotate.unlock_key;
	shape_copy(&cluster_spec_shape, spec, &ask->arena, &ask->verb.cluster);
	cluster_spec_defaults(&ask->verb.cluster, &ask->arena);
	if (control_cluster_is_supported(&cluster->spec, &ask->verb.cluster, &err) < 0 || make_new(ask, cluster, &err) < 0)
		ask_refuse(ask, &err);
	else
		ask_begin(ask);
}
