#include "replica/snapshot.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "state/apply.h"
#include "state/sum.h"

enum { MAGIC = 0x53425753, FORMAT = 1 };        /* "SWBS" */

/* Ids are written with their NUL, so that rows can point at them. */
static uint64_t put_row(struct buf *out, const struct view_object *object)
{
	CLEANUP(buf_finip) struct buf row = BUF_INIT;

	state_save_row(object, &row);
	put_varint(out, object->kind);
	put_bytes(out, object->meta.id, strlen(object->meta.id) + 1);
	put_bytes(out, row.data, row.len);
	return sum_of(&row);
}

/* A manager of an older version takes it when there is nothing new in it. */
static uint64_t level_of(const struct view *view)
{
	const struct view_object *object;
	unsigned level = 1;

	for (int kind = 1; kind < KIND_COUNT; kind++)
		for (size_t at = 0; (object = view_next(view, (enum kind)kind, &at));)
			level = MAX(level, shape_level(kind_shape((enum kind)kind), object->value));
	return level;
}

int snapshot_encode(const struct view *view, const struct raft_base *base, struct buf *out, struct err *err)
{
	CLEANUP(buf_finip) struct buf config = BUF_INIT;
	const struct view_object *object;
	uint64_t sum = 0;
	size_t count = 0;

	check(base->index == view_index(view));
	raft_membership_encode(&base->config, &config);
	put_u32(out, MAGIC);
	put_u8(out, FORMAT);
	put_varint(out, level_of(view));
	put_varint(out, base->index);
	put_varint(out, base->term);
	put_varint(out, (uint64_t)base->now_ms);
	put_varint(out, base->config_index);
	put_bytes(out, config.data, config.len);
	put_u64(out, view_sum(view));
	for (int kind = 1; kind < KIND_COUNT; kind++)
		count += view_count(view, (enum kind)kind);
	put_varint(out, count);
	for (int kind = 1; kind < KIND_COUNT; kind++)
		for (size_t at = 0; (object = view_next(view, (enum kind)kind, &at));)
			sum += put_row(out, object);
	if (sum != view_sum(view))
		return err_set(err, ERR_DAMAGED, "what this manager holds is not what it has applied (%016llx, by its sum %016llx): its memory is "
			       "damaged, or was", (unsigned long long)sum, (unsigned long long)view_sum(view));
	return 0;
}

static int broken(struct err *err)
{
	return err_set(err, ERR_INVALID, "a snapshot of the cluster state that is none");
}

static int get_head(struct reader *in, struct snapshot *snapshot, struct err *err)
{
	uint32_t magic = get_u32(in);
	uint8_t format = get_u8(in);
	uint64_t level = get_varint(in);
	size_t size;

	if (in->failed || magic != MAGIC)
		return broken(err);
	if (format > FORMAT || level > FORMAT_LEVEL)
		return err_set(err, ERR_UNSUPPORTED,
			       "a snapshot of format %u, level %llu; this version of swarmbox knows up to %d, %d",
			       format, (unsigned long long)level, FORMAT, FORMAT_LEVEL);
	snapshot->base.index = get_varint(in);
	snapshot->base.term = get_varint(in);
	snapshot->base.now_ms = (msec)get_varint(in);
	snapshot->base.config_index = get_varint(in);
	const uint8_t *config = get_bytes(in, &size);
	if (in->failed || snapshot->base.now_ms < 0 || snapshot->base.index == 0 ||
	    snapshot->base.config_index > snapshot->base.index)
		return broken(err);
	if (raft_membership_decode(config, size, &snapshot->base.config, err) < 0)
		return -1;
	snapshot->sum = get_u64(in);
	snapshot->row_count = get_varint(in);
	/* each row takes some bytes: so the count is bounded before anything is made of it */
	if (in->failed || snapshot->row_count > (size_t)(in->end - in->at) / 4)
		return broken(err);
	return 0;
}

static int get_row(struct reader *in, struct snapshot *snapshot, struct store_row *row, struct err *err)
{
	uint64_t kind = get_varint(in);
	size_t id_size;

	row->id = (const char *)get_bytes(in, &id_size);
	row->bytes = get_bytes(in, &row->size);
	if (in->failed || kind == 0 || kind >= KIND_COUNT || id_size == 0 ||
	    memchr(row->id, 0, id_size) != row->id + id_size - 1)
		return broken(err);
	row->table = (unsigned)kind;
	if (state_load_row(snapshot->view, (enum kind)kind, row->id, row->bytes, row->size, err) < 0)
		return -1;
	row->created = view_find(snapshot->view, (enum kind)kind, row->id)->meta.created_index;
	return 0;
}

int snapshot_decode(const void *bytes, size_t size, struct snapshot *ret, struct err *err)
{
	struct reader in = reader_of(bytes, size);
	struct snapshot snapshot = { 0 };
	int got = get_head(&in, &snapshot, err);

	if (got < 0)
		return -1;
	snapshot.view = view_new();
	snapshot.rows = NEW_ARRAY(struct store_row, snapshot.row_count + 1);
	for (size_t i = 0; i < snapshot.row_count && got == 0; i++)
		got = get_row(&in, &snapshot, &snapshot.rows[i], err);
	if (got == 0 && in.at != in.end)
		got = broken(err);
	if (got == 0)
		got = state_load_done(snapshot.view, snapshot.base.index, snapshot.base.term,
				      snapshot.base.now_ms, snapshot.sum, err);
	if (got < 0) {
		snapshot_fini(&snapshot);
		return -1;
	}
	*ret = snapshot;
	return 0;
}

void snapshot_fini(struct snapshot *snapshot)
{
	view_free(snapshot->view);
	free(snapshot->rows);
	*snapshot = (struct snapshot){ 0 };
}
