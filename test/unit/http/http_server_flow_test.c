/* Who reads slowly, says nothing, or goes; who is one too many; the end of the server. */
#include "test/unit/http/http_server_rig.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "os/clock.h"

TEST(http_server_says_full_to_whoever_streams_to_a_slow_reader)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /fill HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 20; i++)
		loop_run_once(rig.loop, 1);
	EXPECT(rig.was_full);
	EXPECT(rig.written < 2000000);
	unsigned before = rig.written;
	http_on_writable(rig.parked, rig_fill, &rig);
	for (int i = 0; i < 200 && rig.written == before; i++) {
		receive(&rig);
		loop_run_once(rig.loop, 1);
	}
	EXPECT(rig.written > before);
	rig_fini(&rig);
	EXPECT_INT(rig.gone, 1);
}

TEST(http_server_cuts_off_who_writes_on_after_full)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /flood HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 20; i++)
		loop_run_once(rig.loop, 1);
	EXPECT(rig.written < 2000000);
	EXPECT_INT(rig.gone, 1);
	EXPECT_INT(http_server_connections(rig.server), 0);
	rig_fini(&rig);
}

TEST(http_server_pulls_a_long_list_no_faster_than_it_is_read)
{
	struct rig rig;

	rig_init(&rig, usual);
	rig.pieces_left = 1000;
	say(&rig, "GET /pull HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 300; i++)
		loop_run_once(rig.loop, 0);
	EXPECT(rig.written < 2000000);
	EXPECT(rig.pieces_left > 0);
	for (int i = 0; i < 20000 && rig.gone == 0; i++) {
		receive(&rig);
		loop_run_once(rig.loop, 0);
	}
	EXPECT(run_until(&rig, "\r\n0\r\n\r\n"));
	EXPECT_INT(rig.written, 10000000);
	EXPECT(rig.got.len > 10000000);
	EXPECT_INT(rig.gone, 1);
	rig_fini(&rig);
}

TEST(http_server_ends_a_pull_whose_client_goes)
{
	struct rig rig;

	rig_init(&rig, usual);
	rig.pieces_left = 1000;
	say(&rig, "GET /pull HTTP/1.1\r\n" HOST "\r\n");
	for (int i = 0; i < 50; i++)
		loop_run_once(rig.loop, 0);
	shutdown(rig.client, SHUT_RDWR);
	for (int i = 0; i < 50 && !rig.gone; i++)
		loop_run_once(rig.loop, 10);
	settle(&rig);
	EXPECT_INT(rig.gone, 1);
	EXPECT_INT(http_server_connections(rig.server), 0);
	rig_fini(&rig);
}

TEST(http_server_delivers_a_large_reply_whole)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /big HTTP/1.1\r\n" HOST "\r\nGET /after HTTP/1.1\r\n" HOST "\r\n");
	EXPECT(run_until(&rig, "\r\n\r\n/after"));
	EXPECT(rig.got.len > 2000000 && rig.got.len < 2001000);
	rig_fini(&rig);
}

TEST(http_server_takes_no_further_requests_from_who_reads_no_replies)
{
	struct rig rig;
	unsigned sent = 0;

	rig_init(&rig, usual);
	for (unsigned idle = 0; sent < 200 && idle < 50;) {
		static const char text[] = "GET /big HTTP/1.1\r\n" HOST "\r\n";
		if (send(rig.client, text, sizeof(text) - 1, MSG_NOSIGNAL) > 0)
			sent++;
		else
			idle++;
		loop_run_once(rig.loop, 0);
	}
	receive(&rig);
	EXPECT(rig.got.len < 3000000);          /* one reply, not two hundred, is in memory */
	rig_fini(&rig);
}

TEST(http_server_ends_slow_heads_silent_bodies_and_idle_connections)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct rig rig;

	limits.head_ms = limits.body_ms = limits.idle_ms = 30;
	rig_init(&rig, limits);
	EXPECT(run_until_end(&rig));
	EXPECT_STR(buf_text(&rig.got), "");
	rig_fini(&rig);

	rig_init(&rig, limits);
	say(&rig, "GET / HT");
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 408 "));
	rig_fini(&rig);

	rig_init(&rig, limits);
	say(&rig, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 9\r\n\r\nabc");
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 408 "));
	rig_fini(&rig);
}

TEST(http_server_gives_a_slow_head_no_second_chance)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct rig rig;

	limits.head_ms = 50;
	limits.head_bytes = 64 * 1024 * 1024;
	rig_init(&rig, limits);
	say(&rig, "GET / HTTP/1.1\r\n");
	for (msec end = clock_boot_ms() + 60000; clock_boot_ms() < end && !rig.got_end;) {
		/* a byte at a time does not help */
		(void)!send(rig.client, "A", 1, MSG_NOSIGNAL);
		loop_run_once(rig.loop, 1);
		receive(&rig);
	}
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 408 "));
	rig_fini(&rig);
}

TEST(http_server_turns_away_one_connection_too_many)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct rig rig;

	limits.connections = 1;
	rig_init(&rig, limits);
	int first = rig.client;
	connect_client(&rig);
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 503 "));
	EXPECT_INT(http_server_connections(rig.server), 1);
	close(first);
	rig_fini(&rig);
}

TEST(http_server_counts_requests_whose_client_has_gone)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct rig rig;

	limits.connections = 1;
	rig_init(&rig, limits);
	say(&rig, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	close(rig.client);
	for (int i = 0; i < 50 && !rig.gone; i++)
		loop_run_once(rig.loop, 10);
	settle(&rig);
	connect_client(&rig);
	EXPECT(run_until_end(&rig));
	EXPECT(str_starts(buf_text(&rig.got), "HTTP/1.1 503 "));
	rig_fini(&rig);
}

static void note_stop(void *arg)
{
	*(bool *)arg = true;
}

TEST(http_server_stops_when_the_requests_under_way_are_answered)
{
	struct rig rig;
	bool stopped = false;

	rig_init(&rig, usual);
	int idle_client = rig.client;
	connect_client(&rig);
	say(&rig, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	http_server_stop(rig.server, note_stop, &stopped);
	settle(&rig);
	EXPECT(!stopped);
	EXPECT_INT(http_server_connections(rig.server), 1);
	char byte;
	EXPECT_INT(recv(idle_client, &byte, 1, 0), 0);
	struct http_request *parked = rig.parked;
	rig.parked = NULL;
	http_reply(parked, 200, "text/plain", "done", 4);
	EXPECT(run_until_end(&rig));
	EXPECT(str_ends(buf_text(&rig.got), "Connection: close\r\n\r\ndone"));
	close(rig.client);
	rig.client = dup(idle_client);
	for (int i = 0; i < 50 && !stopped; i++)
		loop_run_once(rig.loop, 10);
	EXPECT(stopped);
	close(idle_client);
	rig_fini(&rig);
}

TEST(http_server_may_be_freed_before_its_requests_are_finished)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	http_server_free(rig.server);
	rig.server = NULL;
	EXPECT_INT(rig.gone, 1);
	EXPECT_STR(http_method(rig.parked), "GET");
	rig_fini(&rig);                         /* finishes it */
}

TEST(http_server_aborts_visibly)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /park HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	struct http_request *parked = rig.parked;
	rig.parked = NULL;
	http_reply_begin(parked, 200, "text/plain");
	http_reply_write(parked, "half", 4);
	http_reply_abort(parked);
	EXPECT(run_until_end(&rig));
	EXPECT(str_ends(buf_text(&rig.got), "4\r\nhalf\r\n"));
	rig_fini(&rig);
}

TEST(http_query_truth_is_dockers)
{
	struct rig rig;

	rig_init(&rig, usual);
	say(&rig, "GET /park?a&b=&c=0&d=No&e=FALSE&f=none&g=1&h=x HTTP/1.1\r\n" HOST "\r\n");
	settle(&rig);
	for (const char *name = "abcdef"; *name; name++)
		EXPECT(!http_query_is_true(rig.parked, (char[]){ *name, 0 }));
	EXPECT(http_query_is_true(rig.parked, "g") && http_query_is_true(rig.parked, "h"));
	EXPECT(!http_query_is_true(rig.parked, "z"));
	rig_fini(&rig);
}
