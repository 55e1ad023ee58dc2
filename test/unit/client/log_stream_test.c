/* Frames of a log, from a scripted server. */
#include "client/log_stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/runner.h"

static int note(void *arg, int stream, const char *bytes, size_t count, struct err *err)
{
	buf_printf(arg, "%d[%.*s]", stream, (int)count, bytes);
	return count == 4 && memcmp(bytes, "stop", 4) == 0 ? err_set(err, ERR_IO, "told to stop") : 0;
}

/* Reads body, sent with this content type, as one reply; what was said, and the error behind it. */
static void read_log(const char *type, const char *body, size_t count, struct buf *out)
{
	char dir[] = "/tmp/log_stream.XXXXXX", path[64];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct http_client *client = NULL;
	struct err err = {0};
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT(runner_folder(dir) != NULL);
	snprintf(path, sizeof(path), "%s/s", dir);
	strcpy(address.sun_path, path);
	EXPECT_INT(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	EXPECT_INT(listen(listener, 1), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = accept(listener, NULL, NULL);
		char head[256];
		(void)!recv(fd, head, sizeof(head), 0);
		snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Type: %s\r\n\r\n", type);
		(void)!send(fd, head, strlen(head), MSG_NOSIGNAL);
		for (size_t i = 0; i < count; i++)
			(void)!send(fd, body + i, 1, MSG_NOSIGNAL);
		_exit(0);
	}
	close(listener);
	struct call *call = call_new(path);
	EXPECT_INT(call_stream(call, "GET", &client, &err, "/x"), 0);
	if (log_stream_read(client, note, out, &err) < 0)
		buf_printf(out, " %s", err.text);
	call_free(call);
	waitpid(pid, NULL, 0);
	unlink(path);
	rmdir(dir);
}

#define MULTIPLEXED "application/vnd.docker.multiplexed-stream"
static void expect_log(const char *type, const char *body, size_t count, const char *want)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	read_log(type, body, count, &out);
	EXPECT_STR(buf_text(&out), want);
}
#define EXPECT_LOG(type, body, want) expect_log(type, body, sizeof(body) - 1, want)

TEST(log_stream_takes_frames_apart)
{
	EXPECT_LOG(MULTIPLEXED, "\1\0\0\0\0\0\0\3abc\2\0\0\0\0\0\0\1d\1\0\0\0\0\0\0\0", "1[abc]2[d]1[]");
	EXPECT_LOG(MULTIPLEXED, "", "");
}

TEST(log_stream_refuses_what_is_no_frame)
{
	EXPECT_LOG(MULTIPLEXED, "\7\0\0\0\0\0\0\1a", " the log holds what is no frame");
	EXPECT_LOG(MULTIPLEXED, "\1\0\0\0\x7f\0\0\1a", " the log holds what is no frame");
	EXPECT_LOG(MULTIPLEXED, "\1\0\0\0\0\0\0\3ab", " the log ended within a frame");
	EXPECT_LOG(MULTIPLEXED, "\1\0\0", " the log ended within a frame");
}

TEST(log_stream_makes_an_error_of_the_error_stream)
{
	EXPECT_LOG(MULTIPLEXED, "\1\0\0\0\0\0\0\1a\3\0\0\0\0\0\0\4oops\1\0\0\0\0\0\0\1b",
		   "1[a] error from daemon in stream: oops");
	EXPECT_LOG(MULTIPLEXED, "\1\0\0\0\0\0\0\4stop\1\0\0\0\0\0\0\1b", "1[stop] told to stop");
}

TEST(log_stream_of_a_terminal_is_raw)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	read_log("application/vnd.docker.raw-stream", "ab", 2, &out);
	EXPECT(strcmp(buf_text(&out), "1[ab]") == 0 || strcmp(buf_text(&out), "1[a]1[b]") == 0);
}
