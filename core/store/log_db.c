#include "store/log_db.h"

#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/panic.h"
#include "base/str.h"

enum { FORMAT = 1, CUT_AT_ONCE = 1000 };

/* Integers beyond 2^63 (raft ids have 63 bits) never occur; SQLite keeps them signed. crc: of the
 * bytes, seeded with index, term and type; SQLite itself would not notice a flipped bit. */
static const char schema[] =
	"CREATE TABLE hard (id INTEGER PRIMARY KEY CHECK (id = 1), term INTEGER NOT NULL,"
	" vote INTEGER NOT NULL, election_ms INTEGER NOT NULL);"
	"INSERT INTO hard VALUES (1, 0, 0, 0);"
	"CREATE TABLE log (idx INTEGER PRIMARY KEY, term INTEGER NOT NULL, type INTEGER NOT NULL,"
	" now_ms INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL)";

/* Files of before this table have none: whose they are is found in their entries. */
static const char self_schema[] =
	"CREATE TABLE IF NOT EXISTS self (id INTEGER PRIMARY KEY CHECK (id = 1),"
	" raft_id INTEGER NOT NULL, cluster_id TEXT NOT NULL, node_id TEXT NOT NULL)";

static uint32_t crc_of(const struct store_entry *entry)
{
	uint64_t head[] = { entry->index, entry->term, entry->type, (uint64_t)entry->now_ms };

	return crc32_of(crc32_of(0, head, sizeof(head)), entry->bytes, entry->size);
}

static int create(struct log_db *db, struct err *err)
{
	if (sql_db_begin(&db->sql, err) < 0)
		return -1;
	if (sql_db_exec(&db->sql, schema, err) < 0 ||
	    sql_db_exec(&db->sql, self_schema, err) < 0 || sql_db_stamp(&db->sql, FORMAT, err) < 0) {
		sql_db_rollback(&db->sql);
		return -1;
	}
	return sql_db_commit(&db->sql, err);
}

static int prepare(struct log_db *db, struct err *err)
{
	struct sql_db *sql = &db->sql;

	if (sql_db_prepare(sql, "INSERT INTO log VALUES (?1, ?2, ?3, ?4, ?5, ?6)", &db->put, err) <
		    0 ||
	    sql_db_prepare(sql, "DELETE FROM log WHERE idx >= ?1", &db->truncate, err) < 0 ||
	    sql_db_prepare(sql, "DELETE FROM log WHERE idx <= ?1", &db->cut, err) < 0 ||
	    sql_db_prepare(sql, "UPDATE hard SET term = ?1, vote = ?2, election_ms = ?3", &db->hard,
			   err) < 0)
		return -1;
	return 0;
}

int log_db_open(struct log_db *db, const char *root, const char *vfs, struct err *err)
{
	struct sql_options options = {
		.vfs = vfs, .full_sync = true, .autocheckpoint = 1000, .format = FORMAT
	};
	bool is_new;

	*db = (struct log_db){ .first = 1 };
	if (sql_db_open(&db->sql, root, "raft.db", &options, &is_new, err) < 0)
		return -1;
	if ((is_new && create(db, err) < 0) || prepare(db, err) < 0) {
		log_db_close(db);
		return -1;
	}
	return 0;
}

void log_db_close(struct log_db *db)
{
	sqlite3_finalize(db->put);
	sqlite3_finalize(db->truncate);
	sqlite3_finalize(db->cut);
	sqlite3_finalize(db->hard);
	sql_db_close(&db->sql);
	*db = (struct log_db){ 0 };
}

static int load_hard(struct log_db *db, struct store_hard *ret, struct err *err)
{
	sqlite3_stmt *stmt;

	if (sql_db_prepare(&db->sql, "SELECT term, vote, election_ms FROM hard", &stmt, err) < 0)
		return -1;
	int got = sql_db_step(&db->sql, stmt, err);
	if (got == 1)
		*ret = (struct store_hard){ (uint64_t)sqlite3_column_int64(stmt, 0),
					    (uint64_t)sqlite3_column_int64(stmt, 1),
					    sqlite3_column_int64(stmt, 2) };
	sqlite3_finalize(stmt);
	if (got == 0)
		return err_set(err, ERR_DAMAGED, "%s is damaged: its term is missing", db->sql.path);
	return got < 0 ? -1 : 0;
}

static bool has_self(struct log_db *db)
{
	return sqlite3_table_column_metadata(db->sql.handle, NULL, "self", NULL, NULL, NULL, NULL,
					     NULL, NULL) == SQLITE_OK;
}

static int load_self(struct log_db *db, struct store_self *ret, struct err *err)
{
	sqlite3_stmt *stmt;

	if (!has_self(db))
		return 0;
	if (sql_db_prepare(&db->sql, "SELECT raft_id, cluster_id, node_id FROM self", &stmt, err) < 0)
		return -1;
	int got = sql_db_step(&db->sql, stmt, err);
	if (got == 1) {
		ret->raft_id = (uint64_t)sqlite3_column_int64(stmt, 0);
		str_copy(ret->cluster_id, ID_SIZE, (const char *)sqlite3_column_text(stmt, 1));
		str_copy(ret->node_id, ID_SIZE, (const char *)sqlite3_column_text(stmt, 2));
	}
	sqlite3_finalize(stmt);
	return got < 0 ? -1 : 0;
}

static int read_entry(struct log_db *db, sqlite3_stmt *stmt, struct store_entry *ret,
		      struct err *err)
{
	struct store_entry entry = {
		.index = (uint64_t)sqlite3_column_int64(stmt, 0),
		.term = (uint64_t)sqlite3_column_int64(stmt, 1),
		.type = (unsigned)sqlite3_column_int(stmt, 2),
		.now_ms = sqlite3_column_int64(stmt, 3),
		.bytes = sqlite3_column_blob(stmt, 5),
		.size = (size_t)sqlite3_column_bytes(stmt, 5),
	};

	if (crc_of(&entry) != (uint32_t)sqlite3_column_int64(stmt, 4))
		return err_set(err, ERR_DAMAGED, "%s is damaged: entry %llu has a wrong checksum",
			       db->sql.path, (unsigned long long)entry.index);
	if (entry.size > 0)
		entry.bytes = memcpy(NEW_ARRAY(char, entry.size), entry.bytes, entry.size);
	*ret = entry;
	return 0;
}

static int load_entries(struct log_db *db, sqlite3_stmt *stmt, struct store_log *log,
			struct err *err)
{
	size_t size = 0;
	int got;

	while ((got = sql_db_step(&db->sql, stmt, err)) == 1) {
		if (log->entry_count == size) {
			size = size ? size * 2 : 64;
			log->entries = mem_resize(log->entries, size, sizeof(*log->entries));
		}
		struct store_entry *entry = &log->entries[log->entry_count];
		if (read_entry(db, stmt, entry, err) < 0)
			return -1;
		if (log->entry_count++ > 0 && entry->index != entry[-1].index + 1)
			return err_set(err, ERR_DAMAGED, "%s is damaged: entry %llu is missing",
				       db->sql.path, (unsigned long long)entry[-1].index + 1);
	}
	return got;
}

int log_db_load(struct log_db *db, struct store_log *ret, struct err *err)
{
	static const char all[] = "SELECT idx, term, type, now_ms, crc, data FROM log ORDER BY idx";
	struct store_log log = { 0 };
	sqlite3_stmt *stmt;

	if (load_hard(db, &log.hard, err) < 0 || load_self(db, &log.self, err) < 0 || sql_db_prepare(&db->sql, all, &stmt, err) < 0)
		return -1;
	int got = load_entries(db, stmt, &log, err);
	sqlite3_finalize(stmt);
	if (got < 0) {
		store_log_fini(&log);
		return -1;
	}
	db->stored = log.hard;
	if (log.entry_count > 0) {
		db->first = log.entries[0].index;
		db->last = log.entries[log.entry_count - 1].index;
	}
	*ret = log;
	return 0;
}

static int write_hard(struct log_db *db, const struct store_hard *hard, struct err *err)
{
	if (hard->term == db->stored.term && hard->vote == db->stored.vote &&
	    hard->election_ms == db->stored.election_ms)
		return 0;
	sqlite3_bind_int64(db->hard, 1, (sqlite3_int64)hard->term);
	sqlite3_bind_int64(db->hard, 2, (sqlite3_int64)hard->vote);
	sqlite3_bind_int64(db->hard, 3, hard->election_ms);
	db->stored = *hard;
	return sql_db_run(&db->sql, db->hard, err);
}

static int write_entry(struct log_db *db, const struct store_entry *entry, struct err *err)
{
	sqlite3_bind_int64(db->put, 1, (sqlite3_int64)entry->index);
	sqlite3_bind_int64(db->put, 2, (sqlite3_int64)entry->term);
	sqlite3_bind_int(db->put, 3, (int)entry->type);
	sqlite3_bind_int64(db->put, 4, entry->now_ms);
	sqlite3_bind_int64(db->put, 5, crc_of(entry));
	sqlite3_bind_blob64(db->put, 6, entry->size ? entry->bytes : "", entry->size,
			    SQLITE_STATIC);
	return sql_db_run(&db->sql, db->put, err);
}

static int forget_log(struct log_db *db, struct err *err)
{
	db->first = 1;
	db->last = 0;
	return sql_db_exec(&db->sql, "DELETE FROM log", err);
}

static int write_one(struct log_db *db, const struct store_append *write, struct err *err)
{
	if (write_hard(db, &write->hard, err) < 0 || (write->forgets_log && forget_log(db, err) < 0))
		return -1;
	if (write->entry_count == 0)
		return 0;
	if (db->last < db->first)
		db->first = write->entries[0].index;
	if (write->entries[0].index <= db->last) {
		sqlite3_bind_int64(db->truncate, 1, (sqlite3_int64)write->entries[0].index);
		if (sql_db_run(&db->sql, db->truncate, err) < 0)
			return -1;
	}
	for (size_t i = 0; i < write->entry_count; i++)
		if (write_entry(db, &write->entries[i], err) < 0)
			return -1;
	db->last = write->entries[write->entry_count - 1].index;
	return 0;
}

static int write_self(struct log_db *db, const struct store_self *self, struct err *err)
{
	sqlite3_stmt *stmt;

	if (sql_db_prepare(&db->sql, "REPLACE INTO self VALUES (1, ?1, ?2, ?3)", &stmt, err) < 0)
		return -1;
	sqlite3_bind_int64(stmt, 1, (sqlite3_int64)self->raft_id);
	sqlite3_bind_text(stmt, 2, self->cluster_id, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 3, self->node_id, -1, SQLITE_STATIC);
	int got = sql_db_run(&db->sql, stmt, err);
	sqlite3_finalize(stmt);
	return got;
}

int log_db_found(struct log_db *db, const struct store_self *self, const struct store_append *first,
		 struct err *err)
{
	if (sql_db_begin(&db->sql, err) < 0)
		return -1;
	if (sql_db_exec(&db->sql, self_schema, err) < 0 || write_self(db, self, err) < 0 || write_one(db, first, err) < 0) {
		sql_db_rollback(&db->sql);
		return -1;
	}
	return sql_db_commit(&db->sql, err);
}

int log_db_write(struct log_db *db, const struct store_append *writes, size_t count, struct err *err)
{
	if (sql_db_begin(&db->sql, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (write_one(db, &writes[i], err) < 0) {
			sql_db_rollback(&db->sql);
			return -1;
		}
	return sql_db_commit(&db->sql, err);
}

int log_db_cut(struct log_db *db, uint64_t index, bool *ret_more, struct err *err)
{
	uint64_t until = MIN(index, db->last);

	*ret_more = false;
	if (until < db->first)
		return 0;
	if (until - db->first >= CUT_AT_ONCE) {
		until = db->first + CUT_AT_ONCE - 1;
		*ret_more = true;
	}
	sqlite3_bind_int64(db->cut, 1, (sqlite3_int64)until);
	if (sql_db_run(&db->sql, db->cut, err) < 0)
		return -1;
	db->first = until + 1;
	return 0;
}

int log_db_settle(struct log_db *db, struct err *err)
{
	return sql_db_checkpoint(&db->sql, false, err);
}
