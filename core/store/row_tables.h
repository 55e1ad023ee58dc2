/* row_tables.h - tables of (id, bytes), one per kind of thing, in a file of somebody else. A load gives
 * rows in the order in which they were made.
 *
 * ROWS_BY_ID: rowid tables, where an update keeps its row, and an index of ids. ROWS_BY_CREATION: the row lies where the entry that made it
 * has put it. Ids are random: an index of many has a page for each row that comes, and a transaction writes them all; in order of creation
 * what comes together lies together. */
#pragma once
#include "store/sql_db.h"
#include "store/store.h"

enum rows_layout { ROWS_BY_ID, ROWS_BY_CREATION };
struct row_table { sqlite3_stmt *put, *remove, *load, *clear; };
struct row_tables {
	struct sql_db *db;
	struct row_table *items;        /* names that were NULL have no statements */
	size_t count;
	enum rows_layout layout;
};

/* Makes the tables that are missing. names: [a-z_]+ or NULL. */
int row_tables_open(struct row_tables *tables, struct sql_db *db, const char *const *names,
		    size_t count, enum rows_layout layout, struct err *err);
void row_tables_close(struct row_tables *tables);
int row_tables_write(struct row_tables *tables, const struct store_row *row, struct err *err);
int row_tables_clear(struct row_tables *tables, struct err *err);
int row_tables_load(struct row_tables *tables, unsigned table, store_row_fn *row_fn, void *arg,
		    struct err *err);
