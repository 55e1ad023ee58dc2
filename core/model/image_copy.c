#include "model/image_copy.h"

#include <string.h>

#include "base/sha256.h"
#include "base/str.h"

static const struct field name_fields[] = {
	F(1, STR, image_name, name, "Name", 0),
	F(2, U64, image_name, since_ms, "Since", 0),
};
static const struct shape name_shape = SHAPE(image_name, name_fields);

static const struct field copy_fields[] = {
	F(IMAGE_COPY_NODE, STR, image_copy, node_id, "NodeID", 0),
	F(IMAGE_COPY_MANIFEST, STR, image_copy, manifest, "Manifest", 0),
	F(IMAGE_COPY_DIGESTS, STR_LIST, image_copy, digests, "Digests", 0),
	F_OF(IMAGE_COPY_NAMES, LIST, image_copy, names, "Names", 0, name_shape),
	F(IMAGE_COPY_PLATFORM, STR, image_copy, platform, "Platform", 0),
	F(IMAGE_COPY_BYTES, U64, image_copy, manifest_bytes, "Size", 0),
	F(IMAGE_COPY_DOCKER, BOOL, image_copy, is_docker, "Docker", 0),
	F(IMAGE_COPY_PULLED, BOOL, image_copy, is_pulled, "Pulled", 0),
};
const struct shape image_copy_shape = SHAPE(image_copy, copy_fields);

void image_copy_id(const char *node_id, const char *manifest, char ret_id[ID_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 sum;

	_Static_assert(SHA256_SIZE >= ID_ENTROPY_BYTES, "a digest is enough for an id");
	sha256_init(&sum);
	sha256_add(&sum, node_id, strlen(node_id));
	sha256_add(&sum, manifest, strlen(manifest));
	sha256_finish(&sum, digest);
	id_format(digest, ret_id);
}

const struct image_name *image_copy_name(const struct image_copy *copy, const char *name)
{
	for (size_t i = 0; i < copy->names.count; i++)
		if (str_eq(copy->names.items[i].name, name))
			return &copy->names.items[i];
	return NULL;
}

bool image_copy_has_digest(const struct image_copy *copy, const char *hex)
{
	for (size_t i = 0; i < copy->digests.count; i++)
		if (str_eq(copy->digests.items[i], hex))
			return true;
	return false;
}

bool image_copy_says_same(const struct image_copy *a, const struct image_copy *b)
{
	if (!str_eq(a->manifest, b->manifest) || !str_eq(a->platform, b->platform) || a->is_docker != b->is_docker ||
	    a->is_pulled != b->is_pulled || a->manifest_bytes != b->manifest_bytes || a->digests.count != b->digests.count ||
	    a->names.count != b->names.count)
		return false;
	for (size_t i = 0; i < a->digests.count; i++)
		if (!str_eq(a->digests.items[i], b->digests.items[i]))
			return false;
	for (size_t i = 0; i < a->names.count; i++)
		if (!image_copy_name(b, a->names.items[i].name))
			return false;
	return true;
}
