/* replica_peer_io.c - the others: what is sent to them, what comes from them, whether they have the same state. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/log.h"
#include "replica/replica_internal.h"

enum { INCOMING_BYTES_MAX = 16 << 20 };

void replica_connect(struct replica *r, const struct replica_transport *transport)
{
	r->is_connected = transport != NULL;
	if (transport)
		r->transport = *transport;
}

static const struct raft_member *member(const struct replica *r, raft_id id)
{
	return r->raft ? raft_membership_find(raft_status(r->raft).config, id) : NULL;
}

/* --- out --------------------------------------------------------------------------------------- */

void replica_send(struct replica *r, const struct raft_msg *messages, size_t count)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	for (size_t i = 0; i < count && r->is_connected; i++) {
		const struct raft_member *to = member(r, messages[i].to);
		buf_clear(&bytes);
		raft_msg_encode(&messages[i], &bytes);
		r->transport.send(r->transport.arg, messages[i].to, to ? to->node_id : "", bytes.data, bytes.len,
				  raft_msg_is_question(&messages[i]));
	}
}

/* --- in ---------------------------------------------------------------------------------------- */

/* It lies in its own arena. */
static void incoming_free(struct incoming *incoming)
{
	struct arena arena = incoming->arena;

	arena_fini(&arena);
}

void replica_drop_inbox(struct replica *r)
{
	struct list *link;

	while ((link = list_take_first(&r->inbox)))
		incoming_free(CONTAINER_OF(link, struct incoming, link));
	r->inbox_count = 0;
}

static struct incoming *incoming_new(void)
{
	struct incoming *incoming;
	struct arena arena;

	arena_init(&arena, "message of a manager", 4 * INCOMING_BYTES_MAX);
	incoming = ARENA_NEW(&arena, struct incoming);
	incoming->arena = arena;
	return incoming;
}

static void put_in(struct replica *r, struct incoming *incoming)
{
	list_add_last(&r->inbox, &incoming->link);
	r->inbox_count++;
	timer_set_in(&r->pump, 0);
}

static int read_message(struct replica *r, const char *node_id, const void *bytes, size_t size,
			struct incoming *incoming, struct err *err)
{
	void *copy = arena_take(&incoming->arena, size + 1);

	memcpy(copy, bytes, size);
	if (raft_msg_decode(copy, size, &incoming->arena, &incoming->msg, err) < 0)
		return -1;
	const struct raft_member *from = member(r, incoming->msg.from);
	if (from && !str_eq(from->node_id, node_id))
		return err_set(err, ERR_DENIED, "node %s speaks for manager %llx, which is node %s", node_id,
			       (unsigned long long)incoming->msg.from, from->node_id);
	return 0;
}

int replica_receive(struct replica *r, const char *node_id, const void *bytes, size_t size,
		    struct err *err)
{
	if (size > INCOMING_BYTES_MAX)
		return err_set(err, ERR_INVALID, "a raft message of %zu bytes", size);
	if (r->inbox_count >= REPLICA_INBOX_MAX)
		return 0; /* raft sends again what matters */

	struct incoming *incoming = incoming_new();
	if (read_message(r, node_id, bytes, size, incoming, err) < 0) {
		incoming_free(incoming);
		return -1;
	}
	put_in(r, incoming);
	return 0;
}

static void take_message(struct replica *r, const struct raft_msg *msg)
{
	struct raft_event event = { .type = RAFT_EVENT_RECEIVE, .receive = { msg } };
	struct err err;

	if (!replica_feed(r, &event, &err))
		log_warn("cluster state: %s", err.text);
}

static void feed_link(struct replica *r, const struct link *peer)
{
	struct err err;

	replica_feed(r, &(struct raft_event){ .type = RAFT_EVENT_PEER,
					      .peer = { peer->id, peer->state } }, &err);
}

/* Before a raft is there everything but the connections is in vain. */
void replica_take_inbox(struct replica *r)
{
	struct list *link;

	while (r->is_open && (link = list_take_first(&r->inbox))) {
		struct incoming *incoming = CONTAINER_OF(link, struct incoming, link);
		r->inbox_count--;
		if (r->raft && !r->stopped.code) {
			if (incoming->peer.id)
				feed_link(r, &incoming->peer);
			else
				take_message(r, &incoming->msg);
		}
		incoming_free(incoming);
	}
}

/* --- connections ------------------------------------------------------------------------------- */

static struct link *find_link(struct replica *r, raft_id id)
{
	for (size_t i = 0; i < r->link_count; i++)
		if (r->links[i].id == id)
			return &r->links[i];
	return NULL;
}

/* Where nothing is free, one that is no member's goes. */
static struct link *take_link(struct replica *r, raft_id id)
{
	struct link *found = find_link(r, id);

	for (size_t i = 0; !found && r->link_count == REPLICA_LINKS_MAX && i < r->link_count; i++)
		if (!member(r, r->links[i].id))
			r->links[i] = r->links[--r->link_count];
	if (!found && r->link_count < REPLICA_LINKS_MAX)
		found = &r->links[r->link_count++];
	return found;
}

void replica_peer(struct replica *r, raft_id id, enum raft_peer_state state)
{
	struct link *place = take_link(r, id);
	struct incoming *incoming = incoming_new();

	if (place)
		*place = (struct link){ id, state };
	incoming->peer = (struct link){ id, state };
	put_in(r, incoming);
}

enum raft_peer_state replica_link(const struct replica *r, raft_id id)
{
	const struct link *found = find_link((struct replica *)r, id);

	return found ? found->state : 0;
}

void replica_tell_links(struct replica *r)
{
	for (size_t i = 0; i < r->link_count && r->raft; i++)
		feed_link(r, &r->links[i]);
}

/* --- the same state everywhere ------------------------------------------------------------------ */

void replica_note_sum(struct replica *r)
{
	raft_index index = view_index(r->view);

	r->sums[index % REPLICA_SUMS_MAX] = (struct state_sum){ index, view_sum(r->view) };
	if (r->leader_sum.index == index)
		replica_compare_sum(r, index, r->leader_sum.sum);
}

/* Of the leader's state after an entry that is perhaps still to come. Who of the two is right the majority says. */
void replica_compare_sum(struct replica *r, raft_index index, uint64_t sum)
{
	const struct state_sum *ours = &r->sums[index % REPLICA_SUMS_MAX];

	r->leader_sum = (struct state_sum){ index, sum };
	if (ours->index != index || index == 0)
		return;
	r->owes_sum = index;
	if (ours->sum != sum)
		log_error("cluster state: it differs from the leader's after entry %llu (%016llx, there %016llx)",
			  (unsigned long long)index, (unsigned long long)ours->sum,
			  (unsigned long long)sum);
}

void replica_tell_sum(struct replica *r)
{
	const struct state_sum *ours = &r->sums[r->owes_sum % REPLICA_SUMS_MAX];
	struct raft_event event = { .type = RAFT_EVENT_SUM, .sum = { ours->index, ours->sum } };
	struct err err;

	if (!r->owes_sum)
		return;
	r->owes_sum = 0;
	if (r->raft && !r->stopped.code)
		replica_feed(r, &event, &err);
}

void replica_differ(struct replica *r, raft_index index)
{
	struct err err;

	if (r->stopped.code)
		return;
	err_set(&err, ERR_DAMAGED, "what this manager holds after entry %llu is not what most managers hold", (unsigned long long)index);
	replica_stop(r, &err);
}
