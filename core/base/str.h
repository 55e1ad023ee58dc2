/* str.h - C strings: comparing, splitting, parsing numbers. Nothing here depends on a locale. */
#pragma once
#include "base/base.h"
#include "base/err.h"

bool str_eq(const char *a, const char *b);               /* NULL equals NULL and "" */
bool str_eq_nocase(const char *a, const char *b);        /* ASCII */
bool str_is_empty(const char *s);                        /* NULL or "" */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
/* Behind the prefix if s starts with it, else NULL. */
const char *str_after(const char *s, const char *prefix);
char *str_dup(const char *s);                            /* heap; NULL stays NULL */
char *str_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);/* heap */
void str_freep(char **s);
/* Copies with NUL; false when it did not fit (then it is cut). */
bool str_copy(char *to, size_t size, const char *from);

/* Whole-string decimal numbers; -1 leaves *ret alone. No sign for unsigned, no spaces, no overflow. */
int str_to_u64(const char *s, uint64_t *ret);
int str_to_i64(const char *s, int64_t *ret);

/* A heap list of strings, ended by NULL. */
struct strlist { char **items; size_t count; };
void strlist_add(struct strlist *list, const char *s);
void strlist_addn(struct strlist *list, const char *s, size_t length);
void strlist_add_printf(struct strlist *list, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strlist_fini(struct strlist *list);
void strlist_finip(struct strlist *list);
bool strlist_has(const struct strlist *list, const char *s);
void strlist_sort(struct strlist *list);
/* Splits at each separator character; empty pieces are kept. */
struct strlist str_split(const char *s, char separator);

/* Did-you-mean: edit distance with transpositions, for candidate names up to 64 characters. */
unsigned str_distance(const char *a, const char *b);
/* Valid UTF-8 without NUL. */
bool str_is_utf8(const char *s, size_t length);
/* Makes a stranger's text fit to be shown: control characters and bytes that are no UTF-8 become '?'. */
void str_make_line(char *text);
