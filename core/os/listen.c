#include "os/listen.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"

enum { BACKLOG = 512, REST_MS = 100 };

struct listener {
	struct watch *watch;
	struct timer rest;      /* out of descriptors: accepting again at once would only spin */
	int fd;
	listen_fn *fn;
	void *arg;
	char *path;             /* of a unix socket, with what identifies the file we made */
	dev_t device;
	ino_t inode;
};

static void on_rested(void *arg)
{
	struct listener *listener = arg;

	watch_set(listener->watch, LOOP_READ);
}

/* One per round: the callback may free us, and everything around us. */
static void on_connection(void *arg, unsigned events UNUSED)
{
	struct listener *listener = arg;
	int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		listener->fn(listener->arg, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
		watch_set(listener->watch, 0);
		timer_set_in(&listener->rest, REST_MS);
	}
}

static int start_listening(struct loop *loop, int *fd, listen_fn *fn, void *arg,
			   struct listener **ret)
{
	if (listen(*fd, BACKLOG) < 0)
		return -1;
	struct listener *listener = NEW(struct listener);
	listener->fd = fd_take(fd);
	listener->fn = fn;
	listener->arg = arg;
	timer_init(&listener->rest, loop, on_rested, listener);
	listener->watch = watch_new(loop, listener->fd, LOOP_READ, on_connection, listener);
	*ret = listener;
	return 0;
}

static int unix_address(const char *path, struct sockaddr_un *ret, struct err *err)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (!*path || !str_copy(ret->sun_path, sizeof(ret->sun_path), path))
		return err_set(err, ERR_INVALID,
			       "socket '%s': a path of 1 to %zu characters is needed", path,
			       sizeof(ret->sun_path) - 1);
	return 0;
}

/* Only a socket that nobody answers on is removed. */
static int clear_path(const char *path, const struct sockaddr_un *address, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, "socket '%s'", path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_CONFLICT,
			       "socket '%s': there is a file that is not a socket", path);
	CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "socket '%s'", path);
	/* EAGAIN: its queue is full, so somebody owns it. */
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN)
		return err_set(err, ERR_CONFLICT, "socket '%s': another process listens on it",
			       path);
	if (errno != ECONNREFUSED)
		return errno == ENOENT ? 0 : err_sys(err, "socket '%s'", path);
	return unlink(path) < 0 && errno != ENOENT ? err_sys(err, "socket '%s'", path) : 0;
}

/* The mode the file is born with is that of the socket: closed, until its group is right. */
static int bind_unix(int fd, const char *path, const struct sockaddr_un *address, unsigned mode,
		     int gid, struct err *err)
{
	if (fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		return err_sys(err, "socket '%s'", path);
	if ((gid >= 0 && lchown(path, (uid_t)-1, (gid_t)gid) < 0) || chmod(path, mode) < 0) {
		err_sys(err, "socket '%s': owner and mode", path);
		unlink(path);
		return -1;
	}
	return 0;
}

int listen_unix(struct loop *loop, const char *path, unsigned mode, int gid, listen_fn *fn,
		void *arg, struct listener **ret, struct err *err)
{
	struct sockaddr_un address;
	struct listener *listener;
	struct stat st;

	if (unix_address(path, &address, err) < 0 || clear_path(path, &address, err) < 0)
		return -1;
	CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "socket '%s'", path);
	if (bind_unix(fd, path, &address, mode, gid, err) < 0)
		return -1;
	if (lstat(path, &st) < 0 || start_listening(loop, &fd, fn, arg, &listener) < 0) {
		err_sys(err, "socket '%s'", path);
		unlink(path);
		return -1;
	}
	listener->path = str_dup(path);
	listener->device = st.st_dev;
	listener->inode = st.st_ino;
	*ret = listener;
	return 0;
}

static socklen_t inet_address(struct ip ip, uint16_t port, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){ 0 };
	if (ip.family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, ip.bytes, 4);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, ip.bytes, 16);
	return sizeof(*in6);
}

static bool is_any(struct ip ip)
{
	return ip_eq(ip, (struct ip){ .family = ip.family });
}

int listen_tcp(struct loop *loop, struct ip ip, uint16_t port, listen_fn *fn, void *arg,
	       struct listener **ret, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t size = inet_address(ip, port, &address);
	char text[IP_TEXT_SIZE];
	int on = 1, off = 0;

	check(ip.family == 4 || ip.family == 6);
	ip_format(ip, text);
	CLEANUP(fd_closep)
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "listen on %s port %u", text, port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Connections inherit it. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (ip.family == 6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, is_any(ip) ? &off : &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    start_listening(loop, &fd, fn, arg, ret) < 0)
		return err_sys(err, "listen on %s port %u", text, port);
	return 0;
}

static int inet_read(const struct sockaddr_storage *address, struct ip *ret_ip, uint16_t *ret_port)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	struct ip ip = { 0 };

	if (address->ss_family == AF_INET) {
		ip.family = 4;
		memcpy(ip.bytes, &in->sin_addr, 4);
		*ret_port = ntohs(in->sin_port);
	} else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		ip.family = 4;
		memcpy(ip.bytes, in6->sin6_addr.s6_addr + 12, 4);
		*ret_port = ntohs(in6->sin6_port);
	} else if (address->ss_family == AF_INET6) {
		ip.family = 6;
		memcpy(ip.bytes, &in6->sin6_addr, 16);
		*ret_port = ntohs(in6->sin6_port);
	} else {
		return -1;
	}
	*ret_ip = ip;
	return 0;
}

int socket_own_address(int fd, struct ip *ret_ip, uint16_t *ret_port)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &size) < 0 ? -1 : inet_read(&address, ret_ip, ret_port);
}

int socket_peer_address(int fd, struct ip *ret_ip, uint16_t *ret_port)
{
	struct sockaddr_storage address = { 0 };
	socklen_t size = sizeof(address);

	return getpeername(fd, (struct sockaddr *)&address, &size) < 0 ? -1 : inet_read(&address, ret_ip, ret_port);
}

const char *socket_address_format(struct ip ip, uint16_t port, char ret_text[SOCKET_ADDRESS_SIZE])
{
	char text[IP_TEXT_SIZE];

	snprintf(ret_text, SOCKET_ADDRESS_SIZE, ip.family == 6 ? "[%s]:%u" : "%s:%u", ip_format(ip, text), port);
	return ret_text;
}

uint16_t listen_port(const struct listener *listener)
{
	struct ip ip;
	uint16_t port;

	return socket_own_address(listener->fd, &ip, &port) < 0 ? 0 : port;
}

void listen_free(struct listener *listener)
{
	struct stat st;

	if (!listener)
		return;
	watch_free(listener->watch);
	timer_cancel(&listener->rest);
	close(listener->fd);
	/* Unless a successor has put his own there meanwhile. */
	if (listener->path && lstat(listener->path, &st) == 0 && st.st_dev == listener->device &&
	    st.st_ino == listener->inode)
		unlink(listener->path);
	free(listener->path);
	free(listener);
}

int connect_unix(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un address;

	if (unix_address(path, &address, err) < 0)
		return -1;
	CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(err, "socket '%s'", path);
	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno == EINTR)
			continue;
		bool is_denied = errno == EACCES;
		err_sys(err, "connect to '%s'", path);
		err->code = is_denied ? ERR_DENIED : ERR_IO;
		return -1;
	}
	*ret_fd = fd_take(&fd);
	return 0;
}

int connect_tcp(struct ip ip, uint16_t port, int *ret_fd, struct err *err)
{
	struct sockaddr_storage address;
	socklen_t size = inet_address(ip, port, &address);
	char text[SOCKET_ADDRESS_SIZE];
	int on = 1;

	check(ip.family == 4 || ip.family == 6);
	CLEANUP(fd_closep)
	int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, "connect to %s", socket_address_format(ip, port, text));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&address, size) < 0 && errno != EINPROGRESS)
		return err_sys(err, "connect to %s", socket_address_format(ip, port, text));
	*ret_fd = fd_take(&fd);
	return 0;
}
