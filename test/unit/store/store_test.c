#include "store/store.h"

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/panic.h"
#include "base/rng.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "test/sim/vfs_fault.h"
#include "test/unit/runner.h"

static const char *const node_tables[] = { "assignment", "volume" };
static const char *const kinds[] = { NULL, "service", "task" };

static struct err err;
static struct loop *loop;
static struct store *store;
static struct store_loaded loaded;
static struct vfs_fault *disk;
static struct buf rows;
static uint64_t durable;
static unsigned troubles, recoveries, rooms;
static struct err trouble;

static void on_durable(void *arg UNUSED, uint64_t index)
{
	EXPECT(index >= durable);
	durable = index;
}

static void on_trouble(void *arg UNUSED, const struct err *e)
{
	troubles += e != NULL;
	recoveries += e == NULL;
	if (e)
		trouble = *e;
}

static void on_room(void *arg UNUSED)
{
	rooms++;
}

static int collect_row(void *arg, unsigned table, const char *id, const void *bytes, size_t size,
		       struct err *e UNUSED)
{
	buf_printf(arg, "%u/%s=%.*s ", table, id, (int)size, (const char *)bytes);
	return 0;
}

static const struct store_events events = { on_durable, on_trouble, on_room };

static int open_store(const char *root, const char *vfs)
{
	struct store_options options = { root, vfs, node_tables, ARRAY_COUNT(node_tables) };

	return store_open(&options, loop, &store, &err);
}

static int open_cluster(void)
{
	struct store_cluster_options options = { kinds, ARRAY_COUNT(kinds), &events,
						 NULL,  collect_row,        &rows };

	buf_clear(&rows);
	return store_cluster_open(store, &options, &loaded, &err);
}

static void open_both(const char *root, const char *vfs)
{
	if (open_store(root, vfs) < 0 || open_cluster() < 0)
		panic("%s", err.text);
}

static void shut(void)
{
	store_close(store);
	store = NULL;
	store_loaded_fini(&loaded);
}

static void begin_in_memory(void)
{
	loop = loop_new();
	disk = vfs_fault_new("bad", 1);
	open_both("/disk", "bad");
}

static void end(void)
{
	shut();
	vfs_fault_free(disk);
	loop_free(loop);
	buf_fini(&rows);
}

/* Runs the loop until the counter has come so far; false after a minute. */
static bool wait_for(const unsigned *counter, unsigned value)
{
	msec until = clock_boot_ms() + 60000;

	while (*counter < value && clock_boot_ms() < until)
		loop_run_once(loop, 50);
	return *counter >= value;
}

static bool wait_durable(uint64_t index)
{
	msec until = clock_boot_ms() + 60000;

	while (durable < index && clock_boot_ms() < until)
		loop_run_once(loop, 50);
	return durable >= index;
}

/* Appends count themselves; each must come after the one before. */
static unsigned appended, failed;
static struct err append_err;

static void on_appended(void *arg, const struct err *e)
{
	EXPECT_INT((uintptr_t)arg, appended + failed);
	appended += e == NULL;
	failed += e != NULL;
	if (e)
		append_err = *e;
}

static unsigned asked;

static int append(uint64_t index)
{
	struct store_hard hard = { 1, 5, 500 };
	struct store_entry entry = { index, 1, 1, 0, "change", 6 };

	return store_log_append(store, &(struct store_append){ hard, false, &entry, 1 }, on_appended,
				(void *)(uintptr_t)asked++, &err);
}

/* What goes is of the first entry. */
static bool write_state(uint64_t index, const char *id, const char *text)
{
	struct store_row row = { 2, id, text, text ? strlen(text) : 0, text ? index : 1 };
	struct store_mark mark = { .index = index, .term = 1, .members = "me", .members_size = 2 };

	return store_state_write(store, &row, 1, &mark);
}

TEST(store_reports_appends_in_order_and_gives_them_back)
{
	begin_in_memory();
	EXPECT_INT(loaded.log.hard.term, 0);
	for (uint64_t i = 1; i <= 100; i++)
		EXPECT_INT(append(i), 0);
	EXPECT(wait_for(&appended, 100));
	shut();
	open_both("/disk", "bad");
	EXPECT_INT(loaded.log.entry_count, 100);
	EXPECT_INT(loaded.log.hard.vote, 5);
	end();
}

TEST(store_appends_that_wait_together_share_an_fsync)
{
	begin_in_memory();
	append(1);
	EXPECT(wait_for(&appended, 1));
	uint64_t before = vfs_fault_acts(disk);
	append(2);
	EXPECT(wait_for(&appended, 2));
	uint64_t one = vfs_fault_acts(disk) - before;

	vfs_fault_hold(disk, true);
	before = vfs_fault_acts(disk);
	for (uint64_t i = 3; i <= 202; i++)
		append(i);
	vfs_fault_hold(disk, false);
	EXPECT(wait_for(&appended, 202));
	EXPECT(vfs_fault_acts(disk) - before < 200 * one / 4);
	end();
}

TEST(store_after_a_failed_append_nothing_is_taken_until_the_log_was_read_again)
{
	begin_in_memory();
	append(1);
	EXPECT(wait_for(&appended, 1));
	vfs_fault_fail_write_in(disk, 1);
	append(2);
	append(3);
	EXPECT(wait_for(&failed, 2));
	EXPECT(str_starts(append_err.text, "cannot write raft.db: disk I/O error"));
	append(4);
	EXPECT(wait_for(&failed, 3));
	EXPECT_INT(appended, 1);
	end();
}

static struct store_log reopened;
static unsigned reopens, reopen_failures;

static void on_reopened(void *arg UNUSED, struct store_log *log, const struct err *e)
{
	reopens += e == NULL;
	reopen_failures += e != NULL;
	if (log)
		reopened = *log;
}

TEST(store_reopens_its_log_and_shows_what_the_disk_holds)
{
	begin_in_memory();
	append(1);
	EXPECT(wait_for(&appended, 1));
	vfs_fault_set_capacity(disk, 1);
	append(2);
	EXPECT(wait_for(&failed, 1));
	EXPECT_STR(append_err.text, "cannot write raft.db: the disk is full");
	vfs_fault_fail_sync_in(disk, 1); /* the first try at opening it again fails too */
	store_log_reopen(store, on_reopened, NULL);
	EXPECT(wait_for(&reopen_failures, 1));

	vfs_fault_set_capacity(disk, 0);
	store_log_reopen(store, on_reopened, NULL);
	EXPECT(wait_for(&reopens, 1));
	EXPECT(reopened.entry_count == 1 || reopened.entry_count == 2);
	append(reopened.entry_count + 1);
	EXPECT(wait_for(&appended, 2));
	store_log_fini(&reopened);
	end();
}

/* More than one round takes, and the loop asks for the log to be read again as soon as it hears of the first: what still waits then is of a
 * raft that is gone. */
static unsigned failed_at_reopening;

static void note_reopened(void *arg, struct store_log *log, const struct err *e)
{
	failed_at_reopening = failed;
	on_reopened(arg, log, e);
}

static void append_large(uint64_t index)
{
	enum { LARGE = 3 << 20 };
	char *bytes = NEW_ARRAY(char, LARGE);
	struct store_hard hard = { 1, 5, 500 };
	struct store_entry entry = { index, 1, 1, 0, bytes, LARGE };

	EXPECT_INT(store_log_append(store, &(struct store_append){ hard, false, &entry, 1 }, on_appended, (void *)(uintptr_t)asked++, &err), 0);
	free(bytes);
}

TEST(store_takes_nothing_into_a_log_that_was_read_again_that_was_meant_for_it_before)
{
	begin_in_memory();
	append(1);
	EXPECT(wait_for(&appended, 1));
	vfs_fault_hold(disk, true);
	vfs_fault_fail_write_in(disk, 1);
	for (uint64_t i = 2; i <= 6; i++)
		append_large(i);
	store_log_reopen(store, note_reopened, NULL);
	vfs_fault_hold(disk, false);
	EXPECT(wait_for(&reopens, 1));
	EXPECT_INT(failed, 5);
	EXPECT_INT(failed_at_reopening, 5);
	EXPECT_INT(reopened.entry_count, 1);
	store_log_fini(&reopened);
	append(2);
	EXPECT(wait_for(&appended, 2));
	shut();
	open_both("/disk", "bad");
	EXPECT_INT(loaded.log.entry_count, 2);
	end();
}

TEST(store_cuts_its_log)
{
	begin_in_memory();
	for (uint64_t i = 1; i <= 20; i++)
		append(i);
	store_log_cut(store, 15);
	EXPECT(wait_for(&appended, 20));
	append(21); /* a cut happens before the next round's end */
	append(22);
	EXPECT(wait_for(&appended, 22));
	shut();
	open_both("/disk", "bad");
	EXPECT_INT(loaded.log.entries[0].index, 16);
	EXPECT_INT(loaded.log.entry_count, 7);
	end();
}

TEST(store_writes_the_state_behind_and_says_when_it_is_durable)
{
	begin_in_memory();
	EXPECT(write_state(1, "a", "one"));
	EXPECT(write_state(2, "b", "two"));
	EXPECT(write_state(3, "a", NULL));
	store_state_checkpoint(store);
	EXPECT(wait_durable(3));
	vfs_fault_power_loss(disk);
	shut();
	open_both("/disk", "bad");
	EXPECT_STR(buf_text(&rows), "2/b=two ");
	EXPECT_INT(loaded.mark.index, 3);
	EXPECT(loaded.mark.members_size == 2 && memcmp(loaded.mark.members, "me", 2) == 0);
	end();
}

TEST(store_writes_the_state_when_it_is_closed)
{
	begin_in_memory();
	write_state(1, "a", "one");
	shut();
	vfs_fault_power_loss(disk);
	open_both("/disk", "bad");
	EXPECT_STR(buf_text(&rows), "2/a=one ");
	end();
}

TEST(store_keeps_the_state_it_cannot_write_and_says_so_once)
{
	begin_in_memory();
	vfs_fault_set_capacity(disk, vfs_fault_bytes(disk) + 100);
	write_state(1, "a", "one");
	EXPECT(wait_for(&troubles, 1));
	EXPECT_STR(trouble.text, "cannot write state.db: the disk is full");
	write_state(2, "b", "two");
	vfs_fault_set_capacity(disk, 0);
	EXPECT(wait_for(&recoveries, 1));
	store_state_checkpoint(store);
	EXPECT(wait_durable(2));
	EXPECT_INT(troubles, 1);
	end();
}

/* More than one round takes: all of it is in one transaction when that fails. */
TEST(store_writes_a_long_transaction_again_from_its_beginning)
{
	enum { COUNT = 500 };
	CLEANUP(buf_finip) struct buf want = BUF_INIT;
	char id[16];

	begin_in_memory();
	vfs_fault_set_capacity(disk, vfs_fault_bytes(disk) + 20000);
	for (unsigned i = 1; i <= COUNT; i++) {
		snprintf(id, sizeof(id), "k%u", i);
		write_state(i, id, "a text that is long enough to fill a page or two");
		buf_printf(&want, "2/%s=a text that is long enough to fill a page or two ", id);
	}
	EXPECT(wait_for(&troubles, 1));
	vfs_fault_set_capacity(disk, 0);
	EXPECT(wait_for(&recoveries, 1));
	store_state_checkpoint(store);
	EXPECT(wait_durable(COUNT));
	vfs_fault_power_loss(disk);
	shut();
	open_both("/disk", "bad");
	EXPECT_INT(loaded.mark.index, COUNT);
	EXPECT_STR(buf_text(&rows), buf_text(&want));
	end();
}

TEST(store_says_when_too_much_state_waits_and_when_there_is_room)
{
	enum { ROW = 1 << 20 };
	char *bytes = NEW_ARRAY(char, ROW);
	struct store_row row = { 1, "large", bytes, ROW, 1 };
	struct store_mark mark = { .index = 0 };
	unsigned count = 0;

	begin_in_memory();
	vfs_fault_hold(disk, true);
	do
		mark.index++;
	while (store_state_write(store, &row, 1, &mark) && ++count < 1000);
	EXPECT(count >= STORE_STATE_QUEUE_BYTES / ROW - 1 && count < 80);
	EXPECT_INT(rooms, 0);
	vfs_fault_hold(disk, false);
	EXPECT(wait_for(&rooms, 1));
	free(bytes);
	end();
}

static unsigned node_done, node_failed;

static void on_node(void *arg UNUSED, const struct err *e)
{
	node_done += e == NULL;
	node_failed += e != NULL;
}

TEST(store_keeps_what_the_node_must_remember)
{
	struct store_row some[] = { { 1, "data", "x", 1, 0 },
				    { 0, "t1", "run", 3, 0 },
				    { 0, "t2", "run", 3, 0 } };
	struct store_row gone = { .table = 0, .id = "t1" };

	begin_in_memory();
	EXPECT_INT(store_node_write(store, some, 3, on_node, NULL, &err), 0);
	EXPECT_INT(store_node_write(store, &gone, 1, NULL, NULL, &err), 0);
	EXPECT(wait_for(&node_done, 1));
	buf_clear(&rows);
	EXPECT_INT(store_node_load(store, 0, collect_row, &rows, &err), 0);
	EXPECT_STR(buf_text(&rows), "0/t2=run ");

	vfs_fault_fail_write_in(disk, 1);
	EXPECT_INT(store_node_write(store, some, 3, on_node, NULL, &err), 0);
	EXPECT(wait_for(&node_failed, 1));
	buf_clear(&rows);
	EXPECT_INT(store_node_load(store, 0, collect_row, &rows, &err), 0);
	EXPECT_STR(buf_text(&rows), "0/t2=run ");
	end();
}

TEST(store_refuses_when_the_disk_does_not_keep_up)
{
	enum { ROW = 1 << 20 };
	char *bytes = NEW_ARRAY(char, ROW);
	struct store_row row = { 0, "large", bytes, ROW, 0 };
	int count = 0;

	begin_in_memory();
	vfs_fault_hold(disk, true);
	while (store_node_write(store, &row, 1, NULL, NULL, &err) == 0 && count < 100)
		count++;
	EXPECT(count < 20);
	EXPECT_INT(err.code, ERR_EXHAUSTED);
	EXPECT_STR(err.text, "node.db: the disk does not keep up, 16 MiB wait for it");
	vfs_fault_hold(disk, false);
	free(bytes);
	end();
}

TEST(store_tells_nothing_of_a_cluster_that_was_closed)
{
	begin_in_memory();
	append(1);
	write_state(1, "a", "one");
	store_cluster_close(store);
	loop_run_once(loop, 50);
	EXPECT_INT(appended + failed, 0);
	EXPECT_INT(durable, 0);
	store_loaded_fini(&loaded);
	EXPECT_INT(open_cluster(), 0);
	EXPECT_INT(loaded.log.entry_count, 1);
	EXPECT_STR(buf_text(&rows), "2/a=one ");
	end();
}

TEST(store_does_not_start_anew_beside_an_orphaned_state)
{
	begin_in_memory();
	write_state(1, "a", "one");
	shut();
	struct err e;
	sqlite3_vfs *vfs = sqlite3_vfs_find("bad");
	vfs->xDelete(vfs, "/disk/raft.db", 1);
	EXPECT_INT(open_store("/disk", "bad"), 0);
	EXPECT(!store_cluster_exists(store));
	EXPECT_INT(open_cluster(), -1);
	EXPECT_STR(err.text, "/disk/raft.db is missing, but state.db is there: restore it, or move "
			     "state.db away to start anew");
	EXPECT_INT(store_cluster_wipe(store, &e), 0);
	EXPECT_INT(open_cluster(), 0);
	end();
}

/* A cluster is there whole or not at all, whenever the power goes during a wipe. */
static bool wipe_is_whole(uint64_t unplug_in)
{
	bool was_cut;

	begin_in_memory();
	append(1);
	write_state(1, "a", "one");
	store_state_checkpoint(store);
	EXPECT(wait_durable(1));
	vfs_fault_unplug_in(disk, unplug_in);
	was_cut = store_cluster_wipe(store, &err) < 0;
	shut();
	vfs_fault_power_loss(disk);

	EXPECT_INT(open_store("/disk", "bad"), 0);
	bool exists = store_cluster_exists(store);
	EXPECT(was_cut || !exists);
	EXPECT_INT(open_cluster(), 0);
	EXPECT_INT(loaded.log.entry_count, exists);
	EXPECT_INT(loaded.mark.index, exists);
	end();
	durable = appended = asked = 0;
	rows = (struct buf)BUF_INIT;
	return was_cut;
}

TEST(store_wipes_a_cluster_whole_or_not_at_all)
{
	uint64_t unplug_in = 1;

	while (wipe_is_whole(unplug_in))
		unplug_in++;
	EXPECT(unplug_in > 8);
}

/* Founding is whole or not at all, too. */
static bool making_is_whole(uint64_t unplug_in)
{
	struct store_self self = { 7, "cluster", "node" };
	struct store_entry entry = { 1, 1, 2, 0, "me", 2 };
	struct store_append first = { { 1, 0, 500 }, false, &entry, 1 };
	bool was_cut;

	loop = loop_new();
	disk = vfs_fault_new("bad", unplug_in);
	EXPECT_INT(open_store("/disk", "bad"), 0);
	vfs_fault_unplug_in(disk, unplug_in);
	was_cut = store_cluster_make(store, &self, &first, &err) < 0;
	shut();
	vfs_fault_power_loss(disk);

	EXPECT_INT(open_store("/disk", "bad"), 0);
	bool exists = store_cluster_exists(store);
	EXPECT(was_cut || exists);
	EXPECT_INT(store_cluster_make(store, &self, &first, &err), exists ? -1 : 0);
	EXPECT(!exists || err.code == ERR_CONFLICT);
	EXPECT_INT(open_cluster(), 0);
	EXPECT_INT(loaded.log.entry_count, 1);
	EXPECT_INT(loaded.log.hard.term, 1);
	EXPECT_INT(loaded.log.self.raft_id, 7);
	EXPECT_STR(loaded.log.self.node_id, "node");
	end();
	rows = (struct buf)BUF_INIT;
	return was_cut;
}

TEST(store_founds_a_cluster_whole_or_not_at_all)
{
	uint64_t unplug_in = 1;

	while (making_is_whole(unplug_in))
		unplug_in++;
	EXPECT(unplug_in > 15);
}

/* --- on a real disk ---------------------------------------------------------------------------- */

static char *make_root(void)
{
	char *root = str_dup("/tmp/store_test.XXXXXX");

	check(runner_folder(root));
	return root;
}

static unsigned mode_of(const char *root, const char *name)
{
	CLEANUP(str_freep) char *path = path_join(root, name);
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_mode & 0777;
}

TEST(store_files_are_for_root_alone)
{
	CLEANUP(str_freep) char *top = make_root();
	CLEANUP(str_freep) char *root = path_join(top, "data");

	loop = loop_new();
	open_both(root, NULL);
	append(1);
	EXPECT(wait_for(&appended, 1));
	EXPECT_INT(mode_of(top, "data"), 0700);
	EXPECT_INT(mode_of(root, "raft.db"), 0600);
	EXPECT_INT(mode_of(root, "raft.db-wal"), 0600);
	EXPECT_INT(mode_of(root, "state.db"), 0600);
	EXPECT_INT(mode_of(root, "node.db"), 0600);
	EXPECT(mode_of(root, "raft.db-shm") == 0);

	struct store *second;
	struct store_options options = { root, NULL, node_tables, ARRAY_COUNT(node_tables) };
	pid_t pid = fork(); /* the locks of a process do not hold against itself */
	if (pid == 0)
		_exit(store_open(&options, loop, &second, &err) == -1 &&
		      str_eq(err.text, "cannot write node.db: another process uses it"));
	int status;
	waitpid(pid, &status, 0);
	EXPECT_INT(WEXITSTATUS(status), 1);
	end();
	EXPECT_INT(dir_remove_tree(top, &err), 0);
}

/* Child: appends and applies as fast as it can, tells the parent what was acknowledged. */
static int tell_fd;
static uint64_t next_index, applied;

static void apply_until(uint64_t index)
{
	char text[32];

	while (applied < index) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)++applied);
		write_state(applied, text, text);
	}
}

TEST(store_replaces_all_rows_by_a_snapshot_and_the_log_by_nothing)
{
	struct store_row some[] = { { 1, "web", "v2", 2, 12 }, { 2, "t9", "x", 1, 40 } };
	struct store_mark mark = { .index = 40, .term = 3, .members = "we", .members_size = 2 };
	struct store_row late = { 2, "t10", "y", 1, 41 };
	struct store_mark mark2 = { .index = 41, .term = 3, .members = "we", .members_size = 2 };
	struct store_append forget = { { 3, 0, 500 }, true, NULL, 0 };

	begin_in_memory();
	EXPECT_INT(append(1), 0);
	EXPECT(write_state(1, "t1", "old"));
	EXPECT(store_state_replace(store, some, 2, &mark));
	EXPECT(store_state_write(store, &late, 1, &mark2));
	EXPECT(wait_durable(40));
	EXPECT_INT(store_log_append(store, &forget, on_appended, (void *)(uintptr_t)asked++, &err), 0);
	EXPECT(wait_for(&appended, 2));
	store_cluster_close(store);
	store_loaded_fini(&loaded);
	EXPECT_INT(open_cluster(), 0);
	EXPECT_STR(buf_text(&rows), "1/web=v2 2/t9=x 2/t10=y ");
	EXPECT_INT(loaded.mark.index, 41);
	EXPECT_INT(loaded.log.entry_count, 0);
	EXPECT_INT(loaded.log.hard.term, 3);

	/* and it goes on from anywhere */
	EXPECT_INT(append(42), 0);
	EXPECT(wait_for(&appended, 3));
	store_log_cut(store, 42);
	EXPECT_INT(append(43), 0);
	EXPECT(wait_for(&appended, 4));
	store_cluster_close(store);
	store_loaded_fini(&loaded);
	EXPECT_INT(open_cluster(), 0);
	EXPECT_INT(loaded.log.entry_count, 1);
	EXPECT_INT(loaded.log.entries[0].index, 43);
	end();
}

static void go_on(void *arg UNUSED, const struct err *e)
{
	uint64_t done = next_index;
	struct store_hard hard = { 1, 5, 500 };

	if (e || fd_write_all(tell_fd, &done, sizeof(done)) < 0)
		_exit(3);
	apply_until(done);
	if (done % 50 == 0) {
		store_state_checkpoint(store);
		store_log_cut(store, durable);
	}
	next_index++;
	struct store_entry entry = { next_index, 1, 1, 0, "change", 6 };
	struct store_append next = { hard, false, &entry, 1 };
	if (store_log_append(store, &next, go_on, NULL, &err) < 0)
		_exit(4);
}

_Noreturn static void be_killed(const char *root, int fd)
{
	loop = loop_new();
	tell_fd = fd;
	open_both(root, NULL);
	next_index = applied = loaded.mark.index;
	if (loaded.log.entry_count > 0)
		next_index = loaded.log.entries[loaded.log.entry_count - 1].index;
	go_on(NULL, NULL);
	loop_run(loop);
	_exit(5);
}

static uint64_t last_told(int fd)
{
	uint64_t told = 0, last = 0;

	while (read(fd, &told, sizeof(told)) == sizeof(told))
		last = told;
	close(fd);
	return last;
}

/* Returns the last entry acknowledged. */
static uint64_t run_and_kill(const char *root, useconds_t after)
{
	int fds[2], status;

	check(pipe(fds) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(fds[0]);
		be_killed(root, fds[1]);
	}
	close(fds[1]);
	usleep(after);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	EXPECT(WIFSIGNALED(status));
	return last_told(fds[0]);
}

static void expect_whole(uint64_t acknowledged)
{
	uint64_t last = loaded.mark.index, count = loaded.log.entry_count;
	CLEANUP(buf_finip) struct buf want = BUF_INIT;

	for (uint64_t i = 1; i <= loaded.mark.index; i++)
		buf_printf(&want, "2/%llu=%llu ", (unsigned long long)i, (unsigned long long)i);
	if (loaded.mark.index > 0) /* the child begins with entry 0, which is none */
		EXPECT(str_ends(buf_text(&rows), buf_text(&want)));
	if (count > 0) {
		EXPECT(loaded.log.entries[0].index <= loaded.mark.index + 1);
		last = MAX(last, loaded.log.entries[count - 1].index);
	}
	EXPECT(last >= acknowledged);
}

TEST_TIMEOUT(store_keeps_what_it_acknowledged_when_killed, 600)
{
	CLEANUP(str_freep) char *root = make_root();
	struct rng rng;
	uint64_t acknowledged = 0;

	rng_seed(&rng, 7);
	/* a slow disk may need more of them until there was something to lose */
	for (int i = 0; i < 15 || (acknowledged <= 50 && i < 150); i++) {
		acknowledged =
			MAX(acknowledged, run_and_kill(root, (useconds_t)rng_below(&rng, 150000)));
		loop = loop_new();
		open_both(root, NULL);
		expect_whole(acknowledged);
		shut();
		loop_free(loop);
	}
	EXPECT(acknowledged > 50);
	buf_fini(&rows);
	EXPECT_INT(dir_remove_tree(root, &err), 0);
}
