#include "test/sim/vfs_fault.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/map.h"
#include "base/panic.h"
#include "base/rng.h"
#include "base/str.h"

enum { SECTOR = 512 };

struct file {
	uint8_t *seen, *synced; /* both size bytes long, zero behind their lengths */
	bool *dirty; /* per sector: seen differs from synced */
	size_t size, seen_length, synced_length;
	bool is_there, is_there_synced; /* the name */
	/* It was removed, or emptied, and nothing says that this has reached the disk: then it comes back, whole. A file system frees blocks
	 * when their new owner is known; it does not blank them one by one. */
	uint8_t *ghost;
	size_t ghost_length;
};
struct handle {
	sqlite3_file base;
	struct vfs_fault *vfs;
	struct file *file;
	uint64_t epoch;
};
struct vfs_fault {
	sqlite3_vfs base;
	char *name;
	struct rng rng;
	struct map *files;
	pthread_mutex_t mutex;
	pthread_cond_t released;
	bool held, lies;
	uint64_t epoch, acts, unplug_at, fail_write_in, fail_sync_in;
	size_t capacity;
};

/* --- contents ---------------------------------------------------------------------------------- */

static void reserve(struct file *file, size_t size)
{
	if (size <= file->size)
		return;
	size_t old = file->size;
	file->size = ALIGN_UP(MAX(size, old * 2), SECTOR);
	file->seen = mem_resize(file->seen, file->size, 1);
	file->synced = mem_resize(file->synced, file->size, 1);
	file->dirty = mem_resize(file->dirty, file->size / SECTOR, sizeof(bool));
	memset(file->seen + old, 0, file->size - old);
	memset(file->synced + old, 0, file->size - old);
	memset(file->dirty + old / SECTOR, 0, (file->size - old) / SECTOR * sizeof(bool));
}

static void mark_dirty(struct file *file, size_t from, size_t to)
{
	for (size_t sector = from / SECTOR; sector * SECTOR < to; sector++)
		file->dirty[sector] = true;
}

static void keep_sector(struct file *file, size_t sector)
{
	memcpy(file->synced + sector * SECTOR, file->seen + sector * SECTOR, SECTOR);
	file->dirty[sector] = false;
}

static void sync_file(struct file *file)
{
	size_t count = file->size / SECTOR, end;

	for (size_t i = 0; i < count; i = end + 1) {
		for (end = i; end < count && file->dirty[end];)
			end++;
		if (end > i) {
			memcpy(file->synced + i * SECTOR, file->seen + i * SECTOR, (end - i) * SECTOR);
			memset(file->dirty + i, 0, end - i);
		}
	}
	file->synced_length = file->seen_length;
}

/* As SQLite does on Unix: the first sync of a new file syncs its folder too, and with it every name
 * in there. */
static void sync_names(struct vfs_fault *vfs)
{
	size_t at = 0;
	const char *path;
	void *value;

	while (map_next(vfs->files, &at, &path, &value)) {
		struct file *file = value;
		file->is_there_synced = file->is_there;
		free(file->ghost);
		file->ghost = NULL;
	}
}

/* The file of that name is another one from now on. The old one, as the disk has it, may come back. */
static void bury(struct file *file, struct rng *rng)
{
	bool comes_back = file->is_there_synced && !file->ghost;

	for (size_t i = 0; comes_back && i < file->size / SECTOR; i++)
		if (file->dirty[i] && rng_below(rng, 2))
			keep_sector(file, i);
	if (comes_back) {
		file->ghost = mem_new(file->synced_length + 1, 1);
		file->ghost_length = file->synced_length;
		if (file->synced_length > 0)
			memcpy(file->ghost, file->synced, file->synced_length);
	}
	if (file->size > 0) {
		memset(file->seen, 0, file->size);
		memset(file->synced, 0, file->size);
		memset(file->dirty, 0, file->size / SECTOR * sizeof(bool));
	}
	file->seen_length = file->synced_length = 0;
	file->is_there = false;
}

static void rise(struct file *file)
{
	reserve(file, file->ghost_length);
	if (file->size > 0) {
		memset(file->synced, 0, file->size);
		memset(file->dirty, 0, file->size / SECTOR * sizeof(bool));
	}
	if (file->ghost_length > 0)
		memcpy(file->synced, file->ghost, file->ghost_length);
	if (file->size > 0)
		memcpy(file->seen, file->synced, file->size);
	file->seen_length = file->synced_length = file->ghost_length;
	file->is_there = true;
}

/* Dice for each sector that was on its way, for the length, for the name. */
static void lose(struct file *file, struct rng *rng)
{
	bool rises = file->ghost && rng_below(rng, 2);

	if (rises)
		rise(file);
	if (file->ghost && !rises)
		file->is_there_synced = false;
	free(file->ghost);
	file->ghost = NULL;
	if (rises)
		return;
	for (size_t i = 0; i < file->size / SECTOR; i++)
		if (file->dirty[i] && rng_below(rng, 2))
			keep_sector(file, i);
	if (rng_below(rng, 2))
		file->synced_length = file->seen_length;
	if (rng_below(rng, 2))
		file->is_there_synced = file->is_there;

	if (!file->is_there_synced)
		file->synced_length = 0;
	if (file->size > 0) {
		memset(file->synced + file->synced_length, 0, file->size - file->synced_length);
		memcpy(file->seen, file->synced, file->size);
		memset(file->dirty, 0, file->size / SECTOR * sizeof(bool));
	}
	file->seen_length = file->synced_length;
	file->is_there = file->is_there_synced;
}

/* --- faults ------------------------------------------------------------------------------------ */

/* Counts an act; false when the power is gone. */
static bool act(struct vfs_fault *vfs)
{
	while (vfs->held)
		pthread_cond_wait(&vfs->released, &vfs->mutex);
	vfs->acts++;
	return !vfs->unplug_at || vfs->acts < vfs->unplug_at;
}

static bool strikes(uint64_t *countdown)
{
	return *countdown > 0 && --*countdown == 0;
}

static bool is_dead(const struct handle *handle)
{
	const struct vfs_fault *vfs = handle->vfs;

	return handle->epoch != vfs->epoch || (vfs->unplug_at && vfs->acts >= vfs->unplug_at);
}

static size_t bytes_in_all(struct vfs_fault *vfs)
{
	size_t at = 0, bytes = 0;
	const char *path;
	void *value;

	while (map_next(vfs->files, &at, &path, &value))
		bytes += ((struct file *)value)->seen_length;
	return bytes;
}

/* --- SQLite's side ----------------------------------------------------------------------------- */

static int file_read(struct handle *handle, void *to, size_t count, size_t offset)
{
	const struct file *file = handle->file;

	if (is_dead(handle))
		return SQLITE_IOERR_READ;
	size_t there = offset < file->seen_length ? file->seen_length - offset : 0;
	size_t got = MIN(there, count);
	if (got > 0)
		memcpy(to, file->seen + offset, got);
	memset((char *)to + got, 0, count - got);
	return got == count ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int file_write(struct handle *handle, const void *from, size_t count, size_t offset)
{
	struct file *file = handle->file;
	struct vfs_fault *vfs = handle->vfs;

	if (is_dead(handle) || !act(vfs) || strikes(&vfs->fail_write_in))
		return SQLITE_IOERR_WRITE;
	size_t growth = offset + count > file->seen_length ? offset + count - file->seen_length : 0;
	if (vfs->capacity && growth > 0 && bytes_in_all(vfs) + growth > vfs->capacity)
		return SQLITE_FULL;
	reserve(file, offset + count);
	memcpy(file->seen + offset, from, count);
	file->seen_length += growth;
	mark_dirty(file, offset, offset + count);
	return SQLITE_OK;
}

static int file_truncate(struct handle *handle, size_t size)
{
	struct file *file = handle->file;

	if (is_dead(handle) || !act(handle->vfs))
		return SQLITE_IOERR_TRUNCATE;
	if (size >= file->seen_length)
		return SQLITE_OK;
	if (size == 0) {
		bury(file, &handle->vfs->rng);
		file->is_there = true;
		return SQLITE_OK;
	}
	memset(file->seen + size, 0, file->seen_length - size);
	mark_dirty(file, size, file->seen_length);
	file->seen_length = size;
	return SQLITE_OK;
}

static int file_sync(struct handle *handle)
{
	struct file *file = handle->file;

	if (is_dead(handle) || !act(handle->vfs))
		return SQLITE_IOERR_FSYNC;
	if (strikes(&handle->vfs->fail_sync_in)) {
		memset(file->dirty, 0, file->size / SECTOR * sizeof(bool));
		return SQLITE_IOERR_FSYNC;
	}
	if (handle->vfs->lies)
		return SQLITE_OK;
	sync_file(file);
	if (!file->is_there_synced || file->ghost)
		sync_names(handle->vfs);
	return SQLITE_OK;
}

#define HANDLE(base) ((struct handle *)(void *)(base))
#define LOCKED(call)                                                                               \
	do {                                                                                       \
		pthread_mutex_lock(&handle->vfs->mutex);                                           \
		int result = (call);                                                               \
		pthread_mutex_unlock(&handle->vfs->mutex);                                         \
		return result;                                                                     \
	} while (0)

static int x_close(sqlite3_file *base UNUSED)
{
	return SQLITE_OK;
}

static int x_read(sqlite3_file *base, void *to, int count, sqlite3_int64 offset)
{
	struct handle *handle = HANDLE(base);

	LOCKED(file_read(handle, to, (size_t)count, (size_t)offset));
}

static int x_write(sqlite3_file *base, const void *from, int count, sqlite3_int64 offset)
{
	struct handle *handle = HANDLE(base);

	LOCKED(file_write(handle, from, (size_t)count, (size_t)offset));
}

static int x_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct handle *handle = HANDLE(base);

	LOCKED(file_truncate(handle, (size_t)size));
}

static int x_sync(sqlite3_file *base, int flags UNUSED)
{
	struct handle *handle = HANDLE(base);

	LOCKED(file_sync(handle));
}

static int x_file_size(sqlite3_file *base, sqlite3_int64 *ret)
{
	*ret = (sqlite3_int64)HANDLE(base)->file->seen_length;
	return SQLITE_OK;
}

static int x_lock(sqlite3_file *base UNUSED, int level UNUSED)
{
	return SQLITE_OK;
}

static int x_check_reserved_lock(sqlite3_file *base UNUSED, int *ret)
{
	*ret = 0;
	return SQLITE_OK;
}

static int x_file_control(sqlite3_file *base UNUSED, int op UNUSED, void *arg UNUSED)
{
	return SQLITE_NOTFOUND;
}

static int x_sector_size(sqlite3_file *base UNUSED)
{
	return SECTOR;
}

static int x_device_characteristics(sqlite3_file *base UNUSED)
{
	return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = x_close,
	.xRead = x_read,
	.xWrite = x_write,
	.xTruncate = x_truncate,
	.xSync = x_sync,
	.xFileSize = x_file_size,
	.xLock = x_lock,
	.xUnlock = x_lock,
	.xCheckReservedLock = x_check_reserved_lock,
	.xFileControl = x_file_control,
	.xSectorSize = x_sector_size,
	.xDeviceCharacteristics = x_device_characteristics,
};

static struct vfs_fault *self(sqlite3_vfs *base)
{
	return CONTAINER_OF(base, struct vfs_fault, base);
}

static struct file *find(struct vfs_fault *vfs, const char *path)
{
	struct file *file = map_get(vfs->files, path);

	return file && file->is_there ? file : NULL;
}

static struct file *make(struct vfs_fault *vfs, const char *path)
{
	struct file *file = map_get(vfs->files, path);

	if (!file) {
		file = NEW(struct file);
		map_put(vfs->files, path, file);
	}
	file->is_there = true;
	return file;
}

static int open_file(struct vfs_fault *vfs, const char *path, struct handle *handle, int flags)
{
	struct file *file = find(vfs, path);

	if (vfs->unplug_at && vfs->acts >= vfs->unplug_at)
		return SQLITE_CANTOPEN;
	if (!file && !(flags & SQLITE_OPEN_CREATE))
		return SQLITE_CANTOPEN;
	*handle = (struct handle){ { &methods }, vfs, file ? file : make(vfs, path), vfs->epoch };
	return SQLITE_OK;
}

static int x_open(sqlite3_vfs *base, sqlite3_filename path, sqlite3_file *out, int flags,
		  int *ret_flags)
{
	struct vfs_fault *vfs = self(base);

	check(path); /* temporary files live in memory: nothing here sorts */
	out->pMethods = NULL;
	pthread_mutex_lock(&vfs->mutex);
	int got = open_file(vfs, path, HANDLE(out), flags);
	pthread_mutex_unlock(&vfs->mutex);
	if (ret_flags)
		*ret_flags = flags;
	return got;
}

static int remove_file(struct vfs_fault *vfs, const char *path, bool durable)
{
	struct file *file = find(vfs, path);

	if (!file)
		return SQLITE_IOERR_DELETE_NOENT;
	if (!act(vfs))
		return SQLITE_IOERR_DELETE;
	bury(file, &vfs->rng);
	if (durable)
		sync_names(vfs);
	return SQLITE_OK;
}

static int x_delete(sqlite3_vfs *base, const char *path, int sync_dir)
{
	struct vfs_fault *vfs = self(base);

	pthread_mutex_lock(&vfs->mutex);
	int got = remove_file(vfs, path, sync_dir);
	pthread_mutex_unlock(&vfs->mutex);
	return got;
}

static int x_access(sqlite3_vfs *base, const char *path, int flags UNUSED, int *ret)
{
	struct vfs_fault *vfs = self(base);

	pthread_mutex_lock(&vfs->mutex);
	*ret = find(vfs, path) != NULL;
	pthread_mutex_unlock(&vfs->mutex);
	return SQLITE_OK;
}

static int x_full_pathname(sqlite3_vfs *base UNUSED, const char *path, int size, char *ret)
{
	return str_copy(ret, (size_t)size, path) ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int x_randomness(sqlite3_vfs *base, int count, char *ret)
{
	struct vfs_fault *vfs = self(base);

	pthread_mutex_lock(&vfs->mutex);
	for (int i = 0; i < count; i++)
		ret[i] = (char)rng_next(&vfs->rng);
	pthread_mutex_unlock(&vfs->mutex);
	return count;
}

static int x_sleep(sqlite3_vfs *base UNUSED, int microseconds)
{
	return microseconds; /* nobody to wait for */
}

static int x_current_time(sqlite3_vfs *base UNUSED, double *ret)
{
	*ret = 2461041.5; /* any day: nothing stored depends on it */
	return SQLITE_OK;
}

static int x_last_error(sqlite3_vfs *base UNUSED, int size UNUSED, char *ret UNUSED)
{
	return EIO;
}

/* --- the test's side --------------------------------------------------------------------------- */

struct vfs_fault *vfs_fault_new(const char *name, uint64_t seed)
{
	struct vfs_fault *vfs = NEW(struct vfs_fault);

	vfs->name = str_dup(name);
	vfs->files = map_new();
	rng_seed(&vfs->rng, seed);
	pthread_mutex_init(&vfs->mutex, NULL);
	pthread_cond_init(&vfs->released, NULL);
	vfs->base = (sqlite3_vfs){
		.iVersion = 1,
		.szOsFile = sizeof(struct handle),
		.mxPathname = 512,
		.zName = vfs->name,
		.xOpen = x_open,
		.xDelete = x_delete,
		.xAccess = x_access,
		.xFullPathname = x_full_pathname,
		.xRandomness = x_randomness,
		.xSleep = x_sleep,
		.xCurrentTime = x_current_time,
		.xGetLastError = x_last_error,
	};
	check(sqlite3_vfs_register(&vfs->base, 0) == SQLITE_OK);
	return vfs;
}

void vfs_fault_free(struct vfs_fault *vfs)
{
	size_t at = 0;
	const char *path;
	void *value;

	if (!vfs)
		return;
	sqlite3_vfs_unregister(&vfs->base);
	while (map_next(vfs->files, &at, &path, &value)) {
		struct file *file = value;
		free(file->ghost);
		free(file->seen);
		free(file->synced);
		free(file->dirty);
		free(file);
	}
	map_free(vfs->files);
	pthread_mutex_destroy(&vfs->mutex);
	pthread_cond_destroy(&vfs->released);
	free(vfs->name);
	free(vfs);
}

void vfs_fault_freep(struct vfs_fault **vfs)
{
	vfs_fault_free(*vfs);
	*vfs = NULL;
}

uint64_t vfs_fault_acts(const struct vfs_fault *vfs)
{
	return vfs->acts;
}

void vfs_fault_unplug_in(struct vfs_fault *vfs, uint64_t count)
{
	pthread_mutex_lock(&vfs->mutex);
	vfs->unplug_at = vfs->acts + count;
	pthread_mutex_unlock(&vfs->mutex);
}

void vfs_fault_power_loss(struct vfs_fault *vfs)
{
	size_t at = 0;
	const char *path;
	void *value;

	pthread_mutex_lock(&vfs->mutex);
	while (map_next(vfs->files, &at, &path, &value))
		lose(value, &vfs->rng);
	vfs->epoch++;
	vfs->unplug_at = vfs->fail_write_in = vfs->fail_sync_in = 0;
	vfs->capacity = 0;
	pthread_mutex_unlock(&vfs->mutex);
}

void vfs_fault_fail_write_in(struct vfs_fault *vfs, uint64_t count)
{
	pthread_mutex_lock(&vfs->mutex);
	vfs->fail_write_in = count;
	pthread_mutex_unlock(&vfs->mutex);
}

void vfs_fault_fail_sync_in(struct vfs_fault *vfs, uint64_t count)
{
	pthread_mutex_lock(&vfs->mutex);
	vfs->fail_sync_in = count;
	pthread_mutex_unlock(&vfs->mutex);
}

void vfs_fault_lie(struct vfs_fault *vfs, bool lies)
{
	vfs->lies = lies;
}

void vfs_fault_hold(struct vfs_fault *vfs, bool held)
{
	pthread_mutex_lock(&vfs->mutex);
	vfs->held = held;
	pthread_cond_broadcast(&vfs->released);
	pthread_mutex_unlock(&vfs->mutex);
}

void vfs_fault_set_capacity(struct vfs_fault *vfs, size_t bytes)
{
	pthread_mutex_lock(&vfs->mutex);
	vfs->capacity = bytes;
	pthread_mutex_unlock(&vfs->mutex);
}

size_t vfs_fault_bytes(struct vfs_fault *vfs)
{
	pthread_mutex_lock(&vfs->mutex);
	size_t bytes = bytes_in_all(vfs);
	pthread_mutex_unlock(&vfs->mutex);
	return bytes;
}

void vfs_fault_flip(struct vfs_fault *vfs, const char *path, size_t offset)
{
	struct file *file = find(vfs, path);

	check(file && offset < file->seen_length);
	file->seen[offset] ^= 0x10;
	file->synced[offset] ^= 0x10;
}
