#include "client/log_stream.h"

#include "base/str.h"

#define HEAD_BYTES 8
#define MAX_FRAME (16u * 1024 * 1024)
#define STREAM_ERROR 3

/* Exactly count bytes; *ret_ended instead when the body ends before the first. */
static int read_exactly(struct http_client *client, void *bytes, size_t count, bool *ret_ended,
			struct err *err)
{
	size_t done = 0;

	while (done < count) {
		size_t got;
		if (http_client_read(client, (char *)bytes + done, count - done, &got, err) < 0)
			return -1;
		if (got == 0 && done > 0)
			return err_set(err, ERR_IO, "the log ended within a frame");
		*ret_ended = got == 0;
		if (got == 0)
			return 0;
		done += got;
	}
	*ret_ended = false;
	return 0;
}

static int read_frame(struct http_client *client, struct buf *payload, int *ret_stream,
		      bool *ret_ended, struct err *err)
{
	unsigned char head[HEAD_BYTES];

	if (read_exactly(client, head, sizeof(head), ret_ended, err) < 0)
		return -1;
	if (*ret_ended)
		return 0;
	size_t size = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
	if (size > MAX_FRAME || head[0] > STREAM_ERROR)
		return err_set(err, ERR_IO, "the log holds what is no frame");
	buf_clear(payload);
	buf_reserve(payload, size + 1);
	if (size > 0 && read_exactly(client, payload->data, size, ret_ended, err) < 0)
		return -1;
	payload->len = size;
	payload->data[size] = '\0';
	*ret_stream = head[0];
	return *ret_ended ? err_set(err, ERR_IO, "the log ended within a frame") : 0;
}

static int read_frames(struct http_client *client, log_stream_fn *fn, void *arg, struct err *err)
{
	CLEANUP(buf_finip) struct buf payload = BUF_INIT;
	bool ended;
	int stream = 0;

	for (;;) {
		if (read_frame(client, &payload, &stream, &ended, err) < 0)
			return -1;
		if (ended)
			return 0;
		if (stream == STREAM_ERROR)
			return err_set(err, ERR_IO, "error from daemon in stream: %s", payload.data);
		if (fn(arg, stream, payload.data, payload.len, err) < 0)
			return -1;
	}
}

int log_stream_read(struct http_client *client, log_stream_fn *fn, void *arg, struct err *err)
{
	const char *type = http_client_field(client, "Content-Type");
	char bytes[16 * 1024];
	size_t count;

	if (!str_eq(type, "application/vnd.docker.raw-stream"))
		return read_frames(client, fn, arg, err);
	for (;;) {
		if (http_client_read(client, bytes, sizeof(bytes), &count, err) < 0)
			return -1;
		if (count == 0)
			return 0;
		if (fn(arg, LOG_STREAM_STDOUT, bytes, count, err) < 0)
			return -1;
	}
}
