#include "model/volume_options.h"

#include <string.h>
#include <sys/mount.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/units.h"

static const char *const known[] = { "device", "o", "size", "type" };

static int need(const struct str_map *options, const char *has, const char *needs, struct err *err)
{
	if (!str_map_get(options, has) || str_map_get(options, needs))
		return 0;
	return err_set(err, ERR_INVALID, "missing required option: \"%s\"", needs);
}

static int check_size(const char *size, struct err *err)
{
	int64_t bytes;

	if (!size)
		return 0;
	if (units_parse_bytes(size, &bytes, err) < 0)
		return -1;
	return bytes > 0 ? err_set(err, ERR_INVALID, "quota size requested but no quota support") : 0;
}

int volume_options_check(const struct str_map *options, struct err *err)
{
	for (size_t i = 0; i < options->count; i++) {
		bool is_known = false;

		for (size_t k = 0; k < ARRAY_COUNT(known); k++)
			is_known = is_known || str_eq(options->items[i].key, known[k]);
		if (!is_known)
			return err_set(err, ERR_INVALID, "invalid option: \"%.200s\"", options->items[i].key ? options->items[i].key : "");
	}
	if (need(options, "device", "type", err) < 0 || need(options, "type", "device", err) < 0 || need(options, "o", "device", err) < 0 ||
	    need(options, "o", "type", err) < 0)
		return -1;
	return check_size(str_map_get(options, "size"), err);
}

/* Words of mount(8) that are flags, each set or cleared. */
static const struct { const char *word; bool clears; unsigned long flag; } words[] = {
	{ "defaults", false, 0 },
	{ "ro", false, MS_RDONLY }, { "rw", true, MS_RDONLY },
	{ "nosuid", false, MS_NOSUID }, { "suid", true, MS_NOSUID },
	{ "nodev", false, MS_NODEV }, { "dev", true, MS_NODEV },
	{ "noexec", false, MS_NOEXEC }, { "exec", true, MS_NOEXEC },
	{ "sync", false, MS_SYNCHRONOUS }, { "async", true, MS_SYNCHRONOUS },
	{ "dirsync", false, MS_DIRSYNC },
	{ "mand", false, MS_MANDLOCK }, { "nomand", true, MS_MANDLOCK },
	{ "noatime", false, MS_NOATIME }, { "atime", true, MS_NOATIME },
	{ "nodiratime", false, MS_NODIRATIME }, { "diratime", true, MS_NODIRATIME },
	{ "relatime", false, MS_RELATIME }, { "norelatime", true, MS_RELATIME },
	{ "strictatime", false, MS_STRICTATIME }, { "nostrictatime", true, MS_STRICTATIME },
	{ "bind", false, MS_BIND }, { "rbind", false, MS_BIND | MS_REC },
};
static const struct { const char *word; unsigned long flags; } propagations[] = {
	{ "private", MS_PRIVATE }, { "rprivate", MS_PRIVATE | MS_REC }, { "shared", MS_SHARED }, { "rshared", MS_SHARED | MS_REC },
	{ "slave", MS_SLAVE }, { "rslave", MS_SLAVE | MS_REC }, { "unbindable", MS_UNBINDABLE },
	{ "runbindable", MS_UNBINDABLE | MS_REC },
};

static bool take_word(const char *word, size_t length, struct volume_fs *fs)
{
	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (strlen(words[i].word) == length && memcmp(words[i].word, word, length) == 0) {
			fs->flags = words[i].clears ? fs->flags & ~words[i].flag : fs->flags | words[i].flag;
			return true;
		}
	for (size_t i = 0; i < ARRAY_COUNT(propagations); i++)
		if (strlen(propagations[i].word) == length && memcmp(propagations[i].word, word, length) == 0) {
			fs->propagation = propagations[i].flags;
			return true;
		}
	return false;
}

static const char *take_words(const char *text, struct volume_fs *fs, struct arena *arena)
{
	CLEANUP(buf_finip) struct buf data = BUF_INIT;

	while (*text) {
		size_t length = strcspn(text, ",");

		if (length && !take_word(text, length, fs)) {
			buf_add_str(&data, data.len ? "," : "");
			buf_add(&data, text, length);
		}
		text += length;
		text += *text == ',';
	}
	return arena_strdup(arena, buf_text(&data));
}

struct volume_fs volume_options_fs(const struct str_map *options, struct arena *arena)
{
	const char *type = str_map_get(options, "type"), *device = str_map_get(options, "device"), *words_of_o = str_map_get(options, "o");
	struct volume_fs ret = { .type = "", .device = "", .data = "" };

	if (str_is_empty(type) && str_is_empty(device))
		return ret;
	ret.is_mounted = true;
	ret.type = arena_strdup(arena, type ? type : "");
	ret.device = arena_strdup(arena, device ? device : "");
	ret.data = take_words(words_of_o ? words_of_o : "", &ret, arena);
	return ret;
}

const char *volume_options_hide(const char *data, struct arena *arena)
{
	static const char secret[] = "password=";
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	for (const char *at = data; *at;) {
		size_t length = strcspn(at, ",");

		if (str_starts(at, secret)) {
			buf_printf(&out, "%s********", secret);
		} else {
			buf_add(&out, at, length);
		}
		at += length;
		if (*at == ',')
			buf_add_char(&out, *at++);
	}
	return arena_strdup(arena, buf_text(&out));
}
