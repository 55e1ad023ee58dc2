#include "node/beacon.h"

#include <string.h>

#include "base/encode.h"
#include "base/sha256.h"
#include "base/str.h"

enum { MAGIC = 0x31425853, TAG_SIZE = 16 };     /* "SXB1" */

static void tag_of(const void *bytes, size_t count, const char *cluster_id, uint8_t ret[SHA256_SIZE])
{
	struct sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, cluster_id, strlen(cluster_id) + 1);
	sha256_add(&sha, bytes, count);
	sha256_add(&sha, cluster_id, strlen(cluster_id) + 1);
	sha256_finish(&sha, ret);
}

void beacon_encode(const struct beacon *beacon, const char *cluster_id, struct buf *out)
{
	uint8_t tag[SHA256_SIZE];
	size_t begin = out->len;

	put_u32(out, MAGIC);
	put_u8(out, (uint8_t)beacon->kind);
	put_u64(out, beacon->number);
	put_str(out, beacon->node_id);
	put_str(out, beacon->address);
	tag_of(out->data + begin, out->len - begin, cluster_id, tag);
	buf_add(out, tag, TAG_SIZE);
}

static int get_text(struct reader *in, char *ret, size_t size)
{
	size_t length;
	const uint8_t *text = get_bytes(in, &length);

	if (in->failed || length >= size || memchr(text, 0, length))
		return -1;
	memcpy(ret, text, length);
	ret[length] = 0;
	return 0;
}

int beacon_decode(const void *bytes, size_t size, const char *cluster_id, struct beacon *ret)
{
	struct reader in = reader_of(bytes, size - MIN(size, (size_t)TAG_SIZE));
	struct beacon beacon;
	uint8_t tag[SHA256_SIZE];
	uint32_t magic;

	if (size <= TAG_SIZE || size > BEACON_BYTES_MAX)
		return -1;
	tag_of(bytes, size - TAG_SIZE, cluster_id, tag);
	magic = get_u32(&in);
	beacon.kind = (enum beacon_kind)get_u8(&in);
	beacon.number = get_u64(&in);
	if (in.failed || magic != MAGIC || memcmp(in.end, tag, TAG_SIZE) != 0 || get_text(&in, beacon.node_id, sizeof beacon.node_id) < 0 ||
	    get_text(&in, beacon.address, sizeof beacon.address) < 0 || in.at != in.end || !id_is_valid(beacon.node_id) ||
	    (beacon.kind != BEACON_QUESTION && beacon.kind != BEACON_ANSWER))
		return -1;
	*ret = beacon;
	return 0;
}
