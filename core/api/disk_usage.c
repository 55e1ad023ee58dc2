#include "api/disk_usage.h"

#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"

struct measured { char *name, *path; int64_t bytes; bool is_container, is_copy; };
struct disk_usage {
	struct api *api;
	struct measured *items;
	size_t count;
	disk_usage_done_fn *done;
	void *arg;
};

struct disk_usage *disk_usage_new(struct api *api)
{
	struct disk_usage *usage = NEW(struct disk_usage);

	usage->api = api;
	return usage;
}

void disk_usage_free(struct disk_usage *usage)
{
	for (size_t i = 0; i < usage->count; i++) {
		free(usage->items[i].name);
		free(usage->items[i].path);
	}
	free(usage->items);
	free(usage);
}

static struct measured *add(struct disk_usage *usage, const char *name, char *path)
{
	usage->items = mem_resize(usage->items, usage->count + 1, sizeof(*usage->items));
	usage->items[usage->count] = (struct measured){ .name = str_dup(name), .path = path };
	return &usage->items[usage->count++];
}

/* Without overlayfs its root is a copy, the image's files included. */
void disk_usage_add_container(struct disk_usage *usage, const struct agent_container *container)
{
	struct runtime_facts facts;

	runtime_facts(usage->api->host.runtime, &facts);
	bool is_copy = str_eq(facts.storage_driver, "copy");
	struct measured *m = add(usage, container->info.id, path_join(container->info.dir, is_copy ? "rootfs" : "upper"));
	m->is_container = true;
	m->is_copy = is_copy;
}

void disk_usage_add_volume(struct disk_usage *usage, const char *name)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	add(usage, name, str_dup(volumes_path(usage->api->host.volumes, name, &path)));
}

static void run(void *arg)
{
	struct disk_usage *usage = arg;

	for (size_t i = 0; i < usage->count; i++)
		usage->items[i].bytes = dir_usage(usage->items[i].path);
}

static void end(void *arg)
{
	struct disk_usage *usage = arg;

	usage->done(usage->arg, usage);
	disk_usage_free(usage);
}

bool disk_usage_measure(struct disk_usage *usage, disk_usage_done_fn *done, void *arg)
{
	usage->done = done;
	usage->arg = arg;
	if (work_submit(usage->api->host.work, &disk_usage_measure, run, end, usage))
		return true;
	disk_usage_free(usage);
	return false;
}

size_t disk_usage_count(const struct disk_usage *usage)
{
	return usage->count;
}

const char *disk_usage_name(const struct disk_usage *usage, size_t at, bool *ret_is_container)
{
	*ret_is_container = usage->items[at].is_container;
	return usage->items[at].name;
}

int64_t disk_usage_bytes(const struct disk_usage *usage, size_t at)
{
	return usage->items[at].bytes;
}

void disk_usage_put_sizes(const struct disk_usage *usage, size_t at, yyjson_mut_doc *doc, yyjson_mut_val *item)
{
	const struct measured *m = &usage->items[at];
	struct agent_container container;
	const struct image *image;
	int64_t image_bytes = 0;
	struct err err;

	if (agent_find_container(usage->api->host.agent, m->name, &container, &err) == 0 &&
	    image_store_get(usage->api->host.images, container.image_id, &image, &err) == 0)
		image_bytes = image->size_bytes;
	yyjson_mut_obj_add_int(doc, item, "SizeRw", m->is_copy ? MAX(m->bytes - image_bytes, (int64_t)0) : m->bytes);
	yyjson_mut_obj_add_int(doc, item, "SizeRootFs", m->is_copy ? m->bytes : m->bytes + image_bytes);
}
