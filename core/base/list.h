/* list.h - intrusive doubly linked list with a head that points at itself when empty. */
#pragma once
#include "base/base.h"

struct list { struct list *next, *prev; };

static inline void list_init(struct list *l) { l->next = l->prev = l; }
static inline bool list_is_empty(const struct list *l) { return l->next == l; }
static inline void list_add_last(struct list *head, struct list *item)
{
	item->prev = head->prev;
	item->next = head;
	head->prev->next = item;
	head->prev = item;
}
static inline void list_remove(struct list *item)        /* twice is harmless */
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	list_init(item);
}
/* Removes the first one; NULL when empty. */
static inline struct list *list_take_first(struct list *head)
{
	struct list *item = head->next;

	if (item == head)
		return NULL;
	head->next = item->next;
	item->next->prev = head;
	list_init(item);
	return item;
}
#define LIST_EACH(item, head) for (struct list *item = (head)->next, *item##_next = item->next; item != (head); \
				   item = item##_next, item##_next = item->next)
