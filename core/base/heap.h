/* heap.h - a binary min-heap of things that embed a node, ordered by a 64-bit key (usually a deadline). */
#pragma once
#include "base/base.h"

struct heap_node { int64_t key; uint64_t order; size_t index; };        /* index 0: not in a heap */
struct heap { struct heap_node **nodes; size_t count, size; uint64_t next_order; };

void heap_fini(struct heap *heap);
/* Equal keys come out in the order they were put in. */
void heap_put(struct heap *heap, struct heap_node *node, int64_t key);  /* moves it when it is in already */
void heap_remove(struct heap *heap, struct heap_node *node);            /* no-op when it is not in */
struct heap_node *heap_first(const struct heap *heap);                  /* NULL when empty */
