#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "test/unit/runner.h"

static char folder[] = "/tmp/file-XXXXXX";

/* Every test is a process of its own and works in a folder of its own. */
static void enter_folder(void)
{
	EXPECT(runner_folder(folder) && chdir(folder) == 0);
}

static void leave_folder(void)
{
	struct err err = { 0 };

	EXPECT(chdir("/") == 0);
	EXPECT_INT(dir_remove_tree(folder, &err), 0);
	EXPECT_STR(err.text, "");
	EXPECT(!file_exists(folder));
}

static void put(const char *path, const char *text)
{
	struct err err = { 0 };

	EXPECT_INT(file_write_atomic(path, text, strlen(text), 0600, &err), 0);
}

static void expect_content(const char *path, const char *want)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	struct err err = { 0 };

	EXPECT_INT(file_read(path, 1 << 20, &got, &err), 0);
	EXPECT_STR(buf_text(&got), want);
}

TEST(file_is_read_up_to_its_bound)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	struct err err = { 0 };

	enter_folder();
	put("f", "12345");
	EXPECT_INT(file_read("f", 5, &got, &err), 0);
	EXPECT_STR(buf_text(&got), "12345");
	EXPECT_INT(file_read("f", 4, &got, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_STR(err.text, "file 'f': larger than 4 bytes");
	EXPECT_STR(buf_text(&got), "12345");         /* as before */
	EXPECT_INT(file_read("f", 100, &got, &err), 0);
	EXPECT_STR(buf_text(&got), "1234512345");
	leave_folder();
}

TEST(file_larger_than_the_buffer_may_be_is_refused)
{
	CLEANUP(buf_finip) struct buf got = { .ceiling = 100000 };
	struct err err = { 0 };

	enter_folder();
	EXPECT(truncate("f", 0) < 0);
	put("f", "");
	EXPECT(truncate("f", 200000) == 0);
	EXPECT_INT(file_read("f", 1 << 20, &got, &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	leave_folder();
}

TEST(file_that_is_missing_is_not_found_by_name)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	struct strlist names = { 0 };
	struct err err = { 0 };

	EXPECT_INT(file_read("/no/such", 10, &got, &err), -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	EXPECT_STR(err.text, "open '/no/such': No such file or directory");
	EXPECT_INT(dir_list("/no/such", &names, &err), -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	EXPECT_INT(file_poke("/no/such", "1", &err), -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	EXPECT_INT(file_read("/", 10, &got, &err), -1);
	EXPECT_INT(err.code, ERR_IO);
	EXPECT(!file_exists("/no/such") && file_exists("/"));
}

TEST(file_read_does_not_hang_on_a_fifo)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	struct err err = { 0 };

	enter_folder();
	EXPECT(mkfifo("pipe", 0600) == 0);
	EXPECT_INT(file_read("pipe", 10, &got, &err), 0);
	EXPECT_INT(got.len, 0);
	leave_folder();
}

TEST(files_of_proc_are_read_though_they_say_they_are_empty)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	struct err err = { 0 };

	EXPECT_INT(file_read("/proc/self/status", 1 << 20, &got, &err), 0);
	EXPECT(str_starts(buf_text(&got), "Name:"));
	int dir = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	buf_clear(&got);
	EXPECT_INT(file_read_at(dir, "stat", 1 << 20, &got, &err), 0);
	EXPECT(got.len > 10);
	close(dir);
}

static void expect_replaced(int (*write_file)(const char *, const void *, size_t, mode_t,
					      struct err *))
{
	struct strlist names = { 0 };
	struct err err = { 0 };
	struct stat st;

	enter_folder();
	umask(077);
	EXPECT_INT(write_file("f", "old", 3, 0644, &err), 0);
	int reader = open("f", O_RDONLY | O_CLOEXEC);
	EXPECT_INT(write_file("f", "newer", 5, 0640, &err), 0);
	expect_content("f", "newer");
	char text[8] = "";
	EXPECT_INT(read(reader, text, sizeof(text)), 3);     /* who had it open keeps the old one */
	close(reader);
	EXPECT(stat("f", &st) == 0 && (st.st_mode & 07777) == 0640);

	EXPECT_INT(write_file("missing/f", "x", 1, 0600, &err), -1);
	EXPECT_INT(err.code, ERR_NOT_FOUND);
	EXPECT_STR(err.text, "create 'missing/f': No such file or directory");
	EXPECT(mkdir("d", 0700) == 0 && mkdir("d/x", 0700) == 0);
	EXPECT_INT(write_file("d", "x", 1, 0600, &err), -1);
	EXPECT_INT(dir_list(".", &names, &err), 0);
	EXPECT_INT(names.count, 2);                          /* no temporary name is left */
	strlist_fini(&names);
	leave_folder();
}

TEST(file_is_replaced_as_a_whole)
{
	expect_replaced(file_write_atomic);
}

TEST(file_is_replaced_as_a_whole_and_durably)
{
	expect_replaced(file_write_durable);
}

TEST(file_that_does_not_fit_leaves_the_old_one)
{
	struct rlimit small = { 1000, RLIM_INFINITY }, large = { RLIM_INFINITY, RLIM_INFINITY };
	struct strlist names = { 0 };
	struct err err = { 0 };
	char block[4000] = { 0 };

	enter_folder();
	put("f", "old");
	signal(SIGXFSZ, SIG_IGN);
	EXPECT(setrlimit(RLIMIT_FSIZE, &small) == 0);
	EXPECT_INT(file_write_durable("f", block, sizeof(block), 0600, &err), -1);
	EXPECT_STR(err.text, "write 'f': File too large");
	setrlimit(RLIMIT_FSIZE, &large);
	expect_content("f", "old");
	EXPECT_INT(dir_list(".", &names, &err), 0);
	EXPECT_INT(names.count, 1);
	strlist_fini(&names);
	leave_folder();
}

TEST(poke_writes_into_what_exists_and_says_what_was_refused)
{
	struct err err = { 0 };

	enter_folder();
	put("f", "abcdef");
	EXPECT_INT(file_poke("f", "XY", &err), 0);
	expect_content("f", "XYcdef");
	EXPECT_INT(file_poke("/proc/self/oom_score_adj", "99999", &err), -1);
	EXPECT_STR(err.text, "write '99999' to '/proc/self/oom_score_adj': Invalid argument");
	leave_folder();
}

TEST(folders_are_made_with_their_parents)
{
	struct err err = { 0 };
	struct stat st;

	enter_folder();
	umask(0);
	EXPECT_INT(dir_make("a/b//c/", 0750, &err), 0);
	EXPECT(stat("a/b/c", &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 07777) == 0750);
	EXPECT_INT(dir_make("a/b/c", 0700, &err), 0);
	EXPECT_INT(dir_make("/", 0700, &err), 0);
	EXPECT_INT(dir_sync("a", &err), 0);
	put("file", "x");
	EXPECT_INT(dir_make("file", 0700, &err), -1);
	EXPECT_STR(err.text, "create folder 'file': it is a file");
	EXPECT_INT(dir_make("file/x", 0700, &err), -1);
	EXPECT_INT(dir_make("", 0700, &err), -1);
	EXPECT_INT(dir_sync("nothing", &err), -1);
	leave_folder();
}

TEST(folders_have_the_mode_that_was_asked_for_whatever_the_umask)
{
	struct err err = { 0 };
	struct stat st;

	enter_folder();
	mode_t before = umask(0077);
	EXPECT_INT(dir_make("open/door", 0755, &err), 0);
	umask(before);
	EXPECT(stat("open", &st) == 0 && (st.st_mode & 07777) == 0755);
	EXPECT(stat("open/door", &st) == 0 && (st.st_mode & 07777) == 0755);
	leave_folder();
}

/* -1 where the file system has no such flags. */
static int flags_of(const char *path)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int flags;

	EXPECT(fd >= 0);
	return ioctl(fd, FS_IOC_GETFLAGS, &flags) < 0 ? -1 : flags;
}

static bool takes_flags(const char *path, int flags)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return ioctl(fd, FS_IOC_SETFLAGS, &flags) == 0;
}

TEST(folders_are_spread_where_the_file_system_can_and_keep_their_other_flags)
{
	enter_folder();
	EXPECT(mkdir("yardstick", 0700) == 0 && mkdir("spread", 0700) == 0);
	int before = flags_of("spread"), own = takes_flags("spread", before | FS_NODUMP_FL) ? FS_NODUMP_FL : 0;
	int wanted = takes_flags("yardstick", flags_of("yardstick") | FS_TOPDIR_FL) ? FS_TOPDIR_FL : 0;

	dir_spread("spread");
	EXPECT_INT(flags_of("spread"), before < 0 ? -1 : before | own | wanted);
	dir_spread("spread");
	EXPECT_INT(flags_of("spread"), before < 0 ? -1 : before | own | wanted);
	dir_spread("missing");           /* only a hint */
	EXPECT(!file_exists("missing"));
	leave_folder();
}

TEST(folders_are_listed_in_order)
{
	struct strlist names = { 0 };
	struct err err = { 0 };

	enter_folder();
	put("b", "");
	put("a", "");
	put(".c", "");
	EXPECT_INT(dir_list(".", &names, &err), 0);
	EXPECT_INT(names.count, 3);
	EXPECT_STR(names.items[0], ".c");
	EXPECT_STR(names.items[1], "a");
	EXPECT_STR(names.items[2], "b");
	strlist_fini(&names);
	EXPECT_INT(dir_list("a", &names, &err), -1);
	EXPECT(names.items == NULL);
	leave_folder();
}

TEST(tree_is_removed_with_everything_in_it)
{
	struct err err = { 0 };
	char name[64];

	enter_folder();
	EXPECT_INT(dir_make("tree/a/b/c", 0700, &err), 0);
	EXPECT_INT(dir_make("tree/empty", 0, &err), 0);
	put("tree/a/file", "x");
	EXPECT(mkfifo("tree/a/pipe", 0) == 0);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "tree/a/b/%d", i);
		put(name, "");
	}
	EXPECT_INT(dir_remove_tree("tree/", &err), 0);
	EXPECT(!file_exists("tree"));
	EXPECT_INT(dir_remove_tree("tree", &err), 0);        /* missing is fine */
	EXPECT_INT(dir_remove_tree("missing/tree", &err), 0);
	put("file", "x");
	EXPECT_INT(dir_remove_tree("file", &err), 0);
	EXPECT(!file_exists("file"));
	leave_folder();
}

TEST(tree_removal_does_not_follow_links)
{
	struct err err = { 0 };

	enter_folder();
	EXPECT_INT(dir_make("outside/d", 0700, &err), 0);
	put("outside/keep", "x");
	EXPECT_INT(dir_make("tree", 0700, &err), 0);
	EXPECT(symlink("../outside", "tree/link") == 0);
	EXPECT(symlink("/", "tree/root") == 0);
	EXPECT(symlink("nowhere", "tree/dangling") == 0);
	EXPECT(symlink("outside", "top") == 0);
	EXPECT_INT(dir_remove_tree("tree", &err), 0);
	EXPECT_INT(dir_remove_tree("top", &err), 0);         /* the link itself */
	EXPECT(!file_exists("tree") && !file_exists("top"));
	EXPECT(file_exists("outside/keep") && file_exists("outside/d"));
	leave_folder();
}

/* A mount namespace of our own; as a user one of his own as well. */
static bool enter_mount_namespace(void)
{
	return (unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0) &&
	       mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

TEST(tree_removal_does_not_enter_mounts)
{
	struct err err = { 0 };

	enter_folder();
	EXPECT(enter_mount_namespace());
	EXPECT_INT(dir_make("volume", 0700, &err), 0);
	put("volume/keep", "x");
	EXPECT_INT(dir_make("tree/a/mnt", 0700, &err), 0);
	/* The same file system: st_dev tells nothing. */
	EXPECT(mount("volume", "tree/a/mnt", NULL, MS_BIND, NULL) == 0);
	EXPECT_INT(dir_remove_tree("tree", &err), -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	EXPECT_STR(err.text, "remove 'tree': something is mounted at 'mnt' in it");
	EXPECT_INT(dir_remove_tree("tree/a/mnt", &err), -1);
	EXPECT(file_exists("volume/keep"));
	EXPECT(umount("tree/a/mnt") == 0);

	put("tree/file", "x");
	EXPECT(mount("volume/keep", "tree/file", NULL, MS_BIND, NULL) == 0);
	EXPECT_INT(dir_remove_tree("tree", &err), -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	EXPECT(umount("tree/file") == 0);
	EXPECT_INT(dir_remove_tree("tree", &err), 0);
	EXPECT(file_exists("volume/keep"));
	leave_folder();
}

TEST(tree_deeper_than_descriptors_reach_is_removed)
{
	struct rlimit few = { 200, 200 };
	struct err err = { 0 };
	int depth = 0;

	enter_folder();
	EXPECT(mkdir("tree", 0700) == 0 && chdir("tree") == 0);
	/* A name the removal would like to use. */
	EXPECT(mkdir(".moved-0", 0700) == 0 && mkdir(".moved-0/x", 0700) == 0);
	while (depth < 3000 && mkdir("deep", 0700) == 0 && chdir("deep") == 0) {
		put("f", "");
		depth++;
	}
	EXPECT_INT(depth, 3000);
	EXPECT(chdir(folder) == 0);
	setrlimit(RLIMIT_NOFILE, &few);
	EXPECT_INT(dir_remove_tree("tree", &err), 0);
	EXPECT_STR(err.text, "");
	EXPECT(!file_exists("tree"));
	leave_folder();
}

TEST(tree_removal_refuses_what_is_no_name)
{
	struct err err = { 0 };

	enter_folder();
	put("keep", "x");
	EXPECT_INT(dir_remove_tree(".", &err), -1);
	EXPECT_INT(dir_remove_tree("..", &err), -1);
	EXPECT_INT(dir_remove_tree("", &err), -1);
	EXPECT_INT(dir_remove_tree("/", &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT(file_exists("keep"));
	leave_folder();
}

TEST(lock_conflict_names_the_process_that_holds_it)
{
	struct err err = { 0 };
	int fd = -1, go[2];
	char want[128], byte;

	enter_folder();
	EXPECT(pipe(go) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		int locked = -1;
		close(go[0]);
		if (file_lock("lock", &locked, &err) < 0 || write(go[1], "x", 1) < 0)
			_exit(1);
		pause();
	}
	EXPECT(read(go[0], &byte, 1) == 1);
	EXPECT_INT(file_lock("lock", &fd, &err), -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	snprintf(want, sizeof(want), "lock 'lock': held by process %d", (int)pid);
	EXPECT_STR(err.text, want);
	EXPECT_INT(fd, -1);

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_INT(file_lock("lock", &fd, &err), 0);         /* gone with its process */
	snprintf(want, sizeof(want), "%d\n", (int)getpid());
	expect_content("lock", want);
	int second = -1;
	EXPECT_INT(file_lock("lock", &second, &err), -1);    /* also within one process */
	EXPECT(ftruncate(fd, 0) == 0);
	EXPECT_INT(file_lock("lock", &second, &err), -1);
	EXPECT_STR(err.text, "lock 'lock': held by another process");
	close(fd);
	EXPECT_INT(file_lock("lock", &second, &err), 0);
	close(second);
	close(go[0]);
	close(go[1]);
	leave_folder();
}

TEST(a_lock_whose_holder_was_killed_is_had_when_its_last_child_lets_go)
{
	int go[2], fd = -1;
	struct err err;
	char byte;

	enter_folder();
	EXPECT(pipe(go) == 0);
	pid_t pid = fork();
	if (pid == 0) {
		int locked;
		if (file_lock("lock", &locked, &err) < 0)
			_exit(1);
		if (fork() == 0) {      /* not yet at its exec, for a while */
			usleep(200000);
			_exit(0);
		}
		_exit(write(go[1], "x", 1) != 1);
	}
	EXPECT(read(go[0], &byte, 1) == 1);
	waitpid(pid, NULL, 0);
	EXPECT_INT(file_lock("lock", &fd, &err), 0);
	close(fd);
	close(go[0]);
	close(go[1]);
	leave_folder();
}

static void expect_join(const char *a, const char *b, const char *want)
{
	char *path = path_join(a, b);

	EXPECT_STR(path, want);
	free(path);
}

TEST(paths_are_joined_by_one_slash)
{
	expect_join("a", "b", "a/b");
	expect_join("a/", "b", "a/b");
	expect_join("a//", "/b/c", "a/b/c");
	expect_join("/", "b", "/b");
	expect_join("", "b", "b");
	expect_join("/a", "", "/a/");
}

TEST(descriptors_are_handed_out_once)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), copy = fd;

	EXPECT_INT(fd_set_nonblocking(fd, true), 0);
	EXPECT(fcntl(fd, F_GETFL) & O_NONBLOCK);
	EXPECT_INT(fd_set_nonblocking(fd, false), 0);
	EXPECT(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
	EXPECT_INT(fd_take(&fd), copy);
	EXPECT_INT(fd, -1);
	errno = ENOENT;
	fd_closep(&fd);
	fd_closep(&copy);
	EXPECT_INT(copy, -1);
	EXPECT_INT(errno, ENOENT);
	EXPECT_INT(fd_set_nonblocking(-1, true), -1);
	EXPECT_INT(fd_write_all(-1, "x", 1), -1);
}
