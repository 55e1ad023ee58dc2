/* An archive from a stranger, compressed or not: read whole and in pieces it says the same, no data lie outside of their file, and whatever
 * path comes out clean stays inside. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/inflate.h"
#include "image/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

enum { BYTES_MAX = 1 << 22 };

struct summary {
	struct tar_reader *tar;
	int64_t size, at, entries, data, ends;
	size_t inflated;
	uint64_t names;                                  /* a sum over what was said */
};

static void check_path(const char *path)
{
	struct buf clean = BUF_INIT;
	struct err err = { 0 };
	char shown[TAR_SHOW_SIZE];

	check(strlen(path) <= TAR_PATH_MAX);
	check(!strpbrk(tar_show(path, shown), "\n\r\x1b"));
	if (tar_path_clean(path, &clean, &err) == 0) {
		const char *text = buf_text(&clean);
		check(*text != '/' && !strstr(text, "//") && strcmp(text, "..") != 0 && strncmp(text, "../", 3) != 0 && !strstr(text, "/../"));
		check(clean.len < 3 || strcmp(text + clean.len - 3, "/..") != 0);
	} else {
		check(err.text[0] && !strchr(err.text, '\n'));
	}
	buf_fini(&clean);
}

static void add(struct summary *s, const void *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		s->names = s->names * 31 + ((const uint8_t *)bytes)[i];
}

static int on_entry(void *arg, const struct tar_entry *entry, struct err *err)
{
	struct summary *s = arg;

	(void)err;
	check_path(entry->path);
	check(strlen(entry->link) <= TAR_PATH_MAX && entry->size_bytes >= 0 && entry->mtime_ns < 1000000000 && entry->mode <= 07777);
	check(entry->xattr_count <= TAR_XATTRS_MAX && entry->uid != UINT32_MAX && entry->gid != UINT32_MAX);
	add(s, entry->path, strlen(entry->path));
	for (size_t i = 0; i < entry->xattr_count; i++)
		add(s, entry->xattrs[i].value, entry->xattrs[i].bytes);
	s->entries++;
	s->size = entry->size_bytes;
	s->at = 0;
	return 0;
}

static int on_data(void *arg, int64_t offset, const uint8_t *bytes, size_t count, struct err *err)
{
	struct summary *s = arg;

	(void)err;
	check(offset >= s->at && count > 0 && (int64_t)count <= s->size - offset);
	s->at = offset + (int64_t)count;
	s->data += (int64_t)count;
	add(s, bytes, MIN(count, (size_t)1));
	return 0;
}

static int on_end(void *arg, struct err *err)
{
	(void)err;
	((struct summary *)arg)->ends++;
	return 0;
}
static const struct tar_events events = { on_entry, on_data, on_end };

static int on_bytes(void *arg, const uint8_t *bytes, size_t count, struct err *err)
{
	struct summary *s = arg;

	s->inflated += count;
	if (s->inflated > BYTES_MAX)
		return err_set(err, ERR_INVALID, "enough");
	return tar_reader_feed(s->tar, bytes, count, err);
}

static struct summary read_in_steps(const uint8_t *bytes, size_t count, size_t step, bool *ret_ok)
{
	struct summary s = { 0 };
	struct inflate *inflate = inflate_new(on_bytes, &s);
	struct err err = { 0 };

	s.tar = tar_reader_new(&events, &s);
	*ret_ok = true;
	for (size_t at = 0; *ret_ok && at < count; at += step)
		*ret_ok = inflate_feed(inflate, bytes + at, MIN(step, count - at), &err) == 0;
	*ret_ok = *ret_ok && inflate_finish(inflate, &err) == 0 && tar_reader_finish(s.tar, &err) == 0;
	check(*ret_ok == !err.text[0]);
	check(!strchr(err.text, '\n') && str_is_utf8(err.text, strlen(err.text)));
	inflate_free(inflate);
	tar_reader_free(s.tar);
	return s;
}

/* Blocks that look like headers get the checksum they need: a mutated one would hardly ever have it. */
static void mend_sums(uint8_t *bytes, size_t count)
{
	for (uint8_t *block = bytes; block + TAR_BLOCK <= bytes + count; block += TAR_BLOCK) {
		unsigned sum = 0;

		if (memcmp(block + 257, "ustar", 5) != 0)
			continue;
		memset(block + 148, ' ', 8);
		for (int i = 0; i < TAR_BLOCK; i++)
			sum += block[i];
		for (int i = 5; i >= 0; i--, sum >>= 3)
			block[148 + i] = (uint8_t)('0' + (sum & 7));
		block[154] = '\0';
	}
}

static void compare(const uint8_t *bytes, size_t count, size_t step)
{
	bool whole_ok, pieces_ok;
	struct summary whole = read_in_steps(bytes, count, count, &whole_ok), pieces = read_in_steps(bytes, count, step, &pieces_ok);

	check(whole_ok == pieces_ok);
	if (whole_ok)
		check(whole.entries == pieces.entries && whole.data == pieces.data && whole.ends == pieces.ends);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	uint8_t *mended;

	if (count < 2 || count > 1 << 20)
		return 0;
	mended = mem_new(count - 1, 1);
	memcpy(mended, bytes + 1, count - 1);
	mend_sums(mended, count - 1);
	compare(mended, count - 1, 1 + (size_t)bytes[0]);
	free(mended);
	return 0;
}
