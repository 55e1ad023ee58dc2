#include "image/image_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/units.h"
#include "image/image_manifest.h"
#include "image/image_platform.h"
#include "test/unit/runner.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ROOTFS "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:" HEX "\"]}"

static const char *reformatted(const char *json)
{
	static struct buf out;
	struct image_config config;
	struct err err;

	buf_fini(&out);
	if (image_config_parse(json, strlen(json), &config, &err) < 0)
		return buf_add_str(&out, err.text), buf_text(&out);
	image_config_format(&config, &out);
	image_config_fini(&config);
	return buf_text(&out);
}

TEST(image_config_keeps_all_that_it_understands)
{
	const char *whole =
		"{\"created\":\"2024-01-02T03:04:05.006Z\",\"author\":\"a\",\"comment\":\"c\",\"architecture\":\"arm\",\"variant\":\"v7\","
		"\"os\":\"linux\",\"os.version\":\"1\",\"config\":{\"User\":\"u\",\"ExposedPorts\":{\"443/tcp\":{},\"80/tcp\":{}},\"Env\":[\"A=b\"],"
		"\"Entrypoint\":[\"/e\"],\"Cmd\":[],\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":5,\"Timeout\":6,\"StartPeriod\":7,"
		"\"StartInterval\":8,\"Retries\":9},\"Volumes\":{\"/v\":{}},\"WorkingDir\":\"/w\",\"OnBuild\":[\"RUN x\"],\"Labels\":{\"a\":\"1\","
		"\"b\":\"2\"},\"StopSignal\":\"SIGINT\",\"Shell\":[\"/bin/bash\"]}," ROOTFS ",\"history\":[{\"created\":\"2024-01-02T03:04:05Z\","
		"\"created_by\":\"x\",\"author\":\"y\",\"comment\":\"z\",\"empty_layer\":true},{}]}";

	EXPECT_STR(reformatted(whole), whole);
	EXPECT_STR(reformatted("{" ROOTFS ",\"unknown\":[1],\"config\":null}"), "{\"config\":{}," ROOTFS "}");
	EXPECT_STR(reformatted("{\"config\":{\"Labels\":{\"b\":\"1\",\"a\":\"2\"},\"ExposedPorts\":{\"2\":{},\"1\":null},\"Entrypoint\":\"/lone\"}," ROOTFS "}"),
		   "{\"config\":{\"ExposedPorts\":{\"1\":{},\"2\":{}},\"Entrypoint\":[\"/lone\"],\"Labels\":{\"a\":\"2\",\"b\":\"1\"}}," ROOTFS "}");
}

TEST(image_config_refuses_what_has_the_wrong_type_by_name)
{
	static const struct { const char *json, *error; } wrongs[] = {
		{ "", "image config: byte 0" },
		{ "[]", "image config: not a JSON object" },
		{ "{}", "image config: rootfs: not an object" },
		{ "{\"rootfs\":{}}", "image config: diff_ids: 0 layers, not 1 to 127" },
		{ "{\"rootfs\":{\"diff_ids\":[\"sha256:12\"]}}", "image config: diff_ids: not a list of sha256 digests" },
		{ "{\"rootfs\":{\"diff_ids\":[\"sha256:../../../../etc/passwd\"]}}", "image config: diff_ids: not a list of sha256 digests" },
		{ "{\"rootfs\":{\"diff_ids\":[\"sha256:" HEX "/\"]}}", "image config: diff_ids: not a list of sha256 digests" },
		{ "{\"rootfs\":{\"diff_ids\":[7]}}", "image config: diff_ids: not a list of strings" },
		{ "{\"os\":1," ROOTFS "}", "image config: os: not a string" },
		{ "{\"os\":\"a\\u0000b\"," ROOTFS "}", "image config: os: not a string" },
		{ "{\"created\":\"now\"," ROOTFS "}", "image config: created: not a time as of RFC 3339" },
		{ "{\"config\":[]," ROOTFS "}", "image config: config: not an object" },
		{ "{\"config\":{\"Env\":{}}," ROOTFS "}", "image config: Env: not a list of at most 10000 strings" },
		{ "{\"config\":{\"Env\":[1]}," ROOTFS "}", "image config: Env: not a list of strings" },
		{ "{\"config\":{\"Labels\":{\"a\":1}}," ROOTFS "}", "image config: Labels: not an object of strings" },
		{ "{\"config\":{\"Labels\":[]}," ROOTFS "}", "image config: Labels: not an object of at most 10000 names" },
		{ "{\"config\":{\"Volumes\":[]}," ROOTFS "}", "image config: Volumes: not an object of at most 10000 names" },
		{ "{\"config\":{\"Healthcheck\":1}," ROOTFS "}", "image config: Healthcheck: not an object" },
		{ "{\"config\":{\"Healthcheck\":{\"Retries\":-1}}," ROOTFS "}", "image config: Retries: not a number of 0 or more" },
		{ "{\"config\":{\"Healthcheck\":{\"Interval\":18446744073709551615}}," ROOTFS "}", "image config: Interval: not a number of 0 or more" },
		{ "{\"history\":{}," ROOTFS "}", "image config: history: not a list of at most 10000" },
		{ "{\"history\":[1]," ROOTFS "}", "image config: history: not a list of objects" },
	};

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		const char *got = reformatted(wrongs[i].json);
		if (!str_starts(got, wrongs[i].error))
			EXPECT_STR(got, wrongs[i].error);
	}
}

static const char *manifest_reformatted(const char *json)
{
	static struct buf out;
	static struct image_manifest manifest;
	struct err err;

	buf_fini(&out);
	if (image_manifest_parse(json, strlen(json), &manifest, &err) < 0)
		return buf_add_str(&out, err.text), buf_text(&out);
	image_manifest_format(&manifest, &out);
	return buf_text(&out);
}

#define BLOB(type) "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" HEX "\",\"size\":5}"
#define OCI "application/vnd.oci.image."
#define CONFIG BLOB(OCI "config.v1+json")
#define MANIFEST(config, layers) "{\"schemaVersion\":2,\"mediaType\":\"" OCI "manifest.v1+json\",\"config\":" config ",\"layers\":[" layers "]}"

TEST(image_manifest_reads_both_families_of_types_and_writes_oci)
{
	const char *whole = MANIFEST(BLOB(OCI "config.v1+json"), BLOB(OCI "layer.v1.tar") "," BLOB(OCI "layer.v1.tar+gzip") "," BLOB(OCI "layer.v1.tar+zstd"));

	EXPECT_STR(manifest_reformatted(whole), whole);
	EXPECT_STR(manifest_reformatted("{\"schemaVersion\":2,\"config\":" BLOB("application/vnd.docker.container.image.v1+json") ",\"layers\":["
		   BLOB("application/vnd.docker.image.rootfs.diff.tar.gzip") "]}"), MANIFEST(BLOB(OCI "config.v1+json"), BLOB(OCI "layer.v1.tar+gzip")));
}

TEST(image_manifest_refuses_what_it_cannot_use)
{
	EXPECT_STR(manifest_reformatted("{}"), "image manifest: not of schema version 2");
	EXPECT_STR(manifest_reformatted("{\"schemaVersion\":2}"), "image manifest: config: no sha256 digest");
	EXPECT_STR(manifest_reformatted("{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:" HEX "\",\"size\":-1}}"), "image manifest: config: no size");
	EXPECT_STR(manifest_reformatted("{\"schemaVersion\":2,\"config\":{\"digest\":\"sha512:" HEX "\",\"size\":1}}"), "image manifest: config: no sha256 digest");
	EXPECT_STR(manifest_reformatted(MANIFEST(CONFIG, "")), "image manifest: not 1 to 127 layers");
	EXPECT_STR(manifest_reformatted(MANIFEST(CONFIG, BLOB("text/html"))), "image manifest: layer of type 'text/html' is not supported");
	EXPECT_STR(manifest_reformatted(MANIFEST(BLOB("application/vnd.cncf.helm.config.v1+json"), BLOB(OCI "layer.v1.tar"))),
		   "image manifest: a config of type 'application/vnd.cncf.helm.config.v1+json' is that of no image");
	EXPECT_STR(manifest_reformatted(MANIFEST(CONFIG, BLOB(OCI "layer.nondistributable.v1.tar+gzip"))),
		   "layer sha256:" HEX " is a foreign one, which only its maker hands out: not supported by swarmbox");
	EXPECT_STR(manifest_reformatted(MANIFEST(CONFIG, BLOB("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"))),
		   "layer sha256:" HEX " is a foreign one, which only its maker hands out: not supported by swarmbox");
	EXPECT_STR(manifest_reformatted(MANIFEST(CONFIG, "{\"mediaType\":\"" OCI "layer.v1.tar\",\"digest\":\"sha256:" HEX "\",\"size\":5,"
						 "\"urls\":[\"https://example.com/layer\"]}")),
		   "layer sha256:" HEX " is a foreign one, which only its maker hands out: not supported by swarmbox");
	EXPECT_STR(manifest_reformatted("{\"schemaVersion\":1,\"fsLayers\":[]}"), "image manifest: schema version 1, of before 2016, is not supported");
	EXPECT_STR(manifest_reformatted("{\"schemaVersion\":2,\"manifests\":[]}"), "image manifest: it is an index of several");
	EXPECT(str_starts(manifest_reformatted("{\"schemaVersion\":2,"), "image manifest: byte 19"));
}

TEST(image_index_refuses_what_is_none)
{
	static const char *const wrongs[] = { "[]", "{}", "{\"manifests\":{}}", "{\"manifests\":[{}]}", "{\"manifests\":[{\"digest\":\"x\"}]}" };
	struct image_index index;
	struct err err;

	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		EXPECT(image_index_parse(wrongs[i], strlen(wrongs[i]), &index, &err) == -1);
		EXPECT(str_starts(err.text, "index.json: "));
		EXPECT_INT(index.count, 0);
	}
}

static const char *platform(const char *text)
{
	static char out[1100];
	struct image_platform p;
	struct err err;

	if (image_platform_parse(text, &p, &err) < 0)
		snprintf(out, sizeof(out), "%s", err.text);
	else
		snprintf(out, sizeof(out), "%s/%s/%s", p.os, p.architecture, p.variant);
	return out;
}

TEST(image_platform_knows_every_spelling)
{
	struct image_platform host = image_platform_host();
	char mine[64];

	snprintf(mine, sizeof(mine), "%s/%s/%s", host.os, host.architecture, host.variant);
	EXPECT_STR(platform(""), mine);
	EXPECT_STR(platform("linux"), mine);
	EXPECT_STR(platform("linux/x86_64"), "linux/amd64/");
	EXPECT_STR(platform("aarch64"), "linux/arm64/");
	EXPECT_STR(platform("linux/arm64/v8"), "linux/arm64/");
	EXPECT_STR(platform("linux/arm/6"), "linux/arm/v6");
	EXPECT_STR(platform("armhf"), "linux/arm/v7");
	EXPECT_STR(platform("linux/amd64/v3"), "linux/amd64/v3");
	EXPECT_STR(platform("windows/amd64"), "\"windows/amd64\": unknown operating system or architecture");
	EXPECT_STR(platform("pdp11"), "\"pdp11\": unknown operating system or architecture");
	EXPECT_STR(platform("a/b/c/d"), "\"a/b/c/d\": unknown operating system or architecture");
	EXPECT_STR(platform("linux/arm/"), "\"linux/arm/\": unknown operating system or architecture");
}
