#include "test/unit/store/store_rig.h"

#include <string.h>

#include "base/panic.h"
#include "os/clock.h"
#include "test/unit/runner.h"

struct store_rig rig;

const char *const rig_node_tables[2] = { "assignment", "volume" };
static const char *const kinds[] = { NULL, "service", "task" };

static void on_durable(void *arg UNUSED, uint64_t index)
{
	EXPECT(index >= rig.durable);
	rig.durable = index;
}

static void on_trouble(void *arg UNUSED, const struct err *e)
{
	rig.troubles += e != NULL;
	rig.recoveries += e == NULL;
	if (e)
		rig.trouble = *e;
}

static void on_room(void *arg UNUSED)
{
	rig.rooms++;
}

int rig_collect_row(void *arg, unsigned table, const char *id, const void *bytes, size_t size,
		       struct err *e UNUSED)
{
	buf_printf(arg, "%u/%s=%.*s ", table, id, (int)size, (const char *)bytes);
	return 0;
}

static const struct store_events events = { on_durable, on_trouble, on_room };

int rig_open_store(const char *root, const char *vfs)
{
	struct store_options options = { root, vfs, rig_node_tables, ARRAY_COUNT(rig_node_tables) };

	return store_open(&options, rig.loop, &rig.store, &rig.err);
}

int rig_open_cluster(void)
{
	struct store_cluster_options options = { kinds, ARRAY_COUNT(kinds), &events,
						 NULL,  rig_collect_row,        &rig.rows };

	buf_clear(&rig.rows);
	return store_cluster_open(rig.store, &options, &rig.loaded, &rig.err);
}

void rig_open(const char *root, const char *vfs)
{
	if (rig_open_store(root, vfs) < 0 || rig_open_cluster() < 0)
		panic("%s", rig.err.text);
}

void rig_shut(void)
{
	store_close(rig.store);
	rig.store = NULL;
	store_loaded_fini(&rig.loaded);
}

void rig_begin(void)
{
	rig.loop = loop_new();
	rig.disk = vfs_fault_new("bad", 1);
	rig_open("/disk", "bad");
}

void rig_end(void)
{
	rig_shut();
	vfs_fault_free(rig.disk);
	loop_free(rig.loop);
	buf_fini(&rig.rows);
}

/* Runs the loop until the counter has come so far; false after a minute. */
bool rig_wait(const unsigned *counter, unsigned value)
{
	msec until = clock_boot_ms() + 60000;

	while (*counter < value && clock_boot_ms() < until)
		loop_run_once(rig.loop, 50);
	return *counter >= value;
}

bool rig_wait_durable(uint64_t index)
{
	msec until = clock_boot_ms() + 60000;

	while (rig.durable < index && clock_boot_ms() < until)
		loop_run_once(rig.loop, 50);
	return rig.durable >= index;
}

void rig_on_appended(void *arg, const struct err *e)
{
	EXPECT_INT((uintptr_t)arg, rig.appended + rig.failed);
	rig.appended += e == NULL;
	rig.failed += e != NULL;
	if (e)
		rig.append_err = *e;
}

int rig_append(uint64_t index)
{
	struct store_hard hard = { 1, 5, 500 };
	struct store_entry entry = { index, 1, 1, 0, "change", 6 };

	return store_log_append(rig.store, &(struct store_append){ hard, false, &entry, 1 }, rig_on_appended,
				(void *)(uintptr_t)rig.asked++, &rig.err);
}

/* What goes is of the first entry. */
bool rig_write_state(uint64_t index, const char *id, const char *text)
{
	struct store_row row = { 2, id, text, text ? strlen(text) : 0, text ? index : 1 };
	struct store_mark mark = { .index = index, .term = 1, .members = "me", .members_size = 2 };

	return store_state_write(rig.store, &row, 1, &mark);
}
