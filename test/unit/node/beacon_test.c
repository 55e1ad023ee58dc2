#include "node/beacon.h"

#include "base/str.h"
#include "test/unit/runner.h"

static const char cluster[] = "abcdefghijklmnopqrstuvwxy";

static void make(struct buf *out, const char *cluster_id)
{
	beacon_encode(&(struct beacon){ BEACON_QUESTION, 77, "0123456789012345678901234", "10.0.0.1:2377" }, cluster_id, out);
}

TEST(beacon_comes_back_as_it_was)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct beacon read;

	make(&bytes, cluster);
	EXPECT_INT(beacon_decode(bytes.data, bytes.len, cluster, &read), 0);
	EXPECT(read.kind == BEACON_QUESTION && read.number == 77);
	EXPECT_STR(read.node_id, "0123456789012345678901234");
	EXPECT_STR(read.address, "10.0.0.1:2377");
	EXPECT(bytes.len <= BEACON_BYTES_MAX);
}

TEST(beacon_of_another_cluster_or_changed_anywhere_is_none)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT, theirs = BUF_INIT;
	struct beacon read;

	make(&theirs, "zbcdefghijklmnopqrstuvwxy");
	EXPECT_INT(beacon_decode(theirs.data, theirs.len, cluster, &read), -1);
	make(&bytes, cluster);
	for (size_t i = 0; i < bytes.len; i++) {
		EXPECT_INT(beacon_decode(bytes.data, i, cluster, &read), -1);
		bytes.data[i] ^= 4;
		EXPECT_INT(beacon_decode(bytes.data, bytes.len, cluster, &read), -1);
		bytes.data[i] ^= 4;
	}
	buf_add(&bytes, "x", 1);
	EXPECT_INT(beacon_decode(bytes.data, bytes.len, cluster, &read), -1);
}
