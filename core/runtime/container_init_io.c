/* container_init_io.c - from a fresh process in fresh namespaces to the user's program.
 *
 *   spec -> join cgroups -> cgroup namespace -> open mount sources -> private mounts -> root -> pivot -> hosts, resolv.conf -> mounts -> /dev
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

enum { ARENA_BYTES = 64 << 20, RESOLV_MAX_BYTES = 65536 };

struct init {
	struct shim_plan plan;
	const struct container_spec *spec;
	struct arena arena;
	struct mount_plan mounts;
	struct mount_source *sources;
	struct device_nodes nodes;
	struct process process;
	struct buf host_resolv;
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
	if (rootfs_mount(&init->plan, err) < 0 || rootfs_enter(&init->plan, err) < 0)
		return -1;
	init->process.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return init->process.root_fd < 0 ? err_sys(err, "open the container's root") : 0;
}

/* One of the three files on the small tmpfs at /proc, bound over its place in /etc. */
static int bind_file(struct init *init, const char *name, const struct buf *text, struct err *err)
{
	char from[64], to[64];
	CLEANUP(fd_closep) int target = -1;
	CLEANUP(fd_closep) int tree = -1;

	snprintf(from, sizeof from, "/proc/%s", name);
	snprintf(to, sizeof to, "/etc/%s", name);
	if (inroot_write(init->process.root_fd, from, buf_text(text), text->len, err) < 0 ||
	    inroot_make_regular(init->process.root_fd, to, &target, err) < 0)
		return -1;
	tree = kcall_open_tree(init->process.root_fd, from + 1, KCALL_TREE_CLONE | KCALL_TREE_CLOEXEC);
	return tree < 0 || kcall_move_mount(tree, target) < 0 ? err_sys(err, "mount '%s'", to) : 0;
}

static int bind_files(struct init *init, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	buf_printf(&text, "%s\n", container_files_hostname(init->spec, &init->arena));
	if (bind_file(init, "hostname", &text, err) < 0)
		return -1;
	buf_clear(&text);
	container_files_hosts(init->spec, &text);
	if (bind_file(init, "hosts", &text, err) < 0)
		return -1;
	buf_clear(&text);
	container_files_resolv(init->spec, buf_text(&init->host_resolv), &text);
	return bind_file(init, "resolv.conf", &text, err);
}

/* Mounted over their places, as Docker does it, from a tmpfs of their own: no inode on disk, no copy of the image's /etc, and a container that
 * fills one up fills only that. It is made at /proc, where nothing is yet, and stays through the mounts of its files. */
static int make_files(struct init *init, struct err *err)
{
	struct mount_step step = { .target = "/proc", .type = "tmpfs", .data = "mode=755,size=1m", .flags = MS_NOSUID | MS_NODEV };
	struct mount_plan plan = { .steps = &step, .count = 1 };
	struct mount_source none = { .tree_fd = -1, .volume_fd = -1 };

	if (mounts_apply(init->process.root_fd, &plan, &none, err) < 0 || bind_files(init, err) < 0)
		return -1;
	return umount2("/proc", MNT_DETACH | UMOUNT_NOFOLLOW) < 0 ? err_sys(err, "unmount /proc") : 0;
}

static int write_sysctls(struct init *init, struct err *err)
{
	const struct container_pairs *sysctls = &init->spec->sysctls;

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
	if (make_files(init, err) < 0 || mounts_apply(init->process.root_fd, &init->mounts, init->sources, err) < 0)
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
