#include "manager/verb.h"

#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "base/panic.h"
#include "base/random_name.h"
#include "base/str.h"
#include "manager/ports.h"
#include "manager/sealed.h"
#include "manager/trust.h"
#include "manager/verb_images.h"
#include "manager/verb_secret.h"
#include "model/defaults.h"
#include "pki/join_token.h"

static const char *const kinds[] = { "none", "service-create", "service-update", "service-remove", "node-update", "node-remove",
				     "cluster-update", "node-join", "node-describe", "node-demote", "manager-address", "secret-create", "secret-update", "secret-remove",
				     "images", NULL };

static const struct field verb_fields[] = {
	F_ENUM(1, verb, kind, "Verb", 0, kinds),
	F(2, STR, verb, id, "ID", 0),
	F(3, U64, verb, spec_index, "SpecIndex", 0),
	F(4, BOOL, verb, force, "Force", 0),
	F(5, BOOL, verb, is_repeat, "Repeat", 0),
	F_OF(6, STRUCT, verb, service, "Service", 0, service_spec_shape),
	F_OF(7, STRUCT, verb, node, "Node", 0, node_spec_shape),
	F_OF(8, STRUCT, verb, cluster, "Cluster", 0, cluster_spec_shape),
	F(9, BOOL, verb, rotate_worker, "RotateWorker", 0),
	F(10, BOOL, verb, rotate_manager, "RotateManager", 0),
	F(11, STR, verb, worker_token, "WorkerToken", 0),
	F(12, STR, verb, manager_token, "ManagerToken", 0),
	F(13, STR, verb, token, "Token", 0),
	F(14, STR, verb, address, "Addr", 0),
	F_OF(15, STRUCT, verb, description, "Description", 0, node_description_shape),
	F_OF(30, STRUCT, verb, rotation, "Rotation", 0, root_rotation_shape),
	F(16, BOOL, verb, is_config, "Config", 0),
	F_OF(17, STRUCT, verb, secret, "Secret", 0, secret_spec_shape),
	F(18, BYTES, verb, sealed, "Sealed", 0),
	F(31, BOOL, verb, rotate_unlock_key, "RotateUnlockKey", 0),
	F(32, STR, verb, unlock_key, "UnlockKey", 0),
	F_OF(33, LIST, verb, images, "Images", 0, image_copy_shape),
	F_OF(34, STRUCT, verb, told, "Told", 0, told_shape),
	F(35, U64, verb, since, "Since", 0),
};
const struct shape verb_shape = SHAPE(verb, verb_fields);

static const struct field answer_fields[] = {
	F(1, STR, verb_answer, id, "ID", 0),
	F(2, U64, verb_answer, index, "Index", 0),
	F(3, BYTES, verb_answer, refusal, "Refusal", 0),
};
const struct shape verb_answer_shape = SHAPE(verb_answer, answer_fields);

enum { NAME_ATTEMPTS = 100 };

/* ---- once -------------------------------------------------------------------------------------------------------- */

int verb_makes(const struct verb *verb)
{
	switch (verb->kind) {
	case VERB_SERVICE_CREATE:
		return KIND_SERVICE;
	case VERB_NODE_JOIN:
		return KIND_NODE;
	case VERB_SECRET_CREATE:
		return verb->is_config ? KIND_CONFIG : KIND_SECRET;
	default:
		return 0;
	}
}

/* The leader's view is all that stands before the entry that is being composed: what was made in any entry up to here is there, or was
 * removed, and then noted. */
int verb_was_made(const struct verb *verb, const struct verb_scene *scene, struct err *err)
{
	enum kind kind = (enum kind)verb_makes(verb);

	if (overlay_find(scene->overlay, kind, verb->id))
		return 1;               /* whoever brings it again made the id, and nobody else has it */
	if (!verb->is_repeat)
		return 0;
	if (view_find(overlay_view(scene->overlay), kind, verb->id))
		return 1;               /* it goes in this very entry */
	switch (gone_ask(scene->gone, verb->id, verb->since)) {
	case GONE_NEVER:
		return 0;
	case GONE_REMOVED:
		return 1;
	case GONE_UNKNOWN:
		break;
	}
	return err_set(err, ERR_UNAVAILABLE, "a leader was lost meanwhile, and it is not known whether %s %s was made; look before it is "
		       "repeated", kind_name(kind), verb->id);
}

/* Brought again, and something else stands there now, or nothing: perhaps instead of what the first time has put there. */
const char *verb_doubt(const struct verb *verb)
{
	return verb->is_repeat ? "; a leader was lost meanwhile, and it is not known whether this change was made before" : "";
}

void verb_failed_again(const struct verb *verb, struct err *err)
{
	if (verb->is_repeat && strstr(err->text, "was not made"))
		err_set(err, ERR_UNAVAILABLE, "a leader was lost meanwhile, and it is not known whether this change was made; look before it is "
			"repeated");
}

/* ---- versions ---------------------------------------------------------------------------------------------------- */

/* What stands there has been written since this verb was asked for: perhaps by it. */
static bool has_moved(const struct verb *verb, const struct overlay *overlay, enum kind kind)
{
	return overlay_spec_index(overlay, kind, verb->id) > MAX(verb->spec_index, verb->since);
}

int verb_version_in_sequence(const struct verb *verb, const struct overlay *overlay, enum kind kind, struct err *err)
{
	if (overlay_spec_index(overlay, kind, verb->id) == verb->spec_index)
		return 0;
	return err_set(err, ERR_STALE, "rpc error: code = Unknown desc = update out of sequence%s",
		       has_moved(verb, overlay, kind) ? verb_doubt(verb) : "");
}

bool verb_was_done(const struct verb *verb, const struct overlay *overlay, enum kind kind, const struct shape *shape, const void *is,
		   const void *wanted)
{
	return verb->is_repeat && has_moved(verb, overlay, kind) && shape_equal(shape, is, wanted);
}

/* ---- services ---------------------------------------------------------------------------------------------------- */

static int name_is_free(const struct overlay *overlay, const char *name, struct err *err)
{
	if (!overlay_by_name(overlay, KIND_SERVICE, name))
		return 0;
	return err_set(err, ERR_CONFLICT, "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service %s "
		       "already exists", name);
}

static int invent_name(const struct verb_scene *scene, char ret_name[RANDOM_NAME_SIZE], struct err *err)
{
	struct rng rng;

	rng_seed(&rng, scene->seed);
	for (unsigned attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
		random_name(&rng, attempt, ret_name);
		if (!overlay_by_name(scene->overlay, KIND_SERVICE, ret_name))
			return 0;
	}
	return err_set(err, ERR_CONFLICT, "service: no free name found; give one with --name");
}

static struct service_version *add_version(struct change_list *out, const char *service_id, uint64_t number, const struct service_spec *spec)
{
	char id[SERVICE_VERSION_ID_SIZE];
	struct service_version *version = change_create(out, KIND_SERVICE_VERSION, service_version_id(service_id, number, id),
		FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));

	version->service_id = arena_strdup(out->arena, service_id);
	version->version = number;
	shape_copy(&service_spec_shape, spec, out->arena, &version->spec);
	return version;
}

static int service_create(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	struct service_version *version;
	struct service *service;
	char name[RANDOM_NAME_SIZE];
	int was_made = verb_was_made(verb, scene, err);

	if (was_made)
		return MIN(was_made, 0);
	if (str_is_empty(verb->service.name)) {
		if (invent_name(scene, name, err) < 0)
			return -1;
	} else if (name_is_free(scene->overlay, verb->service.name, err) < 0) {
		return -1;
	}
	if (ports_check(scene->overlay, verb->id, &verb->service.endpoint, err) < 0 ||
	    secrets_check(scene->overlay, &verb->service.task.container, err) < 0)
		return -1;
	version = add_version(out, verb->id, 1, &verb->service);
	if (str_is_empty(verb->service.name))
		version->spec.name = arena_strdup(out->arena, name);
	service = change_create(out, KIND_SERVICE, verb->id, FIELD_BIT(SERVICE_SPEC_VERSION) | FIELD_BIT(SERVICE_TEMPLATE_VERSION));
	service->spec_version = 1;
	service->template_version = 1;
	return 0;
}

static int check_same_kind(const struct service_spec *old, const struct service_spec *new, struct err *err)
{
	if (!str_eq(old->name, new->name))
		return err_set(err, ERR_UNSUPPORTED, "rpc error: code = Unimplemented desc = renaming services is not supported");
	if (service_is_global(old) != service_is_global(new))
		return err_set(err, ERR_UNSUPPORTED, "rpc error: code = Unimplemented desc = service mode change is not allowed");
	return 0;
}

static int service_update(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	const struct service *old = overlay_find(scene->overlay, KIND_SERVICE, verb->id);
	const struct service_spec *old_spec = overlay_current_spec(scene->overlay, verb->id);
	struct service *service;

	if (!old || !old_spec)
		return err_set(err, ERR_NOT_FOUND, "service %s not found%s", verb->id, verb_doubt(verb));
	if (verb_was_done(verb, scene->overlay, KIND_SERVICE, &service_spec_shape, old_spec, &verb->service))
		return 0;
	if (verb_version_in_sequence(verb, scene->overlay, KIND_SERVICE, err) < 0 || check_same_kind(old_spec, &verb->service, err) < 0 ||
	    ports_check(scene->overlay, verb->id, &verb->service.endpoint, err) < 0 ||
	    secrets_check(scene->overlay, &verb->service.task.container, err) < 0)
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

/* The object goes at once, its tasks are taken down by the orchestrator, its versions go with the last task. */
static int service_remove(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	if (overlay_find(scene->overlay, KIND_SERVICE, verb->id))
		change_remove(out, KIND_SERVICE, verb->id);
	else if (!verb->is_repeat)
		return err_set(err, ERR_NOT_FOUND, "service %s not found", verb->id);
	return 0;
}

/* ---- nodes ------------------------------------------------------------------------------------------------------- */

static int node_of(const struct verb *verb, const struct verb_scene *scene, const struct node **ret, struct err *err)
{
	*ret = overlay_find(scene->overlay, KIND_NODE, verb->id);
	return *ret ? 0 : err_set(err, ERR_NOT_FOUND, "node %s not found%s", verb->id, verb_doubt(verb));
}

static void write_spec(const struct verb *verb, const struct node_spec *spec, struct change_list *out)
{
	struct node *node = change_update(out, KIND_NODE, verb->id, FIELD_BIT(NODE_SPEC));

	shape_copy(&node_spec_shape, spec, out->arena, &node->spec);
}

/* May it be a manager no more? Whoever is to go is still one of raft's members for a while, and counts as gone: else all could be sent away at once. */
static int check_demote(const struct verb *verb, const struct verb_scene *scene, struct err *err)
{
	struct roster staying = { .count = 0 };

	for (size_t i = 0; i < scene->roster->count; i++) {
		const struct roster_member *member = &scene->roster->items[i];
		const struct node *node = overlay_find(scene->overlay, KIND_NODE, member->node_id);

		if (node && node->spec.role == ROLE_MANAGER)
			staying.items[staying.count++] = *member;
	}
	return roster_check_demote(&staying, verb->id, err);
}

static int node_update(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	const struct node *old;

	if (node_of(verb, scene, &old, err) < 0)
		return -1;
	if (verb_was_done(verb, scene->overlay, KIND_NODE, &node_spec_shape, &old->spec, &verb->node))
		return 0;
	if (verb_version_in_sequence(verb, scene->overlay, KIND_NODE, err) < 0)
		return -1;
	if (old->spec.role == ROLE_MANAGER && verb->node.role == ROLE_WORKER && check_demote(verb, scene, err) < 0)
		return -1;
	write_spec(verb, &verb->node, out);
	return 0;
}

static int node_demote(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	const struct node *old;
	struct node_spec spec;

	if (node_of(verb, scene, &old, err) < 0)
		return -1;
	if (old->spec.role == ROLE_WORKER)
		return 0;
	if (check_demote(verb, scene, err) < 0)
		return -1;
	spec = old->spec;
	spec.role = ROLE_WORKER;
	write_spec(verb, &spec, out);
	return 0;
}

static int node_remove(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	const struct node *node = overlay_find(scene->overlay, KIND_NODE, verb->id);

	if (!node && verb->is_repeat)
		return 0;
	if (node_of(verb, scene, &node, err) < 0)
		return -1;
	if (node->manager || roster_find(scene->roster, verb->id))
		return err_set(err, ERR_INVALID, "rpc error: code = FailedPrecondition desc = node %s is a cluster manager and is a member of "
			       "the raft cluster. It must be demoted to worker before removal", verb->id);
	if (!verb->force && node->status.state == NODE_READY)
		return err_set(err, ERR_INVALID, "rpc error: code = FailedPrecondition desc = node %s is not down and can't be removed",
			       verb->id);
	change_remove(out, KIND_NODE, verb->id);
	images_forget(verb->id, scene->overlay, out);
	return 0;
}

/* False, with the reason, also when this is no token of the cluster. */
static bool is_token(const struct verb_scene *scene, const char *purpose, const char *said, const char *kept, struct err *err)
{
	CLEANUP(seal_wipe) struct buf token = BUF_INIT;

	if (seal_text_open(scene->key, purpose, kept, &token, err) < 0)
		return false;
	if (join_token_matches(said, buf_text(&token)))
		return true;
	err_set(err, ERR_INVALID, JOIN_TOKEN_REFUSED);
	return false;
}

static int node_join(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	const char *cluster_id;
	size_t first = 0;
	const struct cluster *cluster = overlay_next(scene->overlay, KIND_CLUSTER, &first, &cluster_id);
	int was_made = verb_was_made(verb, scene, err);
	char host[256];
	bool is_manager;
	struct node *node;

	if (was_made < 0)
		return -1;
	if (!cluster)
		return err_set(err, ERR_INVALID, JOIN_TOKEN_REFUSED);
	if (was_made && verb->is_repeat)
		return 0;               /* its token was good then */
	is_manager = is_token(scene, SEALED_MANAGER_TOKEN, verb->token, cluster->tokens.manager, err);
	if (!is_manager && !is_token(scene, SEALED_WORKER_TOKEN, verb->token, cluster->tokens.worker, err))
		return -1;
	if (was_made)
		return 0;
	node = change_create(out, KIND_NODE, verb->id, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_DESCRIPTION) | FIELD_BIT(NODE_STATUS) |
			     FIELD_BIT(NODE_STATUS_MS));
	shape_copy(&node_spec_shape, &verb->node, out->arena, &node->spec);
	node->spec.role = is_manager ? ROLE_MANAGER : ROLE_WORKER;
	shape_copy(&node_description_shape, &verb->description, out->arena, &node->description);
	node->description.tls = trust_info(cluster, out->arena);
	node->status.state = NODE_UNKNOWN;
	node->status.address = arena_strdup(out->arena, hostport_host(verb->address, host));
	node->status_ms = scene->now_ms;
	return 0;
}

static int node_describe(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	const struct node *old;
	struct node_description description = verb->description;
	struct node_status status;
	struct node *node;
	uint64_t mask = 0;
	char host[256];

	if (node_of(verb, scene, &old, err) < 0)
		return -1;
	if (str_is_empty(description.tls.trust_root))
		description.tls = old->description.tls;
	status = old->status;
	if (*hostport_host(verb->address, host))
		status.address = host;
	mask |= shape_equal(&node_description_shape, &old->description, &description) ? 0 : FIELD_BIT(NODE_DESCRIPTION);
	mask |= shape_equal(&node_status_shape, &old->status, &status) ? 0 : FIELD_BIT(NODE_STATUS);
	if (!mask)
		return 0;
	node = change_update(out, KIND_NODE, verb->id, mask);
	shape_copy(&node_description_shape, &description, out->arena, &node->description);
	shape_copy(&node_status_shape, &status, out->arena, &node->status);
	return 0;
}

static int manager_address(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	const struct node *old;
	char host[256];
	struct node *node;

	if (node_of(verb, scene, &old, err) < 0)
		return -1;
	if (old->spec.role != ROLE_MANAGER)
		return err_set(err, ERR_DENIED, "node %s is no manager", verb->id);
	if (old->manager && str_eq(old->manager->address, verb->address))
		return 0;
	node = change_update(out, KIND_NODE, verb->id, FIELD_BIT(NODE_MANAGER) | FIELD_BIT(NODE_STATUS));
	shape_copy(&node_status_shape, &old->status, out->arena, &node->status);
	node->status.address = arena_strdup(out->arena, hostport_host(verb->address, host));
	node->manager = ARENA_NEW(out->arena, struct manager_status);
	if (old->manager)
		*node->manager = *old->manager;
	node->manager->address = arena_strdup(out->arena, verb->address);
	return 0;
}

/* ---- the cluster ------------------------------------------------------------------------------------------------- */

static int next_unlock_key(const struct verb *verb, const struct cluster *old, char **ret, struct err *err)
{
	bool is_new = verb->rotate_unlock_key || str_is_empty(old->unlock_key);

	*ret = (char *)(uintptr_t)"";
	if (!verb->cluster.encryption.auto_lock)
		return 0;
	*ret = is_new ? verb->unlock_key : old->unlock_key;
	return str_is_empty(*ret) ? err_set(err, ERR_INVALID, "no new unlock key came along") : 0;
}

/* Somebody else may have asked for an equal spec: tokens, keys and roots are each one's own. */
static bool has_secrets_of(const struct verb *verb, const struct cluster *is)
{
	const char *root = verb->rotation.tls.trust_root;

	return (!verb->rotate_worker || str_eq(is->tokens.worker, verb->worker_token)) &&
	       (!verb->rotate_manager || str_eq(is->tokens.manager, verb->manager_token)) &&
	       (!verb->rotate_unlock_key || !verb->cluster.encryption.auto_lock || str_eq(is->unlock_key, verb->unlock_key)) &&
	       (str_is_empty(root) || str_eq(is->rotation.tls.trust_root, root) || str_eq(is->tls.trust_root, root));
}

static int cluster_update(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	const struct cluster *old = overlay_find(scene->overlay, KIND_CLUSTER, verb->id);
	bool replaces_root = old && old->spec.ca.force_rotate != verb->cluster.ca.force_rotate;
	struct cluster *cluster;
	char *unlock_key;

	if (!old)
		return err_set(err, ERR_NOT_FOUND, "cluster %s not found", verb->id);
	if (verb_was_done(verb, scene->overlay, KIND_CLUSTER, &cluster_spec_shape, &old->spec, &verb->cluster) && has_secrets_of(verb, old))
		return 0;
	if (verb_version_in_sequence(verb, scene->overlay, KIND_CLUSTER, err) < 0)
		return -1;
	if (replaces_root && trust_check_offer(old, &verb->rotation, err) < 0)
		return -1;
	if (next_unlock_key(verb, old, &unlock_key, err) < 0)
		return -1;
	cluster = change_update(out, KIND_CLUSTER, verb->id, FIELD_BIT(CLUSTER_SPEC) | FIELD_BIT(CLUSTER_TOKENS) | FIELD_BIT(CLUSTER_UNLOCK_KEY) |
				(replaces_root ? FIELD_BIT(CLUSTER_ROTATION) : 0));
	if (replaces_root)
		shape_copy(&root_rotation_shape, &verb->rotation, out->arena, &cluster->rotation);
	shape_copy(&cluster_spec_shape, &verb->cluster, out->arena, &cluster->spec);
	cluster->unlock_key = arena_strdup(out->arena, unlock_key);
	cluster->tokens.worker = arena_strdup(out->arena, verb->rotate_worker ? verb->worker_token : old->tokens.worker);
	cluster->tokens.manager = arena_strdup(out->arena, verb->rotate_manager ? verb->manager_token : old->tokens.manager);
	return 0;
}

int verb_check(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err)
{
	static int (*const checks[])(const struct verb *, const struct verb_scene *, struct change_list *, struct err *) = {
		[VERB_SERVICE_CREATE] = service_create, [VERB_SERVICE_UPDATE] = service_update, [VERB_SERVICE_REMOVE] = service_remove,
		[VERB_NODE_UPDATE] = node_update, [VERB_NODE_REMOVE] = node_remove, [VERB_CLUSTER_UPDATE] = cluster_update,
		[VERB_NODE_JOIN] = node_join, [VERB_NODE_DESCRIBE] = node_describe, [VERB_NODE_DEMOTE] = node_demote,
		[VERB_MANAGER_ADDRESS] = manager_address,
		[VERB_SECRET_CREATE] = verb_secret_create, [VERB_SECRET_UPDATE] = verb_secret_update,
		[VERB_SECRET_REMOVE] = verb_secret_remove, [VERB_IMAGES] = verb_images,
	};

	if (verb->kind <= VERB_NONE || (size_t)verb->kind >= ARRAY_COUNT(checks) || str_is_empty(verb->id))
		return err_set(err, ERR_UNSUPPORTED, "this version of swarmbox knows no such verb");
	return checks[verb->kind](verb, scene, out, err);
}
