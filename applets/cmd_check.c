/* cmd_check.c - `check`: what this host offers and lacks, one line a finding, with the mend.
 */
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "applets/cli.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"
#include "net/nft_io.h"
#include "net/reality_io.h"
#include "os/clock.h"
#include "os/file.h"
#include "runtime/cgroup.h"
#include "runtime/rootfs_io.h"

#define LOW_BYTES (1024ull * 1024 * 1024)
#define YEAR_2024 1704067200000000000           /* before that no clock of a host that runs us was right */

struct check_args { const char *data_root; };

static const struct option check_options[] = {
	OPT_STRING(struct check_args, data_root, 0, "data-root", "dir",
		   "Folder of the agent's data (default \"/var/lib/swarmbox\")"),
	OPT_END
};

struct checks { const char *data_root; bool has_failed; };
enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

static void tell(struct checks *checks, enum verdict verdict, const char *what, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
static void tell(struct checks *checks, enum verdict verdict, const char *what, const char *fmt, ...)
{
	static const char *const words[] = { "ok", "warn", "fail" };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	va_list args;

	buf_printf(&out, "%-4s  %s: ", words[verdict], what);
	va_start(args, fmt);
	buf_vprintf(&out, fmt, args);
	va_end(args);
	buf_add_char(&out, '\n');
	cli_print_buf(&out);
	checks->has_failed |= verdict == VERDICT_FAIL;
}

static void check_root(struct checks *checks)
{
	if (geteuid() == 0)
		tell(checks, VERDICT_OK, "root", "running as root");
	else
		tell(checks, VERDICT_FAIL, "root", "running as uid %u; run the agent (and this) with sudo",
		     geteuid());
}

static void check_kernel(struct checks *checks)
{
	struct utsname uts;
	char *dot;

	if (uname(&uts) < 0) {
		tell(checks, VERDICT_WARN, "kernel", "its version cannot be read");
		return;
	}
	unsigned long major = strtoul(uts.release, &dot, 10);
	unsigned long minor = *dot == '.' ? strtoul(dot + 1, NULL, 10) : 0;
	if (major < 5 || (major == 5 && minor < 10))
		tell(checks, VERDICT_WARN, "kernel", "Linux %s is older than 5.10; update it", uts.release);
	else
		tell(checks, VERDICT_OK, "kernel", "Linux %s on %s", uts.release, uts.machine);
}

static void check_namespaces(struct checks *checks)
{
	static const char *const names[] = { "mnt", "pid", "net", "uts", "ipc", "cgroup" };
	CLEANUP(buf_finip) struct buf missing = BUF_INIT;

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char *path = str_printf("/proc/self/ns/%s", names[i]);
		if (!file_exists(path))
			buf_printf(&missing, " %s", names[i]);
		str_freep(&path);
	}
	if (missing.len == 0)
		tell(checks, VERDICT_OK, "namespaces", "mnt pid net uts ipc cgroup");
	else
		tell(checks, VERDICT_FAIL, "namespaces",
		     "missing:%s; use a kernel with CONFIG_NAMESPACES, and mount /proc", missing.data);
}

static void check_controllers(struct checks *checks, const struct cgroup_layout *layout)
{
	static const struct { unsigned flag; const char *name, *mend; } controllers[] = {
		{ CGROUP_MEMORY, "memory", "boot with cgroup_enable=memory" },
		{ CGROUP_CPU, "cpu", "use a kernel with CONFIG_CFS_BANDWIDTH" },
		{ CGROUP_PIDS, "pids", "use a kernel with CONFIG_CGROUP_PIDS" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(controllers); i++)
		if (!(layout->controllers & controllers[i].flag))
			tell(checks, VERDICT_WARN, "cgroups", "no %s controller, tasks with such limits are "
			     "rejected; %s", controllers[i].name, controllers[i].mend);
}

static void check_cgroups(struct checks *checks)
{
	CLEANUP(buf_finip) struct buf mounts = BUF_INIT, v2 = BUF_INIT;
	struct cgroup_layout layout = {0};
	struct err err = {0}, ignored = {0};

	(void)file_read("/sys/fs/cgroup/cgroup.controllers", 64 * 1024, &v2, &ignored);
	if (file_read("/proc/self/mountinfo", 16 * 1024 * 1024, &mounts, &err) < 0 ||
	    cgroup_layout_parse(buf_text(&mounts), buf_text(&v2), &layout, &err) < 0) {
		tell(checks, VERDICT_FAIL, "cgroups",
		     "%s; mount it: mount -t cgroup2 none /sys/fs/cgroup", err.text);
		return;
	}
	tell(checks, VERDICT_OK, "cgroups", "%s", layout.is_unified ? "v2" :
	     layout.v2_mount[0] ? "v1 with v2 beside it" : "v1");
	check_controllers(checks, &layout);
}

/* The data root itself, or the nearest folder above it that is there already. */
static char *nearest_folder(const char *path)
{
	char *folder = str_dup(path);

	while (!file_exists(folder)) {
		char *slash = strrchr(folder, '/');
		if (!slash || slash == folder) {
			free(folder);
			return str_dup("/");
		}
		*slash = '\0';
	}
	return folder;
}

static void check_space(struct checks *checks, const char *folder)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct statvfs fs;

	if (statvfs(folder, &fs) < 0)
		return;
	uint64_t bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	units_format_size((int64_t)bytes, &text);
	if (bytes < LOW_BYTES)
		tell(checks, VERDICT_WARN, "disk", "%s free at %s; make room", buf_text(&text), folder);
	else
		tell(checks, VERDICT_OK, "disk", "%s free at %s", buf_text(&text), folder);
}

static void check_data_root(struct checks *checks)
{
	char *folder = nearest_folder(checks->data_root);

	if (access(folder, W_OK) < 0)
		tell(checks, VERDICT_FAIL, "data root", "%s cannot be written; choose another folder with "
		     "swarmbox agent --data-root", folder);
	else
		tell(checks, VERDICT_OK, "data root", "%s%s", checks->data_root,
		     str_eq(folder, checks->data_root) ? "" : ", will be made");
	check_space(checks, folder);
	if (geteuid() == 0 && rootfs_probe_overlay(folder))
		tell(checks, VERDICT_OK, "overlayfs", "works at %s", folder);
	else
		tell(checks, VERDICT_WARN, "overlayfs", "not at %s, root file systems are copied; load the "
		     "module overlay, or put the data root on ext4 or xfs", folder);
	free(folder);
}

static void check_links(struct checks *checks)
{
	static const struct { const char *kind, *mend; } kinds[] = {
		{ "bridge", "tasks get no network of their own; load the module bridge" },
		{ "veth", "tasks get no network of their own; load the module veth" },
		{ "vxlan", "no networks across hosts; load the module vxlan" },
	};
	struct netlink_io io = NETLINK_IO_NONE;
	struct err err = {0};

	if (netlink_io_open(&io, NETLINK_ROUTE, &err) < 0) {
		tell(checks, VERDICT_WARN, "network", "%s", err.text);
		return;
	}
	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		if (reality_probe_kind(&io, kinds[i].kind, &err) == 0)
			tell(checks, VERDICT_OK, kinds[i].kind, "the kernel has such links");
		else
			tell(checks, VERDICT_WARN, kinds[i].kind, "%s: %s", err.text, kinds[i].mend);
	}
	netlink_io_close(&io);
}

static void check_rules(struct checks *checks)
{
	struct nft_io *io = NULL;
	struct err err = {0};

	if (nft_io_open(&io, &err) == 0)
		tell(checks, VERDICT_OK, "nf_tables", "the kernel has it");
	else
		tell(checks, VERDICT_WARN, "nf_tables", "%s: no published ports, no way out for containers; "
		     "load the module nf_tables", err.text);
	nft_io_close(io);
}

static void check_clock(struct checks *checks)
{
	nsec now = clock_wall_ns();
	char stamp[STAMP_TEXT_SIZE];

	if (now < YEAR_2024)
		tell(checks, VERDICT_WARN, "clock", "says %s; set it, certificates have dates",
		     stamp_format(now, stamp));
	else
		tell(checks, VERDICT_OK, "clock", "says %s", stamp_format(now, stamp));
}

/* What `info` warns of: a clock that is not the swarm's, and what this host's kernel lacks. */
static void tell_warnings(struct checks *checks, yyjson_val *warnings)
{
	static const char mark[] = "WARNING: ";
	yyjson_arr_iter iter;
	yyjson_val *item;

	yyjson_arr_iter_init(warnings, &iter);
	while ((item = yyjson_arr_iter_next(&iter))) {
		const char *text = yyjson_get_str(item);

		tell(checks, VERDICT_WARN, "agent", "%s", text && str_starts(text, mark) ? text + sizeof mark - 1 : text ? text : "");
	}
}

static void check_agent(struct checks *checks, struct cli *cli)
{
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *doc = NULL;

	if (!call || call_get(call, &doc, &err, "/info") < 0) {
		tell(checks, VERDICT_WARN, "agent", "%s", err.text);
		return;
	}
	yyjson_val *info = yyjson_doc_get_root(doc);
	tell(checks, VERDICT_OK, "agent", "answers at unix://%s, swarm %s", call_socket_path(call),
	     dig_str(info, "Swarm.LocalNodeState"));
	tell_warnings(checks, dig(info, "Warnings"));
	yyjson_doc_free(doc);
}

static int check_run(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct check_args *check_args = args;
	struct checks checks = {
		.data_root = check_args->data_root ? check_args->data_root : "/var/lib/swarmbox",
	};

	check_root(&checks);
	check_kernel(&checks);
	check_namespaces(&checks);
	check_cgroups(&checks);
	check_data_root(&checks);
	check_links(&checks);
	check_rules(&checks);
	check_clock(&checks);
	check_agent(&checks, cli);
	return checks.has_failed ? EXIT_FAILED : EXIT_OK;
}

const struct command check_command = {
	.name = "check", .usage = "[OPTIONS]", .help = "Look at what this host has and lacks",
	.options = check_options, .args_size = sizeof(struct check_args), .run = check_run,
};
