#include "manager/refound.h"

#include "base/ip.h"
#include "base/str.h"
#include "manager/trust.h"

static void write_status(struct node *node, int state, const char *message, const char *address, msec now_ms, struct arena *arena)
{
	node->status.state = state;
	node->status.message = arena_strdup(arena, message);
	node->status.address = arena_strdup(arena, address);
	node->status_ms = now_ms;
}

static void drop_manager(const struct view_object *object, msec now_ms, struct change_list *out)
{
	const struct node *old = object->value;
	struct node *node;

	if (old->spec.role != ROLE_MANAGER && !old->manager)
		return;
	node = change_update(out, KIND_NODE, object->meta.id, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_STATUS) | FIELD_BIT(NODE_STATUS_MS) |
			     FIELD_BIT(NODE_MANAGER));
	shape_copy(&node_spec_shape, &old->spec, out->arena, &node->spec);
	node->spec.role = ROLE_WORKER;
	write_status(node, NODE_DOWN, "the swarm was made anew without this manager", old->status.address, now_ms, out->arena);
}

static void add_manager(const struct refound *r, const struct view *view, msec now_ms, struct change_list *out)
{
	const struct node *old = view_node(view, r->node_id);
	uint64_t mask = FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_STATUS) | FIELD_BIT(NODE_STATUS_MS) | FIELD_BIT(NODE_MANAGER);
	char host[256];
	struct node *node;

	if (old) {
		node = change_update(out, KIND_NODE, r->node_id, mask);
		shape_copy(&node_spec_shape, &old->spec, out->arena, &node->spec);
	} else {
		node = change_create(out, KIND_NODE, r->node_id, mask | FIELD_BIT(NODE_DESCRIPTION));
		shape_copy(&node_description_shape, r->description, out->arena, &node->description);
		node->description.tls = trust_info(view_cluster(view), out->arena);
	}
	node->spec.role = ROLE_MANAGER;
	if (r->availability != AVAILABILITY_ACTIVE)
		node->spec.availability = r->availability;
	write_status(node, NODE_READY, "", hostport_host(r->address, host), now_ms, out->arena);
	node->manager = ARENA_NEW(out->arena, struct manager_status);
	*node->manager = (struct manager_status){ true, REACHABILITY_REACHABLE, arena_strdup(out->arena, r->address) };
}

int refound_compose(const struct refound *r, const struct view *view, msec now_ms, struct change_list *out, struct err *err)
{
	const struct view_object *object;
	struct cluster *cluster;
	size_t at = 0;

	if (!view_cluster(view) || !(object = view_next(view, KIND_CLUSTER, &at)))
		return err_set(err, ERR_INVALID, "there is no swarm in it");
	cluster = change_update(out, KIND_CLUSTER, object->meta.id, FIELD_BIT(CLUSTER_GENERATION));
	cluster->generation = view_cluster(view)->generation + 1;
	for (at = 0; (object = view_next(view, KIND_NODE, &at));)
		if (!str_eq(object->meta.id, r->node_id))
			drop_manager(object, now_ms, out);
	add_manager(r, view, now_ms, out);
	return 0;
}
