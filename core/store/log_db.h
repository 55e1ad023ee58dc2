/* log_db.h - raft.db: term, vote and the log. On the store thread only. */
#pragma once
#include "store/sql_db.h"
#include "store/store_cluster.h"

struct log_db {
	struct sql_db sql;
	sqlite3_stmt *put, *truncate, *hard, *cut;
	/* the hard state in the file: written only when it differs */
	struct store_hard stored;
	uint64_t first, last;           /* entries in the file; last < first: none */
};

int log_db_open(struct log_db *db, const char *root, const char *vfs, struct err *err);
/* Of a file that was loaded: whose it is from now on, and what comes behind what it holds; one transaction. */
int log_db_found(struct log_db *db, const struct store_self *self, const struct store_append *first,
		 struct err *err);
/* ERR_IO for a gap or an entry whose checksum is wrong. */
int log_db_load(struct log_db *db, struct store_log *ret, struct err *err);
void log_db_close(struct log_db *db);

/* All of them in order, one transaction, one fsync. On -1 nothing is known: close it. */
int log_db_write(struct log_db *db, const struct store_append *writes, size_t count, struct err *err);
/* Removes entries at or below index, a bounded number of them; ret_more: call again. */
int log_db_cut(struct log_db *db, uint64_t index, bool *ret_more, struct err *err);
/* What it shows is in the main file and fsynced. After a failed fsync the kernel may show pages
 * that never reached the disk; this writes them once more. */
int log_db_settle(struct log_db *db, struct err *err);
