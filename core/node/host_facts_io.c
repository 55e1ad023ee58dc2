#include "node/host_facts_io.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"

enum { SMALL_FILE_MAX = 64 * 1024 };

/* NAME="value" or NAME=value of /etc/os-release(5). */
static const char *os_release(struct arena *arena, const char *name, const char *fallback)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(strlist_finip) struct strlist lines = { 0 };
	struct err err;

	if (file_read("/etc/os-release", SMALL_FILE_MAX, &text, &err) < 0)
		return fallback;
	lines = str_split(buf_text(&text), '\n');
	for (size_t i = 0; i < lines.count; i++) {
		const char *value = str_after(lines.items[i], name);
		size_t length;

		if (!value || *value != '=')
			continue;
		value++;
		length = strlen(value);
		if (length >= 2 && (*value == '"' || *value == '\'') && value[length - 1] == *value) {
			value++;
			length -= 2;
		}
		return arena_strndup(arena, value, length);
	}
	return fallback;
}

static int64_t memory_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	return pages > 0 && size > 0 ? (int64_t)pages * size : 0;
}

void host_facts(struct arena *arena, struct api_facts *ret)
{
	struct utsname uts;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	uname(&uts);
	ret->name = arena_strdup(arena, uts.nodename);
	ret->engine_version = ENGINE_VERSION;
	ret->kernel = arena_strdup(arena, uts.release);
	ret->os = os_release(arena, "PRETTY_NAME", "Linux");
	ret->os_version = os_release(arena, "VERSION_ID", "");
	ret->os_type = "linux";
	ret->architecture = arena_strdup(arena, uts.machine);
	ret->memory_bytes = memory_bytes();
	ret->cpu_count = cpus > 0 ? (int)cpus : 1;
	ret->started_wall = clock_wall_ns();
}

void host_description(const struct api_facts *facts, struct arena *arena, struct node_description *ret)
{
	static const struct { const char *type, *name; } plugins[] = {
		{ "Log", "json-file" }, { "Log", "none" }, { "Network", "bridge" }, { "Network", "host" }, { "Network", "null" },
		{ "Volume", "local" },
	};

	*ret = (struct node_description){ .hostname = (char *)(uintptr_t)facts->name };
	ret->platform.architecture = (char *)(uintptr_t)facts->architecture;
	ret->platform.os = arena_strdup(arena, "linux");
	ret->resources.nano_cpus = (int64_t)facts->cpu_count * 1000000000;
	ret->resources.memory_bytes = facts->memory_bytes;
	ret->engine.version = (char *)(uintptr_t)facts->engine_version;
	ret->engine.labels = *facts->labels;
	ret->engine.plugins.items = ARENA_ARRAY(arena, struct engine_plugin, ARRAY_COUNT(plugins));
	ret->engine.plugins.count = ARRAY_COUNT(plugins);
	for (size_t i = 0; i < ARRAY_COUNT(plugins); i++) {
		ret->engine.plugins.items[i].type = arena_strdup(arena, plugins[i].type);
		ret->engine.plugins.items[i].name = arena_strdup(arena, plugins[i].name);
	}
}
