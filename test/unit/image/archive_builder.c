#include "test/unit/image/archive_builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"

void build_init(struct build *build)
{
	memset(build, 0, sizeof(*build));
}

void build_fini(struct build *build)
{
	for (size_t i = 0; i < build->layer_count; i++)
		buf_fini(&build->layers[i].bytes);
	buf_fini(&build->config.bytes);
	buf_fini(&build->manifest.bytes);
	build_init(build);
}

static void hash(struct build_blob *blob)
{
	sha256_hex(buf_text(&blob->bytes), blob->bytes.len, blob->digest);
}

void build_set_blob(struct build_blob *blob, const char *text)
{
	buf_clear(&blob->bytes);
	buf_add_str(&blob->bytes, text);
	hash(blob);
}

void build_add_layer(struct build *build, const struct buf *tar, enum build_pack pack)
{
	struct build_blob *blob = &build->layers[build->layer_count];

	check(build->layer_count < BUILD_LAYERS_MAX);
	sha256_hex(buf_text(tar), tar->len, build->diff_ids[build->layer_count]);
	build->packs[build->layer_count++] = pack;
	if (pack == BUILD_GZIP)
		tar_builder_gzip(tar, &blob->bytes);
	else if (pack == BUILD_ZSTD)
		tar_builder_zstd(tar, &blob->bytes);
	else
		buf_add(&blob->bytes, buf_text(tar), tar->len);
	hash(blob);
}

void build_add_file(struct build *build, const char *name, const char *text, enum build_pack pack)
{
	CLEANUP(buf_finip) struct buf tar = BUF_INIT;

	TAR_ADD(&tar, .name = name, .data = text);
	tar_builder_end(&tar);
	build_add_layer(build, &tar, pack);
}

void build_seal(struct build *build, const char *platform, const char *more)
{
	static const char *const types[] = { "", "+gzip", "+zstd" };
	struct strlist words = str_split(platform, '/');
	struct buf *config = &build->config.bytes, *manifest = &build->manifest.bytes;

	buf_clear(config);
	buf_printf(config, "{\"os\":\"%s\",\"architecture\":\"%s\"", words.items[0], words.items[1]);
	if (words.count > 2)
		buf_printf(config, ",\"variant\":\"%s\"", words.items[2]);
	strlist_fini(&words);
	buf_printf(config, "%s,\"config\":{\"Cmd\":[\"/bin/app\"]},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[", more);
	for (size_t i = 0; i < build->layer_count; i++)
		buf_printf(config, "%s\"sha256:%s\"", i ? "," : "", build->diff_ids[i]);
	buf_add_str(config, "]}}");
	hash(&build->config);

	buf_clear(manifest);
	buf_add_str(manifest, "{\"schemaVersion\":2,\"mediaType\":\"" BUILD_MANIFEST "\",\"config\":");
	build_descriptor(manifest, "application/vnd.oci.image.config.v1+json", &build->config, "");
	buf_add_str(manifest, ",\"layers\":[");
	for (size_t i = 0; i < build->layer_count; i++) {
		CLEANUP(str_freep) char *type = str_printf("application/vnd.oci.image.layer.v1.tar%s", types[build->packs[i]]);

		if (i)
			buf_add_char(manifest, ',');
		build_descriptor(manifest, type, &build->layers[i], "");
	}
	buf_add_str(manifest, "]}");
	hash(&build->manifest);
}

void build_descriptor(struct buf *out, const char *type, const struct build_blob *blob, const char *more)
{
	buf_printf(out, "{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%zu%s}", type, blob->digest, blob->bytes.len, more);
}

void build_index(struct build_blob *blob, const char *descriptors)
{
	CLEANUP(str_freep) char *text = str_printf("{\"schemaVersion\":2,\"mediaType\":\"" BUILD_INDEX "\",\"manifests\":[%s]}", descriptors);

	build_set_blob(blob, text);
}

void build_put(struct buf *tar, const char *name, const void *bytes, size_t count)
{
	tar_builder_header(tar, &(struct tar_spec){ .name = name, .size = (int64_t)count });
	tar_builder_data(tar, bytes, count);
}

void build_put_text(struct buf *tar, const char *name, const char *text)
{
	build_put(tar, name, text, strlen(text));
}

void build_put_blob(struct buf *tar, const struct build_blob *blob)
{
	CLEANUP(str_freep) char *name = str_printf("blobs/sha256/%s", blob->digest);

	build_put(tar, name, buf_text(&blob->bytes), blob->bytes.len);
}

void build_put_image(struct buf *tar, const struct build *build)
{
	for (size_t i = 0; i < build->layer_count; i++)
		build_put_blob(tar, &build->layers[i]);
	build_put_blob(tar, &build->config);
	build_put_blob(tar, &build->manifest);
}

void build_put_layout(struct buf *tar, const char *descriptors)
{
	struct build_blob index = { 0 };

	build_index(&index, descriptors);
	build_put_text(tar, "oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
	build_put(tar, "index.json", index.bytes.data, index.bytes.len);
	buf_fini(&index.bytes);
}

void build_oci(struct buf *tar, const struct build *build, const char *name)
{
	CLEANUP(buf_finip) struct buf descriptor = BUF_INIT;
	CLEANUP(str_freep) char *notes = str_printf(",\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}", name ? name : "");

	TAR_ADD(tar, .name = "blobs/", .type = '5', .mode = 0755);
	TAR_ADD(tar, .name = "blobs/sha256/", .type = '5', .mode = 0755);
	build_put_image(tar, build);
	build_descriptor(&descriptor, BUILD_MANIFEST, &build->manifest, name ? notes : "");
	build_put_layout(tar, buf_text(&descriptor));
	tar_builder_end(tar);
}

void build_docker(struct buf *tar, const struct build *build, const char *name)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(str_freep) char *config = str_printf("%s.json", build->config.digest);

	buf_printf(&text, "[{\"Config\":\"%s\",\"RepoTags\":%s%s%s,\"Layers\":[", config, name ? "[\"" : "null", name ? name : "", name ? "\"]" : "");
	for (size_t i = 0; i < build->layer_count; i++) {
		CLEANUP(str_freep) char *dir = str_printf("%064zx/", i + 1), *layer = str_printf("%slayer.tar", dir), *version = str_printf("%sVERSION", dir);
		size_t first = 0;

		while (!str_eq(build->layers[first].digest, build->layers[i].digest))
			first++;
		TAR_ADD(tar, .name = dir, .type = '5', .mode = 0755);
		build_put_text(tar, version, "1.0");
		CLEANUP(str_freep) char *target = str_printf("../%064zx/layer.tar", first + 1);
		if (first < i)
			TAR_ADD(tar, .name = layer, .type = '2', .link = target);
		else
			build_put(tar, layer, buf_text(&build->layers[i].bytes), build->layers[i].bytes.len);
		buf_printf(&text, "%s\"%s\"", i ? "," : "", layer);
	}
	buf_add_str(&text, "]}]");
	build_put(tar, config, buf_text(&build->config.bytes), build->config.bytes.len);
	build_put(tar, "manifest.json", text.data, text.len);
	build_put_text(tar, "repositories", "{}");
	tar_builder_end(tar);
}
