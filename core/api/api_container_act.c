/* What people do to containers: POST /containers/create, /containers/x/start … and DELETE. */
#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "api/container_shape.h"
#include "api/container_state.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/signals.h"

static void done(void *arg, const struct err *failure)
{
	if (failure)
		http_reply_error(arg, failure);
	else
		http_reply_empty(arg, 204);
}

/* ---- create ------------------------------------------------------------------------------------------------------ */

static void created(void *arg, const char *id, const struct err *failure)
{
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;

	if (failure) {
		http_reply_error(arg, failure);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	api_add_str(doc, root, "Id", id);
	yyjson_mut_obj_add_arr(doc, root, "Warnings");
	api_reply_doc(arg, 201, doc, root);
}

static void create(struct api *api, struct http_request *req, yyjson_val *body, const char *name)
{
	const char *asked = http_query(req, "name"), *platform = http_query(req, "platform");
	struct container_request request;
	struct err err;

	(void)name;
	if (container_request_from_json(body, http_arena(req), &request, &err) < 0)
		http_reply_error(req, &err);
	else if (str_is_empty(request.config.image))
		http_reply_message(req, 400, "no image specified");
	else
		agent_create(api->host.agent, asked ? asked : "", platform ? platform : "", &request, created, req);
}

void api_container_create(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, create);
}

/* ---- start, stop, restart, kill, remove -------------------------------------------------------------------------- */

void api_container_start(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct err err;

	if (!str_is_empty(http_query(req, "checkpoint")) || !str_is_empty(http_query(req, "checkpoint-dir")))
		http_reply_message(req, 501, "checkpoint is not supported by swarmbox yet");
	else if (agent_find_container(api->host.agent, name, &container, &err) < 0)
		http_reply_error(req, &err);
	else if (container.info.is_paused)
		http_reply_message(req, 409, "cannot start a paused container, try unpause instead");
	else if (container_is_up(&container))
		http_reply_empty(req, 304);
	else
		agent_start(api->host.agent, container.info.id, done, req);
}

/* ?signal= and ?t= of stop and restart. False: answered. grace -1: the container's own. */
static bool find_to_stop(struct api *api, struct http_request *req, const char *name, const char *verb, struct agent_container *ret,
			 int *ret_signal, msec *ret_grace_ms)
{
	const char *grace = http_query(req, "t"), *text = http_query(req, "signal");
	int64_t seconds = 0;
	struct err err;

	*ret_signal = str_is_empty(text) ? 0 : signal_parse(text);
	if (!str_is_empty(grace) && (str_to_i64(grace, &seconds) < 0 || seconds > INT32_MAX)) {
		http_reply_message(req, 400, "invalid timeout '%.40s': expected seconds", grace);
		return false;
	}
	*ret_grace_ms = str_is_empty(grace) ? -1 : seconds < 0 ? SOLO_FOREVER : seconds * 1000;
	if (agent_find_container(api->host.agent, name, ret, &err) < 0)
		http_reply_error(req, &err);
	else if (*ret_signal < 0)
		http_reply_message(req, 400, "cannot %s container: %s: invalid signal: %.40s", verb, name, text);
	else
		return true;
	return false;
}

void api_container_stop(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	msec grace_ms;
	int number;

	if (!find_to_stop(api, req, name, "stop", &container, &number, &grace_ms))
		return;
	if (container_is_up(&container))
		agent_stop_container(api->host.agent, container.info.id, number, grace_ms, done, req);
	else
		http_reply_empty(req, 304);
}

void api_container_restart(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	msec grace_ms;
	int number;

	if (find_to_stop(api, req, name, "restart", &container, &number, &grace_ms))
		agent_restart(api->host.agent, container.info.id, number, grace_ms, done, req);
}

void api_container_kill(struct api *api, struct http_request *req, const char *name)
{
	const char *text = http_query(req, "signal");
	int number = signal_parse(str_is_empty(text) ? "KILL" : text);
	struct agent_container container;
	struct err err;

	if (agent_find_container(api->host.agent, name, &container, &err) < 0) {
		err_wrap(&err, "cannot kill container: %s", name);
		http_reply_error(req, &err);
	} else if (number <= 0)
		http_reply_message(req, 400, "cannot kill container: %s: %s%.40s", name, text[strspn(text, "0123456789")] ? "invalid signal: " :
				   "the linux daemon does not support signal ", text);
	else if (!container_is_up(&container))
		http_reply_message(req, 409, "cannot kill container: %s: container %s is not running", name, container.info.id);
	else if (agent_signal_container(api->host.agent, container.info.id, number, &err) < 0)
		http_reply_error(req, &err);
	else
		http_reply_empty(req, 204);
}

void api_container_remove(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct err err;

	if (http_query_is_true(req, "link"))
		http_reply_message(req, 501, "links are not supported by swarmbox yet");
	else if (agent_find_container(api->host.agent, name, &container, &err) < 0)
		http_reply_error(req, &err);
	else
		agent_remove_container(api->host.agent, container.info.id, http_query_is_true(req, "force"), http_query_is_true(req, "v"), done,
				       req);
}

/* ---- pause, unpause ---------------------------------------------------------------------------------------------- */

void api_container_pause(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct err err;

	if (agent_find_container(api->host.agent, name, &container, &err) < 0)
		http_reply_error(req, &err);
	else if (container.status == SOLO_RESTARTING)
		http_reply_message(req, 409, "Container %s is restarting, wait until the container is running", container.info.id);
	else if (container.status != SOLO_RUNNING)
		http_reply_message(req, 409, "container %s is not running", container.info.id);
	else
		agent_pause_container(api->host.agent, container.info.id, true, done, req);
}

void api_container_unpause(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct err err;

	if (agent_find_container(api->host.agent, name, &container, &err) < 0)
		http_reply_error(req, &err);
	else if (!container.info.is_paused)
		http_reply_message(req, 500, "Container %s is not paused", container.info.id);
	else
		agent_pause_container(api->host.agent, container.info.id, false, done, req);
}

/* ---- update ------------------------------------------------------------------------------------------------------ */

static void updated(void *arg, const struct err *failure)
{
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;

	if (failure) {
		http_reply_error(arg, failure);
		return;
	}
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	yyjson_mut_obj_add_arr(doc, root, "Warnings");
	api_reply_doc(arg, 200, doc, root);
}

static void update(struct api *api, struct http_request *req, yyjson_val *body, const char *name)
{
	struct host_config changes;
	struct err err;

	if (shape_from_json(&host_config_shape, body, http_arena(req), &changes, &err) < 0)
		http_reply_error(req, &err);
	else
		agent_update_container(api->host.agent, name, &changes, updated, req);
}

void api_container_update(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, update);
}

/* ---- wait -------------------------------------------------------------------------------------------------------- */

struct waiting { struct http_request *req; struct agent_wait *wait; };

static void waiting_free(struct waiting *waiting)
{
	agent_wait_free(waiting->wait);
	http_on_gone(waiting->req, NULL, NULL);
	http_reply_end(waiting->req);
	free(waiting);
}

static void waiter_gone(void *arg)
{
	waiting_free(arg);
}

static void waited(void *arg, int exit_code)
{
	struct waiting *waiting = arg;
	CLEANUP(str_freep) char *text = str_printf("{\"StatusCode\":%d}\n", exit_code);

	http_reply_write(waiting->req, text, strlen(text));
	waiting_free(waiting);
}

static int wait_condition(const char *text, enum agent_wait_for *ret)
{
	static const char *const names[] = { [AGENT_WAIT_NOT_RUNNING] = "not-running", [AGENT_WAIT_NEXT_EXIT] = "next-exit",
					     [AGENT_WAIT_REMOVED] = "removed" };

	*ret = AGENT_WAIT_NOT_RUNNING;
	if (str_is_empty(text))
		return 0;
	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (str_eq(names[i], text)) {
			*ret = (enum agent_wait_for)i;
			return 0;
		}
	return -1;
}

/* The head leaves at once: a client that has it knows that it will not miss the end. */
void api_container_wait(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	enum agent_wait_for what;
	struct agent_wait *wait;
	struct waiting *waiting;
	struct err err;

	if (wait_condition(http_query(req, "condition"), &what) < 0) {
		http_reply_message(req, 400, "invalid condition: \"%.40s\"", http_query(req, "condition"));
		return;
	}
	waiting = NEW(struct waiting);
	waiting->req = req;
	if (agent_find_container(api->host.agent, name, &container, &err) < 0 ||
	    agent_wait_new(api->host.agent, container.info.id, what, waited, waiting, &wait, &err) < 0) {
		free(waiting);
		http_reply_error(req, &err);
		return;
	}
	waiting->wait = wait;
	http_reply_begin(req, 200, "application/json");
	http_on_gone(req, waiter_gone, waiting);
}

/* ---- rename, resize -------------------------------------------------------------------------------------- */

void api_container_rename(struct api *api, struct http_request *req, const char *name)
{
	const char *new_name = http_query(req, "name");

	agent_rename_container(api->host.agent, name, new_name ? new_name : "", done, req);
}

int api_read_size(struct http_request *req, unsigned *ret_rows, unsigned *ret_columns)
{
	uint64_t rows, columns;
	const char *h = http_query(req, "h"), *w = http_query(req, "w");

	if (str_to_u64(h ? h : "", &rows) < 0 || str_to_u64(w ? w : "", &columns) < 0 || rows > UINT16_MAX || columns > UINT16_MAX) {
		http_reply_message(req, 400, "invalid resize height or width: expected h=ROWS and w=COLUMNS");
		return -1;
	}
	*ret_rows = (unsigned)rows;
	*ret_columns = (unsigned)columns;
	return 0;
}

static void resized(void *arg, const struct err *failure)
{
	if (failure)
		http_reply_error(arg, failure);
	else
		http_reply_empty(arg, 200);
}

void api_container_resize(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	unsigned rows, columns;
	struct err err;

	if (api_read_size(req, &rows, &columns) < 0)
		return;
	if (agent_find_container(api->host.agent, name, &container, &err) < 0) {
		http_reply_error(req, &err);
	} else if (container.status != SOLO_RUNNING) {
		http_reply_message(req, 409, "cannot resize container %s: container %s is not running", name, container.info.id);
	} else {
		char height[16], width[16];
		const struct container_pair size[] = { { "height", height }, { "width", width } };

		snprintf(height, sizeof height, "%u", rows);
		snprintf(width, sizeof width, "%u", columns);
		agent_tell_event(api->host.agent, container.info.id, "resize", size, ARRAY_COUNT(size));
		runtime_resize(api->host.runtime, container.info.id, rows, columns, resized, req);
	}
}
