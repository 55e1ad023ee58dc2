#include "dispatch/dispatch_msg.h"

#include <string.h>

#include "test/unit/runner.h"

enum { ITEMS = 40, REMOVED = 5000, BIG = 5000 };

struct received { struct arena arena; uint64_t sequence; size_t items, removed, parts; bool begun, ended; bool stops; };

static bool receive(void *arg, const struct buf *body)
{
	struct received *r = arg;
	struct assign_part part;
	struct err err = { 0 };

	EXPECT(body->len <= DISPATCH_BODY_MAX + 2 * BIG);
	EXPECT(dispatch_read(&assign_part_shape, body->data, body->len, &r->arena, &part, &err) == 0);
	EXPECT_STR(err.text, "");
	EXPECT_INT(part.sequence, ++r->sequence);
	EXPECT(part.begins == (r->parts == 0));
	EXPECT(!r->ended);
	r->ended = part.ends;
	r->items += part.items.count;
	r->removed += part.removed.count;
	r->parts++;
	return !r->stops;
}

static void fill(struct assignment *items, char *text)
{
	static char id[] = "0123456789abcdefghijklmno";

	memset(text, 'x', BIG);
	text[BIG] = 0;
	for (int i = 0; i < ITEMS; i++)
		items[i] = (struct assignment){ .task_id = id, .service_name = text };
}

TEST(a_long_set_travels_in_parts_of_which_the_last_ends)
{
	static struct assignment items[ITEMS];
	static char text[BIG + 1], *gone[REMOVED], id[] = "0123456789abcdefghijklmno";
	struct received r = { 0 };
	uint64_t sequence = 0;

	arena_init(&r.arena, "test", 64 << 20);
	fill(items, text);
	for (int i = 0; i < REMOVED; i++)
		gone[i] = id;
	EXPECT(assign_send(items, ITEMS, &(struct str_array){ gone, REMOVED }, true, &sequence, receive, &r));
	EXPECT_INT(r.items, ITEMS);
	EXPECT_INT(r.removed, REMOVED);
	EXPECT(r.ended && r.parts > 4);
	EXPECT_INT(sequence, r.parts);
	arena_fini(&r.arena);
}

TEST(an_empty_set_is_one_part_and_a_full_pipe_stops_the_rest)
{
	static struct assignment items[ITEMS];
	static char text[BIG + 1];
	struct received r = { 0 };
	uint64_t sequence = 0;

	arena_init(&r.arena, "test", 64 << 20);
	EXPECT(assign_send(NULL, 0, NULL, true, &sequence, receive, &r));
	EXPECT_INT(r.parts, 1);
	EXPECT(r.ended);
	fill(items, text);
	r = (struct received){ .arena = r.arena, .stops = true };
	sequence = 0;
	EXPECT(!assign_send(items, ITEMS, NULL, true, &sequence, receive, &r));
	EXPECT_INT(r.parts, 1);
	arena_fini(&r.arena);
}

static const char *refusal(const struct shape *shape, const char *body)
{
	static struct err err;
	struct arena arena;
	char message[1024];

	arena_init(&arena, "test", 1 << 20);
	EXPECT(shape->size <= sizeof message);
	err = (struct err){ 0 };
	EXPECT(dispatch_read(shape, body, strlen(body), &arena, message, &err) == -1);
	arena_fini(&arena);
	return err.text;
}

TEST(what_is_no_message_is_refused_by_name)
{
	EXPECT_STR(refusal(&session_news_shape, "{"), "session_news: not JSON");
	EXPECT_STR(refusal(&session_news_shape, "[]"), "session_news: no object, or one of more than 200000 values");
	EXPECT_STR(refusal(&session_news_shape, "{\"Managers\":[{\"NodeID\":\"../x\"}]}"), "session_news: a manager's NodeID is no id");
	EXPECT_STR(refusal(&assign_part_shape, "{\"Items\":[{}]}"), "assign_part: an assignment's TaskID is no id");
	EXPECT_STR(refusal(&status_report_shape, "{\"Items\":[{\"TaskID\":\"a\"}]}"), "status_report: a status's TaskID is no id");
	EXPECT_STR(refusal(&tidings_shape, "{\"Sightings\":[{}]}"), "tidings: a sighting's NodeID is no id");
	EXPECT_STR(refusal(&join_answer_shape, "{}"), "join_answer: NodeID is no id");
}

TEST(members_that_this_version_does_not_know_are_passed_over)
{
	const char *body = "{\"BeatPeriod\":250,\"Role\":\"manager\",\"FromTheFuture\":[1,2,{}]}";
	struct session_news news;
	struct arena arena;
	struct err err = { 0 };

	arena_init(&arena, "test", 1 << 20);
	EXPECT(dispatch_read(&session_news_shape, body, strlen(body), &arena, &news, &err) == 0);
	EXPECT_INT(news.beat_ms, 250);
	EXPECT_INT(news.role, ROLE_MANAGER);
	EXPECT(dispatch_read(&session_news_shape, "", 0, &arena, &news, &err) == 0);
	arena_fini(&arena);
}

static void expect_open(const char *body, const char *want)
{
	struct open_ask ask;
	struct arena arena;
	struct err err = { 0 };

	arena_init(&arena, "test", 1 << 20);
	EXPECT(dispatch_read(&open_ask_shape, body, strlen(body), &arena, &ask, &err) == (*want ? -1 : 0));
	EXPECT_STR(err.text, want);
	arena_fini(&arena);
}

#define TICKET "\"Ticket\":\"AAECAwQFBgcICQoLDA0ODw==\""
TEST(who_is_to_be_called_back_is_named_in_full)
{
	expect_open("{\"NodeID\":\"0123456789abcdefghijklmno\",\"Addr\":\"10.0.0.1:2377\"," TICKET "}", "");
	expect_open("{\"NodeID\":\"w1\",\"Addr\":\"10.0.0.1:2377\"," TICKET "}", "open_ask: NodeID is no id");
	expect_open("{\"NodeID\":\"0123456789abcdefghijklmno\"," TICKET "}", "open_ask: a ticket has 16 bytes, and an address where it is good");
	expect_open("{\"NodeID\":\"0123456789abcdefghijklmno\",\"Addr\":\"10.0.0.1:2377\",\"Ticket\":\"AAEC\"}",
		    "open_ask: a ticket has 16 bytes, and an address where it is good");
}
