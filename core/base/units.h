/* units.h - sizes, durations, CPU numbers as people and Docker write them.
 *
 * All parse functions take the whole text or fail; the error names the text.
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"

int units_parse_bytes(const char *text, int64_t *ret, struct err *err);   /* docker/go-units RAMInBytes: 512m, 1.5GiB, 100b, 42 */
int units_parse_size(const char *text, int64_t *ret, struct err *err);    /* go-units FromHumanSize, base 1000: 10m is 10,000,000 */
int units_parse_cpus(const char *text, int64_t *ret_nano, struct err *err);        /* "1.5" -> 1500000000; at most 9 decimals */
int units_parse_duration(const char *text, nsec *ret, struct err *err);   /* Go: 1h30m, 1.5s, 300ms, 2us, -1s; "0" */
void units_format_duration(nsec d, struct buf *out);                      /* Go's String(): 1m30s, 1.5s, 0s */
void units_format_human_duration(nsec d, struct buf *out);                /* go-units HumanDuration: "About a minute", "3 hours" */
void units_format_bytes(int64_t bytes, struct buf *out);                  /* go-units BytesSize, base 1024: 1.5GiB */
void units_format_size(int64_t bytes, struct buf *out);                   /* go-units HumanSizeWithPrecision 3, base 1000: 1.23MB */
void units_format_room(int64_t bytes, struct buf *out);                   /* go-units HumanSize: 1.234MB */

/* RFC 3339 in UTC with nanoseconds. format always prints 9 digits when fixed, else drops trailing zeros as Go's RFC3339Nano. */
#define STAMP_TEXT_SIZE 40
const char *stamp_format(nsec wall, char ret_text[STAMP_TEXT_SIZE]);
const char *stamp_format_fixed(nsec wall, char ret_text[STAMP_TEXT_SIZE]);
int stamp_parse(const char *text, nsec *ret_wall);       /* any offset; fraction of 0-9 digits; "0001-01-01T00:00:00Z" gives STAMP_ZERO */
#define STAMP_ZERO INT64_MIN                             /* Go's zero time; formats as 0001-01-01T00:00:00Z */
