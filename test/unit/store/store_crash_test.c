/* What is left when the power goes, or the process is killed, and who may read it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/rng.h"
#include "base/str.h"
#include "os/file.h"
#include "test/unit/runner.h"
#include "test/unit/store/store_rig.h"

/* A cluster is there whole or not at all, whenever the power goes during a wipe. */
static bool wipe_is_whole(uint64_t unplug_in)
{
	bool was_cut;

	rig_begin();
	rig_append(1);
	rig_write_state(1, "a", "one");
	store_state_checkpoint(rig.store);
	EXPECT(rig_wait_durable(1));
	vfs_fault_unplug_in(rig.disk, unplug_in);
	was_cut = store_cluster_wipe(rig.store, &rig.err) < 0;
	rig_shut();
	vfs_fault_power_loss(rig.disk);

	EXPECT_INT(rig_open_store("/disk", "bad"), 0);
	bool exists = store_cluster_exists(rig.store);
	EXPECT(was_cut || !exists);
	EXPECT_INT(rig_open_cluster(), 0);
	EXPECT_INT(rig.loaded.log.entry_count, exists);
	EXPECT_INT(rig.loaded.mark.index, exists);
	rig_end();
	rig.durable = rig.appended = rig.asked = 0;
	rig.rows = (struct buf)BUF_INIT;
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

	rig.loop = loop_new();
	rig.disk = vfs_fault_new("bad", unplug_in);
	EXPECT_INT(rig_open_store("/disk", "bad"), 0);
	vfs_fault_unplug_in(rig.disk, unplug_in);
	was_cut = store_cluster_make(rig.store, &self, &first, &rig.err) < 0;
	rig_shut();
	vfs_fault_power_loss(rig.disk);

	EXPECT_INT(rig_open_store("/disk", "bad"), 0);
	bool exists = store_cluster_exists(rig.store);
	EXPECT(was_cut || exists);
	EXPECT_INT(store_cluster_make(rig.store, &self, &first, &rig.err), exists ? -1 : 0);
	EXPECT(!exists || rig.err.code == ERR_CONFLICT);
	EXPECT_INT(rig_open_cluster(), 0);
	EXPECT_INT(rig.loaded.log.entry_count, 1);
	EXPECT_INT(rig.loaded.log.hard.term, 1);
	EXPECT_INT(rig.loaded.log.self.raft_id, 7);
	EXPECT_STR(rig.loaded.log.self.node_id, "node");
	rig_end();
	rig.rows = (struct buf)BUF_INIT;
	return was_cut;
}

TEST(store_founds_a_cluster_whole_or_not_at_all)
{
	uint64_t unplug_in = 1;

	while (making_is_whole(unplug_in))
		unplug_in++;
	EXPECT(unplug_in > 15);
}

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

	rig.loop = loop_new();
	rig_open(root, NULL);
	rig_append(1);
	EXPECT(rig_wait(&rig.appended, 1));
	EXPECT_INT(mode_of(top, "data"), 0700);
	EXPECT_INT(mode_of(root, "raft.db"), 0600);
	EXPECT_INT(mode_of(root, "raft.db-wal"), 0600);
	EXPECT_INT(mode_of(root, "state.db"), 0600);
	EXPECT_INT(mode_of(root, "node.db"), 0600);
	EXPECT(mode_of(root, "raft.db-shm") == 0);

	struct store *second;
	struct store_options options = { root, NULL, rig_node_tables, ARRAY_COUNT(rig_node_tables) };
	pid_t pid = fork(); /* the locks of a process do not hold against itself */
	if (pid == 0)
		_exit(store_open(&options, rig.loop, &second, &rig.err) == -1 &&
		      str_eq(rig.err.text, "cannot write node.db: another process uses it"));
	int status;
	waitpid(pid, &status, 0);
	EXPECT_INT(WEXITSTATUS(status), 1);
	rig_end();
	EXPECT_INT(dir_remove_tree(top, &rig.err), 0);
}

/* Child: appends and applies as fast as it can, tells the parent what was acknowledged. */
static int tell_fd;
static uint64_t next_index, applied;

static void apply_until(uint64_t index)
{
	char text[32];

	while (applied < index) {
		snprintf(text, sizeof(text), "%llu", (unsigned long long)++applied);
		rig_write_state(applied, text, text);
	}
}

static void go_on(void *arg UNUSED, const struct err *e)
{
	uint64_t done = next_index;
	struct store_hard hard = { 1, 5, 500 };

	if (e || fd_write_all(tell_fd, &done, sizeof(done)) < 0)
		_exit(3);
	apply_until(done);
	if (done % 50 == 0) {
		store_state_checkpoint(rig.store);
		store_log_cut(rig.store, rig.durable);
	}
	next_index++;
	struct store_entry entry = { next_index, 1, 1, 0, "change", 6 };
	struct store_append next = { hard, false, &entry, 1 };
	if (store_log_append(rig.store, &next, go_on, NULL, &rig.err) < 0)
		_exit(4);
}

_Noreturn static void be_killed(const char *root, int fd)
{
	rig.loop = loop_new();
	tell_fd = fd;
	rig_open(root, NULL);
	next_index = applied = rig.loaded.mark.index;
	if (rig.loaded.log.entry_count > 0)
		next_index = rig.loaded.log.entries[rig.loaded.log.entry_count - 1].index;
	go_on(NULL, NULL);
	loop_run(rig.loop);
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
	uint64_t last = rig.loaded.mark.index, count = rig.loaded.log.entry_count;
	CLEANUP(buf_finip) struct buf want = BUF_INIT;

	for (uint64_t i = 1; i <= rig.loaded.mark.index; i++)
		buf_printf(&want, "2/%llu=%llu ", (unsigned long long)i, (unsigned long long)i);
	if (rig.loaded.mark.index > 0) /* the child begins with entry 0, which is none */
		EXPECT(str_ends(buf_text(&rig.rows), buf_text(&want)));
	if (count > 0) {
		EXPECT(rig.loaded.log.entries[0].index <= rig.loaded.mark.index + 1);
		last = MAX(last, rig.loaded.log.entries[count - 1].index);
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
		rig.loop = loop_new();
		rig_open(root, NULL);
		expect_whole(acknowledged);
		rig_shut();
		loop_free(rig.loop);
	}
	EXPECT(acknowledged > 50);
	buf_fini(&rig.rows);
	EXPECT_INT(dir_remove_tree(root, &rig.err), 0);
}
