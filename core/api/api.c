#include "api/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/exec_io.h"
#include "agent/task_container.h"
#include "api/api_internal.h"
#include "base/panic.h"
#include "base/str.h"
#include "pki/unlock_key.h"

struct api *api_new(const struct api_host *host)
{
	struct api *api = NEW(struct api);

	api->host = *host;
	api->http = (struct http_config){ .limits = HTTP_LIMITS_DEFAULT, .headers = api->headers };
	snprintf(api->headers, sizeof api->headers, "Api-Version: " API_VERSION "\r\nOstype: linux\r\nDocker-Experimental: false\r\n"
		 "Server: Docker/%s (linux)\r\n", host->facts->engine_version);
	api->events = event_log_new(host->loop);
	api->streams = log_streams_new();
	return api;
}

void api_free(struct api *api)
{
	event_log_free(api->events);
	log_streams_free(api->streams);
	for (size_t i = 0; i < PRINTED_SPECS; i++)
		buf_fini(&api->printed[i].text);
	free(api);
}

const struct http_config *api_http_config(const struct api *api)
{
	return &api->http;
}

struct api_swarm_facts api_swarm_facts(const struct api *api)
{
	struct api_swarm_facts facts = { 0 };

	api->host.swarm_facts(api->host.arg, &facts);
	return facts;
}

void api_no_manager(const struct api *api, struct err *err)
{
	struct api_swarm_facts facts = api_swarm_facts(api);

	if (str_eq(facts.state, "inactive"))
		err_set(err, ERR_UNAVAILABLE, "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect "
			"this node to swarm and try again.");
	else if (str_eq(facts.state, "locked"))
		err_set(err, ERR_UNAVAILABLE, UNLOCK_NEEDED);
	else if (facts.is_mending)
		err_set(err, ERR_UNAVAILABLE, "This manager's copy of the swarm's state was damaged, or was not the other managers', and is being fetched "
			"anew from them. Ask another manager, or try again in a moment.");
	else
		err_set(err, ERR_UNAVAILABLE, "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. "
			"Please run this command on a manager node or promote the current node to a manager.");
}

const struct view *api_view(const struct api *api)
{
	struct manager *manager = api->host.manager(api->host.arg);

	check(manager);
	return manager_view(manager);
}

/* "1.50" -> 150; -1 for what is no version. */
static int version_number(const char *text, size_t length)
{
	int major = 0, minor = 0;
	size_t i = 0, digits = 0;

	for (; i < length && text[i] >= '0' && text[i] <= '9' && digits < 3; i++, digits++)
		major = major * 10 + (text[i] - '0');
	if (digits == 0 || i == length || text[i] != '.')
		return -1;
	for (i++, digits = 0; i < length && text[i] >= '0' && text[i] <= '9' && digits < 3; i++, digits++)
		minor = minor * 10 + (text[i] - '0');
	return digits && i == length ? major * 1000 + minor : -1;
}

enum { VERSION_OWN = 1050, VERSION_MIN = 1024 };

int api_version_of(const struct http_request *req)
{
	const char *path = http_path(req);
	int version = str_starts(path, "/v") ? version_number(path + 2, strcspn(path + 2, "/")) : -1;

	return version < 0 ? VERSION_OWN : version;
}

/* Behind "/v1.50", if it starts so; NULL when that version is refused (and answered). */
static const char *strip_version(struct http_request *req)
{
	const char *path = http_path(req), *end;
	int version;

	if (path[0] != '/' || path[1] != 'v' || path[2] < '0' || path[2] > '9')
		return path;
	for (end = path + 2; *end && *end != '/'; end++)
		;
	version = version_number(path + 2, (size_t)(end - path - 2));
	if (version < 0)
		return path;
	if (version > VERSION_OWN) {
		http_reply_message(req, 400, "client version %.*s is too new. Maximum supported API version is " API_VERSION,
				   (int)(end - path - 2), path + 2);
		return NULL;
	}
	if (version < VERSION_MIN) {
		http_reply_message(req, 400, "client version %.*s is too old. Minimum supported API version is " API_VERSION_MIN
				   ", please upgrade your client to a newer version", (int)(end - path - 2), path + 2);
		return NULL;
	}
	return *end ? end : "/";
}

/* RFC 7234, 5.5.1: what is told may be old. Clients that do not know it pass over it; ours shows it. */
static void mark_stale(const struct api *api, struct http_request *req)
{
	const char *why = manager_staleness(api->host.manager(api->host.arg));
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (!why || !str_eq(http_method(req), "GET"))
		return;
	buf_printf(&text, "110 swarmbox \"%s\"", why);
	http_reply_header(req, "Warning", buf_text(&text));
}

/* What runs for the cluster is the cluster's to look into; what else is on this host is not. */
static bool is_of_task(struct api *api, const struct route *route, const char *name, struct err *err)
{
	struct agent_container container;
	struct agent_exec_info exec;

	if (route->need == NEEDS_EXEC && !agent_exec_find(api->host.agent, name, &exec)) {
		err_set(err, ERR_NOT_FOUND, "No such exec instance: %s", name);
		return false;
	}
	if (agent_find_container(api->host.agent, route->need == NEEDS_EXEC ? exec.container_id : name, &container, err) < 0)
		return false;
	if (container.row)
		err_set(err, ERR_NOT_FOUND, "No such container: %s", name);
	return !container.row;
}

/* NULL: answered. */
static const struct route *find_route(struct http_request *req, const char **ret_path, const char **ret_name)
{
	const char *path = *ret_path = strip_version(req);
	const struct route *route;
	bool known;

	if (!path)
		return NULL;
	route = route_find(http_method(req), path, http_arena(req), ret_name, &known);
	if (!route && known)
		http_reply_message(req, 501, "%s %s is not supported by swarmbox yet", http_method(req), path);
	else if (!route)
		http_reply_message(req, 404, "page not found");
	return route;
}

void api_handle_inner(void *arg, struct http_request *req)
{
	struct api *api = arg;
	const char *path, *name;
	const struct route *route = find_route(req, &path, &name);
	struct err err;

	if (!route)
		return;
	if (route->fn == api_service_logs || route->fn == api_task_logs)
		api_node_logs(api, req, route->fn == api_task_logs ? TASK_LABEL_ID : TASK_LABEL_SERVICE, name);
	else if (route->need != NEEDS_CONTAINER && route->need != NEEDS_EXEC)
		http_reply_message(req, 403, "%s %s is not for other nodes", http_method(req), path);
	else if (!is_of_task(api, route, name, &err))
		http_reply_error(req, &err);
	else
		route->fn(api, req, name);
}

/* A request to a manager of many. */
struct wanted { struct api *api; struct http_request *req; const struct route *route; const char *name; };

static void handle_wanted(void *arg, bool is_open)
{
	const struct wanted *wanted = arg;

	if (!is_open) {
		http_reply_message(wanted->req, 503, "This manager is just closing its view of the swarm: ask again, or another manager.");
		return;
	}
	mark_stale(wanted->api, wanted->req);
	wanted->route->fn(wanted->api, wanted->req, wanted->name);
}

/* What another manager has said to be done is there, for whoever looks for it or names it here. What is only made is checked by the leader. */
static void handle_at_manager(struct api *api, struct http_request *req, const struct route *route, const char *name)
{
	bool looks = str_eq(route->method, "GET") || !str_is_empty(name);
	struct wanted *wanted = ARENA_NEW(http_arena(req), struct wanted);

	*wanted = (struct wanted){ api, req, route, name };
	if (!looks || !manager_read(api->host.manager(api->host.arg), handle_wanted, wanted))
		handle_wanted(wanted, true);
}

void api_handle(void *arg, struct http_request *req)
{
	struct api *api = arg;
	const char *path, *name;
	const struct route *route = find_route(req, &path, &name);
	struct err err;

	if (!route)
		return;
	if (route->need == NEEDS_MANAGER && !api->host.manager(api->host.arg)) {
		api_no_manager(api, &err);
		http_reply_error(req, &err);
	} else if (!api_forward(api, req, route, path, name)) {
		if (route->need == NEEDS_MANAGER)
			handle_at_manager(api, req, route, name);
		else
			route->fn(api, req, name);
	}
}
