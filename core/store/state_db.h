/* state_db.h - state.db: the cluster's objects as rows, and the mark that says how far they go. On
 * the store thread only. The struct stays where it is while open: its parts point at each other. */
#pragma once
#include "store/row_tables.h"
#include "store/store_cluster.h"

struct state_db {
	struct sql_db sql;
	struct row_tables tables;
	sqlite3_stmt *put_mark;
	int wal_pages;          /* in the WAL after the last commit */
};
/* What one entry changed. */
struct state_write {
	bool replaces;          /* all rows there were go first */
	struct store_row *rows;
	size_t count;
	struct store_mark mark;
};

int state_db_open(struct state_db *db, const char *root, const char *vfs, const char *const *names,
		  size_t count, struct err *err);
/* Every row, then the mark; mark's members are the caller's to free. */
int state_db_load(struct state_db *db, store_row_fn *row_fn, void *arg, struct store_mark *ret,
		  struct err *err);
void state_db_close(struct state_db *db);
/* In order, in one transaction with all that was written since the last commit; the last mark stands for all.
 * On -1 nothing of that is there. No checkpoint inside. */
int state_db_write(struct state_db *db, const struct state_write *const *writes, size_t count,
		   bool commits, struct err *err);
/* What was committed is in the main file and fsynced. */
int state_db_checkpoint(struct state_db *db, bool keeps_wal, struct err *err);
