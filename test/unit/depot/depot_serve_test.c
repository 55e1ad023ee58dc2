/* A pull on one host from stores of others, through the real child, over streams that break, dawdle and lie. */
#include "depot/depot_serve_io.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/rng.h"
#include "base/str.h"
#include "depot/depot_find.h"
#include "image/fetch_child_io.h"
#include "image/image_blob.h"
#include "image/image_pull.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/stream.h"
#include "test/unit/image/store_lab.h"
#include "test/unit/image/tar_builder.h"
#include "test/unit/runner.h"

enum { LAYER_BYTES = 3 << 20, CUT_AFTER = 1 << 20, PUMP_BYTES = 64 << 20, WIRES_MAX = 16 };

__attribute__((constructor)) static void be_the_fetcher(void)
{
	CLEANUP(buf_finip) struct buf words = BUF_INIT;
	struct err ignored;

	if (file_read("/proc/self/cmdline", 1 << 16, &words, &ignored) == 0 && words.len > 16 && memcmp(words.data, "swarmbox\0fetch\0", 15) == 0)
		_exit(fetch_child_main(buf_text(&words) + 15));
}

/* ---- nodes ------------------------------------------------------------------------------------------------------------------ */

/* What a node is when it is dialled. One that breaks does so in the middle, and is dead then. */
enum nature { GOOD, DEAD, BREAKS };
struct wire { struct stream *child, *depot; struct shire *shire; bool breaks; size_t to_child; };
struct giver { struct store_lab lab; struct depot *depot; enum nature nature; unsigned dialled; };
struct shire {
	struct store_lab lab;                            /* of who pulls */
	struct image_puller *puller;
	struct giver givers[3];
	size_t giver_count;
	char manifest[SHA256_HEX_SIZE], index[SHA256_HEX_SIZE];
	struct wire wires[WIRES_MAX];
	size_t wire_count;
	struct timer answer;                             /* to the question under way */
	image_found_fn *found;
	image_dialled_fn *dialled;
	void *found_arg, *dialled_arg;
	unsigned finds, dialling;
	size_t given;                                    /* bytes that came from the last that was dialled */
	size_t waiting;
	bool has_failed;
	char id[SHA256_HEX_SIZE], sources[200];
	struct err err;
};

static void end_wire(struct wire *wire)
{
	stream_free(wire->child);
	stream_free(wire->depot);
	wire->child = wire->depot = NULL;
}

static size_t from_child(void *arg, const uint8_t *bytes, size_t count)
{
	struct wire *wire = arg;

	stream_write(wire->depot, bytes, count);
	return count;
}

static size_t from_depot(void *arg, const uint8_t *bytes, size_t count)
{
	struct wire *wire = arg;

	wire->to_child += count;
	wire->shire->given = wire->to_child;
	stream_write(wire->child, bytes, count);
	if (wire->breaks && wire->to_child >= CUT_AFTER) {
		stream_end(wire->child);                 /* when the child has all of this */
		stream_pause(wire->depot, true);
	}
	return count;
}

static void on_end(void *arg, const char *reason UNUSED)
{
	end_wire(arg);
}

static void on_eof(void *arg)
{
	end_wire(arg);
}

static int connect_to(struct shire *s, struct giver *giver)
{
	static const struct stream_events child = { .on_data = from_child, .on_end = on_eof, .on_close = on_end };
	static const struct stream_events depot = { .on_data = from_depot, .on_end = on_eof, .on_close = on_end };
	struct wire *wire = &s->wires[s->wire_count++];
	int left[2], right[2];

	check(s->wire_count <= WIRES_MAX);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, left) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, right) == 0);
	*wire = (struct wire){ .shire = s, .breaks = giver->nature == BREAKS };
	if (wire->breaks)
		giver->nature = DEAD;
	fcntl(left[0], F_SETFL, O_NONBLOCK);
	fcntl(right[0], F_SETFL, O_NONBLOCK);
	wire->child = stream_new(s->lab.loop, left[0], PUMP_BYTES, &child, wire);
	wire->depot = stream_new(s->lab.loop, right[0], PUMP_BYTES, &depot, wire);
	depot_serve(giver->depot, right[1], "puller", s->manifest);
	return left[1];
}

static void answer(void *arg)
{
	struct shire *s = arg;
	struct image_found what = { 0 };
	char *names[] = { (char[]){ "10.0.0.0:2377" }, (char[]){ "10.0.0.1:2377" }, (char[]){ "10.0.0.2:2377" } };
	struct err err;

	if (s->found) {
		image_found_fn *fn = s->found;

		s->found = NULL;
		memcpy(what.manifest, s->manifest, sizeof what.manifest);
		memcpy(what.index, s->index, sizeof what.index);
		what.sources = (struct str_array){ names, s->manifest[0] ? s->giver_count : 0 };
		fn(s->found_arg, &what, NULL);
	} else if (s->dialled) {
		struct giver *giver = &s->givers[s->dialling];
		image_dialled_fn *fn = s->dialled;

		s->dialled = NULL;
		giver->dialled++;
		err_set(&err, ERR_UNAVAILABLE, "node %u: no such luck", s->dialling);
		fn(s->dialled_arg, giver->nature == DEAD ? -1 : connect_to(s, giver), giver->nature == DEAD ? &err : NULL);
	}
}

static void *find(void *arg, const char *name UNUSED, image_found_fn *fn, void *fn_arg)
{
	struct shire *s = arg;

	s->finds++;
	s->found = fn;
	s->found_arg = fn_arg;
	timer_set_in(&s->answer, 0);
	return &s->found;
}

static void *dial(void *arg, const char *name UNUSED, const char *address, image_dialled_fn *fn, void *fn_arg)
{
	struct shire *s = arg;

	s->dialling = (unsigned)(address[strlen("10.0.0.")] - '0');
	check(s->dialling < s->giver_count);
	s->dialled = fn;
	s->dialled_arg = fn_arg;
	timer_set_in(&s->answer, 0);
	return &s->dialled;
}

static void forget(void *arg, void *question)
{
	struct shire *s = arg;

	if (question == &s->found)
		s->found = NULL;
	else
		s->dialled = NULL;
}

/* The same bytes on every host. */
static void make_archive(struct buf *out)
{
	char *bytes = mem_new(1, LAYER_BYTES);
	struct rng rng;

	rng_seed(&rng, 7);
	for (size_t i = 0; i < LAYER_BYTES; i += sizeof(uint64_t)) {
		uint64_t dice = rng_next(&rng);

		memcpy(bytes + i, &dice, sizeof dice);
	}
	TAR_ADD(out, .name = "small", .data = "tiny");
	tar_builder_header(out, &(struct tar_spec){ .name = "big", .size = LAYER_BYTES });
	tar_builder_data(out, bytes, LAYER_BYTES);
	tar_builder_end(out);
	free(bytes);
}

static const struct image *image_of(struct store_lab *lab, const char *name)
{
	const struct image *image;

	return image_store_get(lab->store, name, &image, &lab->err) == 0 ? image : NULL;
}

static void open_shire(struct shire *s, size_t givers, const enum nature *natures)
{
	CLEANUP(buf_finip) struct buf archive = BUF_INIT;
	struct image_swarm swarm = { find, dial, forget, s };

	*s = (struct shire){ .giver_count = givers };
	make_archive(&archive);
	for (size_t i = 0; i < givers; i++) {
		struct giver *giver = &s->givers[i];

		store_lab_init(&giver->lab);
		store_lab_open(&giver->lab);
		check(store_lab_import(&giver->lab, "web:1", &archive, NULL));
		giver->depot = depot_new(giver->lab.loop, giver->lab.store, DEPOT_STALL_MS);
		giver->nature = natures[i];
		str_copy(s->manifest, sizeof s->manifest, image_of(&giver->lab, "web:1")->manifest);
	}
	store_lab_init(&s->lab);
	store_lab_open(&s->lab);
	timer_init(&s->answer, s->lab.loop, answer, s);
	s->puller = image_puller_new(&(struct image_puller_options){ .loop = s->lab.loop, .store = s->lab.store, .self = s->lab.self, .user_agent = "test" });
	image_puller_set_swarm(s->puller, &swarm);
}

static void close_shire(struct shire *s)
{
	timer_cancel(&s->answer);
	image_puller_close(s->puller);
	for (size_t i = 0; i < s->wire_count; i++)
		end_wire(&s->wires[i]);
	for (size_t i = 0; i < s->giver_count; i++) {
		depot_free(s->givers[i].depot);
		store_lab_fini(&s->givers[i].lab);
	}
	store_lab_fini(&s->lab);
}

static void pulled(void *arg, const char *id, const struct err *err)
{
	struct shire *s = arg;

	s->waiting--;
	s->has_failed = err != NULL;
	if (err)
		s->err = *err;
	else
		str_copy(s->id, sizeof s->id, id);
}

static void on_source(void *arg, const char *source)
{
	struct shire *s = arg;
	size_t used = strlen(s->sources);

	snprintf(s->sources + used, sizeof s->sources - used, "%s ", source);
}

/* Asked so many times at once. */
static bool pull(struct shire *s, const char *name, size_t times)
{
	static const struct image_pull_events events = { .on_source = on_source, .on_done = pulled };
	struct image_request request = { .asks_swarm = true };
	msec until = clock_boot_ms() + 300000;
	struct image_pull *ignored;
	struct image_ref ref;

	check(image_ref_parse(name, &ref, &s->err) == 0);
	request.ref = &ref;
	for (s->waiting = 0; s->waiting < times; s->waiting++)
		check(image_pull_start(s->puller, &request, &events, s, &ignored, &s->err) == 0);
	while (s->waiting && clock_boot_ms() < until) {
		for (size_t i = 0; i < s->giver_count; i++)
			loop_run_once(s->givers[i].lab.loop, 0);
		loop_run_once(s->lab.loop, 1);
	}
	EXPECT_INT((int)s->waiting, 0);
	return !s->has_failed;
}

/* ---- pulls ------------------------------------------------------------------------------------------------------------------ */

TEST_TIMEOUT(an_image_comes_from_a_node_once_however_many_want_it, 600)
{
	static struct shire s;

	open_shire(&s, 1, (enum nature[]){ GOOD });
	EXPECT(pull(&s, "web:1", 10));
	EXPECT_STR(s.err.text, "");
	EXPECT_STR(s.id, image_of(&s.givers[0].lab, "web:1")->id);
	EXPECT(image_of(&s.lab, "web:1") && image_of(&s.lab, "web:1")->is_unpacked);
	EXPECT_STR(image_of(&s.lab, "web:1")->manifest, s.manifest);
	EXPECT_INT((int)s.finds, 1);
	EXPECT_INT((int)s.givers[0].dialled, 1);
	EXPECT_INT(strncmp(s.sources, "10.0.0.0:2377 ", 14), 0);
	EXPECT(s.given > LAYER_BYTES && s.given < LAYER_BYTES + 100000);
	/* what this host may say of it itself now */
	size_t count;
	struct arena arena;
	arena_init(&arena, "stock", 1 << 20);
	const struct image_copy *copy = depot_stock(s.lab.store, &arena, &count);
	EXPECT_INT((int)count, 1);
	EXPECT_STR(copy->manifest, s.manifest);
	EXPECT_STR(copy->names.items[0].name, "web:1");
	EXPECT(!copy->is_pulled && image_copy_has_digest(copy, s.manifest) && strncmp(copy->platform, "linux/", 6) == 0);
	arena_fini(&arena);
	close_shire(&s);
}

TEST_TIMEOUT(a_digest_is_fetched_as_it_is_and_takes_no_name, 600)
{
	static struct shire s;
	char name[200];

	open_shire(&s, 1, (enum nature[]){ GOOD });
	memset(s.index, 'a', 64);                        /* it was chosen from a list that nobody has */
	snprintf(name, sizeof name, "reg.example/a/web:1@sha256:%s", s.index);
	EXPECT(pull(&s, name, 1));
	EXPECT(image_of(&s.lab, name) && !image_of(&s.lab, "reg.example/a/web:1"));
	EXPECT_STR(image_of(&s.lab, name)->manifest, s.manifest);
	EXPECT_INT((int)image_of(&s.lab, name)->tags.count, 0);
	close_shire(&s);
}

TEST_TIMEOUT(where_one_node_stops_the_next_goes_on, 600)
{
	static struct shire s;

	open_shire(&s, 3, (enum nature[]){ BREAKS, DEAD, GOOD });
	EXPECT(pull(&s, "web:1", 1));
	EXPECT_STR(s.err.text, "");
	EXPECT(s.givers[0].dialled > 1 && s.givers[1].dialled == 1 && s.givers[2].dialled == 1);
	EXPECT(s.given <= LAYER_BYTES - CUT_AFTER + 200000);    /* only the rest */
	close_shire(&s);
}

/* Flips a bit of the layer. */
static void corrupt(struct store_lab *lab)
{
	CLEANUP(str_freep) char *path = str_printf("%s/blobs/sha256/%s", lab->images, image_of(lab, "web:1")->layers[0].blob);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte = 0;

	check(fd >= 0 && pread(fd, &byte, 1, 100000) == 1);
	byte ^= 1;
	check(pwrite(fd, &byte, 1, 100000) == 1 && close(fd) == 0);
}

TEST_TIMEOUT(wrong_bytes_are_refused_and_the_next_node_is_asked, 600)
{
	static struct shire s;

	open_shire(&s, 2, (enum nature[]){ GOOD, GOOD });
	corrupt(&s.givers[0].lab);
	EXPECT(pull(&s, "web:1", 1));
	EXPECT_INT((int)s.givers[0].dialled, 1);
	EXPECT_INT((int)s.givers[1].dialled, 1);
	EXPECT(image_of(&s.lab, "web:1") != NULL);
	close_shire(&s);
}

TEST_TIMEOUT(who_finds_it_nowhere_is_told_what_was_tried, 600)
{
	static struct shire s;

	open_shire(&s, 1, (enum nature[]){ GOOD });
	corrupt(&s.givers[0].lab);
	EXPECT(!pull(&s, "127.0.0.1:1/web:1", 1));
	EXPECT(strstr(s.err.text, "filesystem layer verification failed") && strstr(s.err.text, "; then: Get \"http"));
	EXPECT_STR(s.sources, "10.0.0.0:2377 127.0.0.1:1 ");
	EXPECT(!image_of(&s.lab, "127.0.0.1:1/web:1"));
	s.manifest[0] = '\0';                            /* nobody has it */
	EXPECT(!pull(&s, "127.0.0.1:1/web:1", 1));
	EXPECT_INT(strncmp(s.err.text, "no manager of the swarm has it; then: Get \"http", 47), 0);
	s.givers[0].nature = DEAD;
	str_copy(s.manifest, sizeof s.manifest, image_of(&s.givers[0].lab, "web:1")->manifest);
	EXPECT(!pull(&s, "127.0.0.1:1/web:1", 1));
	EXPECT(strstr(s.err.text, "node 0: no such luck") && strstr(s.err.text, "; then: Get \"http"));
	store_lab_settle(&s.lab);
	EXPECT_INT((int)store_lab_count(&s.lab, "staging"), 0);
	close_shire(&s);
}

TEST_TIMEOUT(who_pulls_without_asking_the_swarm_is_none_of_its_business, 600)
{
	static struct shire s;
	static const struct image_pull_events events = { .on_done = pulled };
	struct image_pull *one;
	struct image_ref ref;

	open_shire(&s, 1, (enum nature[]){ GOOD });
	check(image_ref_parse("127.0.0.1:1/web:1", &ref, &s.err) == 0);
	check(image_pull_start(s.puller, &(struct image_request){ .ref = &ref }, &events, &s, &one, &s.err) == 0);
	for (s.waiting = 1; s.waiting;)
		loop_run_once(s.lab.loop, 10);
	EXPECT_INT((int)s.finds, 0);
	/* and one who leaves while the swarm is being asked, or a node dialled, is forgotten */
	for (int i = 0; i < 8; i++) {
		check(image_pull_start(s.puller, &(struct image_request){ .ref = &ref, .asks_swarm = true }, &events, &s, &one, &s.err) == 0);
		for (int n = 0; n < i * 4; n++) {
			loop_run_once(s.givers[0].lab.loop, 0);
			loop_run_once(s.lab.loop, 1);
		}
		s.waiting = 1;
		if (!image_of(&s.lab, "127.0.0.1:1/web:1"))
			image_pull_leave(one);
	}
	close_shire(&s);
}

/* ---- serving ---------------------------------------------------------------------------------------------------------------- */

struct reading { struct buf bytes; bool is_over; struct err err; struct image_blob_reader *reader; };

static void got_piece(void *arg, const void *bytes, size_t count, const struct err *err)
{
	struct reading *reading = arg;

	if (err)
		reading->err = *err;
	buf_add(&reading->bytes, bytes, count);
	reading->is_over = err || !count;
	if (!reading->is_over)
		image_blob_next(reading->reader, got_piece, reading);
}

TEST(what_is_being_read_stays_until_it_is_read_whoever_removes_the_image)
{
	CLEANUP(buf_finip) struct buf archive = BUF_INIT;
	struct reading reading = { .bytes = BUF_INIT };
	char blob[SHA256_HEX_SIZE], hex[SHA256_HEX_SIZE];
	static struct store_lab lab;

	store_lab_init(&lab);
	store_lab_open(&lab);
	make_archive(&archive);
	check(store_lab_import(&lab, "web:1", &archive, NULL));
	memcpy(blob, image_of(&lab, "web:1")->layers[0].blob, sizeof blob);
	EXPECT(image_blob_open(lab.store, image_of(&lab, "swarmbox:latest"), blob, 0, &reading.reader, &lab.err) < 0);
	EXPECT(image_blob_open(lab.store, image_of(&lab, "web:1"), blob, 0, &reading.reader, &lab.err) == 0);
	EXPECT(store_lab_remove(&lab, "web:1", true));
	store_lab_settle(&lab);
	EXPECT_INT((int)store_lab_count(&lab, "blobs/sha256"), 1);
	image_blob_next(reading.reader, got_piece, &reading);
	while (!reading.is_over)
		loop_run_once(lab.loop, 100);
	sha256_hex(reading.bytes.data, reading.bytes.len, hex);
	EXPECT_STR(hex, blob);
	image_blob_free(reading.reader);
	store_lab_settle(&lab);
	EXPECT_INT((int)store_lab_count(&lab, "blobs/sha256"), 0);
	buf_fini(&reading.bytes);
	store_lab_fini(&lab);
}

/* What a node answers to these bytes; the connection is kept. */
static const char *say(struct giver *giver, const char *manifest, const char *words)
{
	static char text[600];
	int ends[2];
	size_t used = 0;
	ssize_t got;

	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	depot_serve(giver->depot, ends[1], "one", manifest);
	check(write(ends[0], words, strlen(words)) == (ssize_t)strlen(words));
	for (msec until = clock_boot_ms() + 60000; used == 0 && clock_boot_ms() < until;) {
		loop_run_once(giver->lab.loop, 10);
		while (used < sizeof text - 1 && (got = read(ends[0], text + used, sizeof text - 1 - used)) > 0)
			used += (size_t)got;
	}
	text[used] = '\0';
	close(ends[0]);
	loop_run_once(giver->lab.loop, 10);
	return text;
}

TEST(a_stream_is_for_one_image_and_for_nothing_else)
{
	CLEANUP(buf_finip) struct buf other = BUF_INIT;
	static struct shire s;
	char request[400];

	open_shire(&s, 1, (enum nature[]){ GOOD });
	struct giver *giver = &s.givers[0];
	TAR_ADD(&other, .name = "other", .data = "secret");
	tar_builder_end(&other);
	check(store_lab_import(&giver->lab, "other:1", &other, NULL));
	snprintf(request, sizeof request, "GET /v2/x/manifests/sha256:%s HTTP/1.1\r\nHost: a\r\n\r\n", s.manifest);
	EXPECT_INT(strncmp(say(giver, s.manifest, request), "HTTP/1.1 200 OK", 15), 0);
	EXPECT(strstr(say(giver, s.manifest, request), "application/vnd.oci.image.manifest.v1+json"));
	EXPECT_INT(strncmp(say(giver, image_of(&giver->lab, "other:1")->manifest, request), "HTTP/1.1 404", 12), 0);
	EXPECT_INT(strncmp(say(giver, "gone", request), "HTTP/1.1 404", 12), 0);
	snprintf(request, sizeof request, "GET /v2/x/blobs/sha256:%s HTTP/1.1\r\nHost: a\r\n\r\n", image_of(&giver->lab, "other:1")->layers[0].blob);
	EXPECT_INT(strncmp(say(giver, s.manifest, request), "HTTP/1.1 404", 12), 0);
	snprintf(request, sizeof request, "GET /v2/x/blobs/sha256:%s HTTP/1.1\r\nHost: a\r\nRange: bytes=7-\r\n\r\n", image_of(&giver->lab, "web:1")->id);
	EXPECT_INT(strncmp(say(giver, s.manifest, request), "HTTP/1.1 206", 12), 0);
	EXPECT(strstr(say(giver, s.manifest, request), "Content-Range: bytes 7-*/*"));
	EXPECT_INT(strncmp(say(giver, s.manifest, "GET /v2/x/blobs/sha256:../../index.json HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 404", 12), 0);
	EXPECT_INT(strncmp(say(giver, s.manifest, "DELETE /v2/x/blobs/sha256:1 HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 404", 12), 0);
	EXPECT_INT(strncmp(say(giver, s.manifest, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "HTTP/1.1 404", 12), 0);
	EXPECT(depot_check_room(giver->depot, "one", &s.err) == 0);
	close_shire(&s);
}

TEST(who_takes_nothing_is_cut_off)
{
	static struct shire s;
	char request[400];
	int ends[2];

	open_shire(&s, 1, (enum nature[]){ GOOD });
	struct giver *giver = &s.givers[0];
	depot_free(giver->depot);
	giver->depot = depot_new(giver->lab.loop, giver->lab.store, 200);
	snprintf(request, sizeof request, "GET /v2/x/blobs/sha256:%s HTTP/1.1\r\nHost: a\r\n\r\n", image_of(&giver->lab, "web:1")->layers[0].blob);
	check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
	depot_serve(giver->depot, ends[1], "one", s.manifest);
	check(write(ends[0], request, strlen(request)) > 0);
	check(store_lab_remove(&giver->lab, "web:1", true));
	image_store_sweep(giver->lab.store);
	/* the stream is there, and holds the blob, until patience ends */
	for (msec until = clock_boot_ms() + 60000; store_lab_count(&giver->lab, "blobs/sha256") && clock_boot_ms() < until;)
		loop_run_once(giver->lab.loop, 20);
	EXPECT_INT((int)store_lab_count(&giver->lab, "blobs/sha256"), 0);
	close(ends[0]);
	close_shire(&s);
}

TEST(one_node_cannot_keep_the_others_waiting)
{
	static struct shire s;
	int ends[DEPOT_STREAMS_PER_NODE + 1][2];
	char byte;

	open_shire(&s, 1, (enum nature[]){ GOOD });
	struct giver *giver = &s.givers[0];
	for (int i = 0; i <= DEPOT_STREAMS_PER_NODE; i++) {
		EXPECT_INT(depot_check_room(giver->depot, "greedy", &s.err), i < DEPOT_STREAMS_PER_NODE ? 0 : -1);
		check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[i]) == 0);
		depot_serve(giver->depot, ends[i][1], "greedy", s.manifest);
	}
	EXPECT_INT(s.err.code, ERR_EXHAUSTED);
	EXPECT_INT((int)read(ends[DEPOT_STREAMS_PER_NODE][0], &byte, 1), 0);    /* the one too many is closed */
	EXPECT(depot_check_room(giver->depot, "modest", &s.err) == 0);
	close(ends[0][0]);
	for (msec until = clock_boot_ms() + 60000; depot_check_room(giver->depot, "greedy", &s.err) < 0 && clock_boot_ms() < until;)
		loop_run_once(giver->lab.loop, 10);
	EXPECT(depot_check_room(giver->depot, "greedy", &s.err) == 0);
	for (int i = 1; i <= DEPOT_STREAMS_PER_NODE; i++)
		close(ends[i][0]);
	close_shire(&s);
}
