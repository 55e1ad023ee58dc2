/* beacon_fuzz.c - a datagram that anybody may send to port 2377: none, or one that comes out the same. The tag is made here, for no fuzzer finds it. */
#include "base/panic.h"
#include "base/sha256.h"
#include "node/beacon.h"

static const char cluster[] = "abcdefghijklmnopqrstuvwxy";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(buf_finip) struct buf whole = BUF_INIT, again = BUF_INIT;
	uint8_t tag[SHA256_SIZE];
	struct sha256 sha;
	struct beacon beacon;

	beacon_decode(bytes, size, cluster, &beacon);
	sha256_init(&sha);
	sha256_add(&sha, cluster, sizeof cluster);
	sha256_add(&sha, bytes, size);
	sha256_add(&sha, cluster, sizeof cluster);
	sha256_finish(&sha, tag);
	buf_add(&whole, bytes, size);
	buf_add(&whole, tag, 16);
	if (beacon_decode(whole.data, whole.len, cluster, &beacon) < 0)
		return 0;
	beacon_encode(&beacon, cluster, &again);
	check(beacon_decode(again.data, again.len, cluster, &beacon) == 0);
	return 0;
}
