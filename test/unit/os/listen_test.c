#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "os/listen.h"
#include "test/unit/runner.h"

struct host {
	struct loop *loop;
	struct listener *listener;
	char folder[32], path[64];
	int count, last_fd;
	bool frees;
};

static void on_connection(void *arg, int fd)
{
	struct host *host = arg;

	host->count++;
	if (host->last_fd >= 0)
		close(host->last_fd);
	host->last_fd = fd;
	if (host->frees) {
		listen_free(host->listener);
		host->listener = NULL;
	}
}

static void open_host(struct host *host)
{
	*host = (struct host){ .loop = loop_new(), .folder = "/tmp/listen-XXXXXX", .last_fd = -1 };
	EXPECT(runner_folder(host->folder) != NULL);
	snprintf(host->path, sizeof(host->path), "%s/sock", host->folder);
}

static int host_listens(struct host *host, struct err *err)
{
	return listen_unix(host->loop, host->path, 0660, -1, on_connection, host, &host->listener,
			   err);
}

static void close_host(struct host *host)
{
	struct err err = { 0 };

	listen_free(host->listener);
	loop_free(host->loop);
	fd_closep(&host->last_fd);
	EXPECT_INT(dir_remove_tree(host->folder, &err), 0);
}

TEST(unix_listener_hands_connections_out_nonblocking)
{
	struct err err = { 0 };
	struct host host;
	struct stat st;
	int fd = -1;

	open_host(&host);
	umask(077);
	EXPECT_INT(host_listens(&host, &err), 0);
	EXPECT(stat(host.path, &st) == 0 && (st.st_mode & 07777) == 0660);
	EXPECT_INT(connect_unix(host.path, &fd, &err), 0);
	loop_run_once(host.loop, 60000);
	EXPECT_INT(host.count, 1);
	EXPECT(fcntl(host.last_fd, F_GETFL) & O_NONBLOCK);
	EXPECT(fcntl(host.last_fd, F_GETFD) & FD_CLOEXEC);
	EXPECT(write(fd, "x", 1) == 1);
	close(fd);
	close_host(&host);
	EXPECT(!file_exists(host.path));
}

TEST(unix_listener_refuses_a_socket_that_answers_and_replaces_a_dead_one)
{
	struct err err = { 0 };
	struct host host, second;
	int fd = -1;

	open_host(&host);
	open_host(&second);
	EXPECT_INT(host_listens(&host, &err), 0);
	rmdir(second.folder);
	str_copy(second.path, sizeof(second.path), host.path);
	EXPECT_INT(host_listens(&second, &err), -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	EXPECT(strstr(err.text, "another process listens on it"));

	/* A dead one: its file is left when the process is killed. */
	char moved[80];
	snprintf(moved, sizeof(moved), "%s.dead", host.path);
	EXPECT(rename(host.path, moved) == 0);
	listen_free(host.listener);
	host.listener = NULL;
	EXPECT(rename(moved, host.path) == 0);
	EXPECT_INT(connect_unix(host.path, &fd, &err), -1);
	EXPECT(strstr(err.text, "Connection refused"));
	EXPECT_INT(host_listens(&second, &err), 0);
	EXPECT_INT(connect_unix(host.path, &fd, &err), 0);
	close(fd);
	close_host(&second);
	close_host(&host);
}

TEST(unix_listener_leaves_what_is_no_socket_alone)
{
	struct err err = { 0 };
	struct host host;

	open_host(&host);
	EXPECT_INT(file_write_atomic(host.path, "data", 4, 0600, &err), 0);
	EXPECT_INT(host_listens(&host, &err), -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	EXPECT(strstr(err.text, "not a socket"));
	EXPECT(file_exists(host.path));
	close_host(&host);
}

TEST(unix_listener_does_not_remove_the_socket_of_its_successor)
{
	struct err err = { 0 };
	struct host host;

	open_host(&host);
	EXPECT_INT(host_listens(&host, &err), 0);
	EXPECT(unlink(host.path) == 0);
	EXPECT_INT(file_write_atomic(host.path, "other", 5, 0600, &err), 0);
	listen_free(host.listener);
	host.listener = NULL;
	EXPECT(file_exists(host.path));
	close_host(&host);
}

TEST(unix_path_that_is_too_long_is_refused_by_name)
{
	struct err err = { 0 };
	struct host host;
	char path[200] = "/tmp/";
	int fd;

	open_host(&host);
	memset(path + 5, 'x', sizeof(path) - 6);
	EXPECT_INT(
		listen_unix(host.loop, path, 0660, -1, on_connection, &host, &host.listener, &err),
		-1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT(strstr(err.text, "1 to 107 characters"));
	EXPECT_INT(connect_unix(path, &fd, &err), -1);
	EXPECT_INT(connect_unix("", &fd, &err), -1);
	EXPECT_INT(connect_unix("/tmp/no-such-socket-here", &fd, &err), -1);
	EXPECT_STR(err.text, "connect to '/tmp/no-such-socket-here': No such file or directory");
	close_host(&host);
}

TEST(listener_may_be_freed_by_its_callback_while_more_wait)
{
	struct err err = { 0 };
	struct host host;
	int fds[3];

	open_host(&host);
	host.frees = true;
	EXPECT_INT(host_listens(&host, &err), 0);
	for (int i = 0; i < 3; i++)
		EXPECT_INT(connect_unix(host.path, &fds[i], &err), 0);
	loop_run_once(host.loop, 0);
	loop_run_once(host.loop, 0);
	EXPECT_INT(host.count, 1);
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close_host(&host);
}

TEST(listener_without_descriptors_rests_instead_of_spinning)
{
	struct rlimit before, tight;
	struct err err = { 0 };
	struct host host;
	int fd = -1, rounds = 0;

	open_host(&host);
	EXPECT_INT(host_listens(&host, &err), 0);
	EXPECT_INT(connect_unix(host.path, &fd, &err), 0);
	getrlimit(RLIMIT_NOFILE, &before);
	int next = dup(fd);
	close(next);
	tight = (struct rlimit){ (rlim_t)next, before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &tight);
	loop_run_once(host.loop, 0);
	EXPECT_INT(host.count, 0);
	setrlimit(RLIMIT_NOFILE, &before);
	while (!host.count && rounds++ < 100)
		loop_run_once(host.loop, 60000);
	EXPECT_INT(host.count, 1);
	EXPECT(rounds <= 3);
	close(fd);
	close_host(&host);
}

static void expect_tcp(struct ip ip, const struct sockaddr *address, socklen_t size,
		       uint16_t *ret_port)
{
	struct err err = { 0 };
	struct host host;

	open_host(&host);
	EXPECT_INT(listen_tcp(host.loop, ip, 0, on_connection, &host, &host.listener, &err), 0);
	uint16_t port = listen_port(host.listener);
	EXPECT(port != 0);
	*ret_port = htons(port);
	int fd = socket(address->sa_family, SOCK_STREAM, 0);
	EXPECT(connect(fd, address, size) == 0);
	loop_run_once(host.loop, 60000);
	EXPECT_INT(host.count, 1);

	struct listener *second = NULL;
	EXPECT_INT(listen_tcp(host.loop, ip, port, on_connection, &host, &second, &err), -1);
	EXPECT(str_ends(err.text, strerror(EADDRINUSE)));
	close(fd);
	close_host(&host);
}

TEST(tcp_listener_takes_connections_of_both_families)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct ip loopback6 = { .family = 6, .bytes = { [15] = 1 } };

	expect_tcp(ip4(127, 0, 0, 1), (struct sockaddr *)&in, sizeof(in), &in.sin_port);
	expect_tcp(loopback6, (struct sockaddr *)&in6, sizeof(in6), &in6.sin6_port);
}

static int outcome_of_connecting(uint16_t port, int *ret_fd)
{
	struct pollfd poll_fd = { .events = POLLOUT };
	struct err err = { 0 };
	int error = -1;
	socklen_t size = sizeof(error);

	EXPECT_INT(connect_tcp(ip4(127, 0, 0, 1), port, ret_fd, &err), 0);
	poll_fd.fd = *ret_fd;
	EXPECT_INT(poll(&poll_fd, 1, 60000), 1);
	EXPECT_INT(getsockopt(*ret_fd, SOL_SOCKET, SO_ERROR, &error, &size), 0);
	return error;
}

TEST(tcp_listener_on_any_address_of_version_six_takes_those_of_version_four_too)
{
	struct err err = { 0 };
	struct host host;
	struct ip ip;
	uint16_t port;
	int fd = -1;

	open_host(&host);
	EXPECT_INT(listen_tcp(host.loop, (struct ip){ .family = 6 }, 0, on_connection, &host, &host.listener, &err), 0);
	EXPECT_INT(outcome_of_connecting(listen_port(host.listener), &fd), 0);
	loop_run_once(host.loop, 60000);
	EXPECT_INT(host.count, 1);
	EXPECT_INT(socket_peer_address(host.last_fd, &ip, &port), 0);
	EXPECT(ip_eq(ip, ip4(127, 0, 0, 1)));
	EXPECT_INT(socket_own_address(host.last_fd, &ip, &port), 0);
	EXPECT(ip_eq(ip, ip4(127, 0, 0, 1)) && port == listen_port(host.listener));
	close(fd);
	close_host(&host);
}

TEST(tcp_listener_on_a_foreign_address_names_it)
{
	struct err err = { 0 };
	struct host host;

	open_host(&host);
	EXPECT_INT(listen_tcp(host.loop, ip4(192, 0, 2, 1), 2377, on_connection, &host,
			      &host.listener, &err),
		   -1);
	/* And then the words of the libc. */
	EXPECT(str_starts(err.text, "listen on 192.0.2.1 port 2377: "));
	close_host(&host);
}

TEST(connecting_tells_later_whether_somebody_listens_and_both_know_their_addresses)
{
	char text[SOCKET_ADDRESS_SIZE];
	struct err err = { 0 };
	uint16_t port, other = 0;
	struct host host;
	struct ip ip;
	int fd = -1;

	open_host(&host);
	EXPECT_INT(listen_tcp(host.loop, ip4(127, 0, 0, 1), 0, on_connection, &host, &host.listener, &err), 0);
	port = listen_port(host.listener);
	EXPECT_INT(outcome_of_connecting(port, &fd), 0);
	loop_run_once(host.loop, 60000);
	EXPECT_INT(host.count, 1);
	EXPECT_INT(socket_peer_address(fd, &ip, &other), 0);
	EXPECT(ip_eq(ip, ip4(127, 0, 0, 1)) && other == port);
	EXPECT_INT(socket_own_address(fd, &ip, &port), 0);
	EXPECT_INT(socket_peer_address(host.last_fd, &ip, &other), 0);
	EXPECT(ip_eq(ip, ip4(127, 0, 0, 1)) && other == port);
	EXPECT_STR(socket_address_format(ip4(10, 0, 0, 5), 2377, text), "10.0.0.5:2377");
	EXPECT_STR(socket_address_format((struct ip){ .family = 6, .bytes = { [15] = 1 } }, 2377, text), "[::1]:2377");
	close(fd);
	port = listen_port(host.listener);
	listen_free(host.listener);
	host.listener = NULL;
	EXPECT_INT(outcome_of_connecting(port, &fd), ECONNREFUSED);
	close(fd);
	close_host(&host);
}
