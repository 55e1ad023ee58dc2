#include <string.h>

#include "base/buf.h"
#include "client/frames.h"
#include "test/unit/runner.h"

static int note(void *arg, int stream, const char *bytes, size_t count, struct err *err)
{
	buf_printf(arg, "%d:%.*s ", stream, (int)count, bytes);
	return count == 4 && memcmp(bytes, "stop", 4) == 0 ? err_set(err, ERR_IO, "told to stop") : 0;
}

#define TEXT "\x01\0\0\0\0\0\0\x02hi\x02\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\x03" "err"

TEST(frames_are_the_same_wherever_they_are_cut)
{
	static const char text[] = TEXT;

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;
		struct frames frames = { 0 };
		struct err err;

		EXPECT_INT(frames_take(&frames, text, cut, note, &out, &err), 0);
		EXPECT(frames_is_between(&frames) == (cut == 0 || cut == 10 || cut == 18 || cut == sizeof(text) - 1));
		EXPECT_INT(frames_take(&frames, text + cut, sizeof(text) - 1 - cut, note, &out, &err), 0);
		EXPECT(frames_is_between(&frames));
		EXPECT(strstr(buf_text(&out), "1:") && strstr(buf_text(&out), "2:"));
	}
}

TEST(frames_refuse_what_is_none_and_stop_when_told)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct frames frames = { 0 };
	struct err err;

	EXPECT_INT(frames_take(&frames, "HTTP/1.1", 8, note, &out, &err), -1);
	EXPECT_STR(err.text, "Unrecognized input header: 72");
	frames = (struct frames){ 0 };
	EXPECT_INT(frames_take(&frames, "\x01\0\0\0\0\0\0\x04stop", 12, note, &out, &err), -1);
	EXPECT_STR(err.text, "told to stop");
}
