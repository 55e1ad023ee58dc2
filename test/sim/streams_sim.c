/* streams_sim.c - snapshots between managers without sockets: linked instead of replica/peer_streams_io.c. A stream comes in pieces, whole or
 * until it breaks; of some the leader has given everything away long before the last piece arrives, as to a kernel with large buffers. */
#include <stdlib.h>

#include "base/panic.h"
#include "replica/peers_internal.h"
#include "replica/snapshot.h"
#include "test/sim/sim.h"

enum { CHUNK = 700, PIECES = 8 };

struct sim_stream {
	struct list link;
	struct sim_event due;
	struct sim_manager *from, *to;
	unsigned from_boots, to_boots;
	uint64_t ticket;
	struct replica_snapshot *snapshot;      /* NULL: the question is on its way still, or all has been read */
	bool was_found, breaks;
	struct buf all;
	size_t at;                              /* of what has arrived */
	msec pause;                             /* between two pieces */
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

static void read_all(struct sim_stream *stream)
{
	char chunk[CHUNK];
	size_t count;

	while ((count = replica_snapshot_read(stream->snapshot, chunk, sizeof(chunk))) > 0)
		buf_add(&stream->all, chunk, count);
	if (world.sabotage == SABOTAGE_FORGETS_ROWS)
		leave_out_a_row(&stream->all);
}

static bool is_there(const struct sim_manager *m, unsigned boots)
{
	return m->is_running && m->boots == boots;
}

static void let_go(struct sim_stream *stream)
{
	if (!stream->snapshot)
		return;
	sim_manager_enter(stream->from);
	replica_snapshot_close(stream->snapshot);
	sim_manager_leave(stream->from);
	stream->snapshot = NULL;
}

static void stream_end(struct sim_stream *stream)
{
	sim_cancel(&stream->due);
	let_go(stream);
	buf_fini(&stream->all);
	list_remove(&stream->link);
	free(stream);
}

/* True when nobody waits for the rest. */
static bool bring(struct sim_stream *stream, bool is_broken)
{
	size_t size = is_broken ? 0 : MIN(stream->all.len / PIECES + 1, stream->all.len - stream->at);
	struct err err;
	bool is_over;

	sim_manager_enter(stream->to);
	is_over = size && replica_snapshot_bytes(stream->to->replica, stream->ticket, stream->all.data + stream->at, size, &err) < 0;
	stream->at += size;
	bool is_whole = !is_broken && stream->at == stream->all.len;
	if (is_broken || is_whole)
		replica_snapshot_end(stream->to->replica, stream->ticket, is_whole);
	sim_manager_leave(stream->to);
	return is_over || is_broken || is_whole;
}

/* The next piece. A reader that stands still holds it up, a wire that is off does, too. */
static void arrive(struct sim_event *event)
{
	struct sim_stream *stream = CONTAINER_OF(event, struct sim_stream, due);
	msec waits = MAX(stream->to->site.host.frozen_until, sim_link_opens(&stream->from->site, &stream->to->site));

	if (waits > sim_time.now) {
		sim_at(event, waits, arrive);
		return;
	}
	bool is_broken = !stream->was_found || !sim_is_linked(stream->from->place, stream->to->place) ||
			 !is_there(stream->from, stream->from_boots) || (stream->breaks && !world.is_calm && sim_chance(300));
	if (is_there(stream->to, stream->to_boots) && !bring(stream, is_broken)) {
		sim_at(event, sim_time.now + stream->pause, arrive);
		return;
	}
	TRACE("snapshot %llu of %s to %s: %zu of %zu bytes", (unsigned long long)stream->ticket, stream->from->name, stream->to->name,
	      stream->at, stream->all.len);
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
		stream->was_found = replica_snapshot_open(from->replica, stream->ticket, &stream->snapshot, &err) == 0;
		if (stream->was_found)
			read_all(stream);
		sim_manager_leave(from);
	}
	stream->breaks = sim_chance(world.stream_breaks);
	stream->pause = 1 + sim_some(world.stream_ms) / PIECES;
	if (sim_chance(500))
		let_go(stream);
	sim_at(event, sim_time.now + 5 + (stream->was_found ? stream->pause : sim_some(3000)), arrive);
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

void sim_streams_free(void)
{
	LIST_EACH(link, &world.streams)
		stream_end(CONTAINER_OF(link, struct sim_stream, link));
}
