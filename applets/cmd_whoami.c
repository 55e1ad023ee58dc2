/* cmd_whoami.c - the built-in image's server: tells who answers.
 *
 * One loop, no threads, no file of its own. GET / tells host name, task, addresses and the
 * request's headers; /healthz says ok; ?wait=2s answers that much later, so that draining can be
 * watched. SIGTERM: no new connections, what is under way is answered, then the end.
 */
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "applets/cli.h"
#include "base/ip.h"
#include "base/panic.h"
#include "base/units.h"
#include "base/version.h"
#include "http/http_server_io.h"
#include "os/listen.h"
#include "os/signals.h"

#define MAX_WAIT_MS 3600000

struct whoami_args { struct option_uint port; };

static const struct option whoami_options[] = {
	OPT_UINT(struct whoami_args, port, 'p', "port", "Port to listen on (default 80)"),
	OPT_END
};

struct whoami {
	struct loop *loop;
	struct http_server *server;
	struct listener *listener;
};

/* --- the answer --- */

static void add_addresses(struct buf *out)
{
	struct ifaddrs *all, *at;
	char text[NI_MAXHOST];

	if (getifaddrs(&all) < 0)
		return;
	for (at = all; at; at = at->ifa_next) {
		int family = at->ifa_addr ? at->ifa_addr->sa_family : 0;
		socklen_t size = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

		if ((family != AF_INET && family != AF_INET6) || (at->ifa_flags & IFF_LOOPBACK))
			continue;
		if (getnameinfo(at->ifa_addr, size, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
			buf_printf(out, "address: %s (%s)\n", text, at->ifa_name);
	}
	freeifaddrs(all);
}

static void add_peer(const struct http_request *req, struct buf *out)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	char text[NI_MAXHOST];

	if (getpeername(http_peer_fd(req), (struct sockaddr *)&peer, &size) == 0 &&
	    getnameinfo((struct sockaddr *)&peer, size, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
		buf_printf(out, "client: %s\n", text);
}

/* The task's name stands in the environment if its service's template puts it there; else the host
 * name tells it apart. */
static void add_task(struct buf *out)
{
	static const char *const names[] = { "TASK", "TASK_NAME", "TASK_SLOT", "TASK_ID", "SERVICE", "NODE" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		const char *value = getenv(names[i]);
		if (!str_is_empty(value))
			buf_printf(out, "%s: %s\n", names[i], value);
	}
}

static void tell_who(struct http_request *req)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	char host[256] = "";
	const char *name, *value;

	gethostname(host, sizeof(host) - 1);
	buf_printf(&out, "hostname: %s\n", host);
	add_task(&out);
	add_addresses(&out);
	add_peer(req, &out);
	buf_printf(&out, "swarmbox: %s\n\n%s %s\n", version_text(), http_method(req), http_target(req));
	for (size_t at = 0; http_header_next(req, &at, &name, &value);)
		buf_printf(&out, "%s: %s\n", name, value);
	http_reply(req, 200, "text/plain; charset=utf-8", out.data, out.len);
}

/* --- ?wait= --- */

struct waiting { struct timer timer; struct http_request *req; };

static void waited(void *arg)
{
	struct waiting *waiting = arg;

	tell_who(waiting->req);         /* and with the request goes its arena, where this lies */
}

static void left(void *arg)
{
	struct waiting *waiting = arg;

	timer_cancel(&waiting->timer);
	http_reply_abort(waiting->req);
}

static void wait_first(struct loop *loop, struct http_request *req, const char *text)
{
	struct waiting *waiting = ARENA_NEW(http_arena(req), struct waiting);
	struct err err = {0};
	nsec wait;

	if (units_parse_duration(text, &wait, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	if (wait < 0 || wait / 1000000 > MAX_WAIT_MS) {
		http_reply_message(req, 400, "wait: '%s' is not between 0 and 1h", text);
		return;
	}
	waiting->req = req;
	timer_init(&waiting->timer, loop, waited, waiting);
	timer_set_in(&waiting->timer, wait / 1000000);
	http_on_gone(req, left, waiting);
}

static void handle(void *arg, struct http_request *req)
{
	struct whoami *whoami = arg;
	const char *wait = http_query(req, "wait");

	if (!str_eq(http_method(req), "GET") && !str_eq(http_method(req), "HEAD"))
		http_reply_message(req, 405, "%s is not supported here", http_method(req));
	else if (wait)
		wait_first(whoami->loop, req, wait);
	else if (str_eq(http_path(req), "/healthz"))
		http_reply(req, 200, "text/plain; charset=utf-8", "ok\n", 3);
	else
		tell_who(req);
}

/* --- life --- */

static void stopped(void *arg)
{
	loop_stop(((struct whoami *)arg)->loop);
}

static void on_signal(void *arg, int number UNUSED)
{
	struct whoami *whoami = arg;

	if (!whoami->listener)
		return;                 /* told twice */
	listen_free(whoami->listener);
	whoami->listener = NULL;
	http_server_stop(whoami->server, stopped, whoami);
}

static int serve(struct whoami *whoami, uint16_t port, struct err *err)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	struct http_config cfg = { .limits = HTTP_LIMITS_DEFAULT };

	/* 4096 connections of 64 KiB are still less than a task's usual memory. */
	cfg.limits.connections = 4096;
	cfg.limits.queue_bytes = 64 * 1024;
	struct signals *signals = signals_new(whoami->loop, numbers, ARRAY_COUNT(numbers), on_signal, whoami);
	whoami->server = http_server_new(whoami->loop, &cfg, handle, whoami);
	int result = listen_tcp(whoami->loop, ip4(0, 0, 0, 0), port, http_server_accept, whoami->server,
				&whoami->listener, err);
	if (result == 0)
		loop_run(whoami->loop);
	listen_free(whoami->listener);
	http_server_free(whoami->server);
	signals_free(signals);
	return result;
}

static int whoami_run(struct cli *cli UNUSED, const void *args, char **operands UNUSED)
{
	const struct whoami_args *whoami_args = args;
	uint64_t port = whoami_args->port.given ? whoami_args->port.value : 80;
	struct whoami whoami = {0};
	struct err err = {0};

	if (port == 0 || port > 65535) {
		err_set(&err, ERR_INVALID, "whoami: port %llu is not between 1 and 65535",
			(unsigned long long)port);
		return cli_fail(&err);
	}
	signal(SIGPIPE, SIG_IGN);
	whoami.loop = loop_new();
	int code = serve(&whoami, (uint16_t)port, &err) < 0 ? cli_fail(&err) : EXIT_OK;
	loop_free(whoami.loop);
	return code;
}

const struct command whoami_command = {
	.name = "whoami", .usage = "[OPTIONS]",
	.help = "Serve HTTP and tell who answers: the built-in image's command",
	.options = whoami_options, .args_size = sizeof(struct whoami_args), .run = whoami_run,
};
