/* A state machine over 512-byte blocks. What an entry announces in advance (long names, pax records) is collected in `meta`, and
 * forgotten when the entry has begun.
 */
#include "image/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/tar_header.h"
#include "image/tar_pax.h"

enum tar_state {
	TAR_HEADER,             /* collecting a header block */
	TAR_META,               /* collecting what announces an entry */
	TAR_EXTENSION,          /* collecting an old GNU sparse extension block */
	TAR_MAP,                /* collecting blocks of a pax 1.0 sparse map */
	TAR_DATA, TAR_SKIP, TAR_END
};

enum { MAP_COUNT_DUE = -1 };

struct tar_reader {
	const struct tar_events *events;
	void *arg;
	enum tar_state state;
	bool has_failed;
	uint8_t block[TAR_BLOCK];
	size_t block_bytes;
	int zero_blocks;

	char meta_type;
	int64_t meta_left;
	struct buf meta;                                 /* being collected */
	struct buf long_path, long_link, pax_bytes;      /* for the entry to come */
	struct tar_pax pax, global;

	char path[TAR_SHOW_SIZE];                        /* of the entry under way, for errors */
	bool is_file;                                    /* on_data and on_end are due */
	struct tar_segments segments;
	struct buf map_text;
	int64_t map_left;                                /* numbers of the map to come, or MAP_COUNT_DUE */
	int64_t real_size, data_left, skip_left;
	int64_t padding;                                 /* of what is being skipped the last bytes, which say nothing */
	size_t segment;
	int64_t segment_done;
	int64_t newest_s;
};

static int take_block(struct tar_reader *r, struct err *err);
static int take_meta(struct tar_reader *r, const uint8_t **at, size_t *count, struct err *err);
static int take_data(struct tar_reader *r, const uint8_t **at, size_t *count, struct err *err);
static int begin_meta(struct tar_reader *r, const struct tar_header *header, struct err *err);
static int begin_entry(struct tar_reader *r, const struct tar_header *header, struct err *err);
static int begin_data(struct tar_reader *r, struct err *err);

struct tar_reader *tar_reader_new(const struct tar_events *events, void *arg)
{
	struct tar_reader *r = NEW(struct tar_reader);

	r->events = events;
	r->arg = arg;
	return r;
}

static void forget_meta(struct tar_reader *r)
{
	tar_pax_fini(&r->pax);
	buf_fini(&r->long_path);
	buf_fini(&r->long_link);
	buf_fini(&r->pax_bytes);
}

void tar_reader_free(struct tar_reader *r)
{
	if (!r)
		return;
	forget_meta(r);
	tar_pax_fini(&r->global);
	tar_segments_fini(&r->segments);
	buf_fini(&r->meta);
	buf_fini(&r->map_text);
	free(r);
}

int64_t tar_reader_newest_s(const struct tar_reader *r)
{
	return r->newest_s;
}

static int feed(struct tar_reader *r, const uint8_t *at, size_t count, struct err *err)
{
	while (count) {
		size_t part;

		switch (r->state) {
		case TAR_HEADER:
		case TAR_EXTENSION:
		case TAR_MAP:
			part = MIN(count, TAR_BLOCK - r->block_bytes);
			memcpy(r->block + r->block_bytes, at, part);
			r->block_bytes += part;
			at += part;
			count -= part;
			if (r->block_bytes < TAR_BLOCK)
				break;
			r->block_bytes = 0;
			if (take_block(r, err) < 0)
				return -1;
			break;
		case TAR_META:
			if (take_meta(r, &at, &count, err) < 0)
				return -1;
			break;
		case TAR_DATA:
			if (take_data(r, &at, &count, err) < 0)
				return -1;
			break;
		case TAR_SKIP:
			part = (size_t)MIN((int64_t)count, r->skip_left);
			at += part;
			count -= part;
			r->skip_left -= (int64_t)part;
			if (r->skip_left == 0)
				r->state = TAR_HEADER;
			break;
		case TAR_END:
			return 0;
		}
	}
	return 0;
}

int tar_reader_feed(struct tar_reader *r, const void *bytes, size_t count, struct err *err)
{
	check(!r->has_failed);
	if (feed(r, bytes, count, err) == 0)
		return 0;
	r->has_failed = true;
	return -1;
}

int tar_reader_finish(struct tar_reader *r, struct err *err)
{
	bool is_between = (r->state == TAR_HEADER && r->block_bytes == 0) || (r->state == TAR_SKIP && r->skip_left <= r->padding);

	if (r->state == TAR_END || (is_between && !r->pax_bytes.len && !r->long_path.len && !r->long_link.len))
		return 0;
	if (!r->path[0])
		return err_set(err, ERR_INVALID, "not a tar archive: it ends in its first header");
	return err_set(err, ERR_INVALID, "the archive breaks off behind the start of entry '%s'", r->path);
}

static void skip(struct tar_reader *r, int64_t bytes)
{
	r->padding = 0;
	r->skip_left = bytes;
	r->state = bytes ? TAR_SKIP : TAR_HEADER;
}

static int64_t padding(int64_t size)
{
	return (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK;
}

/* ---- headers ---------------------------------------------------------------------------------------------------------------- */

static int take_header(struct tar_reader *r, struct err *err)
{
	struct tar_header header;

	if (tar_header_is_zero(r->block)) {
		if (++r->zero_blocks == 2)
			r->state = TAR_END;
		return 0;
	}
	r->zero_blocks = 0;
	if (tar_header_decode(r->block, &header, err) < 0)
		return r->path[0] ? err_wrap(err, "behind entry '%s'", r->path) : -1;
	if (header.size > INT64_MAX - TAR_BLOCK)
		return err_set(err, ERR_INVALID, "entry '%s': a size that cannot be", tar_show(header.name, r->path));
	switch (header.type) {
	case 'x': case 'X': case 'g': case 'L': case 'K':
		return begin_meta(r, &header, err);
	case 'V':                                        /* the name of the tape */
		skip(r, header.size + padding(header.size));
		return 0;
	default:
		return begin_entry(r, &header, err);
	}
}

static int begin_meta(struct tar_reader *r, const struct tar_header *header, struct err *err)
{
	if (header->size > TAR_META_MAX)
		return err_set(err, ERR_INVALID, "entry '%s': an extended header of %lld bytes, more than %d",
			       tar_show(header->name, r->path), (long long)header->size, TAR_META_MAX);
	r->meta_type = header->type;
	r->meta_left = header->size;
	buf_clear(&r->meta);
	r->state = TAR_META;
	if (!r->path[0])
		tar_show(header->name, r->path);
	return header->size == 0 ? take_meta(r, &(const uint8_t *){ NULL }, &(size_t){ 0 }, err) : 0;
}

/* Long names end at their first NUL. */
static void keep_long(struct buf *to, const struct buf *from)
{
	buf_clear(to);
	buf_add_str(to, buf_text(from));
}

static int finish_meta(struct tar_reader *r, struct err *err)
{
	struct buf fresh = r->meta;

	switch (r->meta_type) {
	case 'L':
		keep_long(&r->long_path, &r->meta);
		return 0;
	case 'K':
		keep_long(&r->long_link, &r->meta);
		return 0;
	case 'g':
		return tar_pax_parse(&r->global, r->meta.data, r->meta.len, true, err);
	default:
		if (r->pax_bytes.len)
			return err_set(err, ERR_INVALID, "two pax headers for one entry");
		r->meta = r->pax_bytes;              /* the records point into the bytes: they move with their memory */
		r->pax_bytes = fresh;
		return tar_pax_parse(&r->pax, r->pax_bytes.data, r->pax_bytes.len, false, err);
	}
}

static int take_meta(struct tar_reader *r, const uint8_t **at, size_t *count, struct err *err)
{
	size_t part = (size_t)MIN((int64_t)*count, r->meta_left);

	if (part) {
		buf_add(&r->meta, *at, part);
		*at += part;
		*count -= part;
		r->meta_left -= (int64_t)part;
	}
	if (r->meta_left)
		return 0;
	skip(r, padding((int64_t)r->meta.len));
	if (finish_meta(r, err) < 0)
		return r->path[0] ? err_wrap(err, "at or behind entry '%s'", r->path) : -1;
	return 0;
}

static int take_block(struct tar_reader *r, struct err *err)
{
	struct tar_segment found[21];
	bool more;

	if (r->state == TAR_HEADER)
		return take_header(r, err);
	if (r->state == TAR_MAP) {
		r->data_left -= TAR_BLOCK;
		buf_add(&r->map_text, r->block, TAR_BLOCK);
		return begin_data(r, err);
	}
	int count = tar_header_segments(r->block, true, found, &more);
	if (count < 0)
		return err_set(err, ERR_INVALID, "entry '%s': a sparse map with numbers that are none", r->path);
	for (int i = 0; i < count; i++)
		if (tar_segments_add(&r->segments, found[i], err) < 0)
			return err_wrap(err, "entry '%s'", r->path);
	return more ? 0 : begin_data(r, err);
}

/* ---- entries ---------------------------------------------------------------------------------------------------------------- */

static bool kind_of(char type, enum tar_kind *ret)
{
	static const struct { char type; enum tar_kind kind; } kinds[] = {
		{ '0', TAR_FILE }, { '7', TAR_FILE }, { 'S', TAR_FILE }, { '1', TAR_HARDLINK }, { '2', TAR_SYMLINK },
		{ '3', TAR_CHAR_DEVICE }, { '4', TAR_BLOCK_DEVICE }, { '5', TAR_DIR }, { 'D', TAR_DIR }, { '6', TAR_FIFO },
	};

	for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
		if (kinds[i].type == type) {
			*ret = kinds[i].kind;
			return true;
		}
	}
	return false;
}

static int refuse(struct tar_reader *r, struct err *err, const char *why)
{
	return err_set(err, ERR_INVALID, "entry '%s': %s", r->path, why);
}

static int64_t number_of(struct tar_number own, struct tar_number global, int64_t header)
{
	return own.is_set ? own.value : global.is_set ? global.value : header;
}

/* Sparse in one of pax's three ways: the real size is known, and the map is here or in front of the data. */
static bool is_pax_sparse(const struct tar_reader *r)
{
	return r->pax.sparse_major.is_set || r->pax.sparse_size.is_set || r->pax.segments.count;
}

static int begin_sparse(struct tar_reader *r, const struct tar_header *header, struct err *err)
{
	struct tar_segment found[21];
	bool more;

	if (header->type == 'S') {
		int count = tar_header_segments(r->block, false, found, &more);
		if (count < 0 || tar_header_real_size(r->block, &r->real_size) < 0 || r->real_size < 0)
			return refuse(r, err, "a sparse map with numbers that are none");
		for (int i = 0; i < count; i++)
			if (tar_segments_add(&r->segments, found[i], err) < 0)
				return -1;
		r->state = more ? TAR_EXTENSION : TAR_DATA;
		return 0;
	}
	if (!r->pax.sparse_size.is_set)
		return refuse(r, err, "a sparse file without its real size");
	r->real_size = r->pax.sparse_size.value;
	if (!r->pax.sparse_major.is_set || r->pax.sparse_major.value == 0) {
		struct tar_segments taken = r->pax.segments;
		r->pax.segments = r->segments;
		r->segments = taken;
		return 0;
	}
	if (r->pax.sparse_major.value != 1 || number_of(r->pax.sparse_minor, r->pax.sparse_minor, 0) != 0)
		return refuse(r, err, "a sparse format that is not 0.0, 0.1 or 1.0");
	r->state = TAR_MAP;
	r->map_left = MAP_COUNT_DUE;
	return 0;
}

static int fill_entry(struct tar_reader *r, const struct tar_header *header, struct tar_entry *entry, struct err *err)
{
	int64_t uid = number_of(r->pax.uid, r->global.uid, header->uid), gid = number_of(r->pax.gid, r->global.gid, header->gid);

	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return refuse(r, err, "a user or group number that cannot be");
	if (header->major < 0 || header->major > 0xfff || header->minor < 0 || header->minor > 0xfffff)
		return refuse(r, err, "a device number that cannot be");
	entry->mode = (uint32_t)(header->mode & 07777);
	entry->uid = (uint32_t)uid;
	entry->gid = (uint32_t)gid;
	entry->major = (uint32_t)header->major;
	entry->minor = (uint32_t)header->minor;
	entry->mtime_s = number_of(r->pax.mtime_s, r->global.mtime_s, header->mtime);
	entry->mtime_ns = r->pax.mtime_s.is_set ? r->pax.mtime_ns : r->global.mtime_s.is_set ? r->global.mtime_ns : 0;
	entry->size_bytes = entry->kind == TAR_FILE ? r->real_size : 0;
	entry->xattrs = r->pax.xattrs;
	entry->xattr_count = r->pax.xattr_count;
	if (strlen(entry->path) > TAR_PATH_MAX || strlen(entry->link) > TAR_PATH_MAX)
		return refuse(r, err, "a path of more than 4095 bytes");
	bool is_link = entry->kind == TAR_HARDLINK || entry->kind == TAR_SYMLINK;
	if (is_link && !*entry->link)
		return refuse(r, err, "a link without a target");
	if (!is_link)
		entry->link = "";
	return 0;
}

static int announce(struct tar_reader *r, const struct tar_header *header, const char *path, enum tar_kind kind, struct err *err)
{
	const char *link = r->pax.link ? r->pax.link : r->long_link.len ? buf_text(&r->long_link) : header->link;
	struct tar_entry entry = { .kind = kind, .path = path, .link = link };

	if (fill_entry(r, header, &entry, err) < 0)
		return -1;
	r->newest_s = MAX(r->newest_s, entry.mtime_s);
	if (r->events->on_entry(r->arg, &entry, err) < 0)
		return -1;
	forget_meta(r);
	return r->state == TAR_DATA ? begin_data(r, err) : 0;
}

static int begin_entry(struct tar_reader *r, const struct tar_header *header, struct err *err)
{
	char joined[sizeof(header->prefix) + sizeof(header->name)];
	const char *path = r->pax.sparse_name ? r->pax.sparse_name : r->pax.path;
	enum tar_kind kind;

	snprintf(joined, sizeof(joined), "%s%s%s", header->prefix, header->prefix[0] ? "/" : "", header->name);
	if (!path)
		path = r->long_path.len ? buf_text(&r->long_path) : joined;
	tar_show(path, r->path);
	if (!kind_of(header->type, &kind)) {
		char type[2] = { header->type, '\0' }, shown[TAR_SHOW_SIZE];
		return err_set(err, ERR_INVALID, "entry '%s': type '%s' is not supported", r->path, tar_show(type, shown));
	}
	if (!*path)
		return refuse(r, err, "an entry without a name");
	if (kind == TAR_FILE && path[strlen(path) - 1] == '/')           /* v7 had no type for directories */
		kind = TAR_DIR;

	/* Links, devices and directories have no data, whatever their size field says; a dumpdir ('D') has a list of names. */
	int64_t size = r->pax.size.is_set ? r->pax.size.value : header->size;
	if (size > INT64_MAX - TAR_BLOCK)
		return refuse(r, err, "a size that cannot be");
	r->is_file = kind == TAR_FILE;
	r->data_left = r->is_file ? size : 0;
	r->skip_left = r->is_file || header->type == 'D' ? padding(size) + (r->is_file ? 0 : size) : 0;
	r->real_size = size;
	r->segments.count = 0;
	r->segment = 0;
	r->segment_done = 0;
	buf_clear(&r->map_text);
	r->state = TAR_DATA;
	if (r->is_file && (header->type == 'S' || is_pax_sparse(r))) {
		if (begin_sparse(r, header, err) < 0)
			return -1;
	} else if (tar_segments_add(&r->segments, (struct tar_segment){ 0, size }, err) < 0) {
		return -1;
	}
	return announce(r, header, path, kind, err);
}

/* ---- data ------------------------------------------------------------------------------------------------------------------- */

/* One decimal number and its newline out of a pax 1.0 map. 1: taken, 0: more text is needed. */
static int take_map_number(const struct buf *text, size_t *at, int64_t *ret)
{
	int64_t value = 0;
	size_t i = *at;

	while (i < text->len && text->data[i] >= '0' && text->data[i] <= '9') {
		if (i - *at >= 18)
			return -1;
		value = value * 10 + (text->data[i++] - '0');
	}
	if (i == text->len)
		return 0;
	if (i == *at || text->data[i] != '\n')
		return -1;
	*at = i + 1;
	*ret = value;
	return 1;
}

/* The map is a count, then that many pairs of offset and count, filled up to a block. Numbers are taken as their blocks come. */
static int take_map(struct tar_reader *r, struct err *err)
{
	size_t at = 0;
	int64_t number;
	int got = 0;

	while (r->map_left != 0 && (got = take_map_number(&r->map_text, &at, &number)) > 0) {
		if (r->map_left == MAP_COUNT_DUE) {
			if (number > TAR_SEGMENTS_MAX)
				return err_set(err, ERR_INVALID, "a sparse file of more than %d pieces", TAR_SEGMENTS_MAX);
			r->map_left = 2 * number;
			continue;
		}
		if (r->map_left-- % 2 == 1)
			r->segments.items[r->segments.count - 1].count = number;
		else if (tar_segments_add(&r->segments, (struct tar_segment){ number, 0 }, err) < 0)
			return -1;
	}
	buf_drop_front(&r->map_text, at);
	return got < 0 ? err_set(err, ERR_INVALID, "a sparse map with numbers that are none") : 0;
}

static int end_entry(struct tar_reader *r, struct err *err)
{
	skip(r, r->skip_left);
	r->padding = r->is_file ? r->skip_left : 0;
	return r->is_file ? r->events->on_end(r->arg, err) : 0;
}

/* Everything in front of the data has been read; or, in a map, one more block of it. */
static int begin_data(struct tar_reader *r, struct err *err)
{
	if (r->state == TAR_MAP) {
		if (r->data_left >= 0 && take_map(r, err) < 0)
			return err_wrap(err, "entry '%s'", r->path);
		if (r->data_left < (r->map_left ? TAR_BLOCK : 0))
			return refuse(r, err, "a sparse map that breaks off");
		if (r->map_left)
			return 0;
	}
	r->state = TAR_DATA;
	if (r->is_file && tar_segments_check(&r->segments, r->real_size, r->data_left, err) < 0)
		return err_wrap(err, "entry '%s'", r->path);
	return r->data_left ? 0 : end_entry(r, err);
}

static int take_data(struct tar_reader *r, const uint8_t **at, size_t *count, struct err *err)
{
	while (*count && r->data_left) {
		struct tar_segment s = r->segments.items[r->segment];
		int64_t part = MIN((int64_t)*count, s.count - r->segment_done);

		if (part == 0) {
			r->segment++;
			r->segment_done = 0;
			continue;
		}
		if (r->events->on_data(r->arg, s.offset + r->segment_done, *at, (size_t)part, err) < 0)
			return -1;
		*at += part;
		*count -= (size_t)part;
		r->segment_done += part;
		r->data_left -= part;
	}
	return r->data_left ? 0 : end_entry(r, err);
}

/* ---- names ------------------------------------------------------------------------------------------------------------------ */

int tar_path_clean(const char *path, struct buf *ret_path, struct err *err)
{
	char shown[TAR_SHOW_SIZE];

	buf_clear(ret_path);
	for (const char *at = path; *at;) {
		size_t length = strcspn(at, "/");

		if (length == 2 && memcmp(at, "..", 2) == 0) {
			if (ret_path->len == 0)
				return err_set(err, ERR_INVALID, "entry '%s': its path climbs out of the root", tar_show(path, shown));
			const char *slash = strrchr(ret_path->data, '/');
			ret_path->len = slash ? (size_t)(slash - ret_path->data) : 0;
			ret_path->data[ret_path->len] = '\0';
		} else if (length && !(length == 1 && *at == '.')) {
			if (ret_path->len)
				buf_add_char(ret_path, '/');
			buf_add(ret_path, at, length);
		}
		at += length + (at[length] == '/');
	}
	return 0;
}

const char *tar_show(const char *path, char ret_text[TAR_SHOW_SIZE])
{
	bool is_cut = !str_copy(ret_text, TAR_SHOW_SIZE - 4, path);
	size_t length = strlen(ret_text);

	/* A cut may fall into a character: at most its first three bytes are given up. */
	for (int i = 0; is_cut && i < 3 && !str_is_utf8(ret_text, length); i++)
		ret_text[--length] = '\0';
	str_make_line(ret_text);
	if (is_cut)
		memcpy(ret_text + length, "...", 4);
	return ret_text;
}
