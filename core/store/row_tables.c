#include "store/row_tables.h"

#include <stdlib.h>

#include "base/panic.h"
#include "base/str.h"

static const struct { const char *columns, *upsert, *one, *order; } layouts[] = {
	[ROWS_BY_ID] = {
		"(id TEXT PRIMARY KEY NOT NULL, data BLOB NOT NULL)",
		"(id, data) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET data = excluded.data",
		"id = ?1",
		"rowid",
	},
	[ROWS_BY_CREATION] = {
		"(created INTEGER NOT NULL, id TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (created, id)) WITHOUT ROWID",
		"(id, data, created) VALUES (?1, ?2, ?3) ON CONFLICT (created, id) DO UPDATE SET data = excluded.data",
		"created = ?3 AND id = ?1",
		"created, id",
	},
};

static int open_table(struct row_tables *tables, struct row_table *table, const char *name, struct err *err)
{
	struct sql_db *db = tables->db;
	enum rows_layout layout = tables->layout;
	CLEANUP(str_freep) char *make = str_printf("CREATE TABLE IF NOT EXISTS %s %s", name, layouts[layout].columns);
	CLEANUP(str_freep) char *put = str_printf("INSERT INTO %s %s", name, layouts[layout].upsert);
	CLEANUP(str_freep) char *remove = str_printf("DELETE FROM %s WHERE %s", name, layouts[layout].one);
	CLEANUP(str_freep) char *load = str_printf("SELECT id, data FROM %s ORDER BY %s", name, layouts[layout].order);
	CLEANUP(str_freep) char *clear = str_printf("DELETE FROM %s", name);

	if (sql_db_exec(db, make, err) < 0 || sql_db_prepare(db, put, &table->put, err) < 0 ||
	    sql_db_prepare(db, remove, &table->remove, err) < 0 ||
	    sql_db_prepare(db, load, &table->load, err) < 0 ||
	    sql_db_prepare(db, clear, &table->clear, err) < 0)
		return -1;
	return 0;
}

int row_tables_open(struct row_tables *tables, struct sql_db *db, const char *const *names,
		    size_t count, enum rows_layout layout, struct err *err)
{
	*tables = (struct row_tables){ db, NEW_ARRAY(struct row_table, count + 1), count, layout };
	for (size_t i = 0; i < count; i++) {
		if (!names[i] || open_table(tables, &tables->items[i], names[i], err) == 0)
			continue;
		row_tables_close(tables);
		return -1;
	}
	return 0;
}

void row_tables_close(struct row_tables *tables)
{
	for (size_t i = 0; i < tables->count; i++) {
		sqlite3_finalize(tables->items[i].put);
		sqlite3_finalize(tables->items[i].remove);
		sqlite3_finalize(tables->items[i].load);
		sqlite3_finalize(tables->items[i].clear);
	}
	free(tables->items);
	*tables = (struct row_tables){ 0 };
}

int row_tables_write(struct row_tables *tables, const struct store_row *row, struct err *err)
{
	check(row->table < tables->count && tables->items[row->table].put);

	const struct row_table *table = &tables->items[row->table];
	sqlite3_stmt *stmt = row->bytes ? table->put : table->remove;
	sqlite3_bind_text(stmt, 1, row->id, -1, SQLITE_STATIC);
	if (row->bytes)
		sqlite3_bind_blob64(stmt, 2, row->bytes, row->size, SQLITE_STATIC);
	if (tables->layout == ROWS_BY_CREATION)
		sqlite3_bind_int64(stmt, 3, (sqlite3_int64)row->created);
	return sql_db_run(tables->db, stmt, err);
}

int row_tables_clear(struct row_tables *tables, struct err *err)
{
	for (size_t i = 0; i < tables->count; i++)
		if (tables->items[i].clear && sql_db_run(tables->db, tables->items[i].clear, err) < 0)
			return -1;
	return 0;
}

/* "" and not NULL for an empty row: NULL means gone. */
static int give(sqlite3_stmt *stmt, unsigned table, store_row_fn *row_fn, void *arg,
		struct err *err)
{
	const char *id = (const char *)sqlite3_column_text(stmt, 0);
	const void *bytes = sqlite3_column_blob(stmt, 1);

	check(id);
	return row_fn(arg, table, id, bytes ? bytes : "", (size_t)sqlite3_column_bytes(stmt, 1),
		      err);
}

int row_tables_load(struct row_tables *tables, unsigned table, store_row_fn *row_fn, void *arg,
		    struct err *err)
{
	check(table < tables->count);
	sqlite3_stmt *stmt = tables->items[table].load;
	int got = 0;

	if (!stmt)
		return 0;
	while ((got = sql_db_step(tables->db, stmt, err)) == 1)
		if (give(stmt, table, row_fn, arg, err) < 0) {
			got = -1;
			break;
		}
	sqlite3_reset(stmt);
	return got;
}
