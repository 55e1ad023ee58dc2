#include "test/sim/linear.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

enum { OPS_MAX = 512, WORDS = OPS_MAX / 64 };

/* What has been put in order so far, and what the register holds then: seen once, never looked at again. */
struct configuration { uint64_t done[WORDS]; uint64_t value; bool is_used; };
struct search {
	const struct linear_op *ops[OPS_MAX];   /* in order of their calls */
	size_t count;
	struct configuration *seen;
	size_t seen_count, seen_size;           /* size: a power of two */
};

static uint64_t hash_of(const struct configuration *c)
{
	uint64_t hash = c->value * 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < WORDS; i++)
		hash = (hash ^ c->done[i]) * 0xff51afd7ed558ccdu ^ hash >> 29;
	return hash;
}

static bool put(struct configuration *table, size_t size, const struct configuration *c)
{
	for (size_t at = hash_of(c) & (size - 1);; at = (at + 1) & (size - 1)) {
		if (!table[at].is_used) {
			table[at] = *c;
			table[at].is_used = true;
			return true;
		}
		if (table[at].value == c->value && memcmp(table[at].done, c->done, sizeof(c->done)) == 0)
			return false;
	}
}

static bool is_new(struct search *search, const struct configuration *c)
{
	if (search->seen_count * 2 >= search->seen_size) {
		size_t size = search->seen_size ? search->seen_size * 2 : 1024;
		struct configuration *table = NEW_ARRAY(struct configuration, size);
		for (size_t i = 0; i < search->seen_size; i++)
			if (search->seen[i].is_used)
				put(table, size, &search->seen[i]);
		free(search->seen);
		search->seen = table;
		search->seen_size = size;
	}
	if (!put(search->seen, search->seen_size, c))
		return false;
	search->seen_count++;
	return true;
}

static bool is_done(const struct configuration *c, size_t i)
{
	return c->done[i / 64] >> (i % 64) & 1;
}

/* Could it happen now, and what does the register hold then? */
static bool fits(const struct linear_op *op, uint64_t value, uint64_t *ret_value)
{
	*ret_value = value;
	switch (op->type) {
	case LINEAR_READ:
		return op->value == value;
	case LINEAR_WRITE:
		*ret_value = op->value;
		return true;
	case LINEAR_SWAP:
		*ret_value = op->value;
		return op->expected == value;
	case LINEAR_REFUSED:
		return op->expected != value;
	}
	panic("operation %d does not exist", (int)op->type);
}

/* Whatever was called before the first of the others returned may be the next. A swap that never returned and finds something else
 * has no effect; it need not be put anywhere. */
static bool go_on(struct search *search, const struct configuration *c)
{
	uint64_t first_return = UINT64_MAX;
	bool is_over = true;

	for (size_t i = 0; i < search->count; i++)
		if (!is_done(c, i) && search->ops[i]->ret != LINEAR_UNKNOWN) {
			first_return = MIN(first_return, search->ops[i]->ret);
			is_over = false;
		}
	if (is_over)
		return true;
	for (size_t i = 0; i < search->count && search->ops[i]->call < first_return; i++) {
		struct configuration next = *c;
		if (is_done(c, i) || !fits(search->ops[i], c->value, &next.value))
			continue;
		next.done[i / 64] |= 1ull << (i % 64);
		if (is_new(search, &next) && go_on(search, &next))
			return true;
	}
	return false;
}

static int by_call(const void *a, const void *b)
{
	const struct linear_op *x = *(const struct linear_op *const *)a, *y = *(const struct linear_op *const *)b;

	return x->call < y->call ? -1 : x->call > y->call;
}

static bool check_key(const struct linear_op *ops, size_t count, unsigned key)
{
	struct search search = { .count = 0 };
	struct configuration start = { .value = 0 };

	for (size_t i = 0; i < count; i++) {
		if (ops[i].key != key)
			continue;
		check(search.count < OPS_MAX);
		search.ops[search.count++] = &ops[i];
	}
	qsort(search.ops, search.count, sizeof(search.ops[0]), by_call);
	bool is_linear = go_on(&search, &start);
	free(search.seen);
	return is_linear;
}

bool linear_check(const struct linear_op *ops, size_t count, unsigned *ret_key)
{
	for (size_t i = 0; i < count; i++) {
		bool is_first = true;
		for (size_t k = 0; k < i && is_first; k++)
			is_first = ops[k].key != ops[i].key;
		if (is_first && !check_key(ops, count, ops[i].key)) {
			*ret_key = ops[i].key;
			return false;
		}
	}
	return true;
}
