/* Logs: entries as text, the shim's writer, the agent's reader. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "base/units.h"
#include "os/clock.h"
#include "os/file.h"
#include "os/loop.h"
#include "runtime/container_log.h"
#include "runtime/log_reader.h"
#include "runtime/log_writer_io.h"
#include "runtime/shim_wire.h"
#include "test/unit/runner.h"

static char stage[LOG_WRITER_STAGE_BYTES], piece[CONTAINER_LOG_PIECE_BYTES];

static const char *formatted(const char *text, size_t length)
{
	static char to[CONTAINER_LOG_ENTRY_MAX_BYTES + 1];
	struct container_log_entry entry = { .stream = CONTAINER_LOG_STDOUT, .wall = INT64_C(1500000000123456789), .text = text,
					     .length = length };

	to[container_log_format(&entry, to, sizeof to - 1)] = '\0';
	return to;
}

TEST(an_entry_is_written_as_dockers_json_file_driver_does)
{
	EXPECT_STR(formatted("hi \"x\"\t\\\n", 9), "{\"log\":\"hi \\\"x\\\"\\t\\\\\\n\",\"stream\":\"stdout\",\"time\":\"2017-07-14T02:40:00.123456789Z\"}\n");
	EXPECT_STR(formatted("\x01\x1b\x7f", 3), "{\"log\":\"\\u0001\\u001b\\u007f\",\"stream\":\"stdout\",\"time\":\"2017-07-14T02:40:00.123456789Z\"}\n");
	EXPECT_STR(formatted("\xc3\xa4\xff\xed\xa0\x80", 6),
		   "{\"log\":\"\xc3\xa4\\ufffd\\ufffd\\ufffd\\ufffd\",\"stream\":\"stdout\",\"time\":\"2017-07-14T02:40:00.123456789Z\"}\n");
}

TEST(the_worst_piece_fits_into_the_room_that_is_promised)
{
	static char zeros[CONTAINER_LOG_PIECE_BYTES];

	EXPECT(strlen(formatted(zeros, sizeof zeros)) > 6 * sizeof zeros);
}

TEST(an_entry_comes_back_as_it_was_written)
{
	CLEANUP(buf_finip) struct buf scratch = BUF_INIT;
	struct container_log_entry entry;
	struct err err;
	const char *line = formatted("a\0b\n", 4);

	EXPECT(container_log_parse(line, strlen(line) - 1, &scratch, &entry, &err) == 0);
	EXPECT(entry.length == 4 && memcmp(entry.text, "a\0b\n", 4) == 0);
	EXPECT(entry.wall == INT64_C(1500000000123456789) && entry.stream == CONTAINER_LOG_STDOUT && !entry.is_partial);
	line = formatted("no newline", 10);
	EXPECT(container_log_parse(line, strlen(line) - 1, &scratch, &entry, &err) == 0 && entry.is_partial);
	EXPECT(container_log_parse("{\"log\":1}", 9, &scratch, &entry, &err) == -1);
	EXPECT(container_log_parse("{\"log\":\"x\",\"stream\":\"stdin\",\"time\":\"2017-07-14T02:40:00Z\"}", 57, &scratch, &entry, &err) == -1);
	EXPECT(container_log_parse("", 0, &scratch, &entry, &err) == -1);
}

/* --- the writer -------------------------------------------------------------------------------- */

struct folder { char path[64]; int fd; struct log_writer writer; };

static void folder_open(struct folder *folder, int64_t max_bytes, int max_files)
{
	str_copy(folder->path, sizeof folder->path, "/tmp/sblog-XXXXXX");
	EXPECT(runner_folder(folder->path));
	folder->fd = open(folder->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	log_writer_init(&folder->writer, folder->fd, "log", max_bytes, max_files, stage);
}

static void folder_close(struct folder *folder)
{
	struct err err;

	log_writer_fini(&folder->writer);
	close(folder->fd);
	EXPECT(dir_remove_tree(folder->path, &err) == 0);
}

static void add(struct folder *folder, const char *text, nsec wall)
{
	struct container_log_entry entry = { .stream = CONTAINER_LOG_STDOUT, .wall = wall, .text = text, .length = strlen(text) };

	log_writer_add(&folder->writer, &entry);
	log_writer_flush(&folder->writer);
}

static int lines_of(const struct folder *folder, const char *name)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char path[128];
	struct err err;
	int lines = 0;

	snprintf(path, sizeof path, "%s/%s", folder->path, name);
	if (file_read(path, 1 << 20, &text, &err) < 0)
		return -1;
	for (size_t i = 0; i < text.len; i++)
		lines += text.data[i] == '\n';
	return lines;
}

TEST(a_log_rotates_at_its_size_and_the_oldest_file_falls_off)
{
	struct folder folder;

	folder_open(&folder, 200, 3);
	EXPECT_INT(lines_of(&folder, "log"), -1);                /* not before there is something to say */
	for (int i = 0; i < 9; i++)
		add(&folder, "0123456789\n", 1);                 /* two fit into a file */
	EXPECT_INT(lines_of(&folder, "log"), 1);
	EXPECT_INT(lines_of(&folder, "log.1"), 2);
	EXPECT_INT(lines_of(&folder, "log.2"), 2);
	EXPECT_INT(lines_of(&folder, "log.3"), -1);
	folder_close(&folder);
	folder_open(&folder, 200, 1);
	for (int i = 0; i < 9; i++)
		add(&folder, "0123456789\n", 1);
	EXPECT_INT(lines_of(&folder, "log"), 1);
	EXPECT_INT(lines_of(&folder, "log.1"), -1);
	folder_close(&folder);
}

TEST(a_full_disk_loses_lines_counts_them_and_says_so)
{
	struct folder folder;
	struct err err;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char path[128], filler[128];

	str_copy(folder.path, sizeof folder.path, "/tmp/sblog-XXXXXX");
	EXPECT(runner_folder(folder.path));
	EXPECT(mount("tmpfs", folder.path, "tmpfs", 0, "size=16k") == 0);
	folder.fd = open(folder.path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	log_writer_init(&folder.writer, folder.fd, "log", 0, 0, stage);
	add(&folder, "before\n", 1);
	snprintf(filler, sizeof filler, "dd if=/dev/zero of=%s/filler bs=1k count=100 2>/dev/null", folder.path);
	EXPECT(system(filler) != 0);
	for (int i = 0; i < 100; i++)
		add(&folder, "lost, or the few that fit into the page which is there already\n", 1);
	EXPECT(folder.writer.lost > 0);
	snprintf(path, sizeof path, "%s/filler", folder.path);
	EXPECT(unlink(path) == 0);
	unsigned long long lost = folder.writer.lost;

	add(&folder, "after\n", 1);
	snprintf(path, sizeof path, "%s/log", folder.path);
	EXPECT(file_read(path, 1 << 20, &text, &err) == 0);
	char *want = str_printf("{\"log\":\"swarmbox: %llu log lines were lost: No space left on device\\n\",\"stream\":\"stderr\"", lost);

	EXPECT(strstr(buf_text(&text), want));
	EXPECT(strstr(buf_text(&text), "\"after\\n\""));
	for (const char *line = buf_text(&text); *line; line = strchr(line, '\n') + 1)
		EXPECT(str_starts(line, "{\"log\":\""));          /* nothing is cut in two */
	free(want);
	log_writer_fini(&folder.writer);
	close(folder.fd);
	EXPECT(umount(folder.path) == 0 && rmdir(folder.path) == 0);
}

TEST(lines_are_cut_at_newlines_and_long_ones_into_pieces)
{
	struct folder folder;
	struct log_pipe log = { .stream = CONTAINER_LOG_STDOUT, .piece = piece };
	int ends[2];
	static char lengthy[20000];

	folder_open(&folder, 0, 0);
	EXPECT(pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
	log.fd = ends[0];
	memset(lengthy, 'x', sizeof lengthy);
	EXPECT(write(ends[1], "one\ntw", 6) == 6);
	EXPECT_INT(log_pipe_fill(&log), 6);
	log_pipe_cut(&log, &folder.writer);
	EXPECT_INT(log_pipe_fill(&log), 0);
	EXPECT(write(ends[1], "o\n", 2) == 2 && write(ends[1], lengthy, sizeof lengthy) == sizeof lengthy && write(ends[1], "\nend", 4) == 4);
	close(ends[1]);
	while (log_pipe_fill(&log))
		log_pipe_cut(&log, &folder.writer);
	EXPECT_INT(log.fd, -1);
	log_pipe_finish(&log, &folder.writer);
	log_writer_flush(&folder.writer);
	EXPECT_INT(lines_of(&folder, "log"), 5);                 /* one, two, 16384, the rest, end */
	folder_close(&folder);
}

/* --- the reader -------------------------------------------------------------------------------- */

struct reading {
	struct loop *loop;
	struct log_reader *reader;
	struct buf text;
	bool is_ended, frees_itself;
	int pause_after, count;
};

static bool on_entry(void *arg, const struct container_log_entry *entry)
{
	struct reading *reading = arg;

	buf_add(&reading->text, entry->text, entry->length);
	reading->count++;
	if (reading->frees_itself) {
		log_reader_free(reading->reader);
		reading->reader = NULL;
	}
	return reading->count != reading->pause_after;
}

static void on_end(void *arg, const struct err *failure)
{
	struct reading *reading = arg;

	EXPECT(!failure);
	reading->is_ended = true;
}

static const struct log_reader_events events = { on_entry, on_end };

static void reading_open(struct reading *reading, const struct folder *folder, struct log_query query)
{
	char path[128];

	snprintf(path, sizeof path, "%s/log", folder->path);
	*reading = (struct reading){ .loop = loop_new() };
	query.wants_stdout = query.wants_stderr = true;
	reading->reader = log_reader_new(reading->loop, path, &query, &events, reading);
}

static void reading_close(struct reading *reading)
{
	log_reader_free(reading->reader);
	loop_free(reading->loop);
	buf_fini(&reading->text);
}

static void run_until(struct reading *reading, const char *text)
{
	msec deadline = clock_boot_ms() + 60000;

	while (clock_boot_ms() < deadline && !(text ? strstr(buf_text(&reading->text), text) != NULL : reading->is_ended))
		loop_run_once(reading->loop, 50);
}

static const char *read_all(const struct folder *folder, struct log_query query)
{
	static char text[4096];
	struct reading reading;

	reading_open(&reading, folder, query);
	run_until(&reading, NULL);
	EXPECT(reading.is_ended);
	str_copy(text, sizeof text, buf_text(&reading.text));
	reading_close(&reading);
	return text;
}

TEST(a_reader_gives_the_tail_and_spans_of_time_across_rotated_files)
{
	struct folder folder;

	folder_open(&folder, 170, 5);
	for (int i = 1; i <= 6; i++)
		add(&folder, (char[]){ (char)('0' + i), '\n', 0 }, i);
	EXPECT_INT(lines_of(&folder, "log.2"), 2);
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1 }), "1\n2\n3\n4\n5\n6\n");
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = 1 }), "6\n");
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = 2 }), "5\n6\n");
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = 3 }), "4\n5\n6\n");
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = 100 }), "1\n2\n3\n4\n5\n6\n");
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = 0 }), "");
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1, .since_wall = 3, .until_wall = 5 }), "3\n4\n5\n");
	folder_close(&folder);
}

/* Where file systems have no handles only an open file keeps its inode's number from coming back at once. */
static int hold_without_handles(int fd)
{
	struct file_handle none = { .handle_bytes = 0 };
	int mount_id;

	return name_to_handle_at(fd, "", &none, &mount_id, AT_EMPTY_PATH) < 0 && errno == EOVERFLOW ? -1 : dup(fd);
}

TEST(a_reader_stops_at_a_mark_wherever_its_file_has_gone)
{
	struct folder folder;
	struct log_mark empty, mark;

	folder_open(&folder, 170, 3);
	log_writer_mark(&folder.writer, &empty);
	EXPECT(empty.file && !empty.bytes);
	for (int i = 1; i <= 3; i++)
		add(&folder, (char[]){ (char)('0' + i), '\n', 0 }, i);
	log_writer_mark(&folder.writer, &mark);
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1, .until_mark = mark }), "1\n2\n3\n");
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1, .until_mark = empty }), "");
	CLEANUP(fd_closep) int held = hold_without_handles(folder.writer.fd);

	for (int i = 4; i <= 6; i++)
		add(&folder, (char[]){ (char)('0' + i), '\n', 0 }, i);
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1, .until_mark = mark }), "1\n2\n3\n");
	for (int i = 7; i <= 9; i++)
		add(&folder, (char[]){ (char)('0' + i), '\n', 0 }, i);
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1, .until_mark = mark }), "");
	folder_close(&folder);
}

TEST(a_mark_in_a_log_that_was_emptied_gives_nothing)
{
	struct folder folder;
	struct log_mark mark;

	folder_open(&folder, 170, 1);
	for (int i = 1; i <= 2; i++)
		add(&folder, (char[]){ (char)('0' + i), '\n', 0 }, i);
	log_writer_mark(&folder.writer, &mark);
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1, .until_mark = mark }), "1\n2\n");
	for (int i = 3; folder.writer.file_bytes >= mark.bytes; i++) {
		add(&folder, "new\n", i);
		log_writer_flush(&folder.writer);
	}
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1, .until_mark = mark }), "");
	folder_close(&folder);
}

TEST(a_log_that_is_not_there_is_empty)
{
	struct folder folder;

	folder_open(&folder, 0, 0);
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1 }), "");
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = 5 }), "");
	folder_close(&folder);
}

TEST(a_reader_follows_through_creation_and_rotation_until_it_is_finished)
{
	struct folder folder;
	struct reading reading;

	folder_open(&folder, 170, 3);
	reading_open(&reading, &folder, (struct log_query){ .tail = -1, .follows = true });
	loop_run_once(reading.loop, 0);
	add(&folder, "first\n", 1);
	run_until(&reading, "first");
	for (int i = 0; i < 5; i++)
		add(&folder, (char[]){ (char)('a' + i), '\n', 0 }, 1);
	run_until(&reading, "e\n");
	EXPECT_STR(buf_text(&reading.text), "first\na\nb\nc\nd\ne\n");
	EXPECT(!reading.is_ended);
	add(&folder, "last\n", 1);
	log_reader_finish(reading.reader);
	run_until(&reading, NULL);
	EXPECT(reading.is_ended);
	EXPECT_STR(buf_text(&reading.text), "first\na\nb\nc\nd\ne\nlast\n");
	reading_close(&reading);
	folder_close(&folder);
}

TEST(a_reader_follows_a_file_that_is_emptied_where_it_is)
{
	struct folder folder;
	struct reading reading;

	folder_open(&folder, 120, 1);
	reading_open(&reading, &folder, (struct log_query){ .tail = -1, .follows = true });
	add(&folder, "a long first line\n", 1);
	run_until(&reading, "first");
	add(&folder, "second\n", 1);
	run_until(&reading, "second");
	EXPECT_STR(buf_text(&reading.text), "a long first line\nsecond\n");
	reading_close(&reading);
	folder_close(&folder);
}

TEST(a_paused_reader_waits_and_one_freed_in_its_callback_is_gone)
{
	struct folder folder;
	struct reading reading;

	folder_open(&folder, 0, 0);
	for (int i = 0; i < 4; i++)
		add(&folder, (char[]){ (char)('a' + i), '\n', 0 }, 1);
	reading_open(&reading, &folder, (struct log_query){ .tail = -1 });
	reading.pause_after = 2;
	for (int i = 0; i < 5; i++)
		loop_run_once(reading.loop, 1);
	EXPECT_STR(buf_text(&reading.text), "a\nb\n");
	log_reader_resume(reading.reader);
	run_until(&reading, NULL);
	EXPECT_STR(buf_text(&reading.text), "a\nb\nc\nd\n");
	reading_close(&reading);

	reading_open(&reading, &folder, (struct log_query){ .tail = -1 });
	reading.frees_itself = true;
	for (int i = 0; i < 5; i++)
		loop_run_once(reading.loop, 1);
	EXPECT_STR(buf_text(&reading.text), "a\n");
	reading_close(&reading);
	folder_close(&folder);
}

TEST(lines_that_a_crash_cut_are_left_out)
{
	struct folder folder;

	folder_open(&folder, 0, 0);
	add(&folder, "good\n", 1);
	EXPECT(write(folder.writer.fd, "{\"log\":\"torn\n", 13) == 13);
	add(&folder, "after\n", 2);
	EXPECT(write(folder.writer.fd, "{\"log\":\"no end", 14) == 14);
	EXPECT_STR(read_all(&folder, (struct log_query){ .tail = -1 }), "good\nafter\n");
	folder_close(&folder);
}

/* --- messages ---------------------------------------------------------------------------------- */

TEST(messages_of_shims_come_back_as_they_were_sent)
{
	struct shim_wire message = { .state = SHIM_WIRE_EXITED, .pid = 77, .code = 137, .is_oom = true, .started_wall = 5,
				     .finished_wall = INT64_MAX, .error = "exec: \"x\"\n\xff" }, back;
	struct shim_wire start = { .verb = SHIM_WIRE_START };
	char text[SHIM_WIRE_MAX_BYTES];
	struct err err = { .code = 0 };
	size_t length = shim_wire_format(&message, text);

	EXPECT(shim_wire_parse(text, length, &back, &err) == 0);
	EXPECT(back.state == SHIM_WIRE_EXITED && back.pid == 77 && back.code == 137 && back.is_oom && back.started_wall == 5 &&
	       back.finished_wall == INT64_MAX);
	EXPECT_STR(back.error, "exec: \"x\"\n\xef\xbf\xbd");
	memset(message.error, 1, sizeof message.error - 1);              /* the worst case in both directions */
	length = shim_wire_format(&message, text);
	EXPECT(shim_wire_parse(text, length, &back, &err) == 0);
	EXPECT_STR(back.error, message.error);
	length = shim_wire_format(&start, text);
	EXPECT(shim_wire_parse_request(text, length, &back, &err) == 0 && back.verb == SHIM_WIRE_START);
}

TEST(questions_that_carry_a_number_come_back_as_they_were_sent)
{
	struct shim_wire attach = { .verb = SHIM_WIRE_ATTACH, .seq = UINT32_MAX, .wants_in = true, .wants_err = true },
			 resize = { .verb = SHIM_WIRE_RESIZE, .seq = 1, .rows = 65535, .columns = 80 },
			 answer = { .seq = 7, .level = SHIM_WIRE_LEVEL, .error = "no" }, back;
	char text[SHIM_WIRE_MAX_BYTES];
	struct err err = { .code = 0 };

	EXPECT(shim_wire_parse_request(text, shim_wire_format(&attach, text), &back, &err) == 0);
	EXPECT(back.verb == SHIM_WIRE_ATTACH && back.seq == UINT32_MAX && back.wants_in && !back.wants_out && back.wants_err);
	EXPECT(shim_wire_parse_request(text, shim_wire_format(&resize, text), &back, &err) == 0);
	EXPECT(back.verb == SHIM_WIRE_RESIZE && back.seq == 1 && back.rows == 65535 && back.columns == 80);
	EXPECT(shim_wire_parse(text, shim_wire_format(&answer, text), &back, &err) == 0);
	EXPECT(back.seq == 7 && back.level == SHIM_WIRE_LEVEL && back.state == SHIM_WIRE_NONE);
	EXPECT_STR(back.error, "no");
}

TEST(messages_of_another_version_or_size_are_refused)
{
	static char large[SHIM_WIRE_MAX_BYTES + 1];
	struct shim_wire back;
	struct err err = { .code = 0 };

	EXPECT(shim_wire_parse("{\"v\":2,\"do\":\"start\"}", 20, &back, &err) == -1);
	EXPECT_STR(err.text, "shim message: version 2, this swarmbox knows only 1");
	EXPECT(shim_wire_parse_request("{\"v\":1,\"do\":\"dance\"}", 20, &back, &err) == -1);
	EXPECT_STR(err.text, "shim message: unknown request");
	EXPECT(shim_wire_parse("{}", 2, &back, &err) == -1);
	EXPECT(shim_wire_parse(large, sizeof large, &back, &err) == -1);
	EXPECT(shim_wire_parse_request(large, SHIM_WIRE_REQUEST_BYTES + 1, &back, &err) == -1);
}
