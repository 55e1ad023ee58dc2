#include "dispatch/dispatch_msg.h"

#include "base/id.h"
#include "base/str.h"
#include "model/json.h"

static const char *const roles[] = { "worker", "manager", NULL };
static const char *const availabilities[] = { "active", "pause", "drain", NULL };
static const char *const sights[] = { "held", "silent", "left", "away", "stopped", NULL };

static const struct field manager_at_fields[] = {
	F(1, STR, manager_at, node_id, "NodeID", 0),
	F(2, STR, manager_at, address, "Addr", 0),
};
static const struct shape manager_at_shape = SHAPE(manager_at, manager_at_fields);

static const struct field join_ask_fields[] = {
	F(1, STR, join_ask, token, "Token", 0),
	F(2, STR, join_ask, csr, "CSR", 0),
	F(3, STR, join_ask, address, "Addr", 0),
	F_ENUM(4, join_ask, availability, "Availability", 0, availabilities),
	F_OF(5, STRUCT, join_ask, description, "Description", 0, node_description_shape),
};
const struct shape join_ask_shape = SHAPE(join_ask, join_ask_fields);

static const struct field join_answer_fields[] = {
	F(1, STR, join_answer, node_id, "NodeID", 0),
	F(2, STR, join_answer, cluster_id, "ClusterID", 0),
	F_ENUM(3, join_answer, role, "Role", 0, roles),
	F(4, STR, join_answer, cert, "Certificate", 0),
	F(5, STR, join_answer, roots, "Roots", 0),
	F_OF(6, LIST, join_answer, managers, "Managers", 0, manager_at_shape),
	F(7, BYTES, join_answer, cluster_key, "ClusterKey", 0),
	F(8, BYTES, join_answer, lock, "UnlockKey", 0),
	F(9, U64, join_answer, generation, "Generation", 0),
};
const struct shape join_answer_shape = SHAPE(join_answer, join_answer_fields);

static const struct field renew_ask_fields[] = {
	F(1, STR, renew_ask, csr, "CSR", 0),
	F(2, BOOL, renew_ask, is_manager, "Manager", 0),
	F(3, U64, renew_ask, generation, "Generation", 0),
};
const struct shape renew_ask_shape = SHAPE(renew_ask, renew_ask_fields);

static const struct field renew_answer_fields[] = {
	F_ENUM(1, renew_answer, role, "Role", 0, roles),
	F(2, STR, renew_answer, cert, "Certificate", 0),
	F(3, STR, renew_answer, roots, "Roots", 0),
	F(4, BYTES, renew_answer, cluster_key, "ClusterKey", 0),
	F(5, BYTES, renew_answer, lock, "UnlockKey", 0),
};
const struct shape renew_answer_shape = SHAPE(renew_answer, renew_answer_fields);

static const struct field secret_ask_fields[] = {
	F(1, STR, secret_ask, task_id, "TaskID", 0),
	F(2, STR, secret_ask, id, "ID", 0),
	F(3, BOOL, secret_ask, is_config, "Config", 0),
	F(4, U64, secret_ask, offset, "Offset", 0),
};
const struct shape secret_ask_shape = SHAPE(secret_ask, secret_ask_fields);

static const struct field secret_piece_fields[] = {
	F(1, BYTES, secret_piece, bytes, "Bytes", 0),
	F(2, U64, secret_piece, size, "Size", 0),
};
const struct shape secret_piece_shape = SHAPE(secret_piece, secret_piece_fields);

static const char *const open_kinds[] = { "api", NULL };
static const struct field open_ask_fields[] = {
	F(1, STR, open_ask, node_id, "NodeID", 0),
	F_ENUM(2, open_ask, kind, "Kind", 0, open_kinds),
	F(3, STR, open_ask, address, "Addr", 0),
	F(4, BYTES, open_ask, ticket, "Ticket", 0),
};
const struct shape open_ask_shape = SHAPE(open_ask, open_ask_fields);

static const struct field image_ask_fields[] = {
	F(1, STR, image_ask, name, "Name", 0),
	F(2, STR, image_ask, platform, "Platform", 0),
};
const struct shape image_ask_shape = SHAPE(image_ask, image_ask_fields);

static const struct field image_answer_fields[] = {
	F(1, STR, image_answer, manifest, "Manifest", 0),
	F(2, STR, image_answer, index, "Index", 0),
	F(3, STR_LIST, image_answer, sources, "Sources", 0),
};
const struct shape image_answer_shape = SHAPE(image_answer, image_answer_fields);

static const struct field session_ask_fields[] = {
	F_OF(1, STRUCT, session_ask, description, "Description", 0, node_description_shape),
	F(2, STR, session_ask, address, "Addr", 0),
	F(3, I64, session_ask, clock, "Clock", 0),
};
const struct shape session_ask_shape = SHAPE(session_ask, session_ask_fields);

static const struct field session_news_fields[] = {
	F(1, U64, session_news, beat_ms, "BeatPeriod", 0),
	F_ENUM(2, session_news, role, "Role", 0, roles),
	F_OF(3, STRUCT, session_news, tls, "TLSInfo", 0, tls_info_shape),
	F_OF(4, LIST, session_news, managers, "Managers", 0, manager_at_shape),
	F(5, U64, session_news, generation, "Generation", 0),
	F(6, I64, session_news, calendar, "Calendar", 0),
	F(7, I64, session_news, clock, "Clock", 0),
};
const struct shape session_news_shape = SHAPE(session_news, session_news_fields);

static const struct field assign_part_fields[] = {
	F(1, U64, assign_part, sequence, "Sequence", 0),
	F(2, BOOL, assign_part, begins, "Begins", 0),
	F(3, BOOL, assign_part, ends, "Ends", 0),
	F_OF(4, LIST, assign_part, items, "Items", 0, assignment_shape),
	F(5, STR_LIST, assign_part, removed, "Removed", 0),
};
const struct shape assign_part_shape = SHAPE(assign_part, assign_part_fields);

static const struct field status_report_fields[] = { F_OF(1, LIST, status_report, items, "Items", 0, task_status_shape) };
const struct shape status_report_shape = SHAPE(status_report, status_report_fields);

static const struct field member_ask_fields[] = {
	F(1, U64, member_ask, raft_id, "RaftID", 0),
	F(2, STR, member_ask, address, "Addr", 0),
	F(3, STR, member_ask, node_id, "NodeID", 0),
};
const struct shape member_ask_shape = SHAPE(member_ask, member_ask_fields);

static const struct field sighting_fields[] = {
	F(1, STR, sighting, node_id, "NodeID", 0),
	F_ENUM(2, sighting, sight, "Sight", 0, sights),
	F(3, STR, sighting, address, "Addr", 0),
	F(4, U64, sighting, grace_ms, "GraceMs", 0),
};
static const struct shape sighting_shape = SHAPE(sighting, sighting_fields);

static const struct field leaving_ask_fields[] = {
	F_ENUM(1, leaving_ask, sight, "Sight", 0, sights),
};
const struct shape leaving_ask_shape = SHAPE(leaving_ask, leaving_ask_fields);

static const struct field told_fields[] = {
	F(1, U64, told, term, "Term", 0),
	F(2, U64, told, life, "Life", 0),
	F(3, U64, told, number, "Number", 0),
};
const struct shape told_shape = SHAPE(told, told_fields);

static const struct field tidings_fields[] = {
	F(1, BOOL, tidings, is_complete, "Complete", 0),
	F_OF(2, LIST, tidings, sightings, "Sightings", 0, sighting_shape),
	F_OF(3, LIST, tidings, statuses, "Statuses", 0, task_status_shape),
	F_OF(4, STRUCT, tidings, told, "Told", 0, told_shape),
	F(5, I64, tidings, clock, "Clock", 0),
};
const struct shape tidings_shape = SHAPE(tidings, tidings_fields);

static const struct field tidings_answer_fields[] = { F(1, I64, tidings_answer, clock, "Clock", 0) };
const struct shape tidings_answer_shape = SHAPE(tidings_answer, tidings_answer_fields);

void dispatch_write(const struct shape *shape, const void *message, struct buf *out)
{
	json_write_shape(shape, message, out);
}

/* ---- what no descriptor says ------------------------------------------------------------------------------------- */

static int check_id(const char *id, const char *what, struct err *err)
{
	return id && id_is_valid(id) ? 0 : err_set(err, ERR_INVALID, "%s is no id", what);
}

static int check_managers(const struct manager_ats *managers, struct err *err)
{
	if (managers->count > DISPATCH_MANAGERS_MAX)
		return err_set(err, ERR_INVALID, "%zu managers: at most %d are possible", managers->count, DISPATCH_MANAGERS_MAX);
	for (size_t i = 0; i < managers->count; i++)
		if (check_id(managers->items[i].node_id, "a manager's NodeID", err) < 0)
			return -1;
	return 0;
}

static int check_statuses(const struct task_status *items, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (check_id(items[i].task_id, "a status's TaskID", err) < 0)
			return -1;
	return 0;
}

/* In hex, or empty. */
static bool is_digest(const char *hex)
{
	return str_is_empty(hex) || (strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64);
}

static int check_message(const struct shape *shape, const void *message, struct err *err)
{
	if (shape == &join_answer_shape) {
		const struct join_answer *answer = message;

		return check_id(answer->node_id, "NodeID", err) < 0 || check_id(answer->cluster_id, "ClusterID", err) < 0 ? -1 :
		       check_managers(&answer->managers, err);
	}
	if (shape == &secret_ask_shape) {
		const struct secret_ask *ask = message;

		return check_id(ask->task_id, "TaskID", err) < 0 ? -1 : check_id(ask->id, "ID", err);
	}
	if (shape == &open_ask_shape) {
		const struct open_ask *ask = message;

		if (ask->ticket.count != OPEN_TICKET_BYTES || str_is_empty(ask->address))
			return err_set(err, ERR_INVALID, "a ticket has %d bytes, and an address where it is good", OPEN_TICKET_BYTES);
		return check_id(ask->node_id, "NodeID", err);
	}
	if (shape == &image_answer_shape) {
		const struct image_answer *answer = message;

		for (size_t i = 0; i < answer->sources.count; i++)
			if (str_is_empty(answer->sources.items[i]) || strlen(answer->sources.items[i]) >= ADDRESS_SIZE)
				return err_set(err, ERR_INVALID, "an image's source is no address");
		if (answer->sources.count > DISPATCH_MANAGERS_MAX || !is_digest(answer->manifest) || !is_digest(answer->index))
			return err_set(err, ERR_INVALID, "an answer about an image that makes no sense");
		return answer->sources.count && str_is_empty(answer->manifest) ? err_set(err, ERR_INVALID, "an image's digest is missing") : 0;
	}
	if (shape == &session_news_shape)
		return check_managers(&((const struct session_news *)message)->managers, err);
	if (shape == &status_report_shape) {
		const struct status_report *report = message;

		return check_statuses(report->items.items, report->items.count, err);
	}
	if (shape == &assign_part_shape) {
		const struct assign_part *part = message;

		for (size_t i = 0; i < part->items.count; i++)
			if (check_id(part->items.items[i].task_id, "an assignment's TaskID", err) < 0)
				return -1;
	}
	if (shape == &tidings_shape) {
		const struct tidings *tidings = message;

		for (size_t i = 0; i < tidings->sightings.count; i++)
			if (check_id(tidings->sightings.items[i].node_id, "a sighting's NodeID", err) < 0)
				return -1;
		return check_statuses(tidings->statuses.items, tidings->statuses.count, err);
	}
	return 0;
}

/* A byte of JSON may become a hundred in a struct of ours ("{}" in a list): what one message may hold is bounded by its values, too. */
enum { VALUES_MAX = 200000 };

int dispatch_read(const struct shape *shape, const void *body, size_t size, struct arena *arena, void *ret, struct err *err)
{
	yyjson_doc *doc;
	int result;

	if (size == 0)
		body = "{}", size = 2;
	doc = yyjson_read(body, size, 0);
	if (!doc)
		return err_set(err, ERR_INVALID, "%s: not JSON", shape->name);
	if (!yyjson_is_obj(yyjson_doc_get_root(doc)) || yyjson_doc_get_val_count(doc) > VALUES_MAX)
		result = err_set(err, ERR_INVALID, "no object, or one of more than %d values", VALUES_MAX);
	else if ((result = shape_from_json(shape, yyjson_doc_get_root(doc), arena, ret, err)) == 0)
		result = check_message(shape, ret, err);
	yyjson_doc_free(doc);
	return result < 0 ? err_wrap(err, "%s", shape->name) : 0;
}

/* ---- assignments in parts ---------------------------------------------------------------------------------------- */

static size_t written_size(const struct assignment *item)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	json_write_shape(&assignment_shape, item, &out);
	return out.len;
}

static bool send_part(struct assign_part *part, uint64_t *sequence, assign_send_fn *fn, void *arg)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT;

	part->sequence = ++*sequence;
	dispatch_write(&assign_part_shape, part, &body);
	return fn(arg, &body);
}

enum { REMOVED_BYTES = 40 };            /* of one id in a list */

bool assign_send(const struct assignment *items, size_t count, const struct str_array *removed, bool is_complete, uint64_t *sequence,
		 assign_send_fn *fn, void *arg)
{
	struct assign_part part = { .begins = is_complete };
	size_t bytes = 0, gone = removed ? removed->count : 0, gone_at = 0;

	for (size_t i = 0; i < count; i++) {
		size_t more = written_size(&items[i]);

		if (part.items.count && bytes + more > DISPATCH_BODY_MAX) {
			if (!send_part(&part, sequence, fn, arg))
				return false;
			part = (struct assign_part){ 0 };
			bytes = 0;
		}
		if (part.items.count == 0)
			part.items.items = (struct assignment *)(uintptr_t)&items[i];
		part.items.count++;
		bytes += more;
	}
	for (;;) {
		size_t room = bytes < DISPATCH_BODY_MAX ? (DISPATCH_BODY_MAX - bytes) / REMOVED_BYTES : 0;

		part.removed.count = MIN(room, gone - gone_at);
		part.removed.items = gone ? removed->items + gone_at : NULL;
		gone_at += part.removed.count;
		part.ends = is_complete && gone_at == gone;
		if (!send_part(&part, sequence, fn, arg))
			return false;
		if (gone_at == gone)
			return true;
		part = (struct assign_part){ 0 };
		bytes = 0;
	}
}
