#include <string.h>

#include "base/str.h"
#include "manager/control.h"
#include "base/random_name.h"
#include "test/unit/runner.h"

enum { ARENA_MAX = 1 << 20 };

static char web[] = "web", db[] = "db", host[] = "host", nick[] = "nick";

static void add_service(struct change_list *list, char *id, char *name)
{
	char version_id[SERVICE_VERSION_ID_SIZE];
	struct service_version *version = change_create(list, KIND_SERVICE_VERSION, service_version_id(id, 1, version_id),
		FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));
	struct service *service = change_create(list, KIND_SERVICE, id, FIELD_BIT(SERVICE_SPEC_VERSION));

	version->service_id = id;
	version->version = 1;
	version->spec.name = name;
	service->spec_version = 1;
}

static void add_node(struct change_list *list, const char *id, char *hostname, char *name)
{
	struct node *node = change_create(list, KIND_NODE, id, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_DESCRIPTION));

	node->description.hostname = hostname;
	node->spec.name = name;
}

static void add_task(struct change_list *list, const char *id, char *service, uint64_t slot, char *container)
{
	struct task *task = change_create(list, KIND_TASK, id, FIELD_BIT(TASK_SERVICE) | FIELD_BIT(TASK_SPEC_VERSION) |
					  FIELD_BIT(TASK_SLOT) | FIELD_BIT(TASK_CONTAINER));

	task->service_id = service;
	task->spec_version = 1;
	task->slot = slot;
	task->container_id = container;
}

/* Services abc1 "web", abc2 "db", web9 "other name"; two nodes of one hostname; tasks of web. */
static struct view *view_made(void)
{
	static char c1[] = "cafe01", c2[] = "cafe02";
	static char abc1[] = "abc1", abc2[] = "abc2", web9[] = "web9", abc[] = "abc";
	struct view *view = view_new();
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct change_list list;
	struct applied applied;
	struct arena arena;
	struct err err = { 0 };

	arena_init(&arena, "test", ARENA_MAX);
	change_list_init(&list, &arena);
	add_service(&list, abc1, web);
	add_service(&list, abc2, db);
	add_service(&list, web9, abc);
	add_node(&list, "n1", host, nick);
	add_node(&list, "n2", host, NULL);
	add_task(&list, "t1x", abc1, 1, c1);
	add_task(&list, "t2x", abc1, 2, c2);
	add_task(&list, "t3x", abc1, 3, NULL);
	change_list_encode(&list, &(struct entry_head){ FORMAT_LEVEL, 1000, 0 }, &bytes);
	EXPECT_INT(state_apply(view, 1, 1, bytes.data, bytes.len, &applied, &err), 0);
	applied_fini(&applied);
	arena_fini(&arena);
	return view;
}

typedef int find_fn(const struct view *view, const char *reference, const struct view_object **ret, struct err *err);

static const struct { find_fn *find; const char *reference, *want; } rows[] = {
	{ control_find_service, "abc1", "abc1" },
	{ control_find_service, "db", "abc2" },
	{ control_find_service, "web", "abc1" },        /* a name comes before the start of another's id */
	{ control_find_service, "abc", "web9" },
	{ control_find_service, "web9", "web9" },
	{ control_find_service, "we", "web9" },
	{ control_find_service, "ab", "service ab is ambiguous (2 matches found)" },
	{ control_find_service, "", "service  not found" },
	{ control_find_service, "WEB", "abc1" },
	{ control_find_node, "n1", "n1" },
	{ control_find_node, "nick", "n1" },
	{ control_find_node, "host", "node host is ambiguous (2 matches found)" },
	{ control_find_node, "n", "node n is ambiguous (2 matches found)" },
	{ control_find_service, "ABC2", "service ABC2 not found" },      /* an id has one spelling */
	{ control_find_node, "Nick", "n1" },
	{ control_find_node, "x", "node x not found" },
	{ control_find_task, "t2", "t2x" },
	{ control_find_task, "web.1.t1x", "t1x" },
	{ control_find_task, "web.1", "task web.1 not found" },
	{ control_find_container, "cafe02", "t2x" },
	{ control_find_container, "cafe01", "t1x" },
	{ control_find_container, "cafe", "Multiple IDs found with provided prefix: cafe" },
	{ control_find_container, "web.2.t2x", "t2x" },
	{ control_find_container, "/web.1.t1x", "t1x" },
	{ control_find_container, "db.1.t1x", "No such container: db.1.t1x" },
	{ control_find_container, "web.3.t3x", "No such container: web.3.t3x" },         /* it has none yet */
	{ control_find_container, "t1x", "No such container: t1x" },
	{ control_find_container, "", "No such container: " },
};

TEST(control_find_takes_the_id_then_the_name_then_the_only_prefix)
{
	struct view *view = view_made();

	for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
		const struct view_object *object = NULL;
		struct err err = { 0 };
		int rc = rows[i].find(view, rows[i].reference, &object, &err);

		EXPECT_STR(rc == 0 ? object->meta.id : err.text, rows[i].want);
		EXPECT(rc == 0 || err.code == (str_ends(err.text, "not found") || str_starts(err.text, "No such") ? ERR_NOT_FOUND : ERR_INVALID));
	}
	view_free(view);
}

TEST(random_name_is_the_same_for_a_seed_and_has_a_number_only_when_tried_again)
{
	for (uint64_t seed = 0; seed < 2000; seed++) {
		char first[RANDOM_NAME_SIZE], second[RANDOM_NAME_SIZE], again[RANDOM_NAME_SIZE];
		struct rng a, b;

		rng_seed(&a, seed);
		rng_seed(&b, seed);
		random_name(&a, 0, first);
		random_name(&b, 0, second);
		EXPECT_STR(first, second);
		EXPECT(strchr(first, '_') && !strpbrk(first, "0123456789"));
		random_name(&a, 1, again);
		EXPECT(strpbrk(again, "0123456789"));
	}
}
