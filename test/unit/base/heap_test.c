#include "base/heap.h"
#include "base/rng.h"
#include "test/unit/runner.h"

static struct heap_node *take_first(struct heap *heap)
{
	struct heap_node *node = heap_first(heap);

	if (node)
		heap_remove(heap, node);
	return node;
}

TEST(heap_gives_the_smallest_first)
{
	static const int64_t keys[] = { 5, -3, 8, 0, INT64_MAX, INT64_MIN, 5, 1 };
	static const int64_t sorted[] = { INT64_MIN, -3, 0, 1, 5, 5, 8, INT64_MAX };
	struct heap_node nodes[ARRAY_COUNT(keys)] = { 0 };
	struct heap heap = { 0 };

	EXPECT(heap_first(&heap) == NULL);
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		heap_put(&heap, &nodes[i], keys[i]);
	for (size_t i = 0; i < ARRAY_COUNT(keys); i++)
		EXPECT_INT(take_first(&heap)->key, sorted[i]);
	EXPECT(heap_first(&heap) == NULL);
	heap_fini(&heap);
}

TEST(heap_gives_equal_keys_in_the_order_they_were_put)
{
	struct heap_node nodes[100] = { 0 };
	struct heap heap = { 0 };

	for (size_t i = 0; i < ARRAY_COUNT(nodes); i++)
		heap_put(&heap, &nodes[i], 7);
	heap_put(&heap, &nodes[0], 7);               /* put again: now it is the last */
	for (size_t i = 1; i < ARRAY_COUNT(nodes); i++)
		EXPECT(take_first(&heap) == &nodes[i]);
	EXPECT(take_first(&heap) == &nodes[0]);
	heap_fini(&heap);
}

TEST(heap_moves_a_node_that_is_in_already)
{
	struct heap_node a = { 0 }, b = { 0 };
	struct heap heap = { 0 };

	heap_put(&heap, &a, 1);
	heap_put(&heap, &b, 2);
	heap_put(&heap, &a, 3);
	EXPECT_INT(heap.count, 2);
	EXPECT(heap_first(&heap) == &b);
	heap_remove(&heap, &b);
	heap_remove(&heap, &b);
	EXPECT(heap_first(&heap) == &a);
	heap_fini(&heap);
	EXPECT_INT(a.index, 0);
}

TEST(heap_stays_in_order_over_random_acts)
{
	struct heap_node nodes[300] = { 0 };
	struct heap heap = { 0 };
	struct rng rng;

	rng_seed(&rng, 3);
	for (int i = 0; i < 20000; i++) {
		struct heap_node *node = &nodes[rng_below(&rng, ARRAY_COUNT(nodes))];

		if (rng_below(&rng, 3))
			heap_put(&heap, node, (int64_t)rng_below(&rng, 50));
		else
			heap_remove(&heap, node);
		for (size_t j = 2; j <= heap.count && i % 100 == 0; j++)
			EXPECT(heap.nodes[j / 2]->key <= heap.nodes[j]->key &&
			       heap.nodes[j]->index == j);
	}
	struct heap_node *last = NULL, *node;
	while ((node = take_first(&heap))) {
		if (last)
			EXPECT(last->key < node->key ||
			       (last->key == node->key && last->order < node->order));
		last = node;
	}
	heap_fini(&heap);
}
