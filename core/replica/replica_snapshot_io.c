/* replica_snapshot_io.c - whoever is too far behind for the log becomes what a snapshot says.
 *
 * Out: a copy of the view is made when raft asks for one, and offered under a ticket; whoever is that far behind comes for it on a
 * connection of its own. In: the bytes are collected, read as a whole, written to state.db in one transaction; when that is durable the
 * view is exchanged and raft is told. Entries that are applied meanwhile, by another road, are written behind it or are in it.
 */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "os/log.h"
#include "replica/replica_internal.h"

enum { TICKET_MS = 10000, SILENT_MS = 5000 };

struct replica_snapshot {
	struct replica *replica;
	struct offer *offer;
	size_t at;
};

/* --- out --------------------------------------------------------------------------------------- */

static void give_back(struct snapshot_copy *copy)
{
	if (--copy->users > 0)
		return;
	buf_fini(&copy->bytes);
	free(copy);
}

/* raft hears of the end, unless it has been replaced meanwhile: then it does not know the peer. */
static void end_offer(struct replica *r, struct offer *offer, bool is_complete)
{
	struct raft_event event = { .type = RAFT_EVENT_SNAPSHOT_SENT,
				    .snapshot_sent = { offer->to, is_complete, offer->copy->base.index } };
	struct err err;

	give_back(offer->copy);
	*offer = (struct offer){ 0 };
	if (r->is_open && r->raft && !r->stopped.code)
		replica_feed(r, &event, &err);
}

static struct raft_base base_of(const struct replica *r)
{
	return (struct raft_base){ .index = view_index(r->view),
				   .term = view_term(r->view),
				   .now_ms = r->applied_ms,
				   .config_index = r->config_index,
				   .config = r->config };
}

int replica_save(const struct replica *r, struct buf *out, struct err *err)
{
	struct raft_base base = base_of(r);

	return snapshot_encode(r->view, &base, out, err);
}

/* One that is still in use does for the next one too, while our log goes on from it. NULL: nobody may have what we hold. */
static struct snapshot_copy *take_copy(struct replica *r, struct err *err)
{
	struct snapshot_copy *copy;

	for (size_t i = 0; i < REPLICA_OFFERS_MAX; i++) {
		copy = r->offers[i].copy;
		if (!copy || copy->base.index + 1 < raft_status(r->raft).first)
			continue;
		copy->users++;
		return copy;
	}
	copy = NEW(struct snapshot_copy);
	copy->users = 1;
	copy->base = base_of(r);
	if (snapshot_encode(r->view, &copy->base, &copy->bytes, err) == 0)
		return copy;
	give_back(copy);
	return NULL;
}

static struct offer *free_offer(struct replica *r)
{
	for (size_t i = 0; i < REPLICA_OFFERS_MAX; i++)
		if (!r->offers[i].ticket)
			return &r->offers[i];
	return NULL;
}

static void arm_expire(struct replica *r)
{
	msec at = RAFT_NEVER;

	for (size_t i = 0; i < REPLICA_OFFERS_MAX; i++)
		if (r->offers[i].ticket)
			at = MIN(at, r->offers[i].expires_at);
	if (at == RAFT_NEVER)
		timer_cancel(&r->expire);
	else
		timer_set(&r->expire, at);
}

/* Where the others could not go on without it a bad memory is better than none. */
static void note_rot(struct replica *r, const struct err *failure)
{
	if (r->stopped.code)
		return;
	if (replica_can_be_spared(r))
		replica_stop(r, failure);
	else
		log_error("cluster state: %s; no other manager can have it from this one, and without this one they could not go on",
			  failure->text);
	r->has_rotted = true;
}

void replica_offer(struct replica *r, raft_id to)
{
	struct raft_event none = { .type = RAFT_EVENT_SNAPSHOT_SENT, .snapshot_sent = { .to = to } };
	struct offer *offer = free_offer(r);
	struct snapshot_copy *copy = NULL;
	struct err err, failure = { 0 };

	if (offer && view_index(r->view) > 0 && (!r->has_rotted || replica_can_be_spared(r)))
		copy = take_copy(r, &failure);
	if (!copy)
		replica_feed(r, &none, &err);
	if (failure.code)
		note_rot(r, &failure);
	if (!copy)
		return;
	*offer = (struct offer){ ++r->last_ticket, to, copy, loop_now(r->loop) + TICKET_MS };
	arm_expire(r);
	struct raft_msg msg = { .type = RAFT_MSG_SNAPSHOT,
				.from = r->me.raft_id,
				.to = to,
				.term = raft_status(r->raft).hard.term,
				.snapshot = { offer->copy->base, offer->ticket } };
	replica_send(r, &msg, 1);
}

void replica_expire(void *replica)
{
	struct replica *r = replica;

	replica_enter(r);
	for (size_t i = 0; i < REPLICA_OFFERS_MAX; i++)
		if (r->offers[i].ticket && r->offers[i].expires_at <= loop_now(r->loop))
			end_offer(r, &r->offers[i], false);
	arm_expire(r);
	replica_leave(r);
}

int replica_snapshot_open(struct replica *r, uint64_t ticket, struct replica_snapshot **ret,
			  struct err *err)
{
	for (size_t i = 0; i < REPLICA_OFFERS_MAX; i++) {
		struct offer *offer = &r->offers[i];
		if (!ticket || offer->ticket != ticket || offer->expires_at == RAFT_NEVER)
			continue;
		offer->expires_at = RAFT_NEVER;
		arm_expire(r);
		*ret = NEW(struct replica_snapshot);
		**ret = (struct replica_snapshot){ r, offer, 0 };
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "no snapshot waits under ticket %llu",
		       (unsigned long long)ticket);
}

size_t replica_snapshot_read(struct replica_snapshot *snapshot, void *bytes, size_t max)
{
	const struct buf *all = &snapshot->offer->copy->bytes;
	size_t count = MIN(max, all->len - snapshot->at);

	if (count > 0)
		memcpy(bytes, all->data + snapshot->at, count);
	snapshot->at += count;
	return count;
}

void replica_snapshot_close(struct replica_snapshot *snapshot)
{
	struct replica *r = snapshot->replica;
	bool is_complete = snapshot->at == snapshot->offer->copy->bytes.len;

	replica_enter(r);
	end_offer(r, snapshot->offer, is_complete);
	free(snapshot);
	replica_leave(r);
}

/* --- in ---------------------------------------------------------------------------------------- */

static void forget_fetch(struct install *install)
{
	install->ticket = 0;
	buf_fini(&install->bytes);
	install->bytes = (struct buf){ .ceiling = SNAPSHOT_BYTES_MAX };
}

/* A leader that has given everything to its kernel offers another one while the last of this is still on a slow wire: who followed that
 * would begin again for ever. */
static bool is_coming(const struct replica *r, raft_id from)
{
	return r->install.ticket && r->install.from == from && loop_now(r->loop) - r->install.heard_at < SILENT_MS;
}

void replica_fetch(struct replica *r, const struct raft_base *base, uint64_t ticket)
{
	raft_id from = raft_status(r->raft).leader;
	const struct raft_member *leader = raft_membership_find(raft_status(r->raft).config, from);

	if (r->install.view || is_coming(r, from) || !r->is_connected || !ticket || !from)
		return; /* one is being written, or comes: raft is told of that one */
	forget_fetch(&r->install);
	r->install.ticket = ticket;
	r->install.from = from;
	r->install.heard_at = loop_now(r->loop);
	r->install.base = *base;
	r->transport.fetch(r->transport.arg, from, leader ? leader->node_id : "", ticket);
}

int replica_snapshot_bytes(struct replica *r, uint64_t ticket, const void *bytes, size_t size,
			   struct err *err)
{
	struct install *install = &r->install;

	if (!ticket || install->ticket != ticket)
		return err_set(err, ERR_NOT_FOUND, "nobody waits for snapshot %llu any more",
			       (unsigned long long)ticket);
	install->heard_at = loop_now(r->loop);
	buf_add(&install->bytes, bytes, size);
	if (!install->bytes.overflowed)
		return 0;
	forget_fetch(install);
	return err_set(err, ERR_EXHAUSTED, "a snapshot of more than %d bytes", SNAPSHOT_BYTES_MAX);
}

/* state.db becomes the snapshot, in one transaction; that is told by on_durable. */
static void write_down(struct replica *r, struct snapshot *snapshot)
{
	CLEANUP(buf_finip) struct buf members = BUF_INIT;

	raft_membership_encode(&snapshot->base.config, &members);
	struct store_mark mark = {
		.index = snapshot->base.index,
		.term = snapshot->base.term,
		.now_ms = snapshot->base.now_ms,
		.sum = snapshot->sum,
		.format_level = FORMAT_LEVEL,
		.members_index = snapshot->base.config_index,
		.members = members.data,
		.members_size = members.len,
	};
	if (!store_state_replace(r->store, snapshot->rows, snapshot->row_count, &mark))
		r->is_state_full = true;
	r->install.base = snapshot->base;
	r->install.view = snapshot->view;
	snapshot->view = NULL;
}

static bool is_as_offered(const struct raft_base *offered, const struct raft_base *got)
{
	return offered->index == got->index && offered->term == got->term;
}

void replica_snapshot_end(struct replica *r, uint64_t ticket, bool is_complete)
{
	struct install *install = &r->install;
	struct snapshot snapshot = { 0 };
	struct err err;

	if (!ticket || install->ticket != ticket)
		return;
	if (is_complete && !r->stopped.code && install->base.index > view_index(r->view)) {
		if (snapshot_decode(install->bytes.data, install->bytes.len, &snapshot, &err) < 0)
			log_warn("cluster state: %s", err.text);
		else if (is_as_offered(&install->base, &snapshot.base))
			write_down(r, &snapshot);
	}
	snapshot_fini(&snapshot);
	forget_fetch(install);
}

bool replica_is_covered(const struct replica *r, raft_index index)
{
	return r->install.view && index <= r->install.base.index;
}

static void exchange_view(struct replica *r)
{
	struct view *old = r->view;

	r->view = r->install.view;
	r->install.view = NULL;
	r->config = r->install.base.config;
	r->config_index = r->install.base.config_index;
	r->applied_ms = MAX(r->applied_ms, r->install.base.now_ms);
	r->status_changed = true;
	r->has_rotted = false;
	replica_note_sum(r);
	log_info("cluster state: entries up to %llu came as a snapshot",
		 (unsigned long long)r->install.base.index);
	if (r->is_open)
		r->hooks.on_replaced(r->hooks.arg);
	view_free(old);
}

void replica_note_installed(struct replica *r, raft_index durable)
{
	struct install *install = &r->install;
	struct raft_event event = { .type = RAFT_EVENT_SNAPSHOT_INSTALLED };
	struct err err;

	if (!install->view || durable < install->base.index)
		return;
	event.snapshot_installed.base = install->base;
	if (view_index(r->view) < install->base.index) {
		exchange_view(r);
	} else {
		view_free(install->view);
		install->view = NULL;
	}
	if (r->is_open && r->raft)
		replica_feed(r, &event, &err);
	if (r->is_open) {
		replica_give_up_flights(r, install->base.index); /* they are in there, or are not */
		timer_set_in(&r->pump, 0);
	}
}

void replica_snapshots_fini(struct replica *r)
{
	for (size_t i = 0; i < REPLICA_OFFERS_MAX; i++)
		if (r->offers[i].ticket) {
			check(r->offers[i].expires_at != RAFT_NEVER);
			give_back(r->offers[i].copy);
		}
	buf_fini(&r->install.bytes);
	view_free(r->install.view);
}
