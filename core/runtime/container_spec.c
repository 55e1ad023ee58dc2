/* container_spec.c - the spec's fields, Docker's defaults, what is refused, and the stored form. */
#include "runtime/container_spec.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/caps.h"
#include "model/rlimit.h"
#include "model/sysctl_name.h"
#include "runtime/spec_json.h"
#include "runtime/tmpfs_options.h"

#define FIELD(owner, member, kind_)       { .name = #member, .kind = kind_, .at = offsetof(struct owner, member) }
#define WORD(owner, member, words_)       { .name = #member, .kind = SPEC_WORD, .at = offsetof(struct owner, member), .words = words_ }
#define LIST(owner, member, count_, item, table) \
	{ .name = #member, .kind = SPEC_LIST, .at = offsetof(struct owner, member), .items = table, \
	  .item_bytes = sizeof(struct item), .count_at = offsetof(struct owner, count_) }
#define END                               { .kind = SPEC_END }

static const char *const mount_kinds[] = { "bind", "tmpfs", "volume", NULL };
static const char *const propagations[] = { "rprivate", "private", "rslave", "slave", "rshared", "shared", NULL };
static const char *const networks[] = { "own", "host", "none", NULL };
static const char *const log_drivers[] = { "json-file", "none", NULL };

static const struct spec_field mount_fields[] = {
	WORD(container_mount, kind, mount_kinds),
	FIELD(container_mount, source, SPEC_TEXT),
	FIELD(container_mount, target, SPEC_TEXT),
	FIELD(container_mount, name, SPEC_TEXT),
	FIELD(container_mount, subpath, SPEC_TEXT),
	FIELD(container_mount, is_readonly, SPEC_BOOL),
	FIELD(container_mount, is_readonly_shallow, SPEC_BOOL),
	FIELD(container_mount, needs_readonly_deep, SPEC_BOOL),
	FIELD(container_mount, is_nonrecursive, SPEC_BOOL),
	FIELD(container_mount, makes_source, SPEC_BOOL),
	FIELD(container_mount, copies_up, SPEC_BOOL),
	WORD(container_mount, propagation, propagations),
	FIELD(container_mount, size_bytes, SPEC_I64),
	FIELD(container_mount, mode, SPEC_U32),
	FIELD(container_mount, tmpfs_options, SPEC_TEXT),
	FIELD(container_mount, is_hidden, SPEC_BOOL),
	END
};
static const struct spec_field rlimit_fields[] = {
	FIELD(container_rlimit, name, SPEC_TEXT),
	FIELD(container_rlimit, soft, SPEC_U64),
	FIELD(container_rlimit, hard, SPEC_U64),
	END
};
static const struct spec_field device_fields[] = {
	FIELD(container_device, host_path, SPEC_TEXT),
	FIELD(container_device, path, SPEC_TEXT),
	FIELD(container_device, access, SPEC_TEXT),
	END
};
static const struct spec_field spec_fields[] = {
	FIELD(container_spec, id, SPEC_TEXT),
	FIELD(container_spec, name, SPEC_TEXT),
	FIELD(container_spec, image, SPEC_TEXT),
	FIELD(container_spec, labels, SPEC_PAIRS),
	FIELD(container_spec, argv, SPEC_TEXTS),
	FIELD(container_spec, env, SPEC_TEXTS),
	FIELD(container_spec, cwd, SPEC_TEXT),
	FIELD(container_spec, user, SPEC_TEXT),
	FIELD(container_spec, groups, SPEC_TEXTS),
	FIELD(container_spec, hostname, SPEC_TEXT),
	FIELD(container_spec, domainname, SPEC_TEXT),
	FIELD(container_spec, has_tty, SPEC_BOOL),
	FIELD(container_spec, tty_rows, SPEC_U32),
	FIELD(container_spec, tty_columns, SPEC_U32),
	FIELD(container_spec, has_stdin, SPEC_BOOL),
	FIELD(container_spec, is_stdin_once, SPEC_BOOL),
	FIELD(container_spec, uses_init, SPEC_BOOL),
	FIELD(container_spec, hosts, SPEC_PAIRS),
	FIELD(container_spec, uses_host_dns, SPEC_BOOL),
	FIELD(container_spec, dns_servers, SPEC_TEXTS),
	FIELD(container_spec, dns_search, SPEC_TEXTS),
	FIELD(container_spec, dns_options, SPEC_TEXTS),
	FIELD(container_spec, layers, SPEC_TEXTS),
	FIELD(container_spec, is_root_readonly, SPEC_BOOL),
	FIELD(container_spec, keeps_root, SPEC_BOOL),
	LIST(container_spec, mounts, mount_count, container_mount, mount_fields),
	FIELD(container_spec, caps, SPEC_U64),
	FIELD(container_spec, seccomp_enabled, SPEC_BOOL),
	FIELD(container_spec, seccomp_program, SPEC_TEXT),
	FIELD(container_spec, no_new_privs, SPEC_BOOL),
	LIST(container_spec, rlimits, rlimit_count, container_rlimit, rlimit_fields),
	FIELD(container_spec, sysctls, SPEC_PAIRS),
	FIELD(container_spec, masked_paths, SPEC_TEXTS),
	FIELD(container_spec, readonly_paths, SPEC_TEXTS),
	LIST(container_spec, devices, device_count, container_device, device_fields),
	FIELD(container_spec, has_all_devices, SPEC_BOOL),
	FIELD(container_spec, has_writable_sys, SPEC_BOOL),
	FIELD(container_spec, shm_size_bytes, SPEC_I64),
	FIELD(container_spec, memory_bytes, SPEC_I64),
	FIELD(container_spec, memory_swap_bytes, SPEC_I64),
	FIELD(container_spec, nano_cpus, SPEC_I64),
	FIELD(container_spec, pids_limit, SPEC_I64),
	FIELD(container_spec, oom_score_adj, SPEC_INT),
	FIELD(container_spec, stop_signal, SPEC_INT),
	WORD(container_spec, network, networks),
	WORD(container_spec, log_driver, log_drivers),
	FIELD(container_spec, log_max_bytes, SPEC_I64),
	FIELD(container_spec, log_max_files, SPEC_INT),
	FIELD(container_spec, created_wall, SPEC_I64),
	END
};

/* What a process could use to look at, or to upset, the host through /proc and /sys. */
static const char *default_masked[] = {
	"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
	"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap",
	"/sys/devices/system/cpu/cpu*/thermal_throttle"
};
/* dynamic_debug is not one of Docker's: it lets root switch on messages of the host's kernel, and asks for no capability. */
static const char *default_readonly[] = { "/proc/bus", "/proc/dynamic_debug", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

void container_spec_init(struct container_spec *spec)
{
	*spec = (struct container_spec){
		.caps = caps_default(),
		.seccomp_enabled = true,
		.masked_paths = { default_masked, ARRAY_COUNT(default_masked) },
		.readonly_paths = { default_readonly, ARRAY_COUNT(default_readonly) },
		.uses_host_dns = true,
	};
}

/* "..", which a join would obey. */
static bool climbs(const char *path)
{
	for (const char *at = path; (at = strstr(at, "..")); at += 2)
		if ((at == path || at[-1] == '/') && (at[2] == '/' || at[2] == '\0'))
			return true;
	return false;
}

static bool is_clean_path(const char *path)
{
	return path && path[0] == '/' && !climbs(path);
}

static bool is_relative_path(const char *path)
{
	return path[0] != '/' && !climbs(path);
}

static int check_tmpfs(const struct container_mount *mount, struct err *err)
{
	struct tmpfs_options options;
	struct arena arena;

	if (mount->size_bytes < 0 || mount->mode > 07777)
		return err_set(err, ERR_INVALID, "tmpfs '%s': wrong size or mode", mount->target);
	arena_init(&arena, "check_tmpfs", 1 << 16);
	int result = tmpfs_options_parse(mount->tmpfs_options, &arena, &options, err);

	arena_fini(&arena);
	return result;
}

static int check_mount(const struct container_mount *mount, struct err *err)
{
	if (!is_clean_path(mount->target))
		return err_set(err, ERR_INVALID, "invalid mount target, must be an absolute path in the container: '%s'",
			       mount->target ? mount->target : "");
	if (strspn(mount->target, "/") == strlen(mount->target))
		return err_set(err, ERR_INVALID, "invalid specification: destination can't be '/'");
	if (mount->kind != CONTAINER_TMPFS && !is_clean_path(mount->source))
		return err_set(err, ERR_INVALID, "invalid mount source, must be an absolute path: '%s'",
			       mount->source ? mount->source : "");
	if (!str_is_empty(mount->subpath) && (mount->kind != CONTAINER_VOLUME || !is_relative_path(mount->subpath)))
		return err_set(err, ERR_INVALID, "subpath must be a relative path within the volume");
	return mount->kind == CONTAINER_TMPFS ? check_tmpfs(mount, err) : 0;
}

static int check_limits(const struct container_spec *spec, struct err *err)
{
	if (spec->memory_bytes < 0 || (spec->memory_bytes > 0 && spec->memory_bytes < 6 * 1024 * 1024))
		return err_set(err, ERR_INVALID, "Minimum memory limit allowed is 6MB");
	if (spec->memory_swap_bytes > 0 && spec->memory_swap_bytes < spec->memory_bytes)
		return err_set(err, ERR_INVALID, "Minimum memoryswap limit should be larger than memory limit, see usage");
	if (spec->nano_cpus < 0 || (spec->nano_cpus > 0 && spec->nano_cpus < 10000000))
		return err_set(err, ERR_INVALID, "cpu limit %lld: must be at least 0.01 CPUs", (long long)spec->nano_cpus);
	if (spec->pids_limit < 0)
		return err_set(err, ERR_INVALID, "pids limit %lld: must not be negative", (long long)spec->pids_limit);
	if (spec->shm_size_bytes < 0)
		return err_set(err, ERR_INVALID, "SHM size can not be less than 0");
	if (spec->oom_score_adj < -1000 || spec->oom_score_adj > 1000)
		return err_set(err, ERR_INVALID, "Invalid value %d, range for oom score adj is [-1000, 1000]",
			       spec->oom_score_adj);
	for (size_t i = 0; i < spec->rlimit_count; i++)
		if (rlimit_find(spec->rlimits[i].name) < 0)
			return err_set(err, ERR_INVALID, "invalid ulimit type: %s", spec->rlimits[i].name);
		else if (spec->rlimits[i].soft > spec->rlimits[i].hard)
			return err_set(err, ERR_INVALID, "ulimit soft limit must be less than or equal to hard limit: %llu > %llu",
				       (unsigned long long)spec->rlimits[i].soft, (unsigned long long)spec->rlimits[i].hard);
	return 0;
}

static int check_devices(const struct container_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->device_count; i++) {
		const struct container_device *device = &spec->devices[i];

		if (!is_clean_path(device->host_path) || !is_clean_path(device->path))
			return err_set(err, ERR_INVALID, "bad format for path: %s", device->path ? device->path : "");
		if (str_is_empty(device->access) || strspn(device->access, "rwm") != strlen(device->access))
			return err_set(err, ERR_INVALID, "invalid device mode: %s", device->access ? device->access : "");
	}
	return 0;
}

static int check_sysctls(const struct container_spec *spec, struct err *err)
{
	for (size_t i = 0; i < spec->sysctls.count; i++)
		if (!sysctl_name_is_own(spec->sysctls.items[i].key, spec->network == CONTAINER_NET_HOST))
			return err_set(err, ERR_INVALID, "sysctl '%s' is not allowed", spec->sysctls.items[i].key);
	return 0;
}

int container_spec_check(const struct container_spec *spec, struct err *err)
{
	if (!spec->id || !hex_id_is_valid(spec->id))
		return err_set(err, ERR_INVALID, "container id '%s': not 64 hexadecimal characters", spec->id ? spec->id : "");
	if (!spec->argv.count || str_is_empty(spec->argv.items[0]))
		return err_set(err, ERR_INVALID, "no command specified");
	if (!str_is_empty(spec->cwd) && spec->cwd[0] != '/')
		return err_set(err, ERR_INVALID, "the working directory '%s' is invalid, it needs to be an absolute path", spec->cwd);
	if (spec->hostname && strlen(spec->hostname) > 64)
		return err_set(err, ERR_INVALID, "invalid hostname: '%.80s' is longer than 64 characters", spec->hostname);
	if (spec->domainname && strlen(spec->domainname) > 64)
		return err_set(err, ERR_INVALID, "invalid domainname: '%.80s' is longer than 64 characters", spec->domainname);
	if (spec->tty_rows > UINT16_MAX || spec->tty_columns > UINT16_MAX)
		return err_set(err, ERR_INVALID, "container %.12s: a terminal of %u by %u is too large", spec->id, spec->tty_rows, spec->tty_columns);
	if (!spec->layers.count)
		return err_set(err, ERR_INVALID, "container %.12s: its image has no layers", spec->id);
	for (size_t i = 0; i < spec->layers.count; i++)
		if (!is_clean_path(spec->layers.items[i]))
			return err_set(err, ERR_INVALID, "layer '%s': not an absolute path", spec->layers.items[i]);
	for (size_t i = 0; i < spec->mount_count; i++)
		if (check_mount(&spec->mounts[i], err) < 0)
			return -1;
	if (spec->caps & ~CAPS_ALL)
		return err_set(err, ERR_INVALID, "container %.12s: unknown capabilities", spec->id);
	if (spec->stop_signal < 0 || spec->stop_signal > 64)
		return err_set(err, ERR_INVALID, "Invalid signal: %d", spec->stop_signal);
	if (spec->log_max_bytes < 0 || spec->log_max_files < 0 || spec->log_max_files > 1000)
		return err_set(err, ERR_INVALID, "container %.12s: wrong log size or number of log files", spec->id);
	if (check_limits(spec, err) < 0 || check_devices(spec, err) < 0)
		return -1;
	return check_sysctls(spec, err);
}

yyjson_mut_val *spec_json_encode(yyjson_mut_doc *doc, const struct container_spec *spec)
{
	return spec_fields_encode(doc, spec_fields, spec);
}

int spec_json_decode(yyjson_val *object, struct arena *arena, struct container_spec *ret, struct err *err)
{
	struct container_spec spec = { 0 };

	if (spec_fields_decode(object, spec_fields, "container spec", arena, &spec, err) < 0)
		return -1;
	if (container_spec_check(&spec, err) < 0)
		return -1;
	*ret = spec;
	return 0;
}

int spec_json_write(yyjson_mut_doc *doc, const char *what, struct buf *out, struct err *err)
{
	size_t length;
	char *text = yyjson_mut_write(doc, 0, &length);

	if (!text)
		return err_set(err, ERR_INVALID, "%s: a text in it is not UTF-8", what);
	buf_add(out, text, length);
	free(text);
	return 0;
}

yyjson_doc *spec_json_read(const char *text, size_t length, const char *what, struct err *err)
{
	yyjson_read_err bad;

	if (length > CONTAINER_SPEC_MAX_BYTES) {
		err_set(err, ERR_INVALID, "%s: larger than %d bytes", what, CONTAINER_SPEC_MAX_BYTES);
		return NULL;
	}
	/* The flags say that the text is not changed: yyjson takes it as char * only for its in-place mode. */
	yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, length, 0, NULL, &bad);

	if (!doc)
		err_set(err, ERR_INVALID, "%s: %s at byte %zu", what, bad.msg, bad.pos);
	return doc;
}

void spec_json_freep(yyjson_doc **doc)
{
	yyjson_doc_free(*doc);
}

void spec_json_mut_freep(yyjson_mut_doc **doc)
{
	yyjson_mut_doc_free(*doc);
}

const char *container_label(const struct container_spec *spec, const char *key)
{
	for (size_t i = 0; i < spec->labels.count; i++)
		if (str_eq(spec->labels.items[i].key, key))
			return spec->labels.items[i].value;
	return NULL;
}
