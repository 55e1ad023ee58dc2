#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/rng.h"
#include "base/str.h"
#include "state/apply.h"
#include "state/overlay.h"
#include "test/unit/runner.h"

enum { ARENA_MAX = 64 << 20 };
static const struct entry_head head = { .format_level = FORMAT_LEVEL, .now_ms = 1000, .wall = 1767225600000000000 };

/* A view and what it takes to change it. */
struct bench { struct view *view; uint64_t index; struct arena arena; struct change_list list; struct applied applied; };

static struct bench bench_new(void)
{
	struct bench b = { .view = view_new() };
	arena_init(&b.arena, "test", ARENA_MAX);
	return b;
}

static void bench_fini(struct bench *b)
{
	applied_fini(&b->applied);
	arena_fini(&b->arena);
	view_free(b->view);
}

static struct change_list *begin(struct bench *b)
{
	change_list_init(&b->list, &b->arena);
	return &b->list;
}

static int commit(struct bench *b, struct err *err)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	int rc;

	change_list_encode(&b->list, &head, &bytes);
	applied_fini(&b->applied);
	rc = state_apply(b->view, b->index + 1, 1, bytes.data, bytes.len, &b->applied, err);
	if (rc == 0)
		b->index++;
	return rc;
}

static void add_service(struct change_list *list, const char *id, const char *name, uint64_t version)
{
	char version_id[SERVICE_VERSION_ID_SIZE];
	struct service_version *v = change_create(list, KIND_SERVICE_VERSION, service_version_id(id, version, version_id),
		FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));
	struct service *s;

	v->service_id = arena_strdup(list->arena, id);
	v->version = version;
	v->spec.name = arena_strdup(list->arena, name);
	if (version > 1)
		s = change_update(list, KIND_SERVICE, id, FIELD_BIT(SERVICE_SPEC_VERSION));
	else
		s = change_create(list, KIND_SERVICE, id, FIELD_BIT(SERVICE_SPEC_VERSION));
	s->spec_version = version;
}

static void add_task(struct change_list *list, const char *id, const char *service, const char *node)
{
	struct task *t = change_create(list, KIND_TASK, id, FIELD_BIT(TASK_SERVICE) | FIELD_BIT(TASK_NODE) | FIELD_BIT(TASK_SLOT));

	t->service_id = arena_strdup(list->arena, service);
	t->node_id = arena_strdup(list->arena, node);
	t->slot = 1;
}

TEST(apply_makes_objects_that_the_indexes_find)
{
	struct bench b = bench_new();
	struct err err = { 0 };
	const struct view_object *o;

	begin(&b);
	add_service(&b.list, "s1", "Web", 1);
	add_task(&b.list, "t1", "s1", "n1");
	add_task(&b.list, "t2", "s1", "n2");
	EXPECT_INT(commit(&b, &err), 0);
	o = view_by_name(b.view, KIND_SERVICE, "wEB");
	EXPECT(o && str_eq(o->meta.id, "s1"));
	o = view_tasks_of_service(b.view, "s1");
	EXPECT(o && str_eq(o->meta.id, "t1") && str_eq(o->next_of_service->meta.id, "t2") && !o->next_of_service->next_of_service);
	EXPECT_STR(view_tasks_of_node(b.view, "n2")->meta.id, "t2");
	EXPECT_INT(view_find(b.view, KIND_TASK, "t1")->meta.version, 1);
	EXPECT_INT(b.applied.event_count, 4);
	EXPECT_INT(b.applied.row_count, 4);
	bench_fini(&b);
}

TEST(a_status_write_does_not_move_the_index_that_updates_compare)
{
	struct bench b = bench_new();
	struct err err = { 0 };
	struct node *node;

	begin(&b);
	node = change_create(&b.list, KIND_NODE, "n1", FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_STATUS));
	node->status.state = NODE_READY;
	EXPECT_INT(commit(&b, &err), 0);
	begin(&b);
	node = change_update(&b.list, KIND_NODE, "n1", FIELD_BIT(NODE_STATUS));
	node->status.state = NODE_DOWN;
	EXPECT_INT(commit(&b, &err), 0);
	EXPECT_INT(view_find(b.view, KIND_NODE, "n1")->meta.spec_index, 1);
	EXPECT_INT(view_find(b.view, KIND_NODE, "n1")->meta.version, 2);
	EXPECT_INT(((const struct node *)b.applied.events[0].before)->status.state, NODE_READY);
	EXPECT_INT(((const struct node *)b.applied.events[0].after)->status.state, NODE_DOWN);
	bench_fini(&b);
}

TEST(a_task_that_gets_a_node_moves_between_the_lists)
{
	struct bench b = bench_new();
	struct err err = { 0 };
	struct task *task;

	begin(&b);
	add_task(&b.list, "t1", "s1", "");
	EXPECT_INT(commit(&b, &err), 0);
	begin(&b);
	task = change_update(&b.list, KIND_TASK, "t1", FIELD_BIT(TASK_NODE));
	task->node_id = arena_strdup(&b.arena, "n1");
	EXPECT_INT(commit(&b, &err), 0);
	EXPECT_STR(view_tasks_of_node(b.view, "n1")->meta.id, "t1");
	begin(&b);
	change_remove(&b.list, KIND_TASK, "t1");
	EXPECT_INT(commit(&b, &err), 0);
	EXPECT(!view_tasks_of_node(b.view, "n1") && !view_tasks_of_service(b.view, "s1"));
	EXPECT_INT(view_sum(b.view), 0);
	bench_fini(&b);
}

TEST(a_renamed_service_is_found_by_its_new_name_only)
{
	struct bench b = bench_new();
	struct err err = { 0 };

	begin(&b);
	add_service(&b.list, "s1", "old", 1);
	EXPECT_INT(commit(&b, &err), 0);
	begin(&b);
	add_service(&b.list, "s1", "new", 2);
	EXPECT_INT(commit(&b, &err), 0);
	EXPECT(!view_by_name(b.view, KIND_SERVICE, "old"));
	EXPECT(view_by_name(b.view, KIND_SERVICE, "new"));
	EXPECT_STR(view_service_spec(b.view, "s1", 1)->name, "old");
	bench_fini(&b);
}

TEST(an_entry_that_does_not_fit_leaves_the_view_as_it_was)
{
	struct bench b = bench_new();
	struct err err = { 0 };
	uint64_t sum;

	begin(&b);
	add_task(&b.list, "t1", "s1", "n1");
	EXPECT_INT(commit(&b, &err), 0);
	sum = view_sum(b.view);
	begin(&b);
	add_task(&b.list, "t2", "s1", "n1");
	add_task(&b.list, "t1", "s1", "n1");
	EXPECT_INT(commit(&b, &err), -1);
	EXPECT_STR(err.text, "log entry 2: entry: task 't1' exists already");
	EXPECT(view_sum(b.view) == sum && !view_find(b.view, KIND_TASK, "t2") && view_index(b.view) == 1);
	begin(&b);
	change_remove(&b.list, KIND_TASK, "t9");
	EXPECT_INT(commit(&b, &err), -1);
	EXPECT_STR(err.text, "log entry 2: entry: no task 't9'");
	bench_fini(&b);
}

TEST(an_entry_says_the_lowest_level_that_reads_it)
{
	struct bench b = bench_new();
	struct change_list *list = begin(&b);
	struct node *node;

	EXPECT_INT(change_list_level(list), 1);
	node = change_create(list, KIND_NODE, "n1", FIELD_BIT(NODE_DESCRIPTION) | FIELD_BIT(NODE_STATUS));
	node->description.hostname = arena_strdup(&b.arena, "box");
	change_remove(list, KIND_TASK, "t1");
	EXPECT_INT(change_list_level(list), 1);
	node->description.clock = arena_strdup(&b.arena, "its clock is 3 hours behind the swarm's");
	EXPECT_INT(change_list_level(list), 2);
	EXPECT_INT(shape_level(&node_shape, node), 2);
	list->items[0].mask = FIELD_BIT(NODE_STATUS);           /* what is not written asks for nothing */
	EXPECT_INT(change_list_level(list), 1);
	bench_fini(&b);
}

TEST(decode_names_what_it_does_not_know)
{
	struct bench b = bench_new();
	struct change_list list;
	struct entry_head got;
	struct err err = { 0 };
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	put_varint(&bytes, FORMAT_LEVEL + 1);
	put_u64(&bytes, 0);
	put_u64(&bytes, 0);
	put_varint(&bytes, 0);
	change_list_init(&list, &b.arena);
	EXPECT_INT(change_list_decode(reader_of(bytes.data, bytes.len), &list, &got, &err), -1);
	EXPECT_STR(err.text, "entry: format level 3 is newer than this version's 2");
	buf_clear(&bytes);
	put_varint(&bytes, 1);
	put_u64(&bytes, 0);
	put_u64(&bytes, 0);
	put_varint(&bytes, 1);
	put_varint(&bytes, 99);
	put_varint(&bytes, CHANGE_CREATE);
	put_str(&bytes, "x");
	put_varint(&bytes, 0);
	EXPECT_INT(change_list_decode(reader_of(bytes.data, bytes.len), &list, &got, &err), -1);
	EXPECT_STR(err.text, "entry: kind 99 is unknown to this version of swarmbox");
	bench_fini(&b);
}

TEST(decode_survives_every_cut_and_every_flipped_byte)
{
	struct bench b = bench_new();
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct entry_head got;

	begin(&b);
	add_service(&b.list, "s1", "web", 1);
	add_task(&b.list, "t1", "s1", "n1");
	change_list_encode(&b.list, &head, &bytes);
	for (size_t i = 0; i < bytes.len; i++) {
		struct change_list list;
		struct err err = { 0 };
		struct arena arena;

		arena_init(&arena, "cut", ARENA_MAX);
		change_list_init(&list, &arena);
		EXPECT_INT(change_list_decode(reader_of(bytes.data, i), &list, &got, &err), -1);
		for (int bit = 0; bit < 8; bit++) {
			bytes.data[i] ^= (char)(1 << bit);
			change_list_init(&list, &arena);
			change_list_decode(reader_of(bytes.data, bytes.len), &list, &got, &err);
			bytes.data[i] ^= (char)(1 << bit);
		}
		arena_fini(&arena);
	}
	bench_fini(&b);
}

/* The rows that were handed out, kept as state.db would. */
struct rows { struct map *by_key; };

static void keep_rows(struct rows *rows, const struct applied *applied)
{
	for (size_t i = 0; i < applied->row_count; i++) {
		CLEANUP(str_freep) char *key = str_printf("%d/%s", applied->rows[i].kind, applied->rows[i].id);
		struct buf *bytes = applied->rows[i].bytes ? NEW(struct buf) : NULL, *old;

		if (bytes)
			buf_add(bytes, applied->rows[i].bytes, applied->rows[i].size);
		old = bytes ? map_put(rows->by_key, key, bytes) : map_remove(rows->by_key, key);
		if (old)
			buf_fini(old);
		free(old);
	}
}

static void random_change(struct bench *b, struct rng *rng)
{
	char id[16];
	const char *node = rng_below(rng, 2) ? "n1" : "n2";
	struct task *task;

	snprintf(id, sizeof id, "t%d", (int)rng_below(rng, 30));
	if (!view_find(b->view, KIND_TASK, id)) {
		add_task(&b->list, id, rng_below(rng, 2) ? "s1" : "s2", node);
	} else if (rng_below(rng, 3) == 0) {
		change_remove(&b->list, KIND_TASK, id);
	} else {
		task = change_update(&b->list, KIND_TASK, id, FIELD_BIT(TASK_NODE) | FIELD_BIT(TASK_ERROR) | FIELD_BIT(TASK_STATE));
		task->node_id = arena_strdup(&b->arena, node);
		task->error = rng_below(rng, 2) ? arena_strdup(&b->arena, "no suitable node") : NULL;
		task->state = (int)rng_below(rng, TASK_STATE_COUNT);
	}
}

TEST(a_view_loaded_from_its_rows_has_the_same_sum_and_lists)
{
	struct bench b = bench_new();
	struct rows rows = { map_new() };
	struct rng rng;
	struct err err = { 0 };
	struct view *loaded = view_new();
	const char *key;
	void *bytes;

	rng_seed(&rng, 42);
	for (int i = 0; i < 500; i++) {
		begin(&b);
		random_change(&b, &rng);
		EXPECT_INT(commit(&b, &err), 0);
		keep_rows(&rows, &b.applied);
	}
	for (size_t at = 0; map_next(rows.by_key, &at, &key, &bytes);) {
		const char *slash = strchr(key, '/');
		EXPECT_INT(state_load_row(loaded, (enum kind)strtol(key, NULL, 10), slash + 1, ((struct buf *)bytes)->data, ((struct buf *)bytes)->len, &err), 0);
	}
	EXPECT_INT(state_load_done(loaded, view_index(b.view), 1, 1000, view_sum(b.view), &err), 0);
	EXPECT_INT(view_count(loaded, KIND_TASK), view_count(b.view, KIND_TASK));
	for (const char *const *node = (const char *const[]){ "n1", "n2", NULL }; *node; node++) {
		const struct view_object *x = view_tasks_of_node(loaded, *node);
		size_t count = 0;

		for (; x; x = x->next_of_node, count++)
			EXPECT_STR(VIEW_VALUE(task, x)->node_id, *node);
		for (x = view_tasks_of_node(b.view, *node); x; x = x->next_of_node)
			count--;
		EXPECT_INT(count, 0);
	}
	EXPECT_INT(state_load_done(loaded, 1, 1, 0, view_sum(b.view) + 1, &err), -1);
	for (size_t at = 0; map_next(rows.by_key, &at, &key, &bytes);) {
		buf_fini(bytes);
		free(bytes);
	}
	map_free(rows.by_key);
	view_free(loaded);
	bench_fini(&b);
}

TEST(a_batch_that_writes_no_spec_lets_the_version_of_an_object_be)
{
	struct bench b = bench_new();
	struct err err = { 0 };
	struct overlay *overlay;
	uint64_t index;

	begin(&b);
	add_service(&b.list, "s1", "one", 1);
	EXPECT_INT(commit(&b, &err), 0);
	overlay = overlay_new(b.view, &b.arena);
	index = overlay_spec_index(overlay, KIND_SERVICE, "s1");
	begin(&b);
	change_update(&b.list, KIND_SERVICE, "s1", FIELD_BIT(SERVICE_UPDATE));       /* what becomes of an update, in the same entry */
	EXPECT_INT(overlay_add(overlay, &b.list, 0, &err), 0);
	EXPECT(overlay_spec_index(overlay, KIND_SERVICE, "s1") == index);
	begin(&b);
	((struct service *)change_update(&b.list, KIND_SERVICE, "s1", FIELD_BIT(SERVICE_SPEC_VERSION)))->spec_version = 2;
	EXPECT_INT(overlay_add(overlay, &b.list, 0, &err), 0);
	EXPECT(overlay_spec_index(overlay, KIND_SERVICE, "s1") == UINT64_MAX);
	overlay_free(overlay);
	bench_fini(&b);
}

TEST(overlay_shows_what_the_batch_will_do)
{
	struct bench b = bench_new();
	struct err err = { 0 };
	struct overlay *overlay;
	const char *id;
	size_t seen = 0;

	begin(&b);
	add_service(&b.list, "s1", "one", 1);
	EXPECT_INT(commit(&b, &err), 0);
	overlay = overlay_new(b.view, &b.arena);
	begin(&b);
	add_service(&b.list, "s2", "two", 1);
	EXPECT_INT(overlay_add(overlay, &b.list, 0, &err), 0);
	EXPECT_STR(overlay_by_name(overlay, KIND_SERVICE, "TWO"), "s2");
	EXPECT_STR(overlay_by_name(overlay, KIND_SERVICE, "one"), "s1");
	begin(&b);
	change_remove(&b.list, KIND_SERVICE, "s1");
	EXPECT_INT(overlay_add(overlay, &b.list, 0, &err), 0);
	EXPECT(!overlay_by_name(overlay, KIND_SERVICE, "one"));
	begin(&b);
	add_service(&b.list, "s3", "One", 1);
	EXPECT_INT(overlay_add(overlay, &b.list, 0, &err), 0);
	EXPECT_STR(overlay_by_name(overlay, KIND_SERVICE, "one"), "s3");
	begin(&b);
	change_remove(&b.list, KIND_SERVICE, "s3");
	EXPECT_INT(overlay_add(overlay, &b.list, 0, &err), 0);
	EXPECT(!overlay_by_name(overlay, KIND_SERVICE, "one"));
	begin(&b);
	change_remove(&b.list, KIND_SERVICE, "s1");
	EXPECT(!overlay_find(overlay, KIND_SERVICE, "s1"));
	EXPECT(overlay_spec_index(overlay, KIND_SERVICE, "s2") == UINT64_MAX);
	for (size_t at = 0; overlay_next(overlay, KIND_SERVICE, &at, &id); seen++)
		EXPECT_STR(id, "s2");
	EXPECT_INT(seen, 1);
	EXPECT_INT(overlay_add(overlay, &b.list, 0, &err), -1);
	EXPECT_STR(err.text, "service s1 not found");
	overlay_free(overlay);
	bench_fini(&b);
}
