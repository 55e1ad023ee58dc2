#include "image/image_list.h"

#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

#define MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define INDEX    "application/vnd.oci.image.index.v1+json"
#define HEX(c)   c c c c c c c c c c c c c c c c
#define ENTRY(c, platform) "{\"mediaType\":\"" MANIFEST "\",\"digest\":\"sha256:" HEX(c) "\",\"size\":400" platform "}"
#define PLATFORM(os, arch, variant) ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\",\"variant\":\"" variant "\"}"

static const char many[] =
	"{\"schemaVersion\":2,\"mediaType\":\"" INDEX "\",\"manifests\":["
	ENTRY("0a0a", PLATFORM("windows", "amd64", "")) "," ENTRY("0b0b", PLATFORM("linux", "amd64", "")) ","
	ENTRY("0c0c", PLATFORM("linux", "arm", "v5")) "," ENTRY("0d0d", PLATFORM("linux", "arm", "v6")) ","
	ENTRY("0e0e", PLATFORM("linux", "arm64", "v8")) "," ENTRY("0f0f", PLATFORM("unknown", "unknown", "")) "]}";

static const char *chosen(const char *json, const char *platform)
{
	static char text[1100];
	struct image_platform want;
	struct image_list list;
	struct image_blob blob;
	struct err err;

	if (image_platform_parse(platform, &want, &err) < 0 || image_list_parse(json, strlen(json), &list, &err) < 0)
		return "broken";
	str_copy(text, sizeof(text), image_list_choose(&list, &want, &blob, &err) == 0 ? blob.digest : err.text);
	if (!strstr(text, " "))
		text[4] = '\0';
	image_list_fini(&list);
	return text;
}

TEST(an_image_list_gives_each_machine_its_manifest)
{
	EXPECT_STR(chosen(many, "linux/amd64"), "0b0b");
	EXPECT_STR(chosen(many, "linux/arm64"), "0e0e");
	EXPECT_STR(chosen(many, "linux/arm64/v8"), "0e0e");
	EXPECT_STR(chosen(many, "linux/arm/v6"), "0d0d");
	EXPECT_STR(chosen(many, "linux/arm/v5"), "0c0c");
}

TEST(an_arm_v7_takes_the_next_lower_variant_and_never_a_higher_one)
{
	EXPECT_STR(chosen(many, "linux/arm/v7"), "0d0d");
	EXPECT_STR(chosen("{\"manifests\":[" ENTRY("0a0a", PLATFORM("linux", "arm", "v7")) "]}", "linux/arm/v6"),
		   "no matching manifest for linux/arm/v6 in the manifest list entries");
	/* arm without a variant is v7 */
	EXPECT_STR(chosen("{\"manifests\":[" ENTRY("0a0a", PLATFORM("linux", "arm", "")) "]}", "linux/arm/v7"), "0a0a");
}

TEST(an_image_list_without_the_machine_says_so_in_dockers_words)
{
	EXPECT_STR(chosen(many, "linux/riscv64"), "no matching manifest for linux/riscv64 in the manifest list entries");
	EXPECT_STR(chosen("{\"manifests\":[]}", "linux/amd64"), "no matching manifest for linux/amd64 in the manifest list entries");
}

TEST(an_amd64_v3_runs_what_says_no_variant_and_not_the_other_way_round)
{
	static const char v3[] = "{\"manifests\":[" ENTRY("0a0a", PLATFORM("linux", "amd64", "v3")) "," ENTRY("0b0b", PLATFORM("linux", "amd64", "")) "]}";

	EXPECT_STR(chosen(v3, "linux/amd64"), "0b0b");
	EXPECT_STR(chosen(v3, "linux/amd64/v3"), "0a0a");
	EXPECT_STR(chosen(v3, "linux/amd64/v2"), "0b0b");
}

TEST(an_entry_without_a_platform_counts_only_when_it_is_alone)
{
	EXPECT_STR(chosen("{\"manifests\":[" ENTRY("0a0a", "") "]}", "linux/amd64"), "0a0a");
	EXPECT_STR(chosen("{\"manifests\":[" ENTRY("0a0a", "") "," ENTRY("0b0b", PLATFORM("linux", "x86_64", "")) "]}", "linux/amd64"), "0b0b");
	EXPECT_STR(chosen("{\"manifests\":[" ENTRY("0a0a", "") "," ENTRY("0b0b", "") "]}", "linux/amd64"),
		   "no matching manifest for linux/amd64 in the manifest list entries");
}

TEST(entries_that_are_no_images_are_left_out)
{
	EXPECT_STR(chosen("{\"manifests\":[{\"digest\":\"sha256:xyz\",\"size\":1},{\"digest\":\"sha512:" HEX("0a0a") "\",\"size\":1},7,null,"
			  "{\"digest\":\"sha256:" HEX("0a0a") "\",\"size\":-1},{\"mediaType\":\"" INDEX "\",\"digest\":\"sha256:" HEX("0a0a") "\",\"size\":1},"
			  ENTRY("0b0b", PLATFORM("linux", "amd64", "")) "]}", "linux/amd64"), "0b0b");
}

static const char *judged(const char *type, const char *json)
{
	static struct err err;
	enum image_doc doc;

	if (image_doc_judge(type, json, strlen(json), &doc, &err) < 0)
		return err.text;
	return doc == IMAGE_DOC_LIST ? "list" : "manifest";
}

TEST(a_document_is_judged_by_its_types_or_its_members)
{
	EXPECT_STR(judged(MANIFEST, "{\"layers\":[]}"), "manifest");
	EXPECT_STR(judged(INDEX "; charset=utf-8", "{\"manifests\":[]}"), "list");
	EXPECT_STR(judged("application/octet-stream", "{\"mediaType\":\"" INDEX "\",\"manifests\":[]}"), "list");
	EXPECT_STR(judged(NULL, "{\"layers\":[]}"), "manifest");
	EXPECT_STR(judged("text/plain", "{\"manifests\":[]}"), "list");
}

TEST(a_document_with_two_meanings_or_none_is_refused)
{
	EXPECT_STR(judged(MANIFEST, "{\"layers\":[],\"manifests\":[]}"), "manifest: it has both layers and manifests");
	EXPECT_STR(judged(MANIFEST, "{\"mediaType\":\"" INDEX "\",\"manifests\":[]}"),
		   "manifest: served as '" MANIFEST "', but says it is '" INDEX "'");
	EXPECT_STR(judged(NULL, "{}"), "manifest: it has neither layers nor manifests");
	EXPECT_STR(judged(INDEX, "{\"layers\":[]}"), "manifest: it has neither layers nor manifests");
	EXPECT_STR(judged(NULL, "{\"mediaType\":\"application/x\\n-artifact\",\"layers\":[]}"), "manifest of type 'application/x?-artifact' is not supported");
	EXPECT(str_starts(judged(NULL, "{\"schemaVersion\":1,\"fsLayers\":[]}"), "manifest of the old schema 1"));
	EXPECT_STR(judged(NULL, "[]"), "manifest: not a JSON object");
	EXPECT(str_starts(judged(NULL, "{"), "manifest: byte "));
}
