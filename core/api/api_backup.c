/* GET /swarmbox/backup and POST /swarmbox/restore: the whole state of the cluster as one file (manager/backup.h). Docker has no such thing:
 * there, a folder is copied while the daemon stands still. */
#include <stdlib.h>

#include "api/api_internal.h"
#include "base/panic.h"
#include "base/str.h"
#include "manager/backup.h"
#include "pki/unlock_key.h"

enum { PIECE_BYTES = 64 * 1024 };

struct saving { struct api *api; struct http_request *req; struct buf bytes; size_t sent; };

static bool next_piece(void *arg, struct buf *out)
{
	struct saving *s = arg;
	size_t count = MIN(s->bytes.len - s->sent, (size_t)PIECE_BYTES);

	buf_add(out, s->bytes.data + s->sent, count);
	s->sent += count;
	return s->sent < s->bytes.len;
}

static void saved(void *arg)
{
	struct saving *s = arg;

	seal_wipe(&s->bytes);
	free(s);
}

/* All that anybody was told of before we were asked is in it; without a leader nobody knows what that is, and the answer says so (api.c). */
static void is_current(void *arg, uint64_t index UNUSED, const struct err *failure UNUSED)
{
	struct saving *s = arg;
	struct manager *manager = s->api->host.manager(s->api->host.arg);
	struct err err;

	if (!manager || manager_backup(manager, &s->bytes, &err) < 0) {
		if (!manager)
			api_no_manager(s->api, &err);
		http_reply_error(s->req, &err);
		saved(s);
		return;
	}
	http_reply_begin(s->req, 200, "application/octet-stream");
	http_reply_pull(s->req, next_piece, saved, s);
}

void api_backup(struct api *api, struct http_request *req, const char *name UNUSED)
{
	struct saving *s = NEW(struct saving);

	s->api = api;
	s->req = req;
	replica_read(manager_replica(api->host.manager(api->host.arg)), is_current, s);
}

static int read_availability(const char *text, int *ret, struct err *err)
{
	for (*ret = 0; api_availabilities[*ret]; ++*ret)
		if (str_is_empty(text) || str_eq(api_availabilities[*ret], text))
			return 0;
	return err_set(err, ERR_INVALID, "invalid Availability: \"%.100s\"", text);
}

static void restore(void *arg, struct http_request *req, const char *bytes, size_t count)
{
	struct api *api = arg;
	struct api_swarm_init init = {
		.listen_addr = http_query(req, "listenAddr"), .advertise_addr = http_query(req, "advertiseAddr"),
		.data_path_addr = http_query(req, "dataPathAddr"), .force_new_cluster = true, .backup = bytes, .backup_size = count,
	};
	const char *said = http_header(req, "X-Swarmbox-Unlock-Key");
	struct seal_key lock = { { 0 } };
	struct err err;

	if (!bytes)
		return;
	if (said)
		init.unlock_key = &lock;
	if (read_availability(http_query(req, "availability"), &init.availability, &err) < 0 || (said && unlock_key_parse(said, &lock, &err) < 0))
		http_reply_error(req, &err);
	else
		api->host.swarm_init(api->host.arg, &init, api_done_init, req);
	seal_key_forget(&lock);
}

void api_restore(struct api *api, struct http_request *req, const char *name UNUSED)
{
	http_body_collect(req, BACKUP_BYTES_MAX, restore, api);
}
