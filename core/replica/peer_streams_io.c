/* peer_streams_io.c - snapshots between managers: asked for by a call, brought as a ticket's stream of plain bytes. */
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "os/log.h"
#include "os/stream.h"
#include "pki/cert.h"
#include "pki/tls_io.h"
#include "replica/peers_internal.h"

enum { CHUNK_BYTES = 64 << 10, QUEUE_BYTES = 256 << 10, ASK_MS = 10000 };

/* --- out --------------------------------------------------------------------------------------- */

struct outgoing {
	struct list link;
	struct peers *peers;
	struct replica_snapshot *snapshot;
	struct rpc_ticket *ticket;              /* nobody has come for it yet */
	struct stream *stream;
};

static void end_outgoing(struct outgoing *out)
{
	rpc_ticket_forget(out->ticket);
	stream_free(out->stream);
	replica_snapshot_close(out->snapshot);
	list_remove(&out->link);
	free(out);
}

static void pour(void *arg)
{
	struct outgoing *out = arg;
	char chunk[CHUNK_BYTES];
	size_t count;

	while ((count = replica_snapshot_read(out->snapshot, chunk, sizeof(chunk))) > 0)
		if (!stream_write(out->stream, chunk, count))
			return;
	stream_end(out->stream);
}

static size_t on_nothing(void *arg UNUSED, const uint8_t *bytes UNUSED, size_t count)
{
	return count;
}

static void on_closed(void *arg, const char *reason UNUSED)
{
	end_outgoing(arg);
}

/* All has been given to the connection; that it arrived is told by the reader, or by its silence. */
static void on_sent(void *arg)
{
	end_outgoing(arg);
}

static void wait_for_reader(void *arg UNUSED)
{
}

static void on_fetched(void *arg, int fd, const struct err *err UNUSED)
{
	static const struct stream_events events = { .on_data = on_nothing, .on_end = wait_for_reader,
						     .on_writable = pour, .on_close = on_closed, .on_sent = on_sent };
	struct outgoing *out = arg;
	struct peers *peers = out->peers;

	out->ticket = NULL;
	if (fd < 0) {
		end_outgoing(out);
		return;
	}
	out->stream = stream_new(peers->loop, fd, QUEUE_BYTES, &events, out);
	pour(out);
}

static int answer_fetch(struct peers *peers, const char *node_id, struct reader in, uint8_t ticket[RPC_TICKET_BYTES], struct err *err)
{
	uint64_t number = get_u64(&in);
	struct replica_snapshot *snapshot;

	if (in.failed)
		return err_set(err, ERR_INVALID, "a question for a snapshot that is none");
	if (replica_snapshot_open(peers->replica, number, &snapshot, err) < 0)
		return -1;
	struct outgoing *out = NEW(struct outgoing);
	out->peers = peers;
	out->snapshot = snapshot;
	list_add_last(&peers->outgoing, &out->link);
	out->ticket = rpc_ticket_new(peers->rpc, node_id, ticket, on_fetched, out, err);
	if (out->ticket)
		return 0;
	end_outgoing(out);
	return -1;
}

void peers_serve_snapshot(void *arg, struct rpc_conn *conn, struct rpc_ask *ask, const void *body, size_t size)
{
	uint8_t ticket[RPC_TICKET_BYTES];
	struct err err;

	const char *node_id = rpc_conn_peer(conn)->node_id;

	if (peers_check(arg, node_id, &err) < 0 || answer_fetch(arg, node_id, reader_of(body, size), ticket, &err) < 0)
		rpc_reply_error(ask, &err);
	else
		rpc_reply(ask, ticket, sizeof(ticket));
}

/* --- in ---------------------------------------------------------------------------------------- */

static void stop_fetch(struct peers *peers)
{
	rpc_call_forget(peers->asking);
	rpc_ticket_forget(peers->redeeming);
	stream_free(peers->incoming);
	peers->asking = NULL;
	peers->redeeming = NULL;
	peers->incoming = NULL;
}

static void end_fetch(struct peers *peers, bool is_complete)
{
	stop_fetch(peers);
	replica_snapshot_end(peers->replica, peers->ticket, is_complete);
}

static size_t on_bytes(void *arg, const uint8_t *bytes, size_t count)
{
	struct peers *peers = arg;
	struct err err;

	if (replica_snapshot_bytes(peers->replica, peers->ticket, bytes, count, &err) < 0) {
		log_debug("snapshot %llu: %s", (unsigned long long)peers->ticket, err.text);
		stop_fetch(peers);
	}
	return count;
}

static void on_end(void *arg)
{
	end_fetch(arg, true);
}

static void on_broken(void *arg, const char *reason UNUSED)
{
	end_fetch(arg, false);
}

static void on_stream(void *arg, int fd, const struct err *err)
{
	static const struct stream_events events = { .on_data = on_bytes, .on_end = on_end, .on_close = on_broken };
	struct peers *peers = arg;

	peers->redeeming = NULL;
	if (fd < 0) {
		log_warn("snapshot %llu: %s", (unsigned long long)peers->ticket, err->text);
		end_fetch(peers, false);
		return;
	}
	peers->incoming = stream_new(peers->loop, fd, QUEUE_BYTES, &events, peers);
}

static void on_ticket(void *arg, const void *body, size_t size, const struct err *err)
{
	struct peers *peers = arg;
	struct peer *from = peers_find(peers, peers->fetched_from);
	const struct tls_trust trust = { 0 };

	peers->asking = NULL;
	if (err || size != RPC_TICKET_BYTES || !from || !from->address[0]) {
		log_warn("snapshot %llu: %s", (unsigned long long)peers->ticket, err ? err->text : "its manager cannot be reached");
		end_fetch(peers, false);
		return;
	}
	peers->redeeming = rpc_ticket_redeem(peers->rpc, from->address, &trust, body, on_stream, peers);
}

void peers_fetch(void *arg, raft_id from, const char *node_id UNUSED, uint64_t ticket)
{
	struct peers *peers = arg;
	struct peer *peer = peers_find(peers, from);
	CLEANUP(buf_finip) struct buf body = BUF_INIT;

	stop_fetch(peers);
	if (!peer || !peer->current)
		return; /* the leader offers again */
	peers->ticket = ticket;
	peers->fetched_from = from;
	put_u64(&body, ticket);
	peers->asking = rpc_call(peer->current, RPC_SNAPSHOT, body.data, body.len, ASK_MS, on_ticket, peers);
}

void peers_close_streams(struct peers *peers)
{
	struct list *link;

	stop_fetch(peers);
	while ((link = list_take_first(&peers->outgoing)))
		end_outgoing(CONTAINER_OF(link, struct outgoing, link));
}
