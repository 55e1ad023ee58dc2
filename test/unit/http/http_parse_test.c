/* The parser alone: what it says about a message must not depend on how its bytes arrive. */
#include "http/http_parse.h"

#include <string.h>

#include "http/http_head.h"
#include "test/unit/runner.h"

/* All that happened, as one line of text. */
struct told {
	struct buf text;
	bool failed;
};

static void tell(struct http_parse *parse, enum http_parse_event event, struct buf *out)
{
	if (event == HTTP_PARSE_HEAD) {
		buf_printf(out, "%s %s", http_parse_method(parse), http_parse_target(parse));
		for (unsigned i = 0; i < parse->field_count; i++)
			buf_printf(out, " %s=[%s]", parse->text.data + parse->fields[i].name,
				   parse->text.data + parse->fields[i].value);
		buf_add_str(out, ": ");
	} else if (event == HTTP_PARSE_PIECE) {
		buf_add(out, parse->piece, parse->piece_bytes);
	} else if (event == HTTP_PARSE_END) {
		buf_add_str(out, ";");
	} else if (event == HTTP_PARSE_ERROR) {
		buf_add_str(out, "!");
	}
}

static bool feed(struct http_parse *parse, const char *bytes, size_t count, struct buf *out)
{
	const uint8_t *at = (const uint8_t *)bytes;
	struct err err = {0};
	enum http_parse_event event;

	do {
		event = http_parse_next(parse, &at, &count, &err);
		tell(parse, event, out);
	} while (event != HTTP_PARSE_MORE && event != HTTP_PARSE_ERROR);
	return event == HTTP_PARSE_MORE;
}

static void parse_in_two(const char *text, size_t cut, struct buf *out)
{
	struct http_parse parse;

	http_parse_init(&parse, HTTP_SIDE_REQUESTS, 1024);
	if (feed(&parse, text, cut, out))
		feed(&parse, text + cut, strlen(text) - cut, out);
	http_parse_fini(&parse);
}

static void expect_told(const char *text, const char *want)
{
	for (size_t cut = 0; cut <= strlen(text); cut++) {
		CLEANUP(buf_finip) struct buf got = BUF_INIT;
		parse_in_two(text, cut, &got);
		EXPECT_STR(buf_text(&got), want);
	}
}

TEST(http_parse_says_the_same_wherever_the_bytes_are_cut)
{
	expect_told("GET /a?b=c HTTP/1.1\r\nHost: x\r\nEmpty:\r\nAccept:  */* \r\n\r\n",
		    "GET /a?b=c Host=[x] Empty=[] Accept=[*/*]: ;");
	expect_told("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
		    "GET /b HTTP/1.1\r\nHost: y\r\n\r\n",
		    "POST /a Host=[x] Content-Length=[5]: hello;GET /b Host=[y]: ;");
	expect_told("POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
		    "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: t\r\n\r\n",
		    "POST /a Host=[x] Transfer-Encoding=[chunked]: abcde;");
}

TEST(http_parse_refuses_what_two_readers_could_understand_differently)
{
	expect_told("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "!");
	expect_told("POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "!");
	expect_told("GET / HTTP/1.1\r\nHost : x\r\n\r\n", "!");
	expect_told("GET / HTTP/3.7\r\n\r\n", "!");
	expect_told("hello\r\n\r\n", "!");
}

TEST(http_parse_bounds_the_head)
{
	struct http_parse parse;
	CLEANUP(buf_finip) struct buf text = BUF_INIT, out = BUF_INIT;

	buf_add_str(&text, "GET / HTTP/1.1\r\nX: ");
	for (int i = 0; i < 2000; i++)
		buf_add_char(&text, 'a');
	http_parse_init(&parse, HTTP_SIDE_REQUESTS, 1024);
	EXPECT(!feed(&parse, text.data, text.len, &out));
	EXPECT(parse.is_too_large);
	EXPECT(parse.text.len <= 1024);
	http_parse_fini(&parse);
}

TEST(http_parse_bounds_trailers_and_the_number_of_fields)
{
	struct http_parse parse;
	CLEANUP(buf_finip) struct buf text = BUF_INIT, out = BUF_INIT;

	buf_add_str(&text, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
	for (int i = 0; i < 500; i++)
		buf_add_str(&text, "A: b\r\n");
	http_parse_init(&parse, HTTP_SIDE_REQUESTS, 1024);
	EXPECT(!feed(&parse, text.data, text.len, &out));
	EXPECT(parse.is_too_large);
	http_parse_fini(&parse);

	buf_clear(&text);
	buf_add_str(&text, "GET / HTTP/1.1\r\n");
	for (int i = 0; i <= HTTP_MAX_FIELDS; i++)
		buf_add_str(&text, "A: b\r\n");
	http_parse_init(&parse, HTTP_SIDE_REQUESTS, 16384);
	EXPECT(!feed(&parse, text.data, text.len, &out));
	EXPECT(parse.is_too_large);
	http_parse_fini(&parse);
}

static void reply_in_two(const char *text, size_t cut, bool no_body, struct buf *out)
{
	struct http_parse parse;
	struct err err = {0};

	http_parse_init(&parse, HTTP_SIDE_REPLIES, 1024);
	parse.has_no_body = no_body;
	for (int half = 0; half < 2; half++) {
		const uint8_t *at = (const uint8_t *)text + (half ? cut : 0);
		size_t count = half ? strlen(text) - cut : cut;
		enum http_parse_event event;
		while ((event = http_parse_next(&parse, &at, &count, &err)) != HTTP_PARSE_MORE) {
			if (event == HTTP_PARSE_HEAD)
				buf_printf(out, "%d: ", http_parse_status(&parse));
			else if (event == HTTP_PARSE_PIECE)
				buf_add(out, parse.piece, parse.piece_bytes);
			else
				buf_add_str(out, event == HTTP_PARSE_END ? ";" : "!");
			if (event == HTTP_PARSE_ERROR)
				break;
		}
	}
	buf_add_str(out, http_parse_eof(&parse, &err) == HTTP_PARSE_END ? "|" : "?");
	http_parse_fini(&parse);
}

static void expect_reply(const char *text, bool no_body, const char *want)
{
	for (size_t cut = 0; cut <= strlen(text); cut++) {
		CLEANUP(buf_finip) struct buf got = BUF_INIT;
		reply_in_two(text, cut, no_body, &got);
		EXPECT_STR(buf_text(&got), want);
	}
}

TEST(http_parse_reads_replies_of_every_length)
{
	expect_reply("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, "200: ok;?");
	expect_reply("HTTP/1.1 200 OK\r\n\r\nuntil the end", false, "200: until the end|");
	expect_reply("HTTP/1.1 204 No Content\r\n\r\n", false, "204: ;?");
	expect_reply("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", true, "200: ;?");
	expect_reply("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", false,
		     "100: ;201: ;?");
	expect_reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", false,
		     "200: ab?");
}

/* --- the head, decoded --- */

static int make_head(const char *text, struct arena *arena, struct http_head *head, struct err *err)
{
	struct http_parse parse;
	const uint8_t *at = (const uint8_t *)text;
	size_t count = strlen(text);

	http_parse_init(&parse, HTTP_SIDE_REQUESTS, 16384);
	EXPECT(http_parse_next(&parse, &at, &count, err) == HTTP_PARSE_HEAD);
	int result = http_head_make(&parse, arena, head, err);
	http_parse_fini(&parse);
	return result;
}

TEST(http_head_decodes_path_query_and_fields)
{
	struct arena arena;
	struct http_head head;
	struct err err = {0};
	size_t at = 0;

	arena_init(&arena, "test", 1 << 20);
	EXPECT_INT(make_head("GET /a%2Fb%20c/%C3%A4?x=1&y&x=a+b%26&=z#f HTTP/1.1\r\nHost: h\r\n"
			     "A: 1\r\na: 2\r\n\r\n", &arena, &head, &err), 0);
	EXPECT_STR(head.path, "/a/b c/ä");
	EXPECT_STR(http_head_query(&head, "x", &at), "1");
	EXPECT_STR(http_head_query(&head, "x", &at), "a b&");
	EXPECT(http_head_query(&head, "x", &at) == NULL);
	at = 0;
	EXPECT_STR(http_head_query(&head, "y", &at), "");
	EXPECT_STR(http_head_field(&head, "A"), "1, 2");
	EXPECT(http_head_field(&head, "B") == NULL);
	EXPECT(head.keeps_alive && !head.has_body && !head.is_http10);
	arena_fini(&arena);
}

TEST(http_head_refuses_broken_targets_by_name)
{
	static const struct { const char *text, *error; } cases[] = {
		{ "GET /a%zz HTTP/1.1\r\nHost: h\r\n\r\n", "request path '/a%zz' is not valid" },
		{ "GET /a%0 HTTP/1.1\r\nHost: h\r\n\r\n", "request path '/a%0' is not valid" },
		{ "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", "request path '/a%00b' is not valid" },
		{ "GET /%ff HTTP/1.1\r\nHost: h\r\n\r\n", "request path '/%ff' is not valid" },
		{ "GET /?a=% HTTP/1.1\r\nHost: h\r\n\r\n", "request query 'a=%' is not valid" },
		{ "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "request target '*' is not a path" },
		{ "GET / HTTP/1.1\r\n\r\n", "missing required Host header" },
		{ "GET / HTTP/1.1\r\nHost: h\r\nExpect: cake\r\n\r\n",
		  "expectation 'cake' is not supported" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct arena arena;
		struct http_head head;
		struct err err = {0};

		arena_init(&arena, "test", 1 << 20);
		EXPECT_INT(make_head(cases[i].text, &arena, &head, &err), -1);
		EXPECT_STR(err.text, cases[i].error);
		EXPECT_INT(err.code, ERR_INVALID);
		arena_fini(&arena);
	}
}

TEST(http_head_takes_absolute_targets)
{
	struct arena arena;
	struct http_head head;
	struct err err = {0};

	arena_init(&arena, "test", 1 << 20);
	EXPECT_INT(make_head("GET http://host:1/p?q=1 HTTP/1.1\r\nHost: h\r\n\r\n", &arena, &head, &err), 0);
	EXPECT_STR(head.path, "/p");
	EXPECT_INT(make_head("GET http://host HTTP/1.0\r\n\r\n", &arena, &head, &err), 0);
	EXPECT_STR(head.path, "/");
	arena_fini(&arena);
}
