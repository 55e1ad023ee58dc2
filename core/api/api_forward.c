/* Containers of tasks on other nodes: their requests are answered by the node itself. The manager that is asked finds the node in its view,
 * opens a stream to it (manager_open_line), sends the request's head on and lets both sides talk, byte by byte, until one of them ends.
 *
 * So every route works there as it does here (exec with its terminal, attach, stats, a kill), for every version of the API, and there is one
 * place that knows what a container can be asked: the other node's. Understanding and repeating each request here would be a second one.
 * The price is a connection a request, which either end's death ends.
 *
 * An exec's id begins with a mark of the node it is on (exec_mark), so that any manager finds it, whichever has made it, and none has to
 * remember. */
#include <stdlib.h>
#include <string.h>

#include "agent/exec_io.h"
#include "api/exec_mark.h"
#include "api/session.h"
#include "base/id.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"

struct forward {
	struct api *api;
	struct http_request *req;
	struct manager_line *line;      /* until the stream is there */
	struct session *session;
	const char *target, *whom;
};

static void forward_free(struct forward *forward)
{
	session_free(forward->session);
	free(forward);
}

static void left(void *arg, bool by_keys UNUSED)
{
	forward_free(arg);
}

static void output_ended(void *arg)
{
	forward_free(arg);
}

static void refuse(struct forward *forward, const struct err *err)
{
	struct err told = *err;

	err_wrap(&told, "%s", forward->whom);
	http_on_gone(forward->req, NULL, NULL);
	http_reply_error(forward->req, &told);
	free(forward);
}

static void connected(void *arg, int fd, const struct err *failure)
{
	struct forward *forward = arg;
	const struct session_config config = { .takes_input = true, .is_forwarded = true, .on_left = left, .on_output_end = output_ended,
					       .arg = forward };
	CLEANUP(buf_finip) struct buf head = BUF_INIT;

	forward->line = NULL;
	if (failure) {
		refuse(forward, failure);
		return;
	}
	http_on_gone(forward->req, NULL, NULL);
	http_forward(forward->req, forward->target, &head);
	fd_write_all(fd, head.data, head.len);  /* the first bytes in an empty socket, which holds ten times as many */
	forward->session = session_new(forward->api, forward->req, &config);
	session_connect(forward->session, fd);
}

static void gone(void *arg)
{
	struct forward *forward = arg;

	manager_forget_line(forward->line);
	http_reply_empty(forward->req, 503);
	free(forward);
}

/* "/containers/web/json?size=1" with the container's whole id, under the version that was asked for. */
static const char *target_of(struct http_request *req, const struct route *route, const char *path, const char *id)
{
	const char *all = http_path(req), *open = strchr(route->path, '{'), *query = strchr(http_target(req), '?');

	return arena_printf(http_arena(req), "%.*s%.*s%s%s%s", (int)(path - all), all, (int)(open - route->path), route->path, id,
			    strchr(open, '}') + 1, query ? query : "");
}

static void begin(struct api *api, struct http_request *req, const char *target, const char *node_id, const char *what)
{
	struct forward *forward = NEW(struct forward);
	const struct node *node = view_node(api_view(api), node_id);

	forward->api = api;
	forward->req = req;
	forward->target = target;
	forward->whom = arena_printf(http_arena(req), "%s is on node %s", what, node ? node->description.hostname : node_id);
	forward->line = manager_open_line(api->host.manager(api->host.arg), node_id, connected, forward);
	http_on_gone(req, gone, forward);
}

static bool forward_container(struct api *api, struct http_request *req, const struct route *route, const char *path, const char *name)
{
	struct agent_container container;
	const struct view_object *task;
	const char *node_id, *id;
	struct err err;

	if (agent_find_container(api->host.agent, name, &container, &err) == 0 || err.code != ERR_NOT_FOUND)
		return false;
	if (control_find_container(api_view(api), name, &task, &err) < 0) {
		if (err.code == ERR_NOT_FOUND)
			return false;
		http_reply_error(req, &err);
		return true;
	}
	node_id = VIEW_VALUE(task, task)->node_id;
	id = VIEW_VALUE(task, task)->container_id;
	if (str_eq(node_id, api->host.node_id(api->host.arg)))
		return false;
	begin(api, req, target_of(req, route, path, id), node_id, arena_printf(http_arena(req), "container %.12s", id));
	return true;
}

static bool forward_exec(struct api *api, struct http_request *req, const struct route *route, const char *path, const char *id)
{
	struct agent_exec_info info;
	const struct view_object *node;

	if (agent_exec_find(api->host.agent, id, &info) || !hex_id_is_valid(id))
		return false;
	for (size_t at = 0; (node = view_next(api_view(api), KIND_NODE, &at));) {
		char mark[EXEC_MARK_SIZE];

		exec_mark(node->meta.id, mark);
		if (!str_starts(id, mark) || str_eq(node->meta.id, api->host.node_id(api->host.arg)))
			continue;
		begin(api, req, target_of(req, route, path, id), node->meta.id, arena_printf(http_arena(req), "exec %.12s", id));
		return true;
	}
	return false;
}

bool api_forward(struct api *api, struct http_request *req, const struct route *route, const char *path, const char *name)
{
	if (!api->host.manager(api->host.arg))
		return false;
	return route->need == NEEDS_CONTAINER ? forward_container(api, req, route, path, name) :
	       route->need == NEEDS_EXEC && forward_exec(api, req, route, path, name);
}
