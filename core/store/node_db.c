#include "store/node_db.h"

enum { FORMAT = 1 };

static int make_tables(struct node_db *db, bool is_new, const char *const *names, size_t count,
		       struct err *err)
{
	if (is_new &&
	    (sql_db_exec(&db->sql, "CREATE TABLE wipe (id INTEGER PRIMARY KEY)", err) < 0 ||
	     sql_db_stamp(&db->sql, FORMAT, err) < 0))
		return -1;
	return row_tables_open(&db->tables, &db->sql, names, count, err);
}

int node_db_open(struct node_db *db, const char *root, const char *vfs, const char *const *names,
		 size_t count, struct err *err)
{
	struct sql_options options = { .vfs = vfs, .autocheckpoint = 1000, .format = FORMAT };
	bool is_new;

	*db = (struct node_db){ 0 };
	if (sql_db_open(&db->sql, root, "node.db", &options, &is_new, err) < 0)
		return -1;
	if (sql_db_begin(&db->sql, err) < 0 || make_tables(db, is_new, names, count, err) < 0 ||
	    sql_db_commit(&db->sql, err) < 0) {
		sql_db_rollback(&db->sql);
		node_db_close(db);
		return -1;
	}
	return 0;
}

void node_db_close(struct node_db *db)
{
	row_tables_close(&db->tables);
	sql_db_close(&db->sql);
}

int node_db_write(struct node_db *db, const struct store_row *rows, size_t count, struct err *err)
{
	if (sql_db_begin(&db->sql, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (row_tables_write(&db->tables, &rows[i], err) < 0) {
			sql_db_rollback(&db->sql);
			return -1;
		}
	return sql_db_commit(&db->sql, err);
}

int node_db_note_wipe(struct node_db *db, bool under_way, struct err *err)
{
	const char *sql = under_way ? "INSERT OR IGNORE INTO wipe VALUES (1)" : "DELETE FROM wipe";

	if (sql_db_exec(&db->sql, sql, err) < 0)
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
