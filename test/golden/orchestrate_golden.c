/* orchestrate_golden.c - runs the scenarios given as NAME.in and compares what comes out with NAME.out. With UPDATE=1 in the
 * environment it writes NAME.out instead: the difference is then read in the history.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "test/unit/orchestrate/world_script.h"

static bool read_file(const char *path, struct buf *out)
{
	char chunk[4096];
	size_t count;
	FILE *file = fopen(path, "r");

	if (!file)
		return false;
	while ((count = fread(chunk, 1, sizeof chunk, file)) > 0)
		buf_add(out, chunk, count);
	return fclose(file) == 0;
}

static bool write_file(const char *path, const struct buf *text)
{
	FILE *file = fopen(path, "w");

	return file && fwrite(buf_text(text), 1, text->len, file) == text->len && fclose(file) == 0;
}

static void print_difference(const char *path, const char *got, const char *want)
{
	unsigned line = 1;

	while (*got && *want) {
		size_t got_length = strcspn(got, "\n"), want_length = strcspn(want, "\n");
		if (got_length != want_length || memcmp(got, want, got_length) != 0)
			break;
		got += got_length + (got[got_length] != 0);
		want += want_length + (want[want_length] != 0);
		line++;
	}
	printf("%s:%u:\n\tgot  %.*s\n\twant %.*s\n", path, line, (int)strcspn(got, "\n"), got, (int)strcspn(want, "\n"), want);
}

static bool run(const char *path)
{
	CLEANUP(buf_finip) struct buf script = BUF_INIT;
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	CLEANUP(buf_finip) struct buf want = BUF_INIT;
	char out_path[4096];
	struct err err;

	snprintf(out_path, sizeof out_path, "%.*s.out", (int)strlen(path) - 3, path);
	if (!read_file(path, &script)) {
		printf("%s: cannot be read\n", path);
		return false;
	}
	if (world_script_run(buf_text(&script), &got, &err) < 0) {
		printf("%s: %s\n", path, err.text);
		return false;
	}
	if (getenv("UPDATE"))
		return write_file(out_path, &got);
	if (read_file(out_path, &want) && strcmp(buf_text(&got), buf_text(&want)) == 0)
		return true;
	print_difference(out_path, buf_text(&got), buf_text(&want));
	return false;
}

int main(int argc, char **argv)
{
	unsigned passed = 0, failed = 0;

	for (int i = 1; i < argc; i++) {
		if (run(argv[i])) {
			passed++;
		} else {
			printf("FAIL: %s\n", argv[i]);
			failed++;
		}
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed > 0;
}
