/* sql_db.h - one SQLite file: opened with our pragmas and checked, statements, errors as sentences.
 *
 * Only for the store thread. Errors name the file: "cannot write raft.db: the disk is full".
 */
#pragma once
#include <sqlite3.h>

#include "base/base.h"
#include "base/err.h"

struct sql_db {
	sqlite3 *handle;        /* NULL: closed */
	char *path;
	const char *name;       /* last part of path */
	int format;             /* user_version of the file */
	bool is_in_doubt;       /* the disk has failed: until it is opened anew, nobody knows what it holds */
};
struct sql_options {
	const char *vfs;        /* NULL: the disk */
	bool full_sync;         /* synchronous=FULL, else NORMAL */
	int autocheckpoint;     /* pages; 0: the caller does it */
	int format;             /* user_version of this file; a higher one is refused */
};

/* Makes the file (0600) when it is missing, sets and reads back the pragmas, runs quick_check, makes sure that the disk has the WAL.
 * ret_is_new: it holds no tables yet; the caller makes them and then calls sql_db_stamp. */
int sql_db_open(struct sql_db *db, const char *root, const char *name,
		const struct sql_options *options, bool *ret_is_new, struct err *err);
void sql_db_close(struct sql_db *db);   /* twice is harmless */
int sql_db_stamp(struct sql_db *db, int format, struct err *err);

int sql_db_exec(struct sql_db *db, const char *sql, struct err *err);
int sql_db_prepare(struct sql_db *db, const char *sql, sqlite3_stmt **ret, struct err *err);
/* One row or the end: 1, 0, -1. The caller resets. */
int sql_db_step(struct sql_db *db, sqlite3_stmt *stmt, struct err *err);
/* For statements that give no rows: steps, resets, forgets the bindings. */
int sql_db_run(struct sql_db *db, sqlite3_stmt *stmt, struct err *err);
int sql_db_begin(struct sql_db *db, struct err *err);
int sql_db_commit(struct sql_db *db, struct err *err);
void sql_db_rollback(struct sql_db *db);        /* harmless outside a transaction */
/* Everything committed is in the main file and fsynced, the WAL is empty; keeps_wal: written anew from its
 * beginning, which is quicker than growing again. */
int sql_db_checkpoint(struct sql_db *db, bool keeps_wal, struct err *err);

/* The VFS' doors: does the file exist; remove it and what belongs to it. */
bool sql_file_exists(const char *vfs, const char *root, const char *name);
int sql_file_remove(const char *vfs, const char *root, const char *name, struct err *err);
/* NAME.damaged goes; with keeps the file, and its WAL, take that name. A VFS that is not the disk keeps nothing: it has no door for that. */
int sql_file_set_aside(const char *vfs, const char *root, const char *name, bool keeps, struct err *err);
