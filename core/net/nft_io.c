#include "net/nft_io.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>

#include "base/panic.h"
#include "net/netlink_io.h"
#include "net/nft_diff.h"
#include "net/nft_state.h"

#define TRIES_MAX	 4 /* against somebody who changes the table while we read and write it */
#define DIFF_ARENA_BYTES (256u << 20)

struct nft_io {
	struct netlink_io socket;
	struct nft_state have;
	bool is_trusted;         /* have is what the kernel has, as far as we know */
};

int nft_io_open(struct nft_io **ret, struct err *err)
{
	struct netlink_io socket = NETLINK_IO_NONE;

	if (netlink_io_open(&socket, NETLINK_NETFILTER, err) < 0)
		return -1;

	struct nft_io *io = NEW(struct nft_io);
	io->socket = socket;
	nft_state_init(&io->have);
	*ret = io;
	return 0;
}

void nft_io_close(struct nft_io *io)
{
	if (!io)
		return;
	netlink_io_close(&io->socket);
	nft_state_fini(&io->have);
	free(io);
}

void nft_io_distrust(struct nft_io *io)
{
	io->is_trusted = false;
}

uint32_t nft_io_port(const struct nft_io *io)
{
	return netlink_io_port(&io->socket);
}

int nft_io_has_table(struct nft_io *io, const char *name, bool *ret_has, struct err *err)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	struct nfgenmsg family = { .nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0 };
	uint32_t seq = netlink_io_take_seq(&io->socket, 1);
	int code;
	size_t at = netlink_begin(&request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE,
				  NLM_F_REQUEST | NLM_F_ACK, seq, &family, sizeof(family));

	netlink_put_str(&request, NFTA_TABLE_NAME, name);
	netlink_end(&request, at);
	if (netlink_io_send(&io->socket, &request, seq, seq, &code, err) < 0 && code != ENOENT)
		return err_wrap(err, "nf_tables table '%s'", name);
	*ret_has = code == 0;
	return 0;
}

/* ---- reading ---- */

struct reading { struct nft_state *state; const char *table; };

static void take_message(void *arg, const struct netlink_msg *msg)
{
	struct reading *reading = arg;

	nft_state_read(reading->state, reading->table, msg);
}

static int dump(struct nft_io *io, enum nft_state_what what, const char *table, const char *map,
		struct err *err)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	struct reading reading = { &io->have, table };
	uint32_t seq = netlink_io_take_seq(&io->socket, 1);

	nft_state_put_dump(&request, seq, what, table, map);
	return netlink_io_ask(&io->socket, &request, seq, take_message, &reading, err);
}

static int dump_all(struct nft_io *io, const char *table, struct err *err)
{
	if (dump(io, NFT_STATE_CHAINS, table, NULL, err) < 0 ||
	    dump(io, NFT_STATE_RULES, table, NULL, err) < 0 ||
	    dump(io, NFT_STATE_MAPS, table, NULL, err) < 0)
		return -1;
	for (size_t i = 0; i < io->have.map_count; i++)
		if (dump(io, NFT_STATE_ELEMS, table, io->have.maps[i].name, err) < 0)
			return -1;
	return 0;
}

static int read_table(struct nft_io *io, const char *name, struct err *err)
{
	bool has_table = false;

	for (int tries = 0;; tries++) {
		nft_state_clear(&io->have);
		if (nft_io_has_table(io, name, &has_table, err) < 0)
			return -1;
		io->have.has_table = has_table;
		if (!has_table || dump_all(io, name, err) == 0)
			return 0;
		if (tries == TRIES_MAX)
			return err_wrap(err, "read nf_tables table '%s'", name);
	}
}

/* ---- writing ---- */

static int send_ops(struct nft_io *io, const struct nft_ops *ops, const char *table, int *ret_errno,
		    struct err *err)
{
	CLEANUP(buf_finip) struct buf batch = BUF_INIT;
	uint32_t count = nft_encode_seqs(ops), first = netlink_io_take_seq(&io->socket, count), ack;

	nft_encode(ops, table, first, &batch, &ack);
	check(ack < first + count);
	return netlink_io_send(&io->socket, &batch, first, ack, ret_errno, err);
}

static int apply_once(struct nft_io *io, const struct nft_table *want, int *ret_errno,
		      struct err *err)
{
	struct arena arena;
	struct nft_ops ops = { 0 };
	int result = 0;

	*ret_errno = 0;
	arena_init(&arena, "nft difference", DIFF_ARENA_BYTES);
	nft_diff(want, &io->have, &arena, &ops);
	if (ops.count > 0)
		result = send_ops(io, &ops, want->name, ret_errno, err);
	nft_ops_fini(&ops);
	arena_fini(&arena);
	return result;
}

/* What the kernel says when the table is not as we remember it. */
static bool is_disagreement(int code)
{
	return code == ENOENT || code == EEXIST || code == EBUSY || code == EAGAIN ||
	       code == ERESTART;
}

int nft_io_apply(struct nft_io *io, const struct nft_table *want, struct err *err)
{
	int code;

	for (int tries = 0;; tries++) {
		if (!io->is_trusted && read_table(io, want->name, err) < 0)
			return -1;
		if (apply_once(io, want, &code, err) == 0)
			break;
		io->is_trusted = false;
		if (!is_disagreement(code) || tries == TRIES_MAX)
			return err_wrap(err, "nf_tables table '%s'", want->name);
	}
	nft_state_assume(&io->have, want);
	io->is_trusted = true;
	return 0;
}

int nft_io_delete_table(struct nft_io *io, const char *name, struct err *err)
{
	struct nft_ops ops = { 0 };
	int code;

	nft_ops_add(&ops, (struct nft_op){ .kind = NFT_DELETE_TABLE });
	int result = send_ops(io, &ops, name, &code, err);
	nft_ops_fini(&ops);
	io->is_trusted = false;
	if (result < 0 && code != ENOENT)
		return err_wrap(err, "delete nf_tables table '%s'", name);
	return 0;
}

int nft_io_probe(struct nft_io *io, const struct nft_table *table, struct err *err)
{
	static const struct nft_state nothing;
	struct arena arena;
	struct nft_ops ops = { 0 };
	int code;

	arena_init(&arena, "nft probe", DIFF_ARENA_BYTES);
	nft_diff(table, &nothing, &arena, &ops);
	nft_ops_add(&ops, (struct nft_op){ .kind = NFT_DELETE_TABLE });
	int result = send_ops(io, &ops, table->name, &code, err);
	nft_ops_fini(&ops);
	arena_fini(&arena);
	if (result < 0) {
		err_wrap(err, "the kernel's nf_tables lacks what published ports need");
		err->code = ERR_UNSUPPORTED;
	}
	return result;
}
