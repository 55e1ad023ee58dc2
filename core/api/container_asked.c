#include "api/container_asked.h"

#include <string.h>

#include "agent/solo_plan.h"
#include "agent/task_container.h"
#include "api/container_shape.h"
#include "base/str.h"

/* hosts(5)'s "address names" in the words of --add-host. */
static struct str_array hosts_of(const struct str_array *hosts, struct arena *arena)
{
	struct str_array ret = { ARENA_ARRAY(arena, char *, hosts->count), 0 };

	for (size_t i = 0; i < hosts->count; i++) {
		const char *line = hosts->items[i] ? hosts->items[i] : "", *names = line + strcspn(line, " \t");

		ret.items[ret.count++] = arena_printf(arena, "%s:%.*s", names + strspn(names, " \t"), (int)(names - line), line);
	}
	return ret;
}

static struct host_config host_of_task(const struct agent_container *container, struct arena *arena)
{
	const struct task_spec *task = &container->assignment->spec;
	const struct container_spec_model *own = container->own;
	const struct resource_limits *limits = &task->resources.limits;
	struct host_config ret = {
		.network_mode = (char *)(uintptr_t)container_network_mode(container->spec), .cap_add = own->cap_add, .cap_drop = own->cap_drop,
		.dns = own->dns.nameservers, .dns_options = own->dns.options, .dns_search = own->dns.search,
		.extra_hosts = hosts_of(&own->hosts, arena), .group_add = own->groups, .oom_score_adj = own->oom_score_adj,
		.readonly_rootfs = own->read_only, .sysctls = own->sysctls, .memory_bytes = limits->memory_bytes,
		.nano_cpus = limits->nano_cpus, .pids_limit = { limits->pids != 0, limits->pids }, .init = own->init,
	};

	if (task->log)
		ret.log = *task->log;
	ret.ulimits.items = own->ulimits.items;
	ret.ulimits.count = own->ulimits.count;
	ret.mounts.items = own->mounts.items;
	ret.mounts.count = own->mounts.count;
	return ret;
}

static struct str_array array_of(const struct container_strings *words)
{
	return (struct str_array){ (char **)(uintptr_t)words->items, words->count };
}

static struct container_config config_of_task(const struct agent_container *container, const struct image_config *image, struct arena *arena)
{
	const struct container_spec_model *own = container->own;
	struct container_config asked = {
		.hostname = own->hostname, .user = own->user, .tty = own->tty, .open_stdin = own->open_stdin, .env = own->env, .cmd = own->args,
		.health = own->health, .image = (char *)(uintptr_t)container->spec->image, .working_dir = own->dir, .entrypoint = own->command,
		.stop_signal = own->stop_signal,
	}, ret;
	struct err ignored;

	container_labels(container->spec, arena, &asked.labels);
	if (image && solo_merge(&asked, image, arena, &ret, &ignored) == 0)
		return ret;
	asked.env = array_of(&container->spec->env);
	asked.cmd = array_of(&container->spec->argv);
	asked.entrypoint.count = 0;
	return asked;
}

static void fill(char **text, const char *otherwise)
{
	if (str_is_empty(*text))
		*text = (char *)(uintptr_t)otherwise;
}

void container_asked(const struct agent_container *container, const struct image_config *image, struct arena *arena,
		     struct container_config *ret_config, struct host_config *ret_host)
{
	*ret_config = container->row ? container->row->config : config_of_task(container, image, arena);
	*ret_host = container->row ? container->row->host : host_of_task(container, arena);
	if (container->spec->network != CONTAINER_NET_HOST)
		fill(&ret_config->hostname, arena_printf(arena, "%.12s", container->info.id));
	if (str_eq(ret_host->network_mode, "default"))
		ret_host->network_mode = NULL;
	fill(&ret_host->network_mode, "bridge");
	fill(&ret_host->log.name, "json-file");
	fill(&ret_host->restart.name, "no");
	fill(&ret_host->ipc_mode, "private");
	fill(&ret_host->cgroupns_mode, "private");
	fill(&ret_host->runtime, "runc");
	if (!ret_host->shm_size_bytes)
		ret_host->shm_size_bytes = 64 << 20;
}
