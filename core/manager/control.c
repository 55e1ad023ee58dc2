#include "manager/control.h"

#include "base/str.h"
#include "manager/manager_internal.h"
#include "manager/trust.h"
#include "model/defaults.h"
#include "model/validate.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "pki/join_token.h"

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

void control_service_create(struct manager *m, const struct service_spec *spec, control_done_fn *done, void *arg)
{
	char id[ID_SIZE];
	struct ask *ask;
	struct err err;

	entropy_id(id);
	ask = ask_new(m, VERB_SERVICE_CREATE, id, done, arg);
	take_service(ask, spec);
	if (validate_new(&ask->verb.service, &err) < 0)
		ask_refuse(ask, &err);
	else
		ask_begin(ask);
}

void control_service_update(struct manager *m, const char *service_id, uint64_t spec_index, const struct service_spec *spec,
			    control_done_fn *done, void *arg)
{
	struct ask *ask = ask_new(m, VERB_SERVICE_UPDATE, service_id, done, arg);
	struct err err;

	ask->verb.spec_index = spec_index;
	take_service(ask, spec);
	if (validate_service_spec(&ask->verb.service, &err) < 0)
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

/* Kept as it is told, but nothing acts on it yet. */
static int check_supported(const struct cluster_spec *old, const struct cluster_spec *new, struct err *err)
{
	const struct { bool differs; const char *name; } settings[] = {
		{ old->encryption.auto_lock != new->encryption.auto_lock, "--autolock" },
		{ old->dispatcher.heartbeat_ns != new->dispatcher.heartbeat_ns, "--dispatcher-heartbeat" },
		{ old->raft.snapshot_interval != new->raft.snapshot_interval, "--snapshot-interval" },
		{ old->raft.keep_old_snapshots.value != new->raft.keep_old_snapshots.value, "--max-snapshots" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(settings); i++)
		if (settings[i].differs)
			return err_set(err, ERR_UNSUPPORTED, "%s is not supported by swarmbox yet", settings[i].name);
	return 0;
}

static int rotate(struct ask *ask, const char *root_pem, bool worker, bool manager, struct err *err)
{
	char digest[CA_DIGEST_SIZE], token[JOIN_TOKEN_SIZE];

	ask->verb.rotate_worker = worker;
	ask->verb.rotate_manager = manager;
	if (ca_digest(root_pem, digest, err) < 0)
		return -1;
	join_token_new(digest, token);
	ask->verb.worker_token = arena_strdup(&ask->arena, token);
	join_token_new(digest, token);
	ask->verb.manager_token = arena_strdup(&ask->arena, token);
	return 0;
}

void control_cluster_update(struct manager *m, uint64_t spec_index, const struct cluster_spec *spec, bool rotate_worker, bool rotate_manager,
			    control_done_fn *done, void *arg)
{
	const struct cluster *cluster = view_cluster(manager_view(m));
	struct ask *ask = ask_new(m, VERB_CLUSTER_UPDATE, manager_cluster_id(m), done, arg);
	struct err err;

	ask->verb.spec_index = spec_index;
	shape_copy(&cluster_spec_shape, spec, &ask->arena, &ask->verb.cluster);
	cluster_spec_defaults(&ask->verb.cluster, &ask->arena);
	if (check_supported(&cluster->spec, &ask->verb.cluster, &err) < 0 ||
	    rotate(ask, cluster->tls.trust_root, rotate_worker, rotate_manager, &err) < 0 ||
	    (cluster->spec.ca.force_rotate != ask->verb.cluster.ca.force_rotate &&
	     trust_offer(cluster, clock_wall_ns(), &ask->arena, &ask->verb.rotation, &err) < 0))
		ask_refuse(ask, &err);
	else
		ask_begin(ask);
}
