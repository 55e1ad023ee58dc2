#include "image/fetch_job.h"

#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "test/unit/runner.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static struct arena arena = { .name = "test", .ceiling_bytes = 1 << 20 };

TEST(a_fetch_job_comes_out_as_it_went_in)
{
	static const char text[] =
		"{\"work\":\"resolve\",\"domain\":\"reg:5000\",\"repository\":\"x/y\",\"tag\":\"1\",\"digest\":\"sha256:" HEX64 "\","
		"\"platform\":\"linux/arm/v7\",\"auth\":{\"username\":\"ann\",\"password\":\"s\\n\\\"\"},\"insecure\":[\"a:1\",\"10.0.0.0/8\"],"
		"\"mirrors\":[\"https://m\"],\"http_proxy\":\"http://p:1\",\"stall_ms\":5}";
	struct fetch_job job, again;
	struct buf line = BUF_INIT;
	struct err err;

	EXPECT(fetch_job_parse(text, sizeof(text) - 1, &arena, &job, &err) == 0);
	EXPECT_INT(job.work, FETCH_RESOLVE);
	EXPECT_STR(job.auth->password, "s\n\"");
	EXPECT_STR(job.insecure.items[1], "10.0.0.0/8");
	fetch_job_format(&job, &line);
	EXPECT(strchr(buf_text(&line), '\n') == line.data + line.len - 1);
	EXPECT(fetch_job_parse(line.data, line.len, &arena, &again, &err) == 0);
	EXPECT(shape_equal(&fetch_job_shape, &job, &again));
	buf_fini(&line);
}

TEST(a_fetch_job_names_a_registry_and_a_repository)
{
	struct fetch_job job;
	struct err err;

	EXPECT(fetch_job_parse("{\"domain\":\"x\"}", 14, &arena, &job, &err) < 0);
	EXPECT_STR(err.text, "job: no registry or no repository");
	EXPECT(fetch_job_parse("{\"work\":\"login\",\"domain\":\"x\"}", 29, &arena, &job, &err) == 0);
}

TEST(nodes_are_asked_for_one_digest_only)
{
	static const char good[] = "{\"domain\":\"x\",\"repository\":\"y\",\"digest\":\"sha256:" HEX64 "\",\"sources\":[\"10.0.0.1:2377\"]}";
	static const char by_name[] = "{\"domain\":\"x\",\"repository\":\"y\",\"tag\":\"1\",\"sources\":[\"10.0.0.1:2377\"]}";
	static const char question[] = "{\"work\":\"resolve\",\"domain\":\"x\",\"repository\":\"y\",\"digest\":\"sha256:" HEX64 "\",\"sources\":[\"a:1\"]}";
	CLEANUP(buf_finip) struct buf many = BUF_INIT;
	struct fetch_job job;
	struct err err;

	EXPECT(fetch_job_parse(good, sizeof(good) - 1, &arena, &job, &err) == 0);
	EXPECT_STR(job.sources.items[0], "10.0.0.1:2377");
	EXPECT(fetch_job_parse(by_name, sizeof(by_name) - 1, &arena, &job, &err) < 0);
	EXPECT(fetch_job_parse(question, sizeof(question) - 1, &arena, &job, &err) < 0);
	buf_printf(&many, "{\"domain\":\"x\",\"repository\":\"y\",\"digest\":\"sha256:" HEX64 "\",\"sources\":[\"a:1\"");
	for (int i = 0; i < FETCH_SOURCES_MAX; i++)
		buf_add_str(&many, ",\"a:1\"");
	buf_add_str(&many, "]}");
	EXPECT(fetch_job_parse(buf_text(&many), many.len, &arena, &job, &err) < 0);
	EXPECT_STR(err.text, "job: nodes are only asked for one digest, and 32 of them at most");
}

static const char *event(const char *json)
{
	static struct err err;
	struct fetch_event ret;

	if (fetch_event_parse(json, strlen(json), &arena, &ret, &err) < 0)
		return err.text;
	return ret.text ? ret.text : "fine";
}

TEST(an_event_of_the_fetching_child_is_not_believed_blindly)
{
	EXPECT_STR(event("{\"what\":\"blob\",\"digest\":\"" HEX64 "\"}"), "fine");
	EXPECT_STR(event("{\"what\":\"blob\",\"digest\":\"../../etc/passwd\"}"), "fetch: an event that makes no sense");
	EXPECT_STR(event("{\"what\":\"blob\"}"), "fetch: an event that makes no sense");
	EXPECT_STR(event("{\"what\":\"image\",\"digest\":\"" HEX64 "\",\"index\":\"x\"}"), "fetch: an event that makes no sense");
	EXPECT_STR(event("{\"what\":\"progress\",\"digest\":\"" HEX64 "\",\"bytes\":-1}"), "fetch: an event that makes no sense");
	EXPECT_STR(event("{\"what\":\"resolved\",\"digest\":\"" HEX64 "\",\"type\":\"a b\"}"), "fetch: an event that makes no sense");
	EXPECT_STR(event("{\"what\":\"resolved\",\"digest\":\"" HEX64 "\",\"platforms\":[\"linux/amd64\",\"x/y/z/w\"]}"),
		   "fetch: 'x/y/z/w' is no platform");
	EXPECT_STR(event("{\"what\":\"failed\",\"code\":99,\"text\":\"x\"}"), "fetch: an event that makes no sense");
	EXPECT_STR(event("{\"what\":\"failed\",\"code\":2}"), "fetch: an event that makes no sense");
	EXPECT_STR(event("{\"what\":\"failed\",\"code\":2,\"text\":\"a\\u001b\\nb\"}"), "a??b");
	EXPECT_STR(event("{\"what\":\"dance\"}"), "fetch: invalid JSON: what must be one of image, progress, retry, blob, resolved, logged_in, note, "
		   "done, failed");
	EXPECT_STR(event("[]"), "fetch: no JSON object");
	EXPECT_STR(event("{"), "fetch: no JSON object");
}

TEST(an_order_names_digests_only)
{
	struct fetch_order order;
	struct err err;

	EXPECT(fetch_order_parse("{\"want\":[]}", 11, &arena, &order, &err) == 0);
	EXPECT(fetch_order_parse("{\"want\":[\"..\"]}", 15, &arena, &order, &err) < 0);
	EXPECT_STR(err.text, "order: no digest");
}
