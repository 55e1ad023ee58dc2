/* node_db.h - node.db: tables of (id, bytes) for this host, and the note that a wipe is under way.
 * On the store thread only. After the disk has failed the next use opens it anew, and fails if it cannot. */
#pragma once
#include "store/row_tables.h"

struct node_db {
	struct sql_db sql;
	struct row_tables tables;
	const char *root, *vfs; /* these and the names are the caller's */
	const char *const *names;
	size_t count;
	int wal_pages;          /* in the WAL after the last commit */
};

int node_db_open(struct node_db *db, const char *root, const char *vfs, const char *const *names,
		 size_t count, struct err *err);
void node_db_close(struct node_db *db);
/* All or nothing. */
int node_db_write(struct node_db *db, const struct store_row *rows, size_t count, struct err *err);
int node_db_load(struct node_db *db, unsigned table, store_row_fn *row_fn, void *arg, struct err *err);
/* Fsynced when it returns. */
int node_db_note_wipe(struct node_db *db, bool under_way, struct err *err);
int node_db_is_wiping(struct node_db *db, bool *ret, struct err *err);
