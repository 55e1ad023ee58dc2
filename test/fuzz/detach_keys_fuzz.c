/* The first line names the keys, the rest is typed: nothing is lost, nothing invented, however the bytes are cut. */
#include <string.h>

#include "base/detach_keys.h"
#include "base/panic.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *newline = memchr(data, '\n', size);
	size_t head = newline ? (size_t)(newline - data) : size;
	char *text = str_printf("%.*s", (int)head, (const char *)data);
	CLEANUP(buf_finip) struct buf whole = BUF_INIT, single = BUF_INIT;
	struct detach_keys keys, again;
	struct err err;
	bool left = false, left_again = false;

	if (newline && detach_keys_parse(text, &keys, &err) == 0) {
		const uint8_t *typed = newline + 1;
		size_t count = size - head - 1;

		again = keys;
		left = detach_keys_feed(&keys, typed, count, &whole);
		for (size_t i = 0; i < count && !left_again; i++)
			left_again = detach_keys_feed(&again, typed + i, 1, &single);
		check(left == left_again && whole.len == single.len);
		check(whole.len == 0 || memcmp(whole.data, single.data, whole.len) == 0);
		check(whole.len <= count && (whole.len == 0 || memcmp(whole.data, typed, whole.len) == 0));
		check(left || whole.len + keys.matched == count);
	}
	str_freep(&text);
	return 0;
}
