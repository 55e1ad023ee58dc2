/* inflate.h - turns what arrives, plain, gzip or zstd, into the bytes that were meant; told by its first bytes.
 *
 * Pure. gzip as of RFC 1952, any number of members, zero padding behind the last. zstd as of RFC 8878, any number of frames, skippable
 * ones too, with a window of at most 128 MiB (what the zstd program allows without being asked). bzip2 and xz are refused by name.
 * Memory: the window and 128 KiB, whatever the input claims.
 */
#pragma once
#include "base/base.h"
#include "base/err.h"

enum inflate_kind { INFLATE_PLAIN, INFLATE_GZIP, INFLATE_ZSTD };
const char *inflate_kind_name(enum inflate_kind kind);   /* "tar", "gzip", "zstd" */
#define INFLATE_ZSTD_WINDOW_LOG 27

/* Some of the meant bytes; -1 with err ends it. */
typedef int inflate_fn(void *arg, const uint8_t *bytes, size_t count, struct err *err);

/* What a stream is that begins so; INFLATE_MAGIC_BYTES of it are enough. */
#define INFLATE_MAGIC_BYTES 6
enum inflate_kind inflate_peek(const uint8_t *bytes, size_t count);

struct inflate;
struct inflate *inflate_new(inflate_fn *fn, void *arg);
void inflate_free(struct inflate *inflate);
int inflate_feed(struct inflate *inflate, const void *bytes, size_t count, struct err *err);
/* ERR_INVALID when the stream breaks off, or when there was no byte at all. */
int inflate_finish(struct inflate *inflate, struct err *err);
/* From the first bytes it has passed on. */
enum inflate_kind inflate_get_kind(const struct inflate *inflate);
