/* streams_sim.c - snapshots between managers without sockets: linked instead of replica/peer_streams_io.c. A stream comes whole, or breaks. */
#include <stdlib.h>

#include "base/panic.h"
#include "replica/peers_internal.h"
#include "replica/snapshot.h"
#include "test/sim/sim.h"

enum { CHUNK = 700 };

struct sim_stream {
	struct list link;
	struct sim_event due;
	struct sim_manager *from, *to;
	unsigned from_boots, to_boots;
	uint64_t ticket;
	struct replica_snapshot *snapshot;      /* NULL: the question is on its way still */
};

/* The same without its last row, and nobody can tell by the sum. */
static void leave_out_a_row(struct buf *all)
{
	struct snapshot snapshot;
	struct view *view = view_new();
	CLEANUP(buf_finip) struct buf less = BUF_INIT;
	struct err err;

	check(snapshot_decode(all->data, all->len, &snapshot, &err) == 0);
	for (size_t i = 0; i + 1 < snapshot.row_count; i++)
		check(state_load_row(view, (enum kind)snapshot.rows[i].table, snapshot.rows[i].id, snapshot.rows[i].bytes,
				     snapshot.rows[i].size, &err) == 0);
	check(state_load_done(view, snapshot.base.index, snapshot.base.term, snapshot.base.now_ms, view_sum(view), &err) == 0);
	check(snapshot_encode(view, &snapshot.base, &less, &err) == 0);
	buf_clear(all);
	buf_add(all, less.data, less.len);
	view_free(view);
	snapshot_fini(&snapshot);
}

static size_t read_all(struct sim_stream *stream, struct buf *all)
{
	char chunk[CHUNK];
	size_t count;
	bool breaks = !world.is_calm && sim_chance(150);

	while ((count = replica_snapshot_read(stream->snapshot, chunk, sizeof(chunk))) > 0) {
		buf_add(all, chunk, count);
		if (breaks && sim_chance(300))
			return count;
	}
	return 0;
}

static bool is_there(const struct sim_manager *m, unsigned boots)
{
	return m->is_running && m->boots == boots;
}

static void bring(struct sim_stream *stream, const struct buf *all, bool is_complete)
{
	struct sim_manager *to = stream->to;
	struct err err;

	sim_manager_enter(to);
	for (size_t at = 0; at < all->len; at += CHUNK)
		if (replica_snapshot_bytes(to->replica, stream->ticket, all->data + at, MIN(all->len - at, (size_t)CHUNK), &err) < 0)
			break;
	replica_snapshot_end(to->replica, stream->ticket, is_complete);
	sim_manager_leave(to);
}

static void stream_end(struct sim_stream *stream)
{
	sim_cancel(&stream->due);
	if (stream->snapshot) {
		sim_manager_enter(stream->from);
		replica_snapshot_close(stream->snapshot);
		sim_manager_leave(stream->from);
	}
	list_remove(&stream->link);
	free(stream);
}

static void arrive(struct sim_event *event)
{
	struct sim_stream *stream = CONTAINER_OF(event, struct sim_stream, due);
	CLEANUP(buf_finip) struct buf all = BUF_INIT;
	bool is_linked = sim_is_linked(stream->from->place, stream->to->place);
	bool is_complete = stream->snapshot && is_linked && read_all(stream, &all) == 0;

	if (is_complete && world.sabotage == SABOTAGE_FORGETS_ROWS)
		leave_out_a_row(&all);
	TRACE("snapshot %llu of %s to %s: %zu bytes, %s", (unsigned long long)stream->ticket, stream->from->name, stream->to->name,
	      all.len, is_complete ? "whole" : "cut off");
	if (is_there(stream->to, stream->to_boots))
		bring(stream, &all, is_complete);
	stream_end(stream);
}

/* The leader hears the question. */
static void asked(struct sim_event *event)
{
	struct sim_stream *stream = CONTAINER_OF(event, struct sim_stream, due);
	struct sim_manager *from = stream->from;
	struct err err;

	if (is_there(from, stream->from_boots) && sim_is_linked(from->place, stream->to->place)) {
		sim_manager_enter(from);
		if (replica_snapshot_open(from->replica, stream->ticket, &stream->snapshot, &err) < 0)
			stream->snapshot = NULL;
		sim_manager_leave(from);
	}
	sim_at(event, sim_time.now + 5 + sim_some(stream->snapshot ? 300 : 3000), arrive);
}

void peers_fetch(void *arg, raft_id from, const char *node_id UNUSED, uint64_t ticket)
{
	const struct peers *peers = arg;
	struct sim_manager *to = sim_manager_at(sim_site_here()), *leader = sim_manager_by_id(from);
	const struct peer *peer = peers_find((struct peers *)arg, from);
	struct sim_stream *stream;

	check(to && peers->replica);
	if (!leader || !peer || !peer->current)
		return; /* the leader offers again */
	stream = NEW(struct sim_stream);
	*stream = (struct sim_stream){ .from = leader, .to = to, .from_boots = leader->boots, .to_boots = to->boots, .ticket = ticket };
	list_add_last(&world.streams, &stream->link);
	sim_at(&stream->due, sim_time.now + sim_link_delay(), asked);
}

void peers_serve_snapshot(void *peers UNUSED, struct rpc_conn *conn UNUSED, struct rpc_ask *ask_ UNUSED, const void *body UNUSED, size_t size UNUSED)
{
	panic("nobody calls for a snapshot here");
}

void peers_close_streams(struct peers *peers UNUSED)
{
	const struct sim_manager *m = sim_manager_at(sim_site_here());

	LIST_EACH(link, &world.streams) {
		struct sim_stream *stream = CONTAINER_OF(link, struct sim_stream, link);
		if (stream->from == m && stream->snapshot)
			stream_end(stream);
	}
}
