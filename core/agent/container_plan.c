#include "agent/container_plan.h"

#include <stdlib.h>
#include <string.h>

#include "agent/health.h"
#include "base/str.h"
#include "model/caps.h"
#include "model/log_settings.h"
#include "model/validate_parts.h"
#include "os/signals.h"
#include "runtime/seccomp_profile.h"

enum { FILTER_BYTES_MAX = 64 << 20 };

static const char *text(const char *s)
{
	return s ? s : "";
}

static struct container_strings strings_of(const struct str_array *list, struct arena *arena)
{
	struct container_strings ret = { ARENA_ARRAY(arena, const char *, list->count), list->count };

	for (size_t i = 0; i < list->count; i++)
		ret.items[i] = text(list->items[i]);
	return ret;
}

/* Copies: an image's config goes with its image, which may be removed while the container lives. */
static struct container_strings join(const char *const *a, size_t a_count, const char *const *b, size_t b_count, struct arena *arena)
{
	struct container_strings ret = { ARENA_ARRAY(arena, const char *, a_count + b_count), a_count + b_count };

	for (size_t i = 0; i < a_count; i++)
		ret.items[i] = arena_strdup(arena, a[i]);
	for (size_t i = 0; i < b_count; i++)
		ret.items[a_count + i] = arena_strdup(arena, b[i]);
	return ret;
}

/* An entrypoint of the spec replaces the image's and drops its command; arguments of the spec replace the image's command. */
static int set_argv(const struct container_spec_model *own, const struct image_config *config, struct arena *arena,
		    struct container_spec *ret, struct err *err)
{
	struct container_strings command = strings_of(&own->command, arena);
	struct container_strings args = strings_of(&own->args, arena);

	if (command.count)
		ret->argv = join(command.items, command.count, args.items, args.count, arena);
	else if (args.count)
		ret->argv = join(config->entrypoint.items, config->entrypoint.count, args.items, args.count, arena);
	else
		ret->argv = join(config->entrypoint.items, config->entrypoint.count, config->cmd.items, config->cmd.count, arena);
	return ret->argv.count ? 0 : err_set(err, ERR_INVALID, "no command specified");
}

static size_t name_length(const char *entry)
{
	return strcspn(entry, "=");
}

static bool same_name(const char *a, const char *b)
{
	return name_length(a) == name_length(b) && strncmp(a, b, name_length(a)) == 0;
}

/* The image's variables, replaced or unset (a bare name) by the spec's. */
static void set_env(const struct str_array *own, const struct image_config *config, struct arena *arena, struct container_spec *ret)
{
	const char **items = ARENA_ARRAY(arena, const char *, config->env.count + own->count);
	size_t count = 0;

	for (size_t i = 0; i < config->env.count; i++)
		items[count++] = arena_strdup(arena, config->env.items[i]);
	for (size_t i = 0; i < own->count; i++) {
		const char *entry = text(own->items[i]);
		size_t at = 0;

		while (at < count && !same_name(items[at], entry))
			at++;
		if (strchr(entry, '=')) {
			items[at] = entry;
			count = MAX(count, at + 1);
		} else if (at < count) {
			memmove(&items[at], &items[at + 1], (count - at - 1) * sizeof *items);
			count--;
		}
	}
	ret->env = (struct container_strings){ items, count };
}

static void put_label(struct container_pairs *labels, const char *key, const char *value)
{
	for (size_t i = 0; i < labels->count; i++)
		if (str_eq(labels->items[i].key, key)) {
			labels->items[i].value = value;
			return;
		}
	labels->items[labels->count++] = (struct container_pair){ key, value };
}

void container_plan_label(struct container_spec *spec, struct arena *arena, const char *key, const char *value)
{
	struct container_pair *items = ARENA_ARRAY(arena, struct container_pair, spec->labels.count + 1);

	if (spec->labels.count)
		memcpy(items, spec->labels.items, spec->labels.count * sizeof *items);
	spec->labels.items = items;
	put_label(&spec->labels, key, text(value));
}

/* The image's, then the wish's, which win. */
static void set_labels(const struct str_map *own, const struct image_config *config, struct arena *arena, struct container_spec *ret)
{
	ret->labels.items = ARENA_ARRAY(arena, struct container_pair, config->labels.count + own->count);
	for (size_t i = 0; i < config->labels.count; i++)
		put_label(&ret->labels, arena_strdup(arena, config->labels.items[i].name),
			  arena_strdup(arena, text(config->labels.items[i].value)));
	for (size_t i = 0; i < own->count; i++)
		put_label(&ret->labels, own->items[i].key, text(own->items[i].value));
}

static enum container_propagation propagation_of(const struct mount *mount)
{
	switch (mount->bind ? (enum propagation)mount->bind->propagation : PROPAGATION_RPRIVATE) {
	case PROPAGATION_RPRIVATE: return CONTAINER_RPRIVATE;
	case PROPAGATION_PRIVATE: return CONTAINER_PRIVATE;
	case PROPAGATION_RSHARED: return CONTAINER_RSHARED;
	case PROPAGATION_SHARED: return CONTAINER_SHARED;
	case PROPAGATION_RSLAVE: return CONTAINER_RSLAVE;
	case PROPAGATION_SLAVE: return CONTAINER_SLAVE;
	}
	return CONTAINER_RPRIVATE;
}

static struct container_mount mount_of(const struct mount *mount, const char *volume_path, const char *volume_name)
{
	struct container_mount ret = { .target = text(mount->target), .is_readonly = mount->read_only };

	switch ((enum mount_type)mount->type) {
	case MOUNT_BIND:
		ret.kind = CONTAINER_BIND;
		ret.source = text(mount->source);
		ret.propagation = propagation_of(mount);
		ret.is_nonrecursive = mount->bind && mount->bind->non_recursive;
		ret.makes_source = mount->bind && mount->bind->create_mountpoint;
		ret.is_readonly_shallow = mount->bind && mount->bind->writable_below;
		ret.needs_readonly_deep = mount->bind && mount->bind->readonly_below;
		break;
	case MOUNT_VOLUME:
		ret.kind = CONTAINER_VOLUME;
		ret.source = volume_path;
		ret.name = text(volume_name ? volume_name : mount->source);
		ret.copies_up = !(mount->volume && mount->volume->no_copy);
		ret.subpath = mount->volume ? mount->volume->subpath : NULL;
		break;
	case MOUNT_TMPFS:
		ret.kind = CONTAINER_TMPFS;
		ret.size_bytes = mount->tmpfs ? mount->tmpfs->size_bytes : 0;
		ret.mode = mount->tmpfs ? (uint32_t)mount->tmpfs->mode : 0;
		break;
	}
	return ret;
}

static void set_mounts(const struct container_spec_model *own, const struct image_config *config, const struct container_volumes *volumes,
		       struct arena *arena, struct container_spec *ret)
{
	const char *targets[CONTAINER_IMAGE_VOLUMES_MAX];
	size_t count = own->mounts.count;
	size_t anonymous = container_plan_anonymous_volumes(own, config, targets, ARRAY_COUNT(targets));

	ret->mounts = ARENA_ARRAY(arena, struct container_mount, count + anonymous);
	for (size_t i = 0; i < count; i++)
		ret->mounts[ret->mount_count++] = mount_of(&own->mounts.items[i], i < volumes->count ? volumes->paths[i] : NULL,
							   volumes->names && i < volumes->count ? volumes->names[i] : NULL);
	for (size_t i = 0; i < anonymous && count + i < volumes->count; i++)
		ret->mounts[ret->mount_count++] = (struct container_mount){ .kind = CONTAINER_VOLUME, .source = volumes->paths[count + i],
			.name = volumes->names ? volumes->names[count + i] : "", .target = arena_strdup(arena, targets[i]), .copies_up = true };
}

size_t container_plan_anonymous_volumes(const struct container_spec_model *own, const struct image_config *config, const char **ret_targets,
					size_t max)
{
	size_t count = 0;

	for (size_t i = 0; i < config->volumes.count && count < max; i++) {
		bool covered = false;

		for (size_t j = 0; j < own->mounts.count; j++)
			covered = covered || str_eq(own->mounts.items[j].target, config->volumes.items[i]);
		if (!covered)
			ret_targets[count++] = config->volumes.items[i];
	}
	return count;
}

static int set_stop_signal(const char *name, const struct image_config *config, struct container_spec *ret, struct err *err)
{
	if (str_is_empty(name))
		name = config->stop_signal;
	if (str_is_empty(name))
		return 0;
	ret->stop_signal = signal_parse(name);
	return ret->stop_signal > 0 ? 0 : err_set(err, ERR_INVALID, "invalid signal: %s", name);
}

static struct container_pairs pairs_of(const struct str_map *map, struct arena *arena)
{
	struct container_pairs ret = { ARENA_ARRAY(arena, struct container_pair, map->count), map->count };

	for (size_t i = 0; i < map->count; i++)
		ret.items[i] = (struct container_pair){ text(map->items[i].key), text(map->items[i].value) };
	return ret;
}

/* "address name alias…" */
static int set_hosts(const struct container_wish *wish, struct arena *arena, struct container_spec *ret, struct err *err)
{
	const struct str_array *hosts = &wish->own->hosts;

	ret->hosts.items = ARENA_ARRAY(arena, struct container_pair, hosts->count);
	for (size_t i = 0; i < hosts->count; i++) {
		char *line = arena_strdup(arena, text(hosts->items[i]));
		char *address = line + strspn(line, " \t"), *names = address + strcspn(address, " \t");

		if (*names)
			*names++ = '\0';
		names += strspn(names, " \t");
		if (validate_host_entry(address, names, err) < 0)
			return -1;
		if (str_eq(address, HOST_GATEWAY) && str_is_empty(wish->host_gateway))
			return err_set(err, ERR_INVALID, "unable to derive the IP value for host-gateway");
		ret->hosts.items[ret->hosts.count++] = (struct container_pair){
			str_eq(address, HOST_GATEWAY) ? arena_strdup(arena, wish->host_gateway) : address, names };
	}
	return 0;
}

static void set_dns(const struct dns_config *dns, struct arena *arena, struct container_spec *ret)
{
	ret->uses_host_dns = true;
	ret->dns_servers = strings_of(&dns->nameservers, arena);
	ret->dns_search = strings_of(&dns->search, arena);
	ret->dns_options = strings_of(&dns->options, arena);
}

static void set_rlimits(const struct container_spec_model *own, struct arena *arena, struct container_spec *ret)
{
	ret->rlimits = ARENA_ARRAY(arena, struct container_rlimit, own->ulimits.count);
	for (size_t i = 0; i < own->ulimits.count; i++) {
		const struct ulimit *limit = &own->ulimits.items[i];

		/* -1, unlimited, is the largest number there too */
		ret->rlimits[ret->rlimit_count++] = (struct container_rlimit){ text(limit->name), (uint64_t)limit->soft, (uint64_t)limit->hard };
	}
}

/* What the kernel is told about the processes. */
static int set_process(const struct container_spec_model *own, struct arena *arena, struct container_spec *ret, struct err *err)
{
	const struct privileges *privileges = own->privileges;
	const struct seccomp_options *seccomp = privileges ? privileges->seccomp : NULL;

	ret->groups = strings_of(&own->groups, arena);
	ret->has_tty = own->tty;
	ret->has_stdin = own->open_stdin;
	ret->uses_init = own->init == TRI_TRUE;
	ret->is_root_readonly = own->read_only;
	ret->sysctls = pairs_of(&own->sysctls, arena);
	ret->oom_score_adj = (int)own->oom_score_adj;
	ret->no_new_privs = privileges && privileges->no_new_privileges;
	ret->seccomp_enabled = !(seccomp && seccomp->mode == SECCOMP_UNCONFINED);
	if (seccomp && seccomp->mode == SECCOMP_CUSTOM)
		ret->seccomp_profile = arena_strndup(arena, (const char *)seccomp->profile.items, seccomp->profile.count);
	set_rlimits(own, arena, ret);
	return caps_adjust(ret->caps, &own->cap_add, &own->cap_drop, &ret->caps, err);
}

int container_plan_check_filter(const struct container_spec_model *own, const char *kernel, struct err *err)
{
	const struct seccomp_options *seccomp = own->privileges ? own->privileges->seccomp : NULL;
	struct seccomp_filter *filter;
	struct arena arena;
	uint64_t caps;
	struct err unused;
	int got;

	if (!seccomp || seccomp->mode != SECCOMP_CUSTOM || !seccomp->profile.count || seccomp->profile.count > SECCOMP_PROFILE_MAX_BYTES ||
	    caps_adjust(caps_default(), &own->cap_add, &own->cap_drop, &caps, &unused) < 0)
		return 0;
	arena_init(&arena, "system call filter", FILTER_BYTES_MAX);
	filter = ARENA_NEW(&arena, struct seccomp_filter);
	got = seccomp_profile_compile((const char *)seccomp->profile.items, seccomp->profile.count, caps, kernel, &arena, filter, err);
	if (got == 0)
		got = seccomp_profile_check_start(filter, err);
	arena_fini(&arena);
	return got;
}

static int set_log(const struct log_driver *log, struct container_spec *ret, struct err *err)
{
	struct log_settings settings;

	if (log_settings_read(log, &settings, err) < 0)
		return -1;
	ret->log_driver = settings.is_none ? CONTAINER_LOG_NONE : CONTAINER_LOG_JSON_FILE;
	ret->log_max_bytes = settings.max_bytes;
	ret->log_max_files = settings.max_files;
	return 0;
}

static struct str_array array_of(const struct image_words *words, struct arena *arena)
{
	struct str_array ret = { ARENA_ARRAY(arena, char *, words->count), words->count };

	for (size_t i = 0; i < words->count; i++)
		ret.items[i] = arena_strdup(arena, words->items[i]);
	return ret;
}

struct health_config container_plan_health(const struct health_config *own, const struct image_config *config, struct arena *arena)
{
	struct health_config image = {
		.test = array_of(&config->health.test, arena), .interval_ns = config->health.interval, .timeout_ns = config->health.timeout,
		.start_period_ns = config->health.start_period, .start_interval_ns = config->health.start_interval,
		.retries = config->health.retries,
	};
	struct health_config merged = health_merge(own, &image);

	if (!config->shell.count || merged.test.count < 2 || !str_eq(merged.test.items[0], "CMD-SHELL"))
		return merged;
	/* a shell of the image's own takes the line */
	struct str_array shell = array_of(&config->shell, arena);
	struct str_array whole = { ARENA_ARRAY(arena, char *, 1 + shell.count + merged.test.count - 1), 0 };

	whole.items[whole.count++] = arena_strdup(arena, "CMD");
	for (size_t i = 0; i < shell.count; i++)
		whole.items[whole.count++] = shell.items[i];
	for (size_t i = 1; i < merged.test.count; i++)
		whole.items[whole.count++] = merged.test.items[i];
	merged.test = whole;
	return merged;
}

int container_plan(const struct container_wish *wish, const struct image_config *config, const char *const *layers, size_t layer_count,
		   const struct container_volumes *volumes, struct arena *arena, struct container_spec *ret, struct err *err)
{
	const struct container_spec_model *own = wish->own;
	const struct resource_limits *limits = wish->limits;

	container_spec_init(ret);
	ret->id = arena_strdup(arena, wish->container_id);
	ret->name = arena_strdup(arena, wish->name);
	ret->image = text(own->image);
	set_labels(&own->labels, config, arena, ret);
	if (set_argv(own, config, arena, ret, err) < 0 || set_stop_signal(own->stop_signal, config, ret, err) < 0)
		return -1;
	set_env(&own->env, config, arena, ret);
	ret->cwd = str_is_empty(own->dir) ? arena_strdup(arena, text(config->working_dir)) : own->dir;
	ret->user = str_is_empty(own->user) ? arena_strdup(arena, text(config->user)) : own->user;
	ret->hostname = text(own->hostname);
	set_dns(&own->dns, arena, ret);
	ret->layers = join(layers, layer_count, NULL, 0, arena);
	set_mounts(own, config, volumes, arena, ret);
	ret->memory_bytes = limits->memory_bytes;
	ret->nano_cpus = limits->nano_cpus;
	ret->pids_limit = MAX(limits->pids, 0);          /* -1 is Docker's other word for no limit */
	ret->network = wish->network;
	if (set_hosts(wish, arena, ret, err) < 0 || set_process(own, arena, ret, err) < 0)
		return -1;
	return set_log(wish->log, ret, err);
}
