/* raft_membership_fuzz.c - a list of managers out of a log entry: refused, or decoded to what encodes
 * to the same list. */
#include <string.h>

#include "base/panic.h"
#include "raft/raft.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(buf_finip) struct buf again = BUF_INIT, twice = BUF_INIT;
	struct raft_membership config, same;
	struct err err;

	if (raft_membership_decode(bytes, size, &config, &err) < 0)
		return 0;
	raft_membership_encode(&config, &again);
	check(raft_membership_decode(again.data, again.len, &same, &err) == 0);
	check(same.count == config.count);
	buf_clear(&again);
	raft_membership_encode(&same, &twice);
	raft_membership_encode(&config, &again);
	check(twice.len == again.len && memcmp(twice.data, again.data, twice.len) == 0);
	return 0;
}
