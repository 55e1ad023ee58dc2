/* What images this manager has, told to the leader until the state says so. */
#include "base/panic.h"
#include "manager/manager_internal.h"
#include "manager/verb_images.h"
#include "os/log.h"

enum { STOCK_AGAIN_MS = 1000, STOCK_ARENA_MAX = 16 << 20, TELLINGS_MAX = 4 };

static void told(void *arg, const char *id UNUSED, uint64_t index UNUSED, const struct err *err)
{
	struct manager *m = arg;

	m->stock.tellings--;
	if (!m->replica || m->stock.tellings)
		return;
	if (err)
		log_debug("swarm: this manager's images: %s", err->text);
	timer_set_in(&m->stock.timer, err ? STOCK_AGAIN_MS : 0);
}

static void tell(struct manager *m)
{
	struct stock *stock = &m->stock;
	struct ask *ask = ask_new(m, VERB_IMAGES, m->node_id, told, m);

	stock->tellings++;
	ask->verb.images.items = ARENA_ARRAY(&ask->arena, struct image_copy, stock->count);
	ask->verb.images.count = stock->count;
	for (size_t i = 0; i < stock->count; i++)
		shape_copy(&image_copy_shape, &stock->items[i], &ask->arena, &ask->verb.images.items[i]);
	ask_begin(ask);
}

static void look(void *arg)
{
	struct manager *m = arg;
	struct stock *stock = &m->stock;

	if (!manager_is_current(m))
		timer_set_in(&stock->timer, STOCK_AGAIN_MS);
	else if (!stock->tellings && !images_are_told(manager_view(m), m->node_id, stock->items, stock->count))
		tell(m);
}

void manager_set_images(struct manager *m, const struct image_copy *items, size_t count)
{
	struct stock *stock = &m->stock;

	arena_fini(&stock->arena);
	arena_init(&stock->arena, "images of this manager", STOCK_ARENA_MAX);
	stock->count = MIN(count, (size_t)IMAGE_COPIES_MAX);
	if (count > stock->count)
		log_warn("swarm: %zu images are here, and the swarm is told of %zu", count, stock->count);
	stock->items = ARENA_ARRAY(&stock->arena, struct image_copy, stock->count);
	for (size_t i = 0; i < stock->count; i++)
		shape_copy(&image_copy_shape, &items[i], &stock->arena, &stock->items[i]);
	/* also while an older list is on its way: what is asked for behind this finds that it was told; the last answer sees to the rest */
	if (manager_is_current(m) && stock->tellings < TELLINGS_MAX)
		tell(m);
	else
		timer_set_in(&stock->timer, STOCK_AGAIN_MS);
}

void stock_open(struct manager *m)
{
	arena_init(&m->stock.arena, "images of this manager", STOCK_ARENA_MAX);
	timer_init(&m->stock.timer, m->loop, look, m);
}

void stock_close(struct manager *m)
{
	timer_cancel(&m->stock.timer);
	arena_fini(&m->stock.arena);
}
