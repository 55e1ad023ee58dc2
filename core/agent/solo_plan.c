#include "agent/solo_plan.h"

#include <stdlib.h>
#include <string.h>

#include "agent/solo.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/caps.h"
#include "model/container_words.h"

enum { SECOND_MS = 1000, STOP_GRACE_S = 10, CFS_PERIOD_US = 100000 };

msec solo_stop_grace_ms(const struct container_config *config)
{
	int64_t seconds = config->stop_timeout_s.is_set ? config->stop_timeout_s.value : STOP_GRACE_S;

	return seconds < 0 || seconds > SOLO_FOREVER / SECOND_MS ? SOLO_FOREVER : seconds * SECOND_MS;
}

/* ---- the merge with the image ------------------------------------------------------------------------------------ */

static struct str_array copy_words(const struct image_words *words, struct arena *arena)
{
	struct str_array ret = { ARENA_ARRAY(arena, char *, words->count), words->count };

	for (size_t i = 0; i < words->count; i++)
		ret.items[i] = arena_strdup(arena, words->items[i]);
	return ret;
}

static bool has_name(const struct str_array *env, const char *entry)
{
	size_t length = strcspn(entry, "=");

	for (size_t i = 0; i < env->count; i++)
		if (strncmp(env->items[i], entry, length) == 0 && (env->items[i][length] == '=' || !env->items[i][length]))
			return true;
	return false;
}

/* The request's come first, then those of the image's that it says nothing of. A bare name unsets. */
static struct str_array merge_env(const struct str_array *asked, const struct image_words *image, struct arena *arena)
{
	struct str_array ret = { ARENA_ARRAY(arena, char *, asked->count + image->count), 0 };

	for (size_t i = 0; i < asked->count; i++)
		if (strchr(asked->items[i], '='))
			ret.items[ret.count++] = asked->items[i];
	for (size_t i = 0; i < image->count; i++)
		if (!has_name(asked, image->items[i]))
			ret.items[ret.count++] = arena_strdup(arena, image->items[i]);
	return ret;
}

static int name_order(const void *a, const void *b)
{
	return strcmp(((const struct named_nothing *)a)->name, ((const struct named_nothing *)b)->name);
}

static named_nothings merge_names(const named_nothings *asked, const struct image_words *image, struct arena *arena)
{
	named_nothings ret = { ARENA_ARRAY(arena, struct named_nothing, asked->count + image->count), 0 };

	for (size_t i = 0; i < asked->count; i++)
		ret.items[ret.count++] = asked->items[i];
	for (size_t i = 0; i < image->count; i++) {
		bool is_there = false;

		for (size_t j = 0; j < ret.count; j++)
			is_there = is_there || str_eq(ret.items[j].name, image->items[i]);
		if (!is_there)
			ret.items[ret.count++].name = arena_strdup(arena, image->items[i]);
	}
	if (ret.count)
		qsort(ret.items, ret.count, sizeof *ret.items, name_order);
	return ret;
}

static int pair_order(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

static struct str_map merge_labels(const struct str_map *asked, const struct image_pairs *image, struct arena *arena)
{
	struct str_map ret = { ARENA_ARRAY(arena, struct str_pair, asked->count + image->count), 0 };

	for (size_t i = 0; i < asked->count; i++)
		ret.items[ret.count++] = asked->items[i];
	for (size_t i = 0; i < image->count; i++)
		if (!str_map_get(asked, image->items[i].name))
			ret.items[ret.count++] = (struct str_pair){ arena_strdup(arena, image->items[i].name),
								    arena_strdup(arena, image->items[i].value) };
	if (ret.count)
		qsort(ret.items, ret.count, sizeof *ret.items, pair_order);
	return ret;
}

static struct health_config *merge_health(const struct health_config *asked, const struct image_config *image, struct arena *arena)
{
	struct health_config *ret = NULL;

	if (asked || image->health.test.count) {
		ret = ARENA_NEW(arena, struct health_config);
		*ret = container_plan_health(asked, image, arena);
	}
	return ret;
}

/* An entrypoint of the request drops the image's command; {""} is the way to say "none". */
static int merge_command(const struct container_config *asked, const struct image_config *image, struct arena *arena,
			 struct container_config *ret, struct err *err)
{
	if (!asked->entrypoint.count) {
		ret->entrypoint = copy_words(&image->entrypoint, arena);
		if (!asked->cmd.count)
			ret->cmd = copy_words(&image->cmd, arena);
	}
	if (ret->entrypoint.count == 1 && !ret->entrypoint.items[0][0])
		ret->entrypoint.count = 0;
	return ret->entrypoint.count + ret->cmd.count ? 0 : err_set(err, ERR_INVALID, "no command specified");
}

static char *text_or(char *asked, const char *image, struct arena *arena)
{
	return str_is_empty(asked) && !str_is_empty(image) ? arena_strdup(arena, image) : asked;
}

int solo_merge(const struct container_config *asked, const struct image_config *image, struct arena *arena, struct container_config *ret,
	       struct err *err)
{
	*ret = *asked;
	ret->user = text_or(asked->user, image->user, arena);
	ret->exposed_ports = merge_names(&asked->exposed_ports, &image->exposed_ports, arena);
	ret->env = merge_env(&asked->env, &image->env, arena);
	ret->health = merge_health(asked->health, image, arena);
	ret->volumes = merge_names(&asked->volumes, &image->volumes, arena);
	ret->working_dir = text_or(asked->working_dir, image->working_dir, arena);
	ret->labels = merge_labels(&asked->labels, &image->labels, arena);
	ret->stop_signal = text_or(asked->stop_signal, image->stop_signal, arena);
	return merge_command(asked, image, arena, ret, err);
}

/* ---- mounts ------------------------------------------------------------------------------------------------------ */

/* Without slashes at its end. */
static char *clean(const char *path, struct arena *arena)
{
	size_t length = strlen(path);

	while (length > 1 && path[length - 1] == '/')
		length--;
	return arena_strndup(arena, path, length);
}

/* Of the request alone; binds that cannot be read were refused at create. */
static size_t asked_mounts(const struct host_config *host, struct arena *arena, struct mount *ret)
{
	size_t count = 0;
	struct err ignored;

	for (size_t i = 0; i < host->binds.count; i++)
		count += container_bind_parse(host->binds.items[i], arena, &ret[count], &ignored) == 0;
	for (size_t i = 0; i < host->mounts.count; i++)
		ret[count++] = host->mounts.items[i];
	for (size_t i = 0; i < count; i++)
		ret[i].target = clean(ret[i].target, arena);
	return count;
}

static bool is_covered(const char *target, const struct mount *mounts, size_t count, const struct host_config *host)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(mounts[i].target, target))
			return true;
	return str_map_get(&host->tmpfs, target);
}

void solo_anonymous(const struct container_config *merged, const struct host_config *host, struct arena *arena, struct str_array *ret_targets)
{
	size_t most = host->binds.count + host->mounts.count;
	struct mount *mounts = ARENA_ARRAY(arena, struct mount, most);
	size_t count = asked_mounts(host, arena, mounts);

	*ret_targets = (struct str_array){ ARENA_ARRAY(arena, char *, count + merged->volumes.count), 0 };
	for (size_t i = 0; i < count; i++)
		if (mounts[i].type == MOUNT_VOLUME && str_is_empty(mounts[i].source))
			ret_targets->items[ret_targets->count++] = mounts[i].target;
	for (size_t i = 0; i < merged->volumes.count; i++) {
		char *target = clean(merged->volumes.items[i].name, arena);

		if (!is_covered(target, mounts, count, host) && !str_array_has(ret_targets, target))
			ret_targets->items[ret_targets->count++] = target;
	}
}

static char *volume_for(const struct container_row *row, const char *target)
{
	for (size_t i = 0; i < row->volumes.count; i++)
		if (str_eq(row->volumes.items[i].target, target))
			return row->volumes.items[i].name;
	return NULL;
}

int solo_mounts(const struct container_row *row, struct arena *arena, struct mount **ret, size_t *ret_count, struct err *err)
{
	size_t most = row->host.binds.count + row->host.mounts.count + row->inherited.count + row->volumes.count;
	struct mount *mounts = ARENA_ARRAY(arena, struct mount, most);
	size_t count = asked_mounts(&row->host, arena, mounts);

	for (size_t i = 0; i < count; i++)
		if (mounts[i].type == MOUNT_VOLUME && str_is_empty(mounts[i].source) &&
		    !(mounts[i].source = volume_for(row, mounts[i].target)))
			return err_set(err, ERR_IO, "container %.12s: no volume is known for %s", row->id, mounts[i].target);
	for (size_t i = 0; i < row->inherited.count; i++)
		if (!is_covered(row->inherited.items[i].target, mounts, count, &row->host))
			mounts[count++] = row->inherited.items[i];
	for (size_t i = 0; i < row->volumes.count; i++)
		if (!is_covered(row->volumes.items[i].target, mounts, count, &row->host))
			mounts[count++] = (struct mount){ .type = MOUNT_VOLUME, .source = row->volumes.items[i].name,
							  .target = row->volumes.items[i].target };
	*ret = mounts;
	*ret_count = count;
	return 0;
}

/* ---- the plan ---------------------------------------------------------------------------------------------------- */

static int set_hosts(const struct host_config *host, struct arena *arena, struct container_spec_model *own, struct err *err)
{
	own->hosts = (struct str_array){ ARENA_ARRAY(arena, char *, host->extra_hosts.count), 0 };
	for (size_t i = 0; i < host->extra_hosts.count; i++) {
		char *entry = container_host_entry(host->extra_hosts.items[i], arena, err);

		if (!entry)
			return -1;
		own->hosts.items[own->hosts.count++] = entry;
	}
	return 0;
}

static int set_security(const struct host_config *host, struct arena *arena, struct container_spec_model *own, struct err *err)
{
	struct security_words words;

	if (security_words_parse(&host->security_opt, &words, err) < 0)
		return -1;
	own->privileges = ARENA_NEW(arena, struct privileges);
	own->privileges->no_new_privileges = words.no_new_privileges;
	own->privileges->seccomp = ARENA_NEW(arena, struct seccomp_options);
	own->privileges->seccomp->mode = words.has_no_seccomp ? SECCOMP_UNCONFINED : words.seccomp_profile ? SECCOMP_CUSTOM : SECCOMP_DEFAULT;
	if (words.seccomp_profile)
		own->privileges->seccomp->profile = (struct bytes){ (uint8_t *)(uintptr_t)words.seccomp_profile, strlen(words.seccomp_profile) };
	return 0;
}

/* The request in the words of a service's spec, which container_plan understands. */
static int describe(const struct container_row *row, const struct solo_place *place, struct arena *arena, struct container_spec_model *ret,
		    struct err *err)
{
	const struct container_config *config = &row->config;
	const struct host_config *host = &row->host;

	*ret = (struct container_spec_model){
		.image = config->image, .labels = config->labels, .command = config->entrypoint, .args = config->cmd,
		.hostname = config->hostname, .env = config->env, .dir = config->working_dir, .user = config->user,
		.groups = host->group_add, .init = host->init, .stop_signal = config->stop_signal, .tty = config->tty,
		.open_stdin = config->open_stdin, .read_only = host->readonly_rootfs,
		.dns = { host->dns, host->dns_search, host->dns_options }, .sysctls = host->sysctls, .cap_add = host->cap_add,
		.cap_drop = host->cap_drop, .oom_score_adj = host->oom_score_adj,
	};
	ret->mounts.items = (struct mount *)(uintptr_t)place->mounts;
	ret->mounts.count = place->mount_count;
	ret->ulimits.items = host->ulimits.items;
	ret->ulimits.count = host->ulimits.count;
	return set_hosts(host, arena, ret, err) < 0 || set_security(host, arena, ret, err) < 0 ? -1 : 0;
}

static void add_tmpfs(const struct str_map *tmpfs, struct arena *arena, struct container_spec *ret)
{
	struct container_mount *mounts = ARENA_ARRAY(arena, struct container_mount, ret->mount_count + tmpfs->count);

	if (ret->mount_count)
		memcpy(mounts, ret->mounts, ret->mount_count * sizeof *mounts);
	for (size_t i = 0; i < tmpfs->count; i++)
		mounts[ret->mount_count++] = (struct container_mount){ .kind = CONTAINER_TMPFS, .target = tmpfs->items[i].key,
								       .tmpfs_options = tmpfs->items[i].value };
	ret->mounts = mounts;
}

static void add_devices(const struct host_config *host, struct arena *arena, struct container_spec *ret)
{
	ret->devices = ARENA_ARRAY(arena, struct container_device, host->devices.count);
	for (size_t i = 0; i < host->devices.count; i++) {
		const struct device_mapping *device = &host->devices.items[i];

		ret->devices[ret->device_count++] = (struct container_device){
			.host_path = device->host_path, .path = str_is_empty(device->path) ? device->host_path : device->path,
			.access = str_is_empty(device->permissions) ? "rwm" : device->permissions };
	}
}

static void set_privileged(struct container_spec *ret)
{
	ret->caps = CAPS_ALL;
	ret->seccomp_enabled = false;
	ret->masked_paths = ret->readonly_paths = (struct container_strings){ 0 };
	ret->has_all_devices = ret->has_writable_sys = true;
}

static int64_t cpus_of(const struct host_config *host)
{
	int64_t period = host->cpu_period_us ? host->cpu_period_us : CFS_PERIOD_US;

	return host->cpu_quota_us > 0 ? host->cpu_quota_us * 1000000000 / period : host->nano_cpus;
}

static enum container_network network_of(const struct host_config *host)
{
	switch (container_network_of(host)) {
	case PREDEFINED_BRIDGE: return CONTAINER_NET_OWN;
	case PREDEFINED_HOST: return CONTAINER_NET_HOST;
	case PREDEFINED_NONE: return CONTAINER_NET_NONE;
	case PREDEFINED_COUNT: break;
	}
	panic("network of a container");
}

int solo_plan(const struct container_row *row, const struct solo_place *place, struct arena *arena, struct container_spec *ret, struct err *err)
{
	const struct host_config *host = &row->host;
	const struct container_volumes volumes = { .paths = place->volume_paths, .count = place->mount_count };
	const struct resource_limits limits = { .nano_cpus = cpus_of(host), .memory_bytes = host->memory_bytes, .pids = host->pids_limit.value };
	struct container_spec_model own;
	struct container_wish wish = { .container_id = row->id, .name = row->name, .own = &own, .limits = &limits, .log = &host->log,
				       .network = network_of(host), .host_gateway = place->host_gateway };
	struct image_config merged_already;
	int rc;

	image_config_init(&merged_already);
	rc = describe(row, place, arena, &own, err) < 0 ||
	     container_plan(&wish, &merged_already, place->layers, place->layer_count, &volumes, arena, ret, err) < 0 ? -1 : 0;
	image_config_fini(&merged_already);
	if (rc < 0)
		return -1;
	ret->domainname = row->config.domainname;
	ret->is_stdin_once = row->config.stdin_once;
	ret->tty_rows = (uint32_t)row->console_rows;
	ret->tty_columns = (uint32_t)row->console_columns;
	ret->keeps_root = true;
	ret->shm_size_bytes = host->shm_size_bytes;
	ret->memory_swap_bytes = host->memory_swap_bytes;
	ret->created_wall = row->created_wall;
	add_tmpfs(&host->tmpfs, arena, ret);
	add_devices(host, arena, ret);
	if (host->privileged)
		set_privileged(ret);
	return container_spec_check(ret, err);
}
