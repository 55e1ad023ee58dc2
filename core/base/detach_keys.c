#include "base/detach_keys.h"

#include <string.h>

#include "base/str.h"

/* "a", "ctrl-a", "ctrl-@" … "ctrl-_": what a terminal sends for it; -1 for what is no key. */
static int key_of(const char *word)
{
	const char *control = str_after(word, "ctrl-");

	if (word[0] && !word[1])
		return (unsigned char)word[0];
	if (!control || !control[0] || control[1])
		return -1;
	if (control[0] >= 'a' && control[0] <= 'z')
		return control[0] - 'a' + 1;
	return control[0] >= '@' && control[0] <= '_' ? control[0] - '@' : -1;
}

int detach_keys_parse(const char *text, struct detach_keys *ret, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist words = str_split(str_is_empty(text) ? "ctrl-p,ctrl-q" : text, ',');

	*ret = (struct detach_keys){ 0 };
	for (size_t i = 0; i < words.count; i++) {
		int key = key_of(words.items[i]);

		if (key < 0 || ret->count == DETACH_KEYS_MAX)
			return err_set(err, ERR_INVALID, "Invalid detach keys (%.100s) provided", text);
		ret->keys[ret->count++] = (uint8_t)key;
	}
	return 0;
}

/* After a key that does not go on with the sequence: the longest end of what was typed that may still begin it. */
static unsigned fall_back(const struct detach_keys *keys, const uint8_t *typed, unsigned count)
{
	for (unsigned skip = 1; skip <= count; skip++)
		if (memcmp(typed + skip, keys->keys, count - skip) == 0)
			return count - skip;
	return 0;
}

bool detach_keys_feed(struct detach_keys *keys, const uint8_t *bytes, size_t count, struct buf *out)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t typed[DETACH_KEYS_MAX + 1];
		unsigned held = keys->matched;

		if (bytes[i] == keys->keys[held]) {
			keys->matched++;
			if (keys->matched == keys->count) {
				keys->matched = 0;
				return true;
			}
			continue;
		}
		memcpy(typed, keys->keys, held);
		typed[held] = bytes[i];
		keys->matched = fall_back(keys, typed, held + 1);
		buf_add(out, typed, held + 1 - keys->matched);
	}
	return false;
}
