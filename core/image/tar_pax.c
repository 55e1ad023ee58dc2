#include "image/tar_pax.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"

void tar_segments_fini(struct tar_segments *segments)
{
	free(segments->items);
	*segments = (struct tar_segments){ 0 };
}

int tar_segments_add(struct tar_segments *segments, struct tar_segment segment, struct err *err)
{
	if (segments->count == TAR_SEGMENTS_MAX)
		return err_set(err, ERR_INVALID, "a sparse file of more than %d pieces", TAR_SEGMENTS_MAX);
	if (segments->count == segments->size) {
		segments->size = MAX(2 * segments->size, (size_t)16);
		segments->items = mem_resize(segments->items, segments->size, sizeof(*segments->items));
	}
	segments->items[segments->count++] = segment;
	return 0;
}

int tar_segments_check(const struct tar_segments *segments, int64_t real_size, int64_t data_bytes, struct err *err)
{
	int64_t end = 0, sum = 0;

	for (size_t i = 0; i < segments->count; i++) {
		struct tar_segment s = segments->items[i];

		if (s.offset < end || s.count < 0 || s.offset > real_size || s.count > real_size - s.offset)
			return err_set(err, ERR_INVALID, "a sparse map with pieces out of order or outside of the file");
		end = s.offset + s.count;
		sum += s.count;                      /* at most real_size: the pieces do not overlap */
	}
	if (sum != data_bytes)
		return err_set(err, ERR_INVALID, "a sparse map of %lld bytes for %lld bytes of data", (long long)sum, (long long)data_bytes);
	return 0;
}

void tar_pax_fini(struct tar_pax *pax)
{
	tar_segments_fini(&pax->segments);
	*pax = (struct tar_pax){ 0 };
}

static int refuse(const char *key, const char *why, struct err *err)
{
	char shown[TAR_SHOW_SIZE];

	return err_set(err, ERR_INVALID, "pax header: '%s' %s", tar_show(key, shown), why);
}

static int wrong(const char *key, struct err *err)
{
	return refuse(key, "has a value that makes no sense", err);
}

static int set_number(struct tar_number *number, const char *key, const char *value, struct err *err)
{
	int64_t parsed;

	if (!*value) {                               /* an empty value takes an earlier one back */
		number->is_set = false;
		return 0;
	}
	if (str_to_i64(value, &parsed) < 0 || parsed < 0)
		return wrong(key, err);
	*number = (struct tar_number){ true, parsed };
	return 0;
}

/* "-1.25" is 1.25 s before 1970: second -2 and 750,000,000 ns. Digits past the ninth are dropped. */
static int set_mtime(struct tar_pax *pax, const char *key, const char *value, struct err *err)
{
	bool is_negative = *value == '-';
	char whole[24];
	const char *point = strchr(value, '.');
	size_t length = point ? (size_t)(point - value) : strlen(value);
	int64_t seconds, ns = 0, unit = 100000000;

	if (!*value) {
		pax->mtime_s.is_set = false;
		return 0;
	}
	if (length >= sizeof(whole))
		return wrong(key, err);
	memcpy(whole, value, length);
	whole[length] = '\0';
	if (str_to_i64(whole, &seconds) < 0 || seconds < -(INT64_C(1) << 40) || seconds > INT64_C(1) << 40)
		return wrong(key, err);
	for (const char *at = point ? point + 1 : ""; *at; at++, unit /= 10) {
		if (*at < '0' || *at > '9')
			return wrong(key, err);
		ns += (*at - '0') * unit;
	}
	if (is_negative && ns) {
		seconds--;
		ns = 1000000000 - ns;
	}
	pax->mtime_s = (struct tar_number){ true, seconds };
	pax->mtime_ns = (uint32_t)ns;
	return 0;
}

static int set_text(const char **text, const char *key, const char *value, size_t length, struct err *err)
{
	if (memchr(value, 0, length))
		return wrong(key, err);
	*text = length ? value : NULL;
	return 0;
}

static int add_xattr(struct tar_pax *pax, const char *name, const char *value, size_t length, struct err *err)
{
	struct tar_xattr xattr = { name, value, length };

	for (size_t i = 0; i < pax->xattr_count; i++) {
		if (str_eq(pax->xattrs[i].name, name)) {
			pax->xattrs[i] = xattr;
			return 0;
		}
	}
	if (pax->xattr_count == TAR_XATTRS_MAX)
		return err_set(err, ERR_INVALID, "pax header: more than %d extended attributes", TAR_XATTRS_MAX);
	pax->xattrs[pax->xattr_count++] = xattr;
	return 0;
}

/* Version 0.1: "offset,count,offset,count". */
static int set_sparse_map(struct tar_pax *pax, const char *key, char *value, struct err *err)
{
	struct strlist pieces = str_split(value, ',');
	int result = pieces.count % 2 ? wrong(key, err) : 0;

	pax->segments.count = 0;
	for (size_t i = 0; result == 0 && i < pieces.count; i += 2) {
		struct tar_segment s;

		if (str_to_i64(pieces.items[i], &s.offset) < 0 || str_to_i64(pieces.items[i + 1], &s.count) < 0)
			result = wrong(key, err);
		else
			result = tar_segments_add(&pax->segments, s, err);
	}
	strlist_fini(&pieces);
	return result;
}

/* Version 0.0: an offset record, then a numbytes record, again and again. */
static int set_sparse_piece(struct tar_pax *pax, const char *key, const char *value, bool is_offset, struct err *err)
{
	struct tar_number number = { 0 };

	if (set_number(&number, key, value, err) < 0)
		return -1;
	if (!number.is_set || pax->half_segment.is_set == is_offset)
		return wrong(key, err);
	if (is_offset) {
		pax->half_segment = number;
		return 0;
	}
	pax->half_segment.is_set = false;
	return tar_segments_add(&pax->segments, (struct tar_segment){ pax->half_segment.value, number.value }, err);
}

static int set_sparse(struct tar_pax *pax, const char *key, char *value, size_t length, struct err *err)
{
	const char *word = key + strlen("GNU.sparse.");

	if (memchr(value, 0, length))
		return wrong(key, err);
	if (str_eq(word, "name"))
		return set_text(&pax->sparse_name, key, value, length, err);
	if (str_eq(word, "major"))
		return set_number(&pax->sparse_major, key, value, err);
	if (str_eq(word, "minor"))
		return set_number(&pax->sparse_minor, key, value, err);
	if (str_eq(word, "size") || str_eq(word, "realsize"))
		return set_number(&pax->sparse_size, key, value, err);
	if (str_eq(word, "offset") || str_eq(word, "numbytes"))
		return set_sparse_piece(pax, key, value, str_eq(word, "offset"), err);
	if (str_eq(word, "map"))
		return set_sparse_map(pax, key, value, err);
	if (str_eq(word, "numblocks"))               /* counts what the other records hold */
		return 0;
	return refuse(key, "is not known", err);
}

static int set_record(struct tar_pax *pax, const char *key, char *value, size_t length, struct err *err)
{
	if (str_eq(key, "path"))
		return set_text(&pax->path, key, value, length, err);
	if (str_eq(key, "linkpath"))
		return set_text(&pax->link, key, value, length, err);
	if (str_eq(key, "size"))
		return set_number(&pax->size, key, value, err);
	if (str_eq(key, "uid"))
		return set_number(&pax->uid, key, value, err);
	if (str_eq(key, "gid"))
		return set_number(&pax->gid, key, value, err);
	if (str_eq(key, "mtime"))
		return set_mtime(pax, key, value, err);
	if (str_starts(key, "GNU.sparse."))
		return set_sparse(pax, key, value, length, err);
	if (str_starts(key, "SCHILY.xattr.") && key[strlen("SCHILY.xattr.")])
		return add_xattr(pax, key + strlen("SCHILY.xattr."), value, length, err);
	return 0;
}

static int check_global(const char *key, struct err *err)
{
	static const char *const refused[] = { "path", "linkpath", "size", "GNU.sparse.", "SCHILY.xattr." };

	for (size_t i = 0; i < ARRAY_COUNT(refused); i++)
		if (str_starts(key, refused[i]))
			return refuse(key, "for all entries is not supported", err);
	return 0;
}

/* Digits, a blank; the number counts the whole record with itself and the newline. */
static int take_length(const char *at, size_t left, size_t *ret_length, size_t *ret_digits)
{
	size_t length = 0, digits = 0;

	while (digits < left && digits < 8 && at[digits] >= '0' && at[digits] <= '9')
		length = length * 10 + (size_t)(at[digits++] - '0');
	if (digits == 0 || digits == left || at[digits] != ' ' || length > left || length < digits + 4 || at[length - 1] != '\n')
		return -1;
	*ret_length = length;
	*ret_digits = digits;
	return 0;
}

int tar_pax_parse(struct tar_pax *pax, char *bytes, size_t count, bool is_global, struct err *err)
{
	while (count) {
		size_t length, digits;

		if (take_length(bytes, count, &length, &digits) < 0)
			return err_set(err, ERR_INVALID, "pax header: a record with a wrong length");
		char *key = bytes + digits + 1, *end = bytes + length - 1;
		char *equals = memchr(key, '=', (size_t)(end - key));
		if (!equals || equals == key)
			return err_set(err, ERR_INVALID, "pax header: a record without a key");
		*equals = *end = '\0';
		if (strlen(key) != (size_t)(equals - key))
			return err_set(err, ERR_INVALID, "pax header: a key with a NUL inside");
		if (is_global && check_global(key, err) < 0)
			return -1;
		if (set_record(pax, key, equals + 1, (size_t)(end - equals - 1), err) < 0)
			return -1;
		bytes += length;
		count -= length;
	}
	return 0;
}
