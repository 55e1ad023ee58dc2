/* Multiplexed streams of a server that may say anything: cut in two or not, the same comes out. */
#include "base/buf.h"
#include "base/panic.h"
#include "client/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int note(void *arg, int stream, const char *bytes, size_t count, struct err *err)
{
	(void)err;
	buf_add_char(arg, (char)('0' + stream));
	buf_add(arg, bytes, count);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_finip) struct buf whole = BUF_INIT, parts = BUF_INIT;
	struct frames one = { 0 }, two = { 0 };
	struct err err;
	size_t cut = size ? data[0] % size : 0;
	int a = frames_take(&one, (const char *)data, size, note, &whole, &err);
	int b = frames_take(&two, (const char *)data, cut, note, &parts, &err) < 0 ||
		frames_take(&two, (const char *)data + cut, size - cut, note, &parts, &err) < 0 ? -1 : 0;

	check(a == b);
	check(a < 0 || (one.left == two.left && one.head_length == two.head_length));
	check(whole.len <= 2 * size + 1);
	return 0;
}
