/* write_bench.c - so many clients, each with one request under way on a connection that stays open: how many are answered a second?
 *
 * Usage: bench-write ADDRESS CLIENTS SECONDS PATH BODY. ADDRESS is a unix socket's path or IP:PORT; each '#' in BODY becomes a number of
 * eight digits that no other request has. Prints one line: answers a second, median and 99th percentile in microseconds, answers but 2xx.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 1024, REPLY_MAX = 16 << 10, ANSWERS_MAX = 1 << 20 };

struct client { int fd; size_t got; double asked_at; char reply[REPLY_MAX + 1]; };

static struct client *clients[CLIENTS_MAX];
static double took[ANSWERS_MAX];
static size_t answers, refused;
static unsigned number;
static char first_refused[200];

static void die(const char *what)
{
	fprintf(stderr, "bench-write: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static int dial(const char *address)
{
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	struct sockaddr_in remote = { .sin_family = AF_INET };
	const char *colon = strrchr(address, ':');
	char host[64];
	int one = 1;

	if (*address == '/') {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(local.sun_path, sizeof(local.sun_path), "%s", address);
		return connect(fd, (struct sockaddr *)&local, sizeof(local)) == 0 ? fd : -1;
	}
	snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - address) : 0, address);
	if (!colon || inet_pton(AF_INET, host, &remote.sin_addr) != 1)
		return -1;
	remote.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return connect(fd, (struct sockaddr *)&remote, sizeof(remote)) == 0 ? fd : -1;
}

static void ask(struct client *client, const char *path, const char *pattern)
{
	char body[4096] = "", request[8192], digits[16];
	size_t length = 0;

	snprintf(digits, sizeof(digits), "%08u", ++number % 100000000);
	for (; *pattern && length < sizeof(body) - 16; pattern++) {
		if (*pattern != '#') {
			body[length++] = *pattern;
			continue;
		}
		memcpy(body + length, digits, 8);
		length += 8;
	}
	int size = snprintf(request, sizeof(request), "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
			    "Content-Length: %zu\r\n\r\n%.*s", path, length, (int)length, body);
	client->got = 0;
	client->asked_at = now();
	if (write(client->fd, request, (size_t)size) != size)
		die("request");
}

/* A head with its length, and a body of that length. */
static int is_whole(struct client *client)
{
	client->reply[client->got] = 0;
	const char *end = strstr(client->reply, "\r\n\r\n"), *length = strcasestr(client->reply, "\r\nContent-Length:");

	if (!end || !length || length > end)
		return 0;
	return client->got >= (size_t)(end + 4 - client->reply) + strtoul(length + 17, NULL, 10);
}

static void take_answer(const struct client *client)
{
	const char *body = strstr(client->reply, "\r\n\r\n") + 4;

	if (answers < ANSWERS_MAX)
		took[answers] = now() - client->asked_at;
	answers++;
	if (strncmp(client->reply, "HTTP/1.1 2", 10) == 0)
		return;
	if (refused++ == 0)
		snprintf(first_refused, sizeof(first_refused), "%s", body);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: bench-write ADDRESS CLIENTS SECONDS PATH BODY\n");
		return 2;
	}
	size_t count = strtoul(argv[2], NULL, 10), live = count;
	int epoll = epoll_create1(0);
	double began = now(), until = began + strtod(argv[3], NULL);

	if (count < 1 || count > CLIENTS_MAX)
		return 2;
	number = (unsigned)((unsigned long)getpid() * 1000003 + (unsigned long)time(NULL) * 7919);
	for (size_t i = 0; i < count; i++) {
		struct client *client = clients[i] = calloc(1, sizeof(*client));
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = client };
		if (!client || (client->fd = dial(argv[1])) < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event) < 0)
			die(argv[1]);
	}
	for (size_t i = 0; i < count; i++)
		ask(clients[i], argv[4], argv[5]);
	while (live > 0) {
		struct epoll_event events[64];
		int ready = epoll_wait(epoll, events, 64, 30000);
		if (ready == 0)
			errno = ETIMEDOUT;
		if (ready <= 0)
			die("answer");
		for (int i = 0; i < ready; i++) {
			struct client *client = events[i].data.ptr;
			ssize_t got = read(client->fd, client->reply + client->got, REPLY_MAX - client->got);
			if (got <= 0)
				die("answer");
			client->got += (size_t)got;
			if (!is_whole(client))
				continue;
			take_answer(client);
			if (now() < until)
				ask(client, argv[4], argv[5]);
			else
				live--;
		}
	}
	double span = now() - began;
	size_t kept = answers < ANSWERS_MAX ? answers : ANSWERS_MAX;
	qsort(took, kept, sizeof(*took), compare);
	printf("%.0f %.0f %.0f %zu %s\n", (double)answers / span, took[kept / 2] * 1e6, took[kept * 99 / 100] * 1e6, refused, first_refused);
	return 0;
}
