#include "depot/depot_find.h"

#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "state/apply.h"
#include "test/unit/runner.h"

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HEX_I "1111111111111111111111111111111111111111111111111111111111111111"

/* Three managers and a worker; m3 is down. */
struct land { struct view *view; struct arena arena; struct change_list list; struct err err; struct depot_found found; char sources[200]; };

static char *text(struct land *l, const char *words)
{
	return arena_strdup(&l->arena, words);
}

static void add_node(struct land *l, const char *id, bool is_manager, bool is_ready)
{
	struct node *node = change_create(&l->list, KIND_NODE, id, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_STATUS) | (is_manager ? FIELD_BIT(NODE_MANAGER) : 0));

	node->spec.role = is_manager ? ROLE_MANAGER : ROLE_WORKER;
	node->status.state = is_ready ? NODE_READY : NODE_DOWN;
	if (is_manager) {
		node->manager = ARENA_NEW(&l->arena, struct manager_status);
		node->manager->address = arena_printf(&l->arena, "%s:2377", id);
	}
}

static void add_copy(struct land *l, const char *node_id, const char *manifest, const char *index, const char *name, uint64_t since, const char *platform)
{
	char id[ID_SIZE];

	image_copy_id(node_id, manifest, id);
	struct image_copy *copy = change_create(&l->list, KIND_IMAGE_COPY, id, FIELD_BIT(IMAGE_COPY_END) - 2);
	copy->node_id = text(l, node_id);
	copy->manifest = text(l, manifest);
	copy->platform = text(l, platform);
	copy->digests.items = ARENA_ARRAY(&l->arena, char *, 2);
	if (index)
		copy->digests.items[copy->digests.count++] = text(l, index);
	copy->digests.items[copy->digests.count++] = text(l, manifest);
	copy->names.items = ARENA_ARRAY(&l->arena, struct image_name, 1);
	copy->names.items[0] = (struct image_name){ text(l, name), since };
	copy->names.count = name[0] != '\0';
}

static void open_land(struct land *l)
{
	*l = (struct land){ .view = view_new() };
	arena_init(&l->arena, "land", 16 << 20);
	change_list_init(&l->list, &l->arena);
	add_node(l, "m1", true, true);
	add_node(l, "m2", true, true);
	add_node(l, "m3", true, false);
	add_node(l, "w1", false, true);
}

static void settle(struct land *l)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct applied applied;

	change_list_encode(&l->list, &(struct entry_head){ FORMAT_LEVEL, 1, 0 }, &bytes);
	check(state_apply(l->view, view_index(l->view) + 1, 1, bytes.data, bytes.len, &applied, &l->err) == 0);
	applied_fini(&applied);
	change_list_init(&l->list, &l->arena);
}

static void close_land(struct land *l)
{
	view_free(l->view);
	arena_fini(&l->arena);
}

/* "aa… at m1:2377 m2:2377", "nobody", or the error. */
static const char *find(struct land *l, const char *name, const char *platform, const char *asker, const char *nearest)
{
	struct image_platform wants;
	struct image_ref ref;
	size_t used;

	check(image_ref_parse(name, &ref, &l->err) == 0 && image_platform_parse(platform, &wants, &l->err) == 0);
	image_ref_add_default_tag(&ref);
	struct depot_wish wish = { &ref, platform ? &wants : NULL, asker, nearest };
	if (depot_find(l->view, &wish, &l->arena, &l->found, &l->err) < 0)
		return l->err.text;
	if (!l->found.copy)
		return "nobody";
	used = (size_t)snprintf(l->sources, sizeof l->sources, "%.2s%s%.2s", l->found.copy->manifest, l->found.index[0] ? " of " : "", l->found.index);
	for (size_t i = 0; i < l->found.sources.count; i++)
		used += (size_t)snprintf(l->sources + used, sizeof l->sources - used, " %s", l->found.sources.items[i]);
	return l->sources;
}

TEST(a_name_is_the_image_that_it_was_given_to_last_and_all_who_have_that_are_told)
{
	struct land l;

	open_land(&l);
	add_copy(&l, "m1", HEX_A, NULL, "web:1", 10, "linux/amd64");
	add_copy(&l, "m2", HEX_B, NULL, "web:1", 20, "linux/amd64");
	add_copy(&l, "m3", HEX_B, NULL, "", 0, "linux/amd64");
	settle(&l);
	EXPECT_STR(find(&l, "web:1", "linux/amd64", "w1", "m1"), "bb m2:2377 m3:2377");
	EXPECT_STR(find(&l, "web:1", NULL, "", ""), "bb m2:2377 m3:2377");
	EXPECT_STR(find(&l, "web:1", "linux/amd64", "w1", "m3"), "bb m3:2377 m2:2377");
	EXPECT_STR(find(&l, "docker.io/library/web:1@sha256:" HEX_A, "linux/amd64", "w1", ""), "aa m1:2377");
	EXPECT_STR(find(&l, "web", "linux/amd64", "w1", ""), "nobody");
	EXPECT_STR(find(&l, "other.example/web:1", "linux/amd64", "w1", ""), "nobody");
	/* nobody is sent to himself */
	EXPECT_STR(find(&l, "web:1", "linux/amd64", "m2", ""), "aa m1:2377");
	close_land(&l);
}

TEST(a_machine_of_another_kind_gets_its_own_manifest_or_the_reason)
{
	struct land l;

	open_land(&l);
	add_copy(&l, "m1", HEX_A, HEX_I, "web:1", 10, "linux/amd64");
	add_copy(&l, "m2", HEX_B, HEX_I, "web:1", 20, "linux/arm64");
	add_copy(&l, "m2", HEX_I, NULL, "lone:1", 20, "linux/arm64");
	settle(&l);
	EXPECT_STR(find(&l, "web:1", "linux/amd64", "w1", ""), "aa of 11 m1:2377");
	EXPECT_STR(find(&l, "web:1@sha256:" HEX_I, "linux/arm64", "w1", ""), "bb of 11 m2:2377");
	EXPECT_STR(find(&l, "web:1@sha256:" HEX_I, "linux/amd64", "w1", ""), "aa of 11 m1:2377");
	EXPECT_STR(find(&l, "lone:1", "linux/amd64", "w1", ""), "no matching manifest for linux/amd64 in the manifest list entries");
	EXPECT_INT(l.err.code, ERR_NOT_FOUND);
	close_land(&l);
}

TEST(a_manager_that_is_none_any_more_has_nothing_to_give)
{
	struct land l;

	open_land(&l);
	add_copy(&l, "w1", HEX_A, NULL, "web:1", 10, "linux/amd64");
	add_copy(&l, "gone", HEX_A, NULL, "web:1", 10, "linux/amd64");
	settle(&l);
	EXPECT_STR(find(&l, "web:1", "linux/amd64", "m1", ""), "nobody");
	close_land(&l);
}

static void add_task(struct land *l, const char *node_id, const char *image)
{
	char id[SERVICE_VERSION_ID_SIZE];
	struct service_version *version = change_create(&l->list, KIND_SERVICE_VERSION, service_version_id("s1", 1, id),
		FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));
	struct task *task = change_create(&l->list, KIND_TASK, "t1", FIELD_BIT(TASK_SERVICE) | FIELD_BIT(TASK_NODE) | FIELD_BIT(TASK_SPEC_VERSION));

	version->service_id = text(l, "s1");
	version->version = 1;
	version->spec.task.container.image = text(l, image);
	task->service_id = text(l, "s1");
	task->node_id = text(l, node_id);
	task->spec_version = 1;
}

static bool may(struct land *l, const char *node_id, const char *name)
{
	struct image_ref ref;

	check(image_ref_parse(name, &ref, &l->err) == 0);
	return depot_may_have(l->view, node_id, &ref);
}

TEST(a_node_may_have_the_images_of_its_tasks_and_no_others)
{
	struct land l;

	open_land(&l);
	add_task(&l, "w1", "web@sha256:" HEX_A);
	settle(&l);
	EXPECT(may(&l, "w1", "docker.io/library/web@sha256:" HEX_A));
	EXPECT(!may(&l, "w1", "web@sha256:" HEX_B));
	EXPECT(!may(&l, "w1", "web:latest"));
	EXPECT(!may(&l, "w1", "other@sha256:" HEX_A));
	EXPECT(!may(&l, "m1", "web@sha256:" HEX_A));
	close_land(&l);
}
