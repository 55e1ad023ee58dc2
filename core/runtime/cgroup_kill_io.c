/* cgroup_kill_io.c - the end of a container's groups: everything in them killed, waited for, and the directories removed. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/file.h"
#include "runtime/cgroup_io.h"
#include "runtime/cgroup_path.h"
#include "runtime/kcall_io.h"

enum { PROCS_MAX_BYTES = 1 << 20, KILL_WAIT_MS = 10000 };

/* Until cgroup.events has this number behind the word; POLLPRI on it tells when one changes (cgroup-v2, "populated notification"). */
static bool wait_for_event(const char *dir, const char *word, uint64_t wanted, msec deadline)
{
	CLEANUP(fd_closep) int fd = open(path_below(dir, "cgroup.events").text, O_RDONLY | O_CLOEXEC);
	char text[256];

	for (;;) {
		ssize_t length = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);

		if (length < 0)
			return errno == ENOENT || errno == ENODEV;
		text[length] = '\0';
		if (cgroup_count_of(text, word) == wanted)
			return true;
		msec left = deadline - clock_boot_ms();
		struct pollfd wait = { .fd = fd, .events = POLLPRI };

		if (left <= 0 || poll(&wait, 1, (int)left) == 0)
			return false;
	}
}

static bool wait_until_empty(const char *dir, msec deadline)
{
	return wait_for_event(dir, "populated", 0, deadline);
}

static void read_pids(const char *dir, struct buf *out)
{
	struct err ignored;

	buf_clear(out);
	file_read(path_below(dir, "cgroup.procs").text, PROCS_MAX_BYTES, out, &ignored);
}

static bool lists_pid(const char *text, long pid)
{
	while (*text) {
		char *end;

		if (strtol(text, &end, 10) == pid)
			return true;
		text = *end ? end + 1 : end;
	}
	return false;
}

/* For hosts without cgroup.kill. A pid that is in the group before and after its pidfd was opened is the one that is meant. */
static bool kill_listed(const char *dir, msec deadline)
{
	CLEANUP(buf_finip) struct buf before = BUF_INIT;
	CLEANUP(buf_finip) struct buf after = BUF_INIT;

	for (;;) {
		read_pids(dir, &before);
		long pid = strtol(buf_text(&before), NULL, 10);

		if (pid <= 0)
			return true;
		if (clock_boot_ms() >= deadline)
			return false;
		CLEANUP(fd_closep) int pidfd = kcall_pidfd_open((pid_t)pid);
		struct pollfd wait = { .fd = pidfd, .events = POLLIN };

		read_pids(dir, &after);
		if (pidfd < 0 || !lists_pid(buf_text(&after), pid))
			continue;
		kcall_pidfd_signal(pidfd, SIGKILL);
		poll(&wait, 1, (int)MAX(deadline - clock_boot_ms(), 0));
	}
}

static bool kill_v2(const char *dir, msec deadline)
{
	struct err ignored;

	if (!file_exists(dir))
		return true;
	if (file_poke(path_below(dir, "cgroup.kill").text, "1", &ignored) == 0)
		return wait_until_empty(dir, deadline);
	/* before Linux 5.14 */
	return kill_listed(path_below(dir, "ctr").text, deadline) && kill_listed(path_below(dir, "shim").text, deadline) &&
	       wait_until_empty(dir, deadline);
}

int cgroup_kill(const struct cgroup_host *host, const char *id, struct err *err)
{
	const struct cgroup_layout *layout = &host->layout;
	msec deadline = clock_boot_ms() + KILL_WAIT_MS;
	bool is_gone = true;

	if (layout->v2_mount[0])
		is_gone = kill_v2(path_of(layout->v2_mount, host->parent, id).text, deadline);
	for (size_t i = 0; is_gone && i < layout->v1_count; i++)
		is_gone = kill_listed(path_of(layout->v1[i].mount, host->parent, id).text, deadline);
	return is_gone ? 0 : err_set(err, ERR_IO, "container %.12s: its processes do not end", id);
}

/* Groups that the container made inside its own go first. Processes may need a moment more to leave than to die. */
static int remove_group(const char *dir, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };
	struct err ignored;

	if (rmdir(dir) == 0 || errno == ENOENT || errno == ENODEV)
		return 0;
	if (dir_list(dir, &names, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < names.count; i++) {
		struct group_path below = path_below(dir, names.items[i]);
		struct stat st;

		if (lstat(below.text, &st) == 0 && S_ISDIR(st.st_mode) && remove_group(below.text, err) < 0)
			return -1;
	}
	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	wait_until_empty(dir, clock_boot_ms() + KILL_WAIT_MS);
	return rmdir(dir) == 0 || errno == ENOENT ? 0 : err_sys(err, "rmdir '%s'", dir);
}

int cgroup_remove(const struct cgroup_host *host, const char *id, struct err *err)
{
	const struct cgroup_layout *layout = &host->layout;

	if (layout->v2_mount[0]) {
		struct group_path dir = path_of(layout->v2_mount, host->parent, id);

		rmdir(path_below(dir.text, "ctr").text);
		rmdir(path_below(dir.text, "shim").text);
		if (remove_group(dir.text, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < layout->v1_count; i++)
		if (remove_group(path_of(layout->v1[i].mount, host->parent, id).text, err) < 0)
			return -1;
	return 0;
}

int cgroup_freeze(const struct cgroup_host *host, const char *id, bool is_frozen, struct err *err)
{
	struct err ignored;

	if (!host->layout.v2_mount[0])
		return err_set(err, ERR_UNSUPPORTED, "a container is paused by cgroup v2, which this host does not have");
	struct group_path ctr = path_below(path_of(host->layout.v2_mount, host->parent, id).text, "ctr"), file = path_below(ctr.text, "cgroup.freeze");

	if (file_poke(file.text, is_frozen ? "1" : "0", err) < 0)
		return -1;
	if (wait_for_event(ctr.text, "frozen", is_frozen, clock_boot_ms() + KILL_WAIT_MS))
		return 0;
	file_poke(file.text, "0", &ignored);
	return err_set(err, ERR_IO, "container %.12s: its processes do not %s", id, is_frozen ? "stand still" : "go on");
}

bool cgroup_is_frozen(const struct cgroup_host *host, const char *id)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err ignored;

	if (!host->layout.v2_mount[0])
		return false;
	struct group_path ctr = path_below(path_of(host->layout.v2_mount, host->parent, id).text, "ctr");

	return file_read(path_below(ctr.text, "cgroup.freeze").text, 64, &text, &ignored) == 0 && buf_text(&text)[0] == '1';
}
