/* tmpfs_options.c - the words of a tmpfs. */
#include "runtime/tmpfs_options.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "base/str.h"

static const struct { char name[16]; unsigned long set, clear; } flag_words[] = {
	{ "defaults", 0, 0 }, { "private", 0, 0 }, { "rprivate", 0, 0 },
	{ "ro", MS_RDONLY, 0 }, { "rw", 0, MS_RDONLY },
	{ "noexec", MS_NOEXEC, 0 }, { "exec", 0, MS_NOEXEC },
	{ "nosuid", MS_NOSUID, 0 }, { "suid", 0, MS_NOSUID },
	{ "nodev", MS_NODEV, 0 }, { "dev", 0, MS_NODEV },
	{ "sync", MS_SYNCHRONOUS, 0 }, { "async", 0, MS_SYNCHRONOUS }, { "dirsync", MS_DIRSYNC, 0 },
	{ "noatime", MS_NOATIME, 0 }, { "atime", 0, MS_NOATIME },
	{ "nodiratime", MS_NODIRATIME, 0 }, { "diratime", 0, MS_NODIRATIME },
	{ "relatime", MS_RELATIME, 0 }, { "norelatime", 0, MS_RELATIME },
	{ "strictatime", MS_STRICTATIME, 0 }, { "nostrictatime", 0, MS_STRICTATIME },
};
static const char value_words[][12] = { "size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "mpol" };

static bool word_is(const char *word, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(word, name, length) == 0;
}

static bool take_flag(const char *word, size_t length, unsigned long *flags)
{
	for (size_t i = 0; i < ARRAY_COUNT(flag_words); i++)
		if (word_is(word, length, flag_words[i].name)) {
			*flags = (*flags | flag_words[i].set) & ~flag_words[i].clear;
			return true;
		}
	return false;
}

static bool is_value(const char *word, size_t length)
{
	const char *equals = memchr(word, '=', length);

	for (size_t i = 0; equals && i < ARRAY_COUNT(value_words); i++)
		if (word_is(word, (size_t)(equals - word), value_words[i]))
			return equals + 1 < word + length;
	return false;
}

static int refuse(const char *word, size_t length, struct err *err)
{
	const char *equals = memchr(word, '=', length);
	size_t name = equals ? (size_t)(equals - word) : length;

	if (!equals)
		return err_set(err, ERR_INVALID, "invalid tmpfs option [\"%.*s\"]", (int)name, word);
	return err_set(err, ERR_INVALID, "invalid tmpfs option [\"%.*s\" \"%.*s\"]", (int)name, word, (int)(length - name - 1), equals + 1);
}

int tmpfs_options_parse(const char *text, struct arena *arena, struct tmpfs_options *ret, struct err *err)
{
	struct tmpfs_options options = { .flags = MS_NOSUID | MS_NOEXEC | MS_NODEV };
	size_t room = (text ? strlen(text) : 0) + 1, used = 0;

	if (room > TMPFS_OPTIONS_MAX_BYTES)
		return err_set(err, ERR_INVALID, "tmpfs options: longer than %d bytes", TMPFS_OPTIONS_MAX_BYTES - 1);
	char *data = arena_take(arena, room);

	for (const char *word = text ? text : ""; *word;) {
		size_t length = strcspn(word, ",");

		if (is_value(word, length))
			used += (size_t)snprintf(data + used, room - used, "%s%.*s", used ? "," : "", (int)length, word);
		else if (length && !take_flag(word, length, &options.flags))
			return refuse(word, length, err);
		word += length;
		word += *word == ',';
	}
	options.data = data;
	*ret = options;
	return 0;
}
