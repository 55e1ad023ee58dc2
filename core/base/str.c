#include "base/str.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/panic.h"

bool str_eq(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool str_eq_nocase(const char *a, const char *b)
{
	a = a ? a : "";
	b = b ? b : "";
	while (*a && lower(*a) == lower(*b))
		a++, b++;
	return lower(*a) == lower(*b);
}

bool (str_is_empty)(const char *s)
{
	return !s || !*s;
}

bool str_starts(const char *s, const char *prefix)
{
	return str_after(s, prefix) != NULL;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t length = s ? strlen(s) : 0, tail = strlen(suffix);

	return length >= tail && strcmp((s ? s : "") + length - tail, suffix) == 0;
}

const char *str_after(const char *s, const char *prefix)
{
	size_t length = strlen(prefix);

	if (!s)
		return NULL;
	return strncmp(s, prefix, length) == 0 ? s + length : NULL;
}

static char *dup_n(const char *s, size_t length)
{
	char *copy = mem_new(length + 1, 1);

	if (length)
		memcpy(copy, s, length);
	return copy;
}

char *str_dup(const char *s)
{
	return s ? dup_n(s, strlen(s)) : NULL;
}

char *str_printf(const char *fmt, ...)
{
	struct buf text = BUF_INIT;
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	return buf_take(&text);
}

void str_freep(char **s)
{
	free(*s);
	*s = NULL;
}

bool str_copy(char *to, size_t size, const char *from)
{
	check(size > 0);
	size_t length = from ? strlen(from) : 0, count = MIN(length, size - 1);

	if (count)
		memmove(to, from, count);
	to[count] = '\0';
	return count == length;
}

int str_to_u64(const char *s, uint64_t *ret)
{
	uint64_t value = 0;

	if (str_is_empty(s))
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*s - '0'), &value))
			return -1;
	}
	*ret = value;
	return 0;
}

int str_to_i64(const char *s, int64_t *ret)
{
	bool negative = s && *s == '-';
	uint64_t value, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;

	if (str_to_u64(negative ? s + 1 : s, &value) < 0 || value > most)
		return -1;
	*ret = (int64_t)(negative ? 0 - value : value);
	return 0;
}

void strlist_add(struct strlist *list, const char *s)
{
	strlist_addn(list, s, strlen(s));
}

void strlist_addn(struct strlist *list, const char *s, size_t length)
{
	/* Room is doubled at 1, 3, 7, 15…: count alone tells the size, so the struct needs no
	 * third field. */
	if (((list->count + 1) & list->count) == 0)
		list->items = mem_resize(list->items, 2 * (list->count + 1), sizeof(char *));
	list->items[list->count++] = dup_n(s, length);
	list->items[list->count] = NULL;
}

void strlist_add_printf(struct strlist *list, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	strlist_addn(list, text.data, text.len);
}

void strlist_fini(struct strlist *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strlist){ 0 };
}

void strlist_finip(struct strlist *list)
{
	strlist_fini(list);
}

bool strlist_has(const struct strlist *list, const char *s)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], s) == 0)
			return true;
	return false;
}

static int compare_items(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strlist_sort(struct strlist *list)
{
	if (list->count)
		qsort(list->items, list->count, sizeof(char *), compare_items);
}

struct strlist str_split(const char *s, char separator)
{
	struct strlist pieces = { 0 };

	for (;;) {
		const char *end = strchr(s, separator);
		strlist_addn(&pieces, s, end ? (size_t)(end - s) : strlen(s));
		if (!end)
			return pieces;
		s = end + 1;
	}
}

/* Optimal string alignment (restricted Damerau-Levenshtein): three rows of the usual table are
 * enough. */
unsigned str_distance(const char *a, const char *b)
{
	enum { MOST = 64 };
	unsigned rows[3][MOST + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > MOST || b_length > MOST)
		return (unsigned)MIN(MAX(a_length, b_length), (size_t)UINT16_MAX);
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3],
			 *before = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned change = above[j - 1] + (a[i - 1] != b[j - 1]);
			row[j] = MIN(change, MIN(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = MIN(row[j], before[j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static size_t utf8_length_at(const uint8_t *s, size_t left)
{
	uint8_t first = s[0], low = 0x80, high = 0xbf;
	size_t length;

	if (first >= 0x01 && first <= 0x7f)
		return 1;
	else if (first >= 0xc2 && first <= 0xdf)
		length = 2;
	else if (first >= 0xe0 && first <= 0xef)
		length = 3;
	else if (first >= 0xf0 && first <= 0xf4)
		length = 4;
	else
		return 0;
	if (first == 0xe0)
		low = 0xa0;
	else if (first == 0xed)
		high = 0x9f;
	else if (first == 0xf0)
		low = 0x90;
	else if (first == 0xf4)
		high = 0x8f;

	if (left < length || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

bool str_is_utf8(const char *s, size_t length)
{
	for (size_t at = 0; at < length; ) {
		size_t step = utf8_length_at((const uint8_t *)s + at, length - at);
		if (!step)
			return false;
		at += step;
	}
	return true;
}

void str_make_line(char *text)
{
	for (size_t left = strlen(text); left;) {
		size_t step = utf8_length_at((const uint8_t *)text, left);

		if (step == 0 || (step == 1 && ((unsigned char)*text < 0x20 || *text == 0x7f))) {
			*text = '?';
			step = 1;
		}
		text += step;
		left -= step;
	}
}
