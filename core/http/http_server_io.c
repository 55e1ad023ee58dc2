#include "http/http_server_io.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/panic.h"
#include "http/http_conn.h"
#include "http/http_text.h"

struct http_server *http_server_new(struct loop *loop, const struct http_config *cfg,
				    http_handler_fn *fn, void *arg)
{
	struct http_server *server = NEW(struct http_server);

	server->loop = loop;
	server->cfg = *cfg;
	server->handler = fn;
	server->arg = arg;
	list_init(&server->conns);
	list_init(&server->forgotten);
	return server;
}

/* Best effort and never blocking: the answer fits an empty socket buffer. */
static void turn_away(const struct http_server *server, const char *why, int fd)
{
	CLEANUP(buf_finip) struct buf body = BUF_INIT, reply = BUF_INIT;

	http_error_body(why, &body);
	buf_printf(&reply, "HTTP/1.1 503 %s\r\n%sContent-Type: application/json\r\n"
		   "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		   http_reason(503), server->cfg.headers ? server->cfg.headers : "", body.len,
		   body.data);
	if (send(fd, reply.data, reply.len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		shutdown(fd, SHUT_WR);
	close(fd);
}

void http_server_accept(void *arg, int fd)
{
	struct http_server *server = arg;

	if (server->is_stopping)
		turn_away(server, "the server is stopping", fd);
	else if (server->conn_count + server->forgotten_count >= server->cfg.limits.connections)
		turn_away(server, "too many connections", fd);
	else
		http_conn_new(server, fd);
}

void http_server_stop(struct http_server *server, void (*done)(void *arg), void *arg)
{
	server->is_stopping = true;
	if (server->conn_count == 0) {
		done(arg);
		return;
	}
	server->stopped = done;
	server->stopped_arg = arg;
	LIST_EACH(item, &server->conns) {
		struct http_conn *conn = CONTAINER_OF(item, struct http_conn, link);

		conn->closes = true;
		if (conn->state == HTTP_CONN_IDLE || conn->state == HTTP_CONN_HEAD)
			http_conn_doom(conn);
	}
}

void http_server_free(struct http_server *server)
{
	if (!server)
		return;
	server->stopped = NULL;
	server->is_stopping = true;
	while (!list_is_empty(&server->conns)) {
		struct http_conn *conn = CONTAINER_OF(server->conns.next, struct http_conn, link);

		if (conn->req)
			http_request_lose(conn->req);
		http_conn_free(conn);
	}
	LIST_EACH(item, &server->forgotten) {
		CONTAINER_OF(item, struct http_request, link)->server = NULL;
		list_remove(item);
	}
	free(server);
}

size_t http_server_connections(const struct http_server *server)
{
	return server->conn_count;
}
