/* driver.c - runs one fuzz target without libFuzzer: the corpus as it is, then mutations of it for some seconds, all from a seed. The corpus is
 * the files of test/fuzz/corpus/NAME, which people wrote, and the lines of NAME.lines beside it, which minimising found: an input each, with
 * \\, \0 and \xNN as C has them.
 *
 * FUZZ_SECONDS (default 3) and SEED come from the environment. The input under test stands in build/test/NAME.input, a shared mapping,
 * so that it survives the crash it causes: `build/test/fuzz-NAME FILE` runs it again.
 *
 * A target compiled to say where it goes (build/cov/fuzz-NAME) keeps what went where nothing went before and mutates that, too. With
 * FUZZ_KEEP=DIR that is written to DIR/NAME at the end and read from there at the next start. With FUZZ_MINIMISE=BYTES it runs nothing new:
 * of the lines and of what DIR/NAME holds it writes the lines anew, the smallest first and no more than so many bytes, with what goes where
 * nothing before it went.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/rng.h"
#include "base/str.h"
#include "os/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 64 * 1024, CORPUS_MAX = 4096, LINES_BYTES_MAX = 1 << 20 };
struct input { uint8_t *bytes; size_t size; };
struct shown { uint64_t size; uint8_t bytes[INPUT_MAX]; };

static struct input corpus[CORPUS_MAX];
static size_t corpus_count;
static struct shown *shown;

/* Steps from one place of the code to another, hashed: how often this run took each, and in which magnitudes it ever was. */
enum { EDGES = 1 << 15 };
static uint8_t taken[EDGES] __attribute__((aligned(8))), ever[EDGES] __attribute__((aligned(8)));
static uintptr_t place;
static bool minimises;  /* how often does not matter */

void __sanitizer_cov_trace_pc(void);
__attribute__((no_sanitize("address", "undefined"))) void __sanitizer_cov_trace_pc(void)
{
	uintptr_t here = (uintptr_t)__builtin_return_address(0) * 0x9e3779b97f4a7c15u >> 40;
	uint8_t *count = &taken[(here ^ place) % EDGES];

	*count = (uint8_t)(*count + (*count != UINT8_MAX));
	place = here >> 1;
}

/* Eight magnitudes, one bit each: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more. */
static uint8_t magnitude(uint8_t count)
{
	return count < 4 ? (uint8_t)(1u << count >> 1) : count < 8 ? 8 : count < 16 ? 16 : count < 32 ? 32 : count < 128 ? 64 : 128;
}

/* Whether the run was where none was before. */
static bool was_news(void)
{
	bool news = false;

	if (place == 0)
		return false;
	for (size_t i = 0; i < EDGES; i += 8) {
		uint64_t eight;

		memcpy(&eight, taken + i, sizeof eight);
		for (size_t k = i; eight && k < i + 8; k++) {
			uint8_t bit = minimises ? taken[k] > 0 : magnitude(taken[k]);

			news |= bit & ~ever[k];
			ever[k] |= bit;
		}
	}
	return news;
}

static void run(const uint8_t *bytes, size_t size)
{
	/* The heap copy has exactly this size, so that a read past the end is seen. */
	uint8_t *exact = malloc(size + !size);

	check(exact);
	memcpy(exact, bytes, size);
	shown->size = size;
	memcpy(shown->bytes, bytes, size);
	memset(taken, 0, sizeof taken);         /* the dice were counted, too */
	place = 0;
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
}

static void take_file(const char *path)
{
	struct buf text = BUF_INIT;
	struct err err;

	if (corpus_count == CORPUS_MAX || file_read(path, INPUT_MAX, &text, &err) < 0)
		return;
	corpus[corpus_count].size = text.len;
	buf_reserve(&text, 1);
	corpus[corpus_count++].bytes = (uint8_t *)buf_take(&text);
}

static void take_corpus(const char *dir)
{
	struct strlist names = { 0 };
	struct err err;

	if (dir_list(dir, &names, &err) == 0)
		for (size_t i = 0; i < names.count; i++) {
			char *path = path_join(dir, names.items[i]);
			take_file(path);
			free(path);
		}
	strlist_fini(&names);
}

static void keep_input(const uint8_t *bytes, size_t size)
{
	if (corpus_count == CORPUS_MAX)
		return;
	corpus[corpus_count] = (struct input){ malloc(size + !size), size };
	check(corpus[corpus_count].bytes);
	memcpy(corpus[corpus_count++].bytes, bytes, size);
}

/* In place; the new length. */
static size_t unescape(char *line)
{
	char *to = line, digits[3] = "";
	size_t count;

	for (const char *from = line; *from; to++) {
		if (from[0] != '\\') {
			*to = *from++;
		} else if (from[1] == 'x') {
			memcpy(digits, from + 2, 2);
			check(hex_decode(digits, (uint8_t *)to, 1, &count) == 0 && count == 1);
			from += 4;
		} else {
			check(from[1] == '0' || from[1] == '\\');
			*to = from[1] == '0' ? 0 : '\\';
			from += 2;
		}
	}
	return (size_t)(to - line);
}

static void take_lines(const char *path)
{
	struct buf text = BUF_INIT;
	struct err err;
	char *rest;

	if (file_read(path, LINES_BYTES_MAX, &text, &err) < 0 && err.code != ERR_NOT_FOUND)
		panic("%s", err.text);
	rest = text.data;
	for (char *line; rest && *rest;) {
		line = strsep(&rest, "\n");
		keep_input((const uint8_t *)line, unescape(line));
	}
	buf_fini(&text);
}

static size_t splice_in(struct rng *rng, uint8_t *bytes, size_t size)
{
	const struct input *other = &corpus[rng_below(rng, corpus_count)];
	size_t from = other->size ? rng_below(rng, other->size) : 0, at = size ? rng_below(rng, size) : 0;
	size_t count = MIN(other->size - from, (size_t)INPUT_MAX - at);

	if (count)
		memcpy(bytes + at, other->bytes + from, count);
	return MAX(size, at + count);
}

static size_t mutate_once(struct rng *rng, uint8_t *bytes, size_t size)
{
	static const uint8_t odd[] = { 0, 1, 0x7f, 0x80, 0xff, '"', '{', '[', '/', '.', '\n', '%', ':', ',', '-', '9' };
	size_t at = size ? rng_below(rng, size) : 0, count;

	switch (rng_below(rng, 7)) {
	case 0:
		if (size)
			bytes[at] ^= (uint8_t)(1u << rng_below(rng, 8));
		return size;
	case 1:
		if (size)
			bytes[at] = odd[rng_below(rng, sizeof odd)];
		return size;
	case 2: /* a piece goes */
		count = size ? rng_below(rng, MIN(size - at, (size_t)32) + 1) : 0;
		memmove(bytes + at, bytes + at + count, size - at - count);
		return size - count;
	case 3: /* a piece is there twice */
		count = MIN(MIN(size - at, (size_t)32), (size_t)INPUT_MAX - size);
		memmove(bytes + at + count, bytes + at, size - at);
		return size + count;
	case 4:
		return at;      /* cut */
	case 5:
		if (size < INPUT_MAX) {
			memmove(bytes + at + 1, bytes + at, size - at);
			bytes[at] = (uint8_t)rng_next(rng);
			return size + 1;
		}
		return size;
	default:
		return splice_in(rng, bytes, size);
	}
}

static uint64_t number(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value = otherwise;

	if (text && str_to_u64(text, &value) < 0)
		panic("%s=%s is no number", name, text);
	return value;
}

static void open_shown(const char *name)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "build/test/%s.input", name);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || ftruncate(fd, sizeof *shown) < 0)
		panic("%s: cannot be made", path);
	shown = mmap(NULL, sizeof *shown, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(shown != MAP_FAILED);
	close(fd);
}

/* Every second one is among the newest eighth: what was found last is what leads on. */
static const struct input *any_input(struct rng *rng)
{
	size_t newest = corpus_count / 8 + 1;

	return &corpus[rng_below(rng, 2) ? rng_below(rng, corpus_count) : corpus_count - 1 - rng_below(rng, newest)];
}

static void write_found(const char *dir, size_t from)
{
	struct err err;

	for (size_t i = from; i < corpus_count; i++) {
		char path[512];

		snprintf(path, sizeof path, "%s/%zu", dir, i);
		if (file_write_atomic(path, corpus[i].bytes, corpus[i].size, 0644, &err) < 0)
			panic("%s", err.text);
	}
}

static int by_size(const void *a, const void *b)
{
	size_t left = ((const struct input *)a)->size, right = ((const struct input *)b)->size;

	return (left > right) - (left < right);
}

static void put_line(struct buf *out, const struct input *input)
{
	for (size_t i = 0; i < input->size; i++)
		if (input->bytes[i] == '\\' || input->bytes[i] == 0)
			buf_add_str(out, input->bytes[i] ? "\\\\" : "\\0");
		else if (input->bytes[i] < ' ' || input->bytes[i] > '~')
			buf_printf(out, "\\x%02x", input->bytes[i]);
		else
			buf_add_char(out, (char)input->bytes[i]);
	buf_add_char(out, '\n');
}

/* What the first ones, the files, do not reach. */
static void minimise(const char *lines, size_t known, size_t bytes_max)
{
	struct buf out = BUF_INIT;
	struct err err;

	qsort(corpus + known, corpus_count - known, sizeof *corpus, by_size);
	for (size_t i = 0; i < corpus_count; i++) {
		size_t before = out.len;

		run(corpus[i].bytes, corpus[i].size);
		if (!was_news() || i < known)
			continue;
		put_line(&out, &corpus[i]);
		if (out.len > bytes_max) {
			out.len = before;
			break;
		}
	}
	if (out.len && file_write_atomic(lines, out.data, out.len, 0644, &err) < 0)
		panic("%s", err.text);
	printf("%s: %zu bytes\n", lines, out.len);
	buf_fini(&out);
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
	uint64_t seed = number("SEED", (uint64_t)time(NULL)), runs = 0;
	time_t until = time(NULL) + (time_t)number("FUZZ_SECONDS", 3);
	static uint8_t bytes[INPUT_MAX];
	const char *keep = getenv("FUZZ_KEEP");
	char dir[256], lines[256 + 8], kept[256];
	size_t known;
	struct rng rng;
	struct err err;

	open_shown(name);
	for (int i = 1; i < argc; i++)
		take_file(argv[i]);
	snprintf(dir, sizeof dir, "test/fuzz/corpus/%s", name + (str_starts(name, "fuzz-") ? 5 : 0));
	snprintf(lines, sizeof lines, "%s.lines", dir);
	minimises = argc == 1 && keep && getenv("FUZZ_MINIMISE");
	if (argc == 1)
		take_corpus(dir);
	known = corpus_count;
	if (argc == 1)
		take_lines(lines);
	if (!minimises)
		known = corpus_count;
	if (argc == 1 && keep) {
		snprintf(kept, sizeof kept, "%s/%s", keep, name);
		if (dir_make(kept, 0755, &err) < 0)
			panic("%s", err.text);
		take_corpus(kept);
	}
	if (minimises) {
		minimise(lines, known, number("FUZZ_MINIMISE", 0));
		return 0;
	}
	for (size_t i = 0; i < corpus_count; i++) {
		run(corpus[i].bytes, corpus[i].size);
		was_news();
	}
	if (argc > 1)
		return 0;
	if (corpus_count == 0)
		corpus[corpus_count++] = (struct input){ (uint8_t *)str_dup("x"), 1 };
	printf("%s: SEED=%llu\n", name, (unsigned long long)seed);
	fflush(stdout);
	rng_seed(&rng, seed);
	while (time(NULL) < until)
		for (int i = 0; i < 100; i++, runs++) {
			const struct input *from = any_input(&rng);
			size_t size = from->size;

			memcpy(bytes, from->bytes, size);
			for (uint64_t n = 1 + rng_below(&rng, 6); n > 0; n--)
				size = mutate_once(&rng, bytes, size);
			run(bytes, size);
			if (was_news())
				keep_input(bytes, size);
		}
	if (keep)
		write_found(kept, known);
	printf("%s: %llu runs from %zu seeds, %ld s of processor time\n", name, (unsigned long long)runs, corpus_count, (long)(clock() / CLOCKS_PER_SEC));
	return 0;
}
