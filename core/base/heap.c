/* Positions count from 1, so that a node full of zeros is "not in a heap";
 * the parent of i is i / 2. */
#include "base/heap.h"

#include <stdlib.h>

#include "base/panic.h"

void heap_fini(struct heap *heap)
{
	for (size_t i = 1; i <= heap->count; i++)
		heap->nodes[i]->index = 0;
	free(heap->nodes);
	*heap = (struct heap){ 0 };
}

static bool is_before(const struct heap_node *a, const struct heap_node *b)
{
	return a->key != b->key ? a->key < b->key : a->order < b->order;
}

static void place(struct heap *heap, struct heap_node *node, size_t index)
{
	heap->nodes[index] = node;
	node->index = index;
}

static void move_up(struct heap *heap, struct heap_node *node)
{
	size_t index = node->index;

	for (; index > 1 && is_before(node, heap->nodes[index / 2]); index /= 2)
		place(heap, heap->nodes[index / 2], index);
	place(heap, node, index);
}

static void move_down(struct heap *heap, struct heap_node *node)
{
	size_t index = node->index, child;

	for (; (child = index * 2) <= heap->count; index = child) {
		if (child < heap->count && is_before(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (!is_before(heap->nodes[child], node))
			break;
		place(heap, heap->nodes[child], index);
	}
	place(heap, node, index);
}

void heap_put(struct heap *heap, struct heap_node *node, int64_t key)
{
	heap_remove(heap, node);
	if (heap->count + 1 >= heap->size) {
		heap->size = MAX((size_t)16, heap->size * 2);
		heap->nodes = mem_resize(heap->nodes, heap->size, sizeof(struct heap_node *));
	}
	node->key = key;
	node->order = heap->next_order++;
	place(heap, node, ++heap->count);
	move_up(heap, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t index = node->index;

	if (!index)
		return;
	check(index <= heap->count && heap->nodes[index] == node);
	struct heap_node *last = heap->nodes[heap->count--];
	node->index = 0;
	if (last == node)
		return;
	place(heap, last, index);
	move_up(heap, last);
	move_down(heap, last);
}

struct heap_node *heap_first(const struct heap *heap)
{
	return heap->count ? heap->nodes[1] : NULL;
}
