/* POST /containers/create: from a request to a row that is on disk, volumes that exist, and a container that people see. */
#include <stdlib.h>
#include <string.h>

#include "agent/solo_io.h"
#include "base/panic.h"
#include "base/random_name.h"
#include "base/str.h"
#include "image/image_platform.h"
#include "model/container_words.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/log.h"
#include "store/node_tables.h"

enum { CREATE_ARENA_MAX = 64 << 20, NAME_ATTEMPTS = 100 };

/* Under way, or refused at once. */
struct creation { struct agent *agent; agent_created_fn *done; void *arg; struct err err; };

static void refuse_now(void *arg)
{
	struct creation *creation = arg;

	creation->done(creation->arg, NULL, &creation->err);
	free(creation);
}

static void refuse_later(struct agent *agent, agent_created_fn *done, void *arg, const struct err *err)
{
	struct creation *creation = NEW(struct creation);

	*creation = (struct creation){ .agent = agent, .done = done, .arg = arg, .err = *err };
	loop_defer(agent->cfg.loop, refuse_now, creation);
}

/* ---- names ------------------------------------------------------------------------------------------------------- */

static const char *holder_of(const struct agent *agent, const char *name)
{
	const char *id;
	void *value;

	for (size_t at = 0; map_next(agent->boxes, &at, &id, &value);)
		if (str_eq(((struct solo_box *)value)->row.name, name))
			return id;
	for (size_t at = 0; map_next(agent->by_container, &at, &id, &value);)
		if (str_eq(((struct hosted *)value)->spec.name, name))
			return id;
	return NULL;
}

int agent_check_container_name(const struct agent *agent, const char *name, struct err *err)
{
	const char *holder;

	if (container_name_check(name, err) < 0)
		return -1;
	holder = holder_of(agent, name);
	if (!holder)
		return 0;
	return err_set(err, ERR_CONFLICT, "Conflict. The container name \"/%s\" is already in use by container \"%s\". You have to remove (or "
		       "rename) that container to be able to reuse that name.", name, holder);
}

static int choose_name(struct agent *agent, const char *asked, struct arena *arena, char **ret, struct err *err)
{
	char invented[RANDOM_NAME_SIZE];

	if (!str_is_empty(asked)) {
		*ret = arena_strdup(arena, asked[0] == '/' ? asked + 1 : asked);
		return agent_check_container_name(agent, *ret, err);
	}
	for (unsigned attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
		random_name(&agent->names, attempt, invented);
		if (holder_of(agent, invented))
			continue;
		*ret = arena_strdup(arena, invented);
		return 0;
	}
	return err_set(err, ERR_EXHAUSTED, "no name could be invented for the container: give it one with --name");
}

/* ---- what is mounted --------------------------------------------------------------------------------------------- */

static void name_volumes(struct container_row *row, struct arena *arena)
{
	struct str_array targets;

	solo_anonymous(&row->config, &row->host, arena, &targets);
	row->volumes.items = ARENA_ARRAY(arena, struct container_volume, targets.count);
	for (size_t i = 0; i < targets.count; i++) {
		char name[HEX_ID_SIZE];

		entropy_hex_id(name);
		row->volumes.items[row->volumes.count++] = (struct container_volume){ targets.items[i], arena_strdup(arena, name) };
	}
}

static void inherit(const struct container_mount *from, bool is_readonly, struct arena *arena, struct container_row *row)
{
	struct mount *to = &row->inherited.items[row->inherited.count];

	if (from->kind == CONTAINER_TMPFS || (from->kind == CONTAINER_VOLUME && str_is_empty(from->name)))
		return;                 /* a task's anonymous volume goes with the task */
	*to = (struct mount){ .type = from->kind == CONTAINER_BIND ? MOUNT_BIND : MOUNT_VOLUME, .target = arena_strdup(arena, from->target),
			      .source = arena_strdup(arena, from->kind == CONTAINER_BIND ? from->source : from->name),
			      .read_only = from->is_readonly || is_readonly };
	row->inherited.count++;
}

/* "container[:ro|:rw]" */
static int inherit_from(const struct agent *agent, const char *text, struct arena *arena, struct container_row *row, struct err *err)
{
	const char *colon = strchr(text, ':');
	CLEANUP(str_freep) char *name = str_printf("%.*s", (int)(colon ? colon - text : (long)strlen(text)), text);
	struct agent_container container;
	struct mount *items;

	if (colon && !str_eq(colon + 1, "ro") && !str_eq(colon + 1, "rw"))
		return err_set(err, ERR_INVALID, "invalid mode: %.100s", colon + 1);
	if (!*name)
		return err_set(err, ERR_INVALID, "malformed volumes-from specification: %.100s", text);
	if (agent_find_container(agent, name, &container, err) < 0) {
		err->code = ERR_INVALID;        /* not 404: clients would pull the image */
		return -1;
	}
	if (container.status == SOLO_REMOVING)
		return err_set(err, ERR_CONFLICT, "volumes from %s: the container is marked for removal", name);
	items = ARENA_ARRAY(arena, struct mount, row->inherited.count + container.spec->mount_count);
	if (row->inherited.count)
		memcpy(items, row->inherited.items, row->inherited.count * sizeof *items);
	row->inherited.items = items;
	for (size_t i = 0; i < container.spec->mount_count; i++)
		inherit(&container.spec->mounts[i], colon && str_eq(colon + 1, "ro"), arena, row);
	return 0;
}

/* ---- the row ----------------------------------------------------------------------------------------------------- */

static int check_platform(const struct image *image, const char *platform, struct err *err)
{
	struct image_platform wanted, has;

	if (str_is_empty(platform))
		return 0;
	if (image_platform_parse(platform, &wanted, err) < 0)
		return -1;
	if (image_platform_read(image->config.os, image->config.architecture, image->config.variant, &has) &&
	    image_platform_rank(&wanted, &has) >= 0)
		return 0;
	return err_set(err, ERR_NOT_FOUND, "image with reference %.200s was found but its platform (%s/%s) does not match the specified platform "
		       "(%.100s)", image->tags.count ? image->tags.items[0] : image->id, image->config.os, image->config.architecture, platform);
}

static int make_row(struct agent *agent, const char *name, const char *platform, const struct container_request *request, struct arena *arena,
		    struct container_row *row, struct image_hold **ret_hold, struct err *err)
{
	const struct image *image;
	const char *const *layers;
	char id[HEX_ID_SIZE];
	size_t count;

	if (container_request_check(request, err) < 0 || choose_name(agent, name, arena, &row->name, err) < 0 ||
	    image_store_get(agent->cfg.images, request->config.image ? request->config.image : "", &image, err) < 0 ||
	    check_platform(image, platform, err) < 0 || solo_merge(&request->config, &image->config, arena, &row->config, err) < 0 ||
	    image_hold_new(agent->cfg.images, image->id, ret_hold, err) < 0)
		return -1;
	entropy_hex_id(id);
	row->id = arena_strdup(arena, id);
	row->image_id = arena_strdup(arena, image->id);
	layers = image_hold_diff_ids(*ret_hold, &count);
	row->layers = (struct str_array){ (char **)(uintptr_t)layers, count };
	row->created_wall = clock_wall_ns();
	row->host = request->host;
	row->console_rows = request->console_rows;
	row->console_columns = request->console_columns;
	for (size_t i = 0; i < request->host.volumes_from.count; i++)
		if (inherit_from(agent, request->host.volumes_from.items[i], arena, row, err) < 0)
			return -1;
	name_volumes(row, arena);
	return 0;
}

/* ---- saving, then showing ---------------------------------------------------------------------------------------- */

static void give_up(struct solo_box *box, const struct err *why)
{
	agent_created_fn *done = box->created;
	void *arg = box->created_arg;
	struct store_row gone = { .table = NODE_TABLE_CONTAINER, .id = box->row.id };
	struct agent *agent = box->hosted.agent;
	struct err err;

	box_remove_volumes(box);
	if (store_node_write(agent->cfg.store, &gone, 1, NULL, NULL, &err) < 0)
		log_warn("%s: not forgotten: %s", hosted_name(&box->hosted), err.text);
	done(arg, NULL, why);
	box_free(box);
}

static void saved(void *arg, const struct err *failure)
{
	struct pending *saving = arg;
	struct solo_box *box = map_get(saving->agent->boxes, saving->ids.items[0]);
	struct err err;

	pending_free(saving);
	if (!box)
		return;
	if (failure || box_plan(box, &err) < 0) {
		if (failure)
			err = *failure;
		if (err.code == ERR_NOT_FOUND)
			err.code = ERR_INVALID;
		give_up(box, &err);
		return;
	}
	box->is_saved = true;
	hosted_take_container(&box->hosted, box->row.id);
	hosted_event(&box->hosted, "create", NULL, 0);
	box->created(box->created_arg, box->row.id, NULL);
	box->created = NULL;
}

void agent_create(struct agent *agent, const char *name, const char *platform, const struct container_request *request, agent_created_fn *done,
		  void *arg)
{
	struct image_hold *hold = NULL;
	struct container_row row = { 0 };
	struct solo_box *box;
	struct pending *saving;
	struct arena arena;
	struct err err;

	arena_init(&arena, "create", CREATE_ARENA_MAX);
	if (make_row(agent, name, platform, request, &arena, &row, &hold, &err) < 0) {
		image_hold_free(hold);
		arena_fini(&arena);
		refuse_later(agent, done, arg, &err);
		return;
	}
	box = box_new(agent, &row);
	arena_fini(&arena);
	box->hosted.hold = hold;
	box->created = done;
	box->created_arg = arg;
	saving = pending_new(agent);
	strlist_add(&saving->ids, box->row.id);
	if (box_save(box, saved, saving, &err) < 0) {
		pending_free(saving);
		box->created = NULL;
		box_free(box);
		refuse_later(agent, done, arg, &err);
	}
}
