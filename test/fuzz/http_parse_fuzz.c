/* Requests from a stranger, in pieces of the fuzzer's choice: whole and in two they mean the
 * same. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "http/http_head.h"
#include "http/http_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

struct summary { unsigned heads, ends, errors; size_t body; };

static void read_head(const struct http_parse *parse)
{
	struct arena arena;
	struct http_head head;
	struct err err = {0};

	if (parse->llhttp.type != HTTP_REQUEST)
		return;
	arena_init(&arena, "fuzz", 1 << 24);
	if (http_head_make(parse, &arena, &head, &err) == 0)
		check(head.path[0] == '/');
	else
		check(err.text[0] != '\0');
	arena_fini(&arena);
}

static bool feed(struct http_parse *parse, const uint8_t *at, size_t count, struct summary *sum)
{
	struct err err = {0};

	for (;;) {
		switch (http_parse_next(parse, &at, &count, &err)) {
		case HTTP_PARSE_MORE:
			return true;
		case HTTP_PARSE_HEAD:
			sum->heads++;
			read_head(parse);
			break;
		case HTTP_PARSE_PIECE:
			check(parse->piece_bytes > 0);
			sum->body += parse->piece_bytes;
			break;
		case HTTP_PARSE_END:
			sum->ends++;
			break;
		case HTTP_PARSE_ERROR:
			sum->errors++;
			return false;
		}
		check(parse->text.len <= parse->bound);
	}
}

static struct summary parse_at(enum http_side side, const uint8_t *bytes, size_t count, size_t cut)
{
	struct http_parse parse;
	struct summary sum = {0};

	/* A copy of each part, so that the sanitizer sees a read behind either. */
	uint8_t *first = malloc(cut + 1), *second = malloc(count - cut + 1);
	memcpy(first, bytes, cut);
	memcpy(second, bytes + cut, count - cut);
	http_parse_init(&parse, side, 4096);
	if (feed(&parse, first, cut, &sum))
		feed(&parse, second, count - cut, &sum);
	http_parse_fini(&parse);
	free(first);
	free(second);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	if (count < 2)
		return 0;
	enum http_side side = bytes[0] & 1 ? HTTP_SIDE_REPLIES : HTTP_SIDE_REQUESTS;
	size_t cut = (bytes[0] >> 1) * (count - 1) / 128;
	struct summary whole = parse_at(side, bytes + 1, count - 1, 0);
	struct summary halves = parse_at(side, bytes + 1, count - 1, cut);

	check(whole.heads == halves.heads && whole.ends == halves.ends);
	check(whole.body == halves.body && whole.errors == halves.errors);
	return 0;
}
