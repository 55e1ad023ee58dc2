#include "manager/control.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "manager/ports.h"
#include "base/random_name.h"
#include "model/defaults.h"
#include "model/validate.h"
#include "os/entropy.h"

/* One request on its way through the replica: its arguments, copied, and whom to answer. */
struct verb {
	struct arena arena;
	char id[ID_SIZE];
	uint64_t spec_index;
	bool force;
	struct service_spec service;
	struct node_spec node;
	struct rng rng;
	control_done_fn *done;
	void *arg;
};

/* A spec arrives in a body of at most 4 MiB. */
enum { VERB_BYTES_MAX = 64 << 20, NAME_ATTEMPTS = 100 };

static struct verb *verb_new(const char *id, control_done_fn *done, void *arg)
{
	struct verb *verb = NEW(struct verb);
	uint64_t seed;

	arena_init(&verb->arena, "control", VERB_BYTES_MAX);
	entropy_fill(&seed, sizeof seed);
	rng_seed(&verb->rng, seed);
	if (id)
		str_copy(verb->id, sizeof verb->id, id);
	else
		entropy_id(verb->id);
	verb->done = done;
	verb->arg = arg;
	return verb;
}

static void verb_done(void *arg, uint64_t index, const struct err *err)
{
	struct verb *verb = arg;

	verb->done(verb->arg, verb->id, index, err);
	arena_fini(&verb->arena);
	free(verb);
}

static void submit(struct manager *m, replica_check_fn *check, struct verb *verb)
{
	replica_request(manager_replica(m), REPLICA_REQUEST, check, verb_done, verb);
}

/* A request that fails before it is queued is answered from the queue as well: the callback never comes inside the call. */
static int refuse(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	const struct verb *verb = arg;

	(void)overlay;
	(void)time;
	(void)out;
	return validate_service_spec(&verb->service, err);
}

/* A service that is to be created may come without a name: check_service_create invents one. */
static int validate_new(const struct service_spec *spec, struct err *err)
{
	struct service_spec named = *spec;
	char any[] = "any";

	if (str_is_empty(named.name))
		named.name = any;
	return validate_service_spec(&named, err);
}

static int refuse_new(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	const struct verb *verb = arg;

	(void)overlay;
	(void)time;
	(void)out;
	return validate_new(&verb->service, err);
}

static int version_in_sequence(const struct overlay *overlay, enum kind kind, const struct verb *verb, struct err *err)
{
	if (overlay_spec_index(overlay, kind, verb->id) == verb->spec_index)
		return 0;
	return err_set(err, ERR_STALE, "rpc error: code = Unknown desc = update out of sequence");
}

static int name_is_free(const struct overlay *overlay, const char *name, struct err *err)
{
	if (!overlay_service_by_name(overlay, name))
		return 0;
	return err_set(err, ERR_CONFLICT, "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service %s "
		       "already exists", name);
}

static int invent_name(const struct overlay *overlay, struct verb *verb, struct err *err)
{
	char name[RANDOM_NAME_SIZE];

	for (unsigned attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
		random_name(&verb->rng, attempt, name);
		if (!overlay_service_by_name(overlay, name)) {
			verb->service.name = arena_strdup(&verb->arena, name);
			return 0;
		}
	}
	return err_set(err, ERR_CONFLICT, "service: no free name found; give one with --name");
}

static void add_version(struct change_list *out, const char *service_id, uint64_t number, const struct service_spec *spec)
{
	char id[SERVICE_VERSION_ID_SIZE];
	struct service_version *version = change_create(out, KIND_SERVICE_VERSION, service_version_id(service_id, number, id),
		FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));

	version->service_id = arena_strdup(out->arena, service_id);
	version->version = number;
	shape_copy(&service_spec_shape, spec, out->arena, &version->spec);
}

static int check_service_create(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	struct verb *verb = arg;
	struct service *service;

	(void)time;
	if (str_is_empty(verb->service.name)) {
		if (invent_name(overlay, verb, err) < 0)
			return -1;
	} else if (name_is_free(overlay, verb->service.name, err) < 0) {
		return -1;
	}
	if (ports_check(overlay, verb->id, &verb->service.endpoint, err) < 0)
		return -1;
	add_version(out, verb->id, 1, &verb->service);
	service = change_create(out, KIND_SERVICE, verb->id, FIELD_BIT(SERVICE_SPEC_VERSION) | FIELD_BIT(SERVICE_TEMPLATE_VERSION));
	service->spec_version = 1;
	service->template_version = 1;
	return 0;
}

void control_service_create(struct manager *m, const struct service_spec *spec, control_done_fn *done, void *arg)
{
	struct verb *verb = verb_new(NULL, done, arg);
	struct err err;

	shape_copy(&service_spec_shape, spec, &verb->arena, &verb->service);
	service_spec_normalize(&verb->service, &verb->arena);
	submit(m, validate_new(&verb->service, &err) < 0 ? refuse_new : check_service_create, verb);
}

static int check_same_kind(const struct service_spec *old, const struct service_spec *new, struct err *err)
{
	if (!str_eq(old->name, new->name))
		return err_set(err, ERR_UNSUPPORTED, "rpc error: code = Unimplemented desc = renaming services is not supported");
	if (service_is_global(old) != service_is_global(new))
		return err_set(err, ERR_UNSUPPORTED, "rpc error: code = Unimplemented desc = service mode change is not allowed");
	return 0;
}

static int check_service_update(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	struct verb *verb = arg;
	const struct service *old = overlay_find(overlay, KIND_SERVICE, verb->id);
	const struct service_spec *old_spec = overlay_current_spec(overlay, verb->id);
	struct service *service;

	(void)time;
	if (!old || !old_spec)
		return err_set(err, ERR_NOT_FOUND, "service %s not found", verb->id);
	if (version_in_sequence(overlay, KIND_SERVICE, verb, err) < 0 || check_same_kind(old_spec, &verb->service, err) < 0 ||
	    ports_check(overlay, verb->id, &verb->service.endpoint, err) < 0)
		return -1;
	service = change_update(out, KIND_SERVICE, verb->id, FIELD_BIT(SERVICE_SPEC_VERSION) | FIELD_BIT(SERVICE_PREVIOUS_VERSION) |
				FIELD_BIT(SERVICE_TEMPLATE_VERSION) | FIELD_BIT(SERVICE_UPDATE));
	/* The same spec again is no new version, but it is a write: Version.Index moves and a finished update's status goes. */
	service->spec_version = old->spec_version;
	service->previous_version = old->previous_version;
	service->template_version = old->template_version;
	if (shape_equal(&service_spec_shape, old_spec, &verb->service))
		return 0;
	service->spec_version = old->spec_version + 1;
	service->previous_version = old->spec_version;
	if (service_template_changed(old_spec, &verb->service))
		service->template_version = service->spec_version;
	add_version(out, verb->id, service->spec_version, &verb->service);
	return 0;
}

void control_service_update(struct manager *m, const char *service_id, uint64_t spec_index, const struct service_spec *spec,
			    control_done_fn *done, void *arg)
{
	struct verb *verb = verb_new(service_id, done, arg);
	struct err err;

	verb->spec_index = spec_index;
	shape_copy(&service_spec_shape, spec, &verb->arena, &verb->service);
	service_spec_normalize(&verb->service, &verb->arena);
	submit(m, validate_service_spec(&verb->service, &err) < 0 ? refuse : check_service_update, verb);
}

/* The object goes at once, its tasks are taken down by the orchestrator, its versions go with the last task. */
static int check_service_remove(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	const struct verb *verb = arg;

	(void)time;
	if (!overlay_find(overlay, KIND_SERVICE, verb->id))
		return err_set(err, ERR_NOT_FOUND, "service %s not found", verb->id);
	change_remove(out, KIND_SERVICE, verb->id);
	return 0;
}

void control_service_remove(struct manager *m, const char *service_id, control_done_fn *done, void *arg)
{
	submit(m, check_service_remove, verb_new(service_id, done, arg));
}

static int check_node_update(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	const struct verb *verb = arg;
	const struct node *old = overlay_find(overlay, KIND_NODE, verb->id);
	struct node *node;

	(void)time;
	if (!old)
		return err_set(err, ERR_NOT_FOUND, "node %s not found", verb->id);
	if (version_in_sequence(overlay, KIND_NODE, verb, err) < 0)
		return -1;
	if (old->spec.role == ROLE_MANAGER && verb->node.role == ROLE_WORKER)
		return err_set(err, ERR_INVALID, "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the "
			       "swarm");
	node = change_update(out, KIND_NODE, verb->id, FIELD_BIT(NODE_SPEC));
	shape_copy(&node_spec_shape, &verb->node, out->arena, &node->spec);
	return 0;
}

void control_node_update(struct manager *m, const char *node_id, uint64_t spec_index, const struct node_spec *spec, control_done_fn *done,
			 void *arg)
{
	struct verb *verb = verb_new(node_id, done, arg);

	verb->spec_index = spec_index;
	shape_copy(&node_spec_shape, spec, &verb->arena, &verb->node);
	submit(m, check_node_update, verb);
}

/* Every node of a cluster of one is its manager, and ready: what Docker refuses too. Other nodes come with join. */
static int check_node_remove(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	const struct verb *verb = arg;
	const struct node *node = overlay_find(overlay, KIND_NODE, verb->id);

	(void)time;
	if (!node)
		return err_set(err, ERR_NOT_FOUND, "node %s not found", verb->id);
	if (node->manager)
		return err_set(err, ERR_INVALID, "rpc error: code = FailedPrecondition desc = node %s is a cluster manager and is a member of "
			       "the raft cluster. It must be demoted to worker before removal", verb->id);
	if (!verb->force && node->status.state == NODE_READY)
		return err_set(err, ERR_INVALID, "rpc error: code = FailedPrecondition desc = node %s is not down and can't be removed",
			       verb->id);
	change_remove(out, KIND_NODE, verb->id);
	return 0;
}

void control_node_remove(struct manager *m, const char *node_id, bool force, control_done_fn *done, void *arg)
{
	struct verb *verb = verb_new(node_id, done, arg);

	verb->force = force;
	submit(m, check_node_remove, verb);
}
