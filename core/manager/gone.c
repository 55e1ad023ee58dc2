#include "manager/gone.h"

#include "base/str.h"

void gone_begin(struct gone *gone, uint64_t index)
{
	gone->since = index;
	gone->count = 0;
}

static void add(struct gone *gone, const char *id, uint64_t index)
{
	struct gone_item *item = &gone->items[gone->count % GONE_MAX];

	if (gone->count++ >= GONE_MAX)
		gone->since = item->index;
	str_copy(item->id, sizeof item->id, id);
	item->index = index;
}

void gone_note(struct gone *gone, const struct applied *applied, uint64_t index)
{
	for (size_t i = 0; i < applied->event_count; i++) {
		const struct state_event *event = &applied->events[i];

		if (event->op == CHANGE_REMOVE && (event->kind == KIND_SERVICE || event->kind == KIND_NODE || event->kind == KIND_SECRET ||
						   event->kind == KIND_CONFIG))
			add(gone, event->id, index);
	}
}

enum gone_word gone_ask(const struct gone *gone, const char *id, uint64_t since)
{
	for (size_t i = 0; i < gone->count && i < GONE_MAX; i++)
		if (str_eq(gone->items[i].id, id))
			return GONE_REMOVED;
	return gone->since <= since ? GONE_NEVER : GONE_UNKNOWN;
}
