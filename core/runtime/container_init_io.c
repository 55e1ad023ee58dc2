/* container_init_io.c - from a fresh process in fresh namespaces to the user's program.
 *
 *   spec -> join cgroups -> cgroup namespace -> open mount sources -> private mounts -> root -> hosts, resolv.conf -> pivot -> mounts -> /dev
 *   -> sysctls -> hidden paths -> read-only root -> user, cwd, stdio -> limits, filter, identity -> gate -> exec
 */
#include "runtime/container_init_io.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "runtime/cgroup_io.h"
#include "runtime/container_files.h"
#include "runtime/inroot_io.h"
#include "runtime/kcall_io.h"
#include "runtime/mounts_io.h"
#include "runtime/process_io.h"
#include "runtime/program_io.h"
#include "runtime/reaper_io.h"
#include "runtime/rootfs_io.h"
#include "runtime/shim_plan.h"

enum { ARENA_BYTES = 64 << 20, RESOLV_MAX_BYTES = 65536, OWN_FILES = 3 };

struct init {
	struct shim_plan plan;
	const struct container_spec *spec;
	struct arena arena;
	struct mount_plan mounts;
	struct mount_source *sources;
	struct device_nodes nodes;
	struct process process;
	struct buf host_resolv;
	int own_trees[OWN_FILES];        /* detached mounts of own_files */
};

/* --- namespaces and root ----------------------------------------------------------------------- */

static int set_names(struct init *init, struct err *err)
{
	const char *hostname = container_files_hostname(init->spec, &init->arena), *domain = init->spec->domainname;

	if (!str_is_empty(domain) && setdomainname(domain, strlen(domain)) < 0)
		return err_sys(err, "set domain name '%s'", domain);
	/* with the host's network its name stays as well, as Docker has it */
	if (init->spec->network == CONTAINER_NET_HOST && str_is_empty(init->spec->hostname))
		return 0;
	return sethostname(hostname, strlen(hostname)) < 0 ? err_sys(err, "set host name '%s'", hostname) : 0;
}

static int enter_namespaces(struct init *init, struct err *err)
{
	if (cgroup_join(&init->plan, err) < 0 || process_set_oom_score(init->spec->oom_score_adj, err) < 0)
		return -1;
	if (unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(err, "make a cgroup namespace");
	return set_names(init, err);
}

/* Where systemd-resolved stands in front, the host's file names only itself, on a loopback address that is another one inside. */
static void read_host_resolv(struct init *init)
{
	static const char behind_resolved[] = "/run/systemd/resolve/resolv.conf";
	struct err ignored;

	if (!init->spec->uses_host_dns)
		return;
	file_read("/etc/resolv.conf", RESOLV_MAX_BYTES, &init->host_resolv, &ignored);
	if (init->spec->network != CONTAINER_NET_HOST && strstr(buf_text(&init->host_resolv), "127.0.0.53") &&
	    file_exists(behind_resolved)) {
		buf_clear(&init->host_resolv);
		file_read(behind_resolved, RESOLV_MAX_BYTES, &init->host_resolv, &ignored);
	}
}

static const char *const own_files[OWN_FILES] = { "hostname", "hosts", "resolv.conf" };

static void write_text(const struct init *init, size_t file, struct buf *ret)
{
	buf_clear(ret);
	switch (file) {
	case 0: buf_printf(ret, "%s\n", container_files_hostname(init->spec, init->process.arena)); break;
	case 1: container_files_hosts(init->spec, ret); break;
	case 2: container_files_resolv(init->spec, buf_text(&init->host_resolv), ret); break;
	}
}

/* From a tmpfs of their own: no inode on disk, no copy of the image's /etc, and a container that fills one up fills only that. It lies over the directory
 * that we are in, among the host's mounts, and goes with them: a mount that is taken off by itself would cost a grace period of RCU. */
static int make_files(struct init *init, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(fd_closep) int dir = -1;

	if (mount("tmpfs", init->plan.dir, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m") < 0)
		return err_sys(err, "mount tmpfs at '%s'", init->plan.dir);
	dir = open(init->plan.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, "open '%s'", init->plan.dir);
	for (size_t i = 0; i < OWN_FILES; i++) {
		CLEANUP(fd_closep) int fd = openat(dir, own_files[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		write_text(init, i, &text);
		if (fd < 0 || fchmod(fd, 0644) < 0 || fd_write_all(fd, text.data, text.len) < 0)
			return err_sys(err, "write the container's '%s'", own_files[i]);
		init->own_trees[i] = kcall_open_tree(dir, own_files[i], KCALL_TREE_CLONE | KCALL_TREE_CLOEXEC);
		if (init->own_trees[i] < 0)
			return err_sys(err, "mount the container's '%s'", own_files[i]);
	}
	return 0;
}

static int enter_root(struct init *init, struct err *err)
{
	read_host_resolv(init);
	/* of the mount that cannot be written to, which has no name any more once we are inside */
	if (init->spec->uses_init && (init->process.self_fd = open("/proc/self/exe", O_PATH | O_CLOEXEC)) < 0)
		return err_sys(err, "open our own binary");
	init->mounts = mounts_plan(&init->plan, &init->arena);
	if (mounts_open_sources(&init->mounts, &init->arena, &init->sources, err) < 0 ||
	    mounts_look_at_devices(init->spec, &init->arena, &init->nodes, err) < 0)
		return -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(err, "make the mounts private");
	if (!init->plan.uses_overlay && rootfs_copy(&init->plan, err) < 0)
		return -1;
	if (rootfs_mount(&init->plan, err) < 0 || make_files(init, err) < 0 || rootfs_enter(&init->plan, err) < 0)
		return -1;
	init->process.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return init->process.root_fd < 0 ? err_sys(err, "open the container's root") : 0;
}

/* Over their places, as Docker does it. */
static int mount_files(struct init *init, struct err *err)
{
	for (size_t i = 0; i < OWN_FILES; i++) {
		char path[64];
		CLEANUP(fd_closep) int target = -1;

		snprintf(path, sizeof path, "/etc/%s", own_files[i]);
		if (inroot_make_regular(init->process.root_fd, path, &target, err) < 0)
			return -1;
		if (kcall_move_mount(init->own_trees[i], target) < 0)
			return err_sys(err, "mount '%s'", path);
		fd_closep(&init->own_trees[i]);
		init->own_trees[i] = -1;
	}
	return 0;
}

/* Our networks have IPv4 only, and so has a link to them: by an address that it gave itself it would reach neighbours and the host past what IPv4 is told
 * (CVE-2024-32473). Links that come later begin like this; lo is there already. */
static void forbid_ipv6(const struct init *init)
{
	CLEANUP(fd_closep) int fd = init->spec->network == CONTAINER_NET_HOST ? -1
				    : mounts_open_sysctl(init->process.root_fd, "net/ipv6/conf/default/disable_ipv6");

	if (fd >= 0)
		fd_write_all(fd, "1", 1);
}

static int write_sysctls(struct init *init, struct err *err)
{
	const struct container_pairs *sysctls = &init->spec->sysctls;

	forbid_ipv6(init);

	for (size_t i = 0; i < sysctls->count; i++) {
		char *path = arena_strdup(&init->arena, sysctls->items[i].key);

		for (char *dot = path; (dot = strchr(dot, '.'));)
			*dot = '/';
		CLEANUP(fd_closep) int fd = mounts_open_sysctl(init->process.root_fd, path);

		if (fd < 0 || fd_write_all(fd, sysctls->items[i].value, strlen(sysctls->items[i].value)) < 0)
			return err_sys(err, "sysctl '%s'", sysctls->items[i].key);
	}
	return 0;
}

static int fill_root(struct init *init, struct err *err)
{
	umask(022);
	if (mount_files(init, err) < 0 || mounts_apply(init->process.root_fd, &init->mounts, init->sources, err) < 0)
		return -1;
	umask(0);
	if (mounts_make_dev(init->process.root_fd, &init->mounts, &init->nodes, err) < 0 || write_sysctls(init, err) < 0 ||
	    mounts_hide(init->process.root_fd, init->spec, err) < 0)
		return -1;
	umask(022);
	if (!init->spec->has_tty)
		return 0;
	if (console_open(init->process.root_fd, init->spec->tty_rows, init->spec->tty_columns, &init->process.console, err) < 0)
		return -1;
	return console_mount(init->process.root_fd, &init->process.console, err);
}

/* --- the user's process ------------------------------------------------------------------------ */

static int enter_cwd(struct init *init, struct err *err)
{
	CLEANUP(fd_closep) int fd = -1;
	const char *cwd = str_is_empty(init->spec->cwd) ? "/" : init->spec->cwd;

	if (inroot_make_dir(init->process.root_fd, cwd, &fd, err) < 0)
		return -1;
	return fchdir(fd) < 0 ? err_sys(err, "chdir to cwd (\"%s\") set in config.json failed", cwd) : 0;
}

static int seal_root(struct init *init, struct err *err)
{
	if (!init->spec->is_root_readonly)
		return 0;
	return mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0 ? err_sys(err, "make the root read-only") : 0;
}

static int become_user(struct init *init, struct err *err)
{
	if (process_find_user(&init->process, init->spec, err) < 0 || enter_cwd(init, err) < 0 || seal_root(init, err) < 0 ||
	    process_take_stdio(&init->process, err) < 0 || process_take_terminal(&init->process, err) < 0)
		return -1;
	return process_drop_privileges(&init->process, init->spec, init->spec->caps, err);
}

/* --- the gate and the program ------------------------------------------------------------------ */

static int read_plan(struct init *init, int spec_dir_fd, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (file_read_at(spec_dir_fd, "spec", CONTAINER_SPEC_MAX_BYTES, &text, err) < 0)
		return -1;
	if (shim_plan_decode(buf_text(&text), text.len, &init->arena, &init->plan, err) < 0)
		return -1;
	init->process.has_tty = init->plan.spec.has_tty;
	return 0;
}

_Noreturn void container_init_run(const struct container_init *given)
{
	struct init init = { .process = { .root_fd = -1, .self_fd = -1, .gate_fd = given->gate_fd,
					  .stdio = { given->stdio[0], given->stdio[1], given->stdio[2] } } };
	struct err err = { .code = 0 };

	arena_init(&init.arena, "container_init", ARENA_BYTES);
	init.process.arena = &init.arena;
	init.spec = &init.plan.spec;
	process_reset();
	if (read_plan(&init, given->spec_dir_fd, &err) < 0 || enter_namespaces(&init, &err) < 0 || enter_root(&init, &err) < 0 ||
	    fill_root(&init, &err) < 0 || become_user(&init, &err) < 0)
		process_fail(given->gate_fd, PROGRAM_FAILED, &err);

	char *const *argv = program_argv(&init.spec->argv, &init.arena);
	char *const *env = container_files_env(init.spec, NULL, init.spec->has_tty, init.process.user.home, &init.arena);

	process_wait_at_gate(&init.process);
	int code = init.spec->uses_init ? reaper_exec(init.process.self_fd, given->gate_fd, argv, env, &err)
					: program_exec(argv, env, &init.arena, &err);

	process_fail(given->gate_fd, code, &err);
}
