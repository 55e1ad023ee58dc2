#include "store/sql_db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"

enum { APPLICATION_ID = 0x73776278 /* "swbx" */, WAL_PIECE = 64 << 10 };

/* After a failed sync what is in the WAL may be nowhere but in the kernel's memory: it must not find its way into the main file by the
 * checkpoint that SQLite does at a close. It is written anew at the next open. */
static int fail(struct sql_db *db, const char *verb, struct err *err)
{
	int code = sqlite3_errcode(db->handle) & 0xff;
	int cause = sqlite3_system_errno(db->handle);

	db->is_in_doubt |= code == SQLITE_IOERR;
	if (code == SQLITE_IOERR)
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	switch (code) {
	case SQLITE_FULL:
		return err_set(err, ERR_IO, "cannot %s %s: the disk is full", verb, db->name);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, ERR_DAMAGED, "%s is damaged: %s", db->path,
			       sqlite3_errmsg(db->handle));
	case SQLITE_BUSY:
		return err_set(err, ERR_IO, "cannot %s %s: another process uses it", verb,
			       db->name);
	default:
		return err_set(err, ERR_IO, "cannot %s %s: %s%s%s", verb, db->name,
			       sqlite3_errmsg(db->handle), cause ? ", " : "",
			       cause ? strerror(cause) : "");
	}
}

int sql_db_exec(struct sql_db *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return fail(db, "write", err);
}

int sql_db_prepare(struct sql_db *db, const char *sql, sqlite3_stmt **ret, struct err *err)
{
	unsigned flags = SQLITE_PREPARE_PERSISTENT;

	if (sqlite3_prepare_v3(db->handle, sql, -1, flags, ret, NULL) == SQLITE_OK)
		return 0;
	return fail(db, "read", err);
}

int sql_db_step(struct sql_db *db, sqlite3_stmt *stmt, struct err *err)
{
	switch (sqlite3_step(stmt)) {
	case SQLITE_ROW:
		return 1;
	case SQLITE_DONE:
		return 0;
	default:
		return fail(db, sqlite3_stmt_readonly(stmt) ? "read" : "write", err);
	}
}

int sql_db_run(struct sql_db *db, sqlite3_stmt *stmt, struct err *err)
{
	int got = sql_db_step(db, stmt, err);

	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	check(got <= 0);
	return got;
}

int sql_db_begin(struct sql_db *db, struct err *err)
{
	return sql_db_exec(db, "BEGIN IMMEDIATE", err);
}

int sql_db_commit(struct sql_db *db, struct err *err)
{
	if (sql_db_exec(db, "COMMIT", err) == 0)
		return 0;
	sql_db_rollback(db);
	return -1;
}

void sql_db_rollback(struct sql_db *db)
{
	if (db->handle && !sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

int sql_db_checkpoint(struct sql_db *db, bool keeps_wal, struct err *err)
{
	int mode = keeps_wal ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_TRUNCATE;

	if (sqlite3_wal_checkpoint_v2(db->handle, NULL, mode, NULL, NULL) == SQLITE_OK)
		return 0;
	return fail(db, "checkpoint", err);
}

/* The first column of the first row; the text lives until the statement is finalized. */
static int ask(struct sql_db *db, const char *sql, char *ret_text, size_t size, struct err *err)
{
	sqlite3_stmt *stmt;

	if (sql_db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	int got = sql_db_step(db, stmt, err);
	if (got == 1)
		str_copy(ret_text, size, (const char *)sqlite3_column_text(stmt, 0));
	sqlite3_finalize(stmt);
	if (got == 0)
		return err_set(err, ERR_IO, "%s: no answer to '%s'", db->name, sql);
	return got < 0 ? -1 : 0;
}

/* Sets a pragma and makes sure that it took: some are ignored in silence. */
static int set(struct sql_db *db, const char *pragma, const char *value, const char *reads_back,
	       struct err *err)
{
	CLEANUP(str_freep) char *write = str_printf("PRAGMA %s=%s", pragma, value);
	CLEANUP(str_freep) char *read = str_printf("PRAGMA %s", pragma);
	char got[64] = "";

	if (sql_db_exec(db, write, err) < 0 || ask(db, read, got, sizeof(got), err) < 0)
		return -1;
	if (strcmp(got, reads_back) != 0)
		return err_set(err, ERR_IO, "%s: %s is %s, not %s", db->name, pragma, got,
			       reads_back);
	return 0;
}

/* locking_mode before journal_mode: an exclusive owner needs no shared memory file. */
static int set_all(struct sql_db *db, const struct sql_options *options, struct err *err)
{
	CLEANUP(str_freep) char *pages = str_printf("%d", options->autocheckpoint);

	if (set(db, "page_size", "4096", "4096", err) < 0 ||
	    set(db, "locking_mode", "EXCLUSIVE", "exclusive", err) < 0 ||
	    set(db, "journal_mode", "WAL", "wal", err) < 0 ||
	    set(db, "synchronous", options->full_sync ? "FULL" : "NORMAL",
		options->full_sync ? "2" : "1", err) < 0 ||
	    set(db, "wal_autocheckpoint", pages, pages, err) < 0)
		return -1;
	return 0;
}

/* A pragma or a count: a number, always. */
static int ask_number(struct sql_db *db, const char *sql, int64_t *ret, struct err *err)
{
	char text[32];

	if (ask(db, sql, text, sizeof(text), err) < 0)
		return -1;
	check(str_to_i64(text, ret) == 0);
	return 0;
}

static int check_format(struct sql_db *db, int format, bool *ret_is_new, struct err *err)
{
	int64_t tables, application, version;

	if (ask_number(db, "SELECT count(*) FROM sqlite_schema", &tables, err) < 0 ||
	    ask_number(db, "PRAGMA application_id", &application, err) < 0 ||
	    ask_number(db, "PRAGMA user_version", &version, err) < 0)
		return -1;
	*ret_is_new = tables == 0;
	db->format = *ret_is_new ? format : (int)version;
	if (*ret_is_new)
		return 0;
	if (application != APPLICATION_ID)
		return err_set(err, ERR_IO, "%s is not a file of swarmbox", db->path);
	if (version > format)
		return err_set(err, ERR_UNSUPPORTED,
			       "%s has format %lld; this version of swarmbox knows up to %d",
			       db->path, (long long)version, format);
	return 0;
}

int sql_db_stamp(struct sql_db *db, int format, struct err *err)
{
	CLEANUP(str_freep)
	char *sql = str_printf("PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID,
			       format);

	return sql_db_exec(db, sql, err);
}

static int check_pages(struct sql_db *db, struct err *err)
{
	char verdict[256];

	if (ask(db, "PRAGMA quick_check(1)", verdict, sizeof(verdict), err) < 0)
		return -1;
	if (strcmp(verdict, "ok") != 0)
		return err_set(err, ERR_DAMAGED, "%s is damaged: %s", db->path, verdict);
	return 0;
}

static int copy_onto_itself(sqlite3_file *file, uint8_t *piece)
{
	sqlite3_int64 size;
	int got = file->pMethods->xFileSize(file, &size);

	for (sqlite3_int64 at = 0; got == SQLITE_OK && at < size; at += WAL_PIECE) {
		int count = (int)MIN(size - at, (sqlite3_int64)WAL_PIECE);

		got = file->pMethods->xRead(file, piece, count, at);
		if (got == SQLITE_OK)
			got = file->pMethods->xWrite(file, piece, count, at);
	}
	return got == SQLITE_OK && size > 0 ? file->pMethods->xSync(file, SQLITE_SYNC_NORMAL) : got;
}

/* A WAL of another life, or of another handle, as the kernel shows it: whether the disk has it nobody knows if a sync has failed then, for
 * the kernel believes that it has. Written again it is on its way again. Without this a checkpoint that the power ends halfway could find
 * neither its source nor its target whole. */
static int renew_wal(struct sql_db *db, struct err *err)
{
	uint8_t *piece = mem_new(WAL_PIECE, 1);
	sqlite3_file *wal = NULL;
	int got = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);

	if (got == SQLITE_OK && wal && wal->pMethods)
		got = copy_onto_itself(wal, piece);
	free(piece);
	return got == SQLITE_OK ? 0 : err_set(err, ERR_IO, "cannot write %s-wal: %s", db->name, sqlite3_errstr(got));
}

/* SQLite would make it readable to the world; its WAL takes over the mode of the main file. */
static int make_private(const char *path, const char *root, struct err *err)
{
	CLEANUP(fd_closep) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0)
		return err_sys(err, "cannot make %s", path);
	return dir_sync(root, err);
}

static int open_handle(struct sql_db *db, const char *root, const char *vfs, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE;

	if (!vfs && make_private(db->path, root, err) < 0)
		return -1;
	if (sqlite3_open_v2(db->path, &db->handle, flags, vfs) != SQLITE_OK)
		return fail(db, "open", err);
	return 0;
}

int sql_db_open(struct sql_db *db, const char *root, const char *name,
		const struct sql_options *options, bool *ret_is_new, struct err *err)
{
	*db = (struct sql_db){ .path = path_join(root, name), .name = name };
	if (open_handle(db, root, options->vfs, err) < 0 || set_all(db, options, err) < 0 ||
	    check_format(db, options->format, ret_is_new, err) < 0 || check_pages(db, err) < 0 || renew_wal(db, err) < 0) {
		sql_db_close(db);
		return -1;
	}
	return 0;
}

/* Statements belong to whoever prepared them; close after them. */
void sql_db_close(struct sql_db *db)
{
	if (db->handle)
		check(sqlite3_close(db->handle) == SQLITE_OK);
	free(db->path);
	*db = (struct sql_db){ 0 };
}

bool sql_file_exists(const char *vfs_name, const char *root, const char *name)
{
	CLEANUP(str_freep) char *path = path_join(root, name);
	sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_name);
	int exists = 0;

	check(vfs);
	return vfs->xAccess(vfs, path, SQLITE_ACCESS_EXISTS, &exists) == SQLITE_OK && exists;
}

int sql_file_remove(const char *vfs_name, const char *root, const char *name, struct err *err)
{
	static const char *const suffixes[] = { "", "-wal", "-journal", "-shm" };
	sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_name);

	check(vfs);
	for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
		CLEANUP(str_freep) char *file = str_printf("%s%s", name, suffixes[i]);
		CLEANUP(str_freep) char *path = path_join(root, file);
		int got = vfs->xDelete(vfs, path, 1) & 0xffff;
		if (got != SQLITE_OK && got != SQLITE_IOERR_DELETE_NOENT)
			return err_set(err, ERR_IO, "cannot remove %s: %s", path,
				       sqlite3_errstr(got));
	}
	return 0;
}

static int rename_file(const char *root, const char *name, const char *to, const char *suffix, struct err *err)
{
	CLEANUP(str_freep) char *from = str_printf("%s/%s%s", root, name, suffix);
	CLEANUP(str_freep) char *dest = str_printf("%s/%s%s", root, to, suffix);

	return rename(from, dest) == 0 || errno == ENOENT ? 0 : err_sys(err, "cannot rename %s", from);
}

int sql_file_set_aside(const char *vfs, const char *root, const char *name, bool keeps, struct err *err)
{
	CLEANUP(str_freep) char *to = str_printf("%s.damaged", name);

	if (sql_file_remove(vfs, root, to, err) < 0)
		return -1;
	if (!keeps || vfs)
		return 0;
	if (rename_file(root, name, to, "-wal", err) < 0 || rename_file(root, name, to, "", err) < 0)
		return -1;
	return dir_sync(root, err);
}
