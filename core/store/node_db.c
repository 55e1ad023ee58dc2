#include "store/node_db.h"

#include "os/log.h"

enum { FORMAT = 1, CHECKPOINT_PAGES = 1000 };

static int make_tables(struct node_db *db, bool is_new, const char *const *names, size_t count,
		       struct err *err)
{
	if (is_new &&
	    (sql_db_exec(&db->sql, "CREATE TABLE wipe (id INTEGER PRIMARY KEY)", err) < 0 ||
	     sql_db_stamp(&db->sql, FORMAT, err) < 0))
		return -1;
	return row_tables_open(&db->tables, &db->sql, names, count, ROWS_BY_ID, err);
}

static int note_pages(void *arg, sqlite3 *handle UNUSED, const char *name UNUSED, int pages)
{
	struct node_db *db = arg;

	db->wal_pages = pages;
	return SQLITE_OK;
}

static int open_file(struct node_db *db, struct err *err)
{
	struct sql_options options = { .vfs = db->vfs, .format = FORMAT };
	bool is_new;

	db->wal_pages = 0;
	if (sql_db_open(&db->sql, db->root, "node.db", &options, &is_new, err) < 0)
		return -1;
	sqlite3_wal_hook(db->sql.handle, note_pages, db);
	if (sql_db_begin(&db->sql, err) < 0 || make_tables(db, is_new, db->names, db->count, err) < 0 ||
	    sql_db_commit(&db->sql, err) < 0) {
		sql_db_rollback(&db->sql);
		node_db_close(db);
		return -1;
	}
	return 0;
}

int node_db_open(struct node_db *db, const char *root, const char *vfs, const char *const *names,
		 size_t count, struct err *err)
{
	*db = (struct node_db){ .root = root, .vfs = vfs, .names = names, .count = count };
	return open_file(db, err);
}

void node_db_close(struct node_db *db)
{
	row_tables_close(&db->tables);
	sql_db_close(&db->sql);
}

/* What a failed sync has lost is in the kernel's memory still, which believes that the disk has it: a checkpoint from there that the power
 * ends halfway would leave neither the WAL nor the file whole. Opened anew, the WAL is written again. */
static int renew(struct node_db *db, struct err *err)
{
	if (db->sql.handle && !db->sql.is_in_doubt)
		return 0;
	node_db_close(db);
	return open_file(db, err);
}

static int write_rows(struct node_db *db, const struct store_row *rows, size_t count, struct err *err)
{
	if (renew(db, err) < 0 || sql_db_begin(&db->sql, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (row_tables_write(&db->tables, &rows[i], err) < 0) {
			sql_db_rollback(&db->sql);
			return -1;
		}
	return sql_db_commit(&db->sql, err);
}

/* What is committed is kept if this fails, and it is tried again behind the next write. */
static void checkpoint(struct node_db *db)
{
	struct err err;

	if (sql_db_checkpoint(&db->sql, true, &err) < 0)
		log_warn("%s", err.text);
	else
		db->wal_pages = 0;
}

int node_db_write(struct node_db *db, const struct store_row *rows, size_t count, struct err *err)
{
	if (write_rows(db, rows, count, err) < 0)
		return -1;
	if (db->wal_pages >= CHECKPOINT_PAGES)
		checkpoint(db);
	return 0;
}

int node_db_load(struct node_db *db, unsigned table, store_row_fn *row_fn, void *arg, struct err *err)
{
	return renew(db, err) < 0 ? -1 : row_tables_load(&db->tables, table, row_fn, arg, err);
}

int node_db_note_wipe(struct node_db *db, bool under_way, struct err *err)
{
	const char *sql = under_way ? "INSERT OR IGNORE INTO wipe VALUES (1)" : "DELETE FROM wipe";

	if (renew(db, err) < 0 || sql_db_exec(&db->sql, sql, err) < 0)
		return -1;
	return sql_db_checkpoint(&db->sql, false, err);
}

int node_db_is_wiping(struct node_db *db, bool *ret, struct err *err)
{
	sqlite3_stmt *stmt;

	if (sql_db_prepare(&db->sql, "SELECT 1 FROM wipe", &stmt, err) < 0)
		return -1;
	int got = sql_db_step(&db->sql, stmt, err);
	sqlite3_finalize(stmt);
	if (got < 0)
		return -1;
	*ret = got == 1;
	return 0;
}
