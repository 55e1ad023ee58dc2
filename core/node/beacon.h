/* beacon.h - "where are you?": what a node that has lost all managers calls out on its wire, and what managers answer.
 *
 * Pure. A question or an answer is one datagram: kind, a number that the answer repeats, who speaks, and where it listens ("" for a worker). It
 * carries a tag that only members of the same cluster can make (from the cluster's id), so that neighbours do not answer each other. That is no
 * proof: an address is a hint, and who is there shows when it is dialled, by its certificate. An answer is no longer than its question.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

enum { BEACON_BYTES_MAX = 256, BEACON_ADDRESS_SIZE = 80 };
enum beacon_kind { BEACON_QUESTION = 1, BEACON_ANSWER };
struct beacon {
	enum beacon_kind kind;
	uint64_t number;
	char node_id[ID_SIZE], address[BEACON_ADDRESS_SIZE];
};
void beacon_encode(const struct beacon *beacon, const char *cluster_id, struct buf *out);
/* -1: none, or of another cluster. */
int beacon_decode(const void *bytes, size_t size, const char *cluster_id, struct beacon *ret);
