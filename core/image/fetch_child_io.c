#include "image/fetch_child_io.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/fetch_confine_io.h"
#include "image/fetch_door_io.h"
#include "image/fetch_pull_io.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/log.h"
#include "os/stream.h"

enum { ADDRESSES_MAX = 16, WRITE_BOUND = 64 * 1024, JOB_ARENA_BYTES = 4 << 20 };

struct child {
	struct arena arena;
	struct fetch_job job;
	struct registry_hosts hosts;
	struct buf system_ca;
	struct registry_endpoint endpoints[REGISTRY_ENDPOINTS_MAX];
	struct fetch_trust trusts[REGISTRY_ENDPOINTS_MAX];
	size_t endpoint_count;
	int dir_fd;
	struct loop *loop;
	struct stream *orders;
	struct fetch_pull_options options;
	struct fetch_pull *pull;
	bool has_failed;
};

static void write_event(const struct fetch_event *event)
{
	CLEANUP(buf_finip) struct buf line = BUF_INIT;

	fetch_event_format(event, &line);
	if (fd_write_all(STDOUT_FILENO, line.data, line.len) < 0)
		_exit(1);                                /* nobody listens any more */
}

/* ---- before the walls ------------------------------------------------------------------------------------------------------- */

static int read_job(struct child *child, struct err *err)
{
	CLEANUP(buf_finip) struct buf line = BUF_INIT;
	char bytes[4096];

	/* nothing follows the job before we have answered */
	while (!line.len || line.data[line.len - 1] != '\n') {
		ssize_t got = read(STDIN_FILENO, bytes, sizeof(bytes));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return err_set(err, ERR_IO, "fetch: no job");
		buf_add(&line, bytes, (size_t)got);
		if (line.len > 4 * FETCH_LINE_MAX_BYTES)
			return err_set(err, ERR_INVALID, "fetch: a job that is too long");
	}
	return fetch_job_parse(line.data, line.len, &child->arena, &child->job, err);
}

static size_t look_up(const char *authority, struct ip ret[ADDRESSES_MAX])
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list, *item;
	size_t count = 0;
	char host[256];
	uint16_t port;

	if (hostport_parse(authority, 443, host, &port, NULL) < 0 || getaddrinfo(host, NULL, &hints, &list) != 0)
		return 0;
	for (item = list; item && count < ADDRESSES_MAX; item = item->ai_next) {
		struct ip ip = { 0 };

		if (item->ai_family == AF_INET) {
			ip.family = 4;
			memcpy(ip.bytes, &((struct sockaddr_in *)(void *)item->ai_addr)->sin_addr, 4);
		} else if (item->ai_family == AF_INET6) {
			ip.family = 6;
			memcpy(ip.bytes, &((struct sockaddr_in6 *)(void *)item->ai_addr)->sin6_addr, 16);
		}
		if (ip.family)
			ret[count++] = ip;
	}
	freeaddrinfo(list);
	return count;
}

static int take_hosts(struct child *child, struct err *err)
{
	for (size_t i = 0; i < child->job.insecure.count; i++)
		if (registry_hosts_add_insecure(&child->hosts, child->job.insecure.items[i], err) < 0)
			return -1;
	for (size_t i = 0; i < child->job.mirrors.count; i++)
		if (registry_hosts_add_mirror(&child->hosts, child->job.mirrors.items[i], err) < 0)
			return -1;
	return 0;
}

static void plan_nodes(struct child *child)
{
	for (size_t i = 0; i < child->job.sources.count; i++) {
		struct registry_endpoint *endpoint = &child->endpoints[child->endpoint_count++];

		*endpoint = (struct registry_endpoint){ .is_mirror = true };
		snprintf(endpoint->base, sizeof(endpoint->base), "http://%s", child->job.sources.items[i]);
		child->trusts[i].authority = str_dup(child->job.sources.items[i]);
	}
}

static int plan(struct child *child, struct err *err)
{
	const struct fetch_job *job = &child->job;
	struct ip addresses[ADDRESSES_MAX];
	size_t count = 0;
	struct fetch_url *url = NEW(struct fetch_url);
	int rc = 0;

	if (registry_hosts_needs_addresses(&child->hosts, job->domain))
		count = look_up(job->domain, addresses);
	child->endpoint_count = registry_hosts_plan(&child->hosts, job->domain,
						    registry_hosts_is_insecure(&child->hosts, job->domain, addresses, count),
						    child->endpoints);
	/* who one is, only the registry itself can say */
	if (job->work == FETCH_LOGIN)
		while (child->endpoint_count > 1 && child->endpoints[0].is_mirror)
			memmove(child->endpoints, child->endpoints + 1, --child->endpoint_count * sizeof(*child->endpoints));
	for (size_t i = 0; i < child->endpoint_count && rc == 0; i++) {
		char authority[FETCH_AUTHORITY_SIZE];
		const char *name = job->domain;

		rc = fetch_url_parse(child->endpoints[i].base, url, err);
		if (rc == 0 && child->endpoints[i].is_mirror)
			name = fetch_url_authority(url, authority);
		if (rc == 0)
			rc = fetch_trust_load(&child->system_ca, &job->certs_dirs, name, &child->trusts[i], err);
	}
	free(url);
	return rc;
}

static int prepare(struct child *child, const char *dir, struct err *err)
{
	arena_init(&child->arena, "fetch", JOB_ARENA_BYTES);
	if (read_job(child, err) < 0)
		return -1;
	if (child->job.sources.count)
		plan_nodes(child);
	else if (take_hosts(child, err) < 0 || fetch_trust_system(child->job.ca_file, &child->system_ca, err) < 0 || plan(child, err) < 0)
		return -1;
	if (child->job.stall_ms > 3600000 || child->job.retry_ms > 60000)
		return err_set(err, ERR_INVALID, "fetch: a delay that is too long");
	if ((child->job.work == FETCH_PULL) != (dir != NULL))
		return err_set(err, ERR_INVALID, "fetch: a folder is what a pull needs, and nothing else");
	if (fetch_confine(dir, &child->dir_fd, err) < 0)
		return -1;
	if (child->dir_fd >= 0 && mkdirat(child->dir_fd, "part", 0700) < 0 && errno != EEXIST)
		return err_sys(err, "fetch: folder for parts");
	return 0;
}

/* ---- behind the walls ------------------------------------------------------------------------------------------------------- */

static void on_event(void *arg, const struct fetch_event *event)
{
	struct child *child = arg;

	write_event(event);
	switch ((enum fetch_what)event->what) {
	case FETCH_FAILED:
		child->has_failed = true;
		FALLTHROUGH;
	case FETCH_RESOLVED:
	case FETCH_LOGGED_IN:
	case FETCH_DONE:
		loop_stop(child->loop);
		break;
	case FETCH_IMAGE:
	case FETCH_PROGRESS:
	case FETCH_RETRY:
	case FETCH_BLOB:
	case FETCH_NOTE:
		break;
	}
}

static size_t on_data(void *arg, const uint8_t *bytes, size_t count)
{
	struct child *child = arg;
	const uint8_t *end = memchr(bytes, '\n', count);
	struct fetch_order order;
	struct err err;

	if (!end)
		return 0;
	if (fetch_order_parse((const char *)bytes, (size_t)(end - bytes), &child->arena, &order, &err) < 0)
		_exit(1);
	fetch_pull_order(child->pull, &order);
	return count;
}

/* The agent does not want it any more, or is gone. */
static void on_close(void *arg, const char *reason)
{
	(void)arg;
	(void)reason;
	_exit(1);
}

/* Whoever else somebody wants to lead us to is not dialled. */
static int dial(void *arg, const char *address, struct err *err)
{
	const struct child *child = arg;

	for (size_t i = 0; i < child->job.sources.count; i++)
		if (str_eq(child->job.sources.items[i], address))
			return fetch_door_ask(FETCH_DOOR_FD, (uint8_t)i, err);
	return err_set(err, ERR_DENIED, "%.200s is none of the nodes that have the image", address);
}

static void work(struct child *child)
{
	static const struct stream_events events = { .on_data = on_data, .on_close = on_close };
	uint64_t seed;

	entropy_fill(&seed, sizeof(seed));
	child->options = (struct fetch_pull_options){ .loop = child->loop, .job = &child->job, .hosts = &child->hosts,
						      .endpoints = child->endpoints, .trusts = child->trusts,
						      .endpoint_count = child->endpoint_count, .dir_fd = child->dir_fd, .seed = seed,
						      .on_event = on_event, .dial = child->job.sources.count ? dial : NULL,
						      .arg = child };
	child->orders = stream_new(child->loop, dup(STDIN_FILENO), WRITE_BOUND, &events, child);
	child->pull = fetch_pull_start(&child->options);
	loop_run(child->loop);
	fetch_pull_free(child->pull);
	stream_free(child->orders);
}

static void clean_up(struct child *child)
{
	for (size_t i = 0; i < REGISTRY_ENDPOINTS_MAX; i++)
		fetch_trust_fini(&child->trusts[i]);
	loop_free(child->loop);
	fd_closep(&child->dir_fd);
	registry_hosts_fini(&child->hosts);
	buf_fini(&child->system_ca);
	arena_fini(&child->arena);
	free(child);
}

int fetch_child_main(const char *dir)
{
	struct child *child = NEW(struct child);
	struct err err;

	child->dir_fd = -1;
	child->loop = loop_new();
	if (prepare(child, dir, &err) < 0 || fetch_confine_calls(&err) < 0) {
		write_event(&(struct fetch_event){ .what = FETCH_FAILED, .code = err.code, .text = err.text });
		child->has_failed = true;
	} else {
		work(child);
	}
	int code = child->has_failed;
	clean_up(child);
	return code;
}
