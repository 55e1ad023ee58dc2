#include "manager/refound.h"

#include "base/str.h"
#include "state/apply.h"
#include "test/unit/runner.h"

static struct arena arena;
static struct view *view;
static struct err err;

static void apply(const struct change_list *list, uint64_t index)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct applied applied;

	change_list_encode(list, &(struct entry_head){ FORMAT_LEVEL, 1000, 0 }, &bytes);
	EXPECT(state_apply(view, index, 1, bytes.data, bytes.len, &applied, &err) == 0);
	applied_fini(&applied);
}

static void add_node(struct change_list *list, const char *id, int role, int availability)
{
	struct node *node = change_create(list, KIND_NODE, id, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_STATUS) | FIELD_BIT(NODE_MANAGER));

	node->spec.role = role;
	node->spec.availability = availability;
	node->spec.name = arena_printf(list->arena, "name-%s", id);
	node->status.state = NODE_READY;
	node->status.address = arena_printf(list->arena, "10.0.0.%s", id + 1);
	if (role == ROLE_MANAGER) {
		node->manager = ARENA_NEW(list->arena, struct manager_status);
		node->manager->address = arena_printf(list->arena, "10.0.0.%s:2377", id + 1);
	}
}

/* m1, m2, m3 and the worker w4. */
static void begin(bool has_cluster)
{
	struct change_list list;

	arena_init(&arena, "refound", 16 << 20);
	view = view_new();
	change_list_init(&list, &arena);
	if (has_cluster)
		((struct cluster *)change_create(&list, KIND_CLUSTER, "c", FIELD_BIT(CLUSTER_GENERATION)))->generation = 6;
	add_node(&list, "m1", ROLE_MANAGER, AVAILABILITY_ACTIVE);
	add_node(&list, "m2", ROLE_MANAGER, AVAILABILITY_DRAIN);
	add_node(&list, "m3", ROLE_MANAGER, AVAILABILITY_ACTIVE);
	add_node(&list, "w4", ROLE_WORKER, AVAILABILITY_ACTIVE);
	apply(&list, 1);
}

static int refound(const struct refound *refound)
{
	struct change_list list;

	change_list_init(&list, &arena);
	if (refound_compose(refound, view, 1000, &list, &err) < 0)
		return -1;
	apply(&list, 2);
	return 0;
}

static void end(void)
{
	view_free(view);
	arena_fini(&arena);
}

TEST(refound_leaves_one_manager_and_a_later_generation)
{
	const struct node *node;

	begin(true);
	EXPECT_INT(refound(&(struct refound){ .node_id = "m2", .address = "10.9.9.9:2399" }), 0);
	EXPECT_INT(view_cluster(view)->generation, 7);
	node = view_node(view, "m2");
	EXPECT(node->spec.role == ROLE_MANAGER && node->spec.availability == AVAILABILITY_DRAIN && node->manager->leader);
	EXPECT_STR(node->spec.name, "name-m2");
	EXPECT_STR(node->manager->address, "10.9.9.9:2399");
	EXPECT_STR(node->status.address, "10.9.9.9");
	for (int i = 0; i < 2; i++) {
		node = view_node(view, i ? "m3" : "m1");
		EXPECT(node->spec.role == ROLE_WORKER && !node->manager && node->status.state == NODE_DOWN);
		EXPECT_STR(node->status.message, "the swarm was made anew without this manager");
		EXPECT_STR(node->spec.name, i ? "name-m3" : "name-m1");
		EXPECT_STR(node->status.address, i ? "10.0.0.3" : "10.0.0.1");
	}
	end();
}

TEST(refound_touches_no_worker)
{
	const struct node *node;

	begin(true);
	EXPECT_INT(refound(&(struct refound){ .node_id = "m1", .address = "10.0.0.1:2377" }), 0);
	node = view_node(view, "w4");
	EXPECT(node->spec.role == ROLE_WORKER && node->status.state == NODE_READY && !node->status.message);
	end();
}

TEST(refound_makes_a_node_of_a_host_that_is_new)
{
	static char name[] = "host";
	struct node_description description = { .hostname = name };
	const struct node *node;

	begin(true);
	EXPECT_INT(refound(&(struct refound){ "new", "10.1.1.1:2377", &description, AVAILABILITY_DRAIN }), 0);
	node = view_node(view, "new");
	EXPECT(node && node->spec.role == ROLE_MANAGER && node->spec.availability == AVAILABILITY_DRAIN && node->status.state == NODE_READY);
	EXPECT_STR(node->description.hostname, "host");
	EXPECT_INT(view_count(view, KIND_NODE), 5);
	EXPECT(view_node(view, "m1")->spec.role == ROLE_WORKER && view_node(view, "m2")->spec.role == ROLE_WORKER);
	end();
}

TEST(refound_needs_a_cluster)
{
	begin(false);
	EXPECT_INT(refound(&(struct refound){ .node_id = "m1", .address = "10.0.0.1:2377" }), -1);
	EXPECT_STR(err.text, "there is no swarm in it");
	end();
}
