/* tar_builder.h - archives for tests, right ones and wrong ones, block by block. */
#pragma once
#include "base/buf.h"
#include "image/tar.h"

struct tar_spec {
	const char *name, *link, *prefix;
	char type;                               /* 0: '0' */
	int mode;                                /* 0: 0644; -1: really 0 */
	int64_t size, mtime;
	uint32_t uid, gid, major, minor;
	const char *data;                        /* size is its length unless given */
	bool is_gnu;
};
#define TAR_ADD(out, ...) tar_builder_add((out), &(struct tar_spec){ __VA_ARGS__ })
void tar_builder_add(struct buf *out, const struct tar_spec *spec);
/* Only the header, with an honest checksum. */
void tar_builder_header(struct buf *out, const struct tar_spec *spec);
void tar_builder_data(struct buf *out, const void *bytes, size_t count);         /* and padding */
/* Overwrites bytes of the last header and makes its checksum right again; header_at is where it starts. */
void tar_builder_patch(struct buf *out, size_t header_at, size_t at, const void *bytes, size_t count);
/* An extended header ('x' or 'g') of one record. */
void tar_builder_pax(struct buf *out, char type, const char *key, const char *value);
void tar_builder_record(struct buf *records, const char *key, const void *value, size_t count);
void tar_builder_pax_records(struct buf *out, char type, const struct buf *records);
void tar_builder_end(struct buf *out);

void tar_builder_gzip(const struct buf *in, struct buf *out);
void tar_builder_zstd(const struct buf *in, struct buf *out);    /* raw blocks */
