#include "store/state_db.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

/* Files of format 1 stay as they are: their rows are found by id alone. */
enum { FORMAT = 2, FORMAT_BY_ID = 1 };

static const char schema[] =
	"CREATE TABLE mark (id INTEGER PRIMARY KEY CHECK (id = 1), idx INTEGER NOT NULL,"
	" term INTEGER NOT NULL, now_ms INTEGER NOT NULL, sum INTEGER NOT NULL,"
	" format_level INTEGER NOT NULL, members_idx INTEGER NOT NULL, members BLOB NOT NULL);"
	"INSERT INTO mark VALUES (1, 0, 0, 0, 0, 0, 0, x'')";
static const char put_mark[] =
	"UPDATE mark SET idx = ?1, term = ?2, now_ms = ?3, sum = ?4, format_level = ?5,"
	" members_idx = ?6, members = ?7";
static const char get_mark[] =
	"SELECT idx, term, now_ms, sum, format_level, members_idx, members FROM mark";

static int note_pages(void *arg, sqlite3 *handle UNUSED, const char *name UNUSED, int pages)
{
	struct state_db *db = arg;

	db->wal_pages = pages;
	return SQLITE_OK;
}

static int make_tables(struct state_db *db, bool is_new, const char *const *names, size_t count,
		       struct err *err)
{
	if (is_new &&
	    (sql_db_exec(&db->sql, schema, err) < 0 || sql_db_stamp(&db->sql, FORMAT, err) < 0))
		return -1;
	enum rows_layout layout = db->sql.format == FORMAT_BY_ID ? ROWS_BY_ID : ROWS_BY_CREATION;
	if (row_tables_open(&db->tables, &db->sql, names, count, layout, err) < 0)
		return -1;
	return sql_db_prepare(&db->sql, put_mark, &db->put_mark, err);
}

int state_db_open(struct state_db *db, const char *root, const char *vfs, const char *const *names,
		  size_t count, struct err *err)
{
	struct sql_options options = { .vfs = vfs, .format = FORMAT };
	bool is_new;

	*db = (struct state_db){ 0 };
	if (sql_db_open(&db->sql, root, "state.db", &options, &is_new, err) < 0)
		return -1;
	sqlite3_wal_hook(db->sql.handle, note_pages, db);
	if (sql_db_begin(&db->sql, err) < 0 || make_tables(db, is_new, names, count, err) < 0 ||
	    sql_db_commit(&db->sql, err) < 0) {
		sql_db_rollback(&db->sql);
		state_db_close(db);
		return -1;
	}
	return 0;
}

void state_db_close(struct state_db *db)
{
	row_tables_close(&db->tables);
	sqlite3_finalize(db->put_mark);
	sql_db_close(&db->sql);
	*db = (struct state_db){ 0 };
}

static void read_mark(sqlite3_stmt *stmt, struct store_mark *mark)
{
	*mark = (struct store_mark){
		.index = (uint64_t)sqlite3_column_int64(stmt, 0),
		.term = (uint64_t)sqlite3_column_int64(stmt, 1),
		.now_ms = sqlite3_column_int64(stmt, 2),
		.sum = (uint64_t)sqlite3_column_int64(stmt, 3),
		.format_level = (uint64_t)sqlite3_column_int64(stmt, 4),
		.members_index = (uint64_t)sqlite3_column_int64(stmt, 5),
		.members_size = (size_t)sqlite3_column_bytes(stmt, 6),
	};
	if (mark->members_size > 0)
		mark->members = memcpy(NEW_ARRAY(char, mark->members_size),
				       sqlite3_column_blob(stmt, 6), mark->members_size);
}

int state_db_load(struct state_db *db, store_row_fn *row_fn, void *arg, struct store_mark *ret,
		  struct err *err)
{
	sqlite3_stmt *stmt;

	if (sql_db_prepare(&db->sql, get_mark, &stmt, err) < 0)
		return -1;
	int got = sql_db_step(&db->sql, stmt, err);
	if (got == 1)
		read_mark(stmt, ret);
	sqlite3_finalize(stmt);
	if (got == 0)
		return err_set(err, ERR_DAMAGED, "%s is damaged: its mark is missing", db->sql.path);
	for (unsigned i = 0; got == 1 && i < db->tables.count; i++)
		if (row_tables_load(&db->tables, i, row_fn, arg, err) < 0)
			return -1;
	return got < 0 ? -1 : 0;
}

static int write_mark(struct state_db *db, const struct store_mark *mark, struct err *err)
{
	sqlite3_bind_int64(db->put_mark, 1, (sqlite3_int64)mark->index);
	sqlite3_bind_int64(db->put_mark, 2, (sqlite3_int64)mark->term);
	sqlite3_bind_int64(db->put_mark, 3, mark->now_ms);
	sqlite3_bind_int64(db->put_mark, 4, (sqlite3_int64)mark->sum);
	sqlite3_bind_int64(db->put_mark, 5, (sqlite3_int64)mark->format_level);
	sqlite3_bind_int64(db->put_mark, 6, (sqlite3_int64)mark->members_index);
	sqlite3_bind_blob64(db->put_mark, 7, mark->members_size ? mark->members : "",
			    mark->members_size, SQLITE_STATIC);
	return sql_db_run(&db->sql, db->put_mark, err);
}

static int write_rows(struct state_db *db, const struct state_write *write, struct err *err)
{
	if (write->replaces && row_tables_clear(&db->tables, err) < 0)
		return -1;
	for (size_t i = 0; i < write->count; i++)
		if (row_tables_write(&db->tables, &write->rows[i], err) < 0)
			return -1;
	return 0;
}

int state_db_write(struct state_db *db, const struct state_write *const *writes, size_t count,
		   bool commits, struct err *err)
{
	check(count > 0);
	if (sqlite3_get_autocommit(db->sql.handle) && sql_db_begin(&db->sql, err) < 0)
		return -1;
	int got = 0;
	for (size_t i = 0; i < count && got == 0; i++)
		got = write_rows(db, writes[i], err);
	if (got == 0 && commits)
		got = write_mark(db, &writes[count - 1]->mark, err);
	if (got < 0) {
		sql_db_rollback(&db->sql);
		return -1;
	}
	return commits ? sql_db_commit(&db->sql, err) : 0;
}

int state_db_checkpoint(struct state_db *db, bool keeps_wal, struct err *err)
{
	if (sql_db_checkpoint(&db->sql, keeps_wal, err) < 0)
		return -1;
	db->wal_pages = 0;
	return 0;
}
