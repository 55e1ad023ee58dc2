#include "net/port_hold_io.h"

#include <endian.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/map.h"
#include "base/panic.h"
#include "os/file.h"

#define CHOICES_MAX 16 /* ports that somebody else takes between being named and being asked for   \
			*/

struct hold {
	enum net_proto proto;
	struct ip address;
	uint16_t port;
	unsigned reasons;
	int fd;                  /* -1 where the kernel has no such protocol */
};
struct port_holds { struct map *by_name; };

const char *net_proto_name(enum net_proto proto)
{
	switch (proto) {
	case NET_TCP:  return "tcp";
	case NET_UDP:  return "udp";
	case NET_SCTP: return "sctp";
	}
	return "?";
}

const char *port_hold_name(enum net_proto proto, struct ip address, uint16_t port,
			   char ret_name[PORT_HOLD_NAME_SIZE])
{
	char text[IP_TEXT_SIZE];

	snprintf(ret_name, PORT_HOLD_NAME_SIZE, "%s:%u/%s",
		 address.family ? ip_format(address, text) : "0.0.0.0", port,
		 net_proto_name(proto));
	return ret_name;
}

struct port_holds *port_holds_new(void)
{
	struct port_holds *holds = NEW(struct port_holds);

	holds->by_name = map_new();
	return holds;
}

static void release(struct port_holds *holds, const char *key, struct hold *hold)
{
	map_remove(holds->by_name, key);
	fd_closep(&hold->fd);
	free(hold);
}

void port_holds_free(struct port_holds *holds)
{
	const char *key;
	void *hold;

	if (!holds)
		return;
	for (size_t at = 0; map_next(holds->by_name, &at, &key, &hold);)
		release(holds, key, hold);
	map_free(holds->by_name);
	free(holds);
}

/* ---- the socket ---- */

/* SO_REUSEADDR lets us in past connections of a server that has just ended (TIME_WAIT), but would
 * let a later server in too while we do not listen. Listening for a moment ends the sharing of the
 * port in the kernel's books; what is left is bound, silent and exclusive. */
static int make_exclusive(int fd)
{
	int off = 0;

	if (listen(fd, 1) < 0 || shutdown(fd, SHUT_RD) < 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof(off));
}

/* Datagrams that no rule takes away must not fill a buffer that nobody reads. */
static int drop_all(int fd)
{
	struct sock_filter nothing[] = { BPF_STMT(BPF_RET | BPF_K, 0) };
	struct sock_fprog program = { .len = ARRAY_COUNT(nothing), .filter = nothing };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static struct sockaddr_in name_of(struct ip address, uint16_t port)
{
	struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htobe16(port) };

	memcpy(&name.sin_addr, address.bytes, sizeof(name.sin_addr));
	return name;
}

static int bind_port(int fd, enum net_proto proto, struct ip address, uint16_t port)
{
	struct sockaddr_in name = name_of(address, port);
	int on = 1;

	if (proto != NET_UDP && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return -1;
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0)
		return -1;
	if (proto == NET_TCP)
		return make_exclusive(fd);
	return proto == NET_UDP ? drop_all(fd) : 0;
}

/* Docker's words: people and their scripts look for them. */
static int refuse(enum net_proto proto, struct ip address, uint16_t port, int reason,
		  struct err *err)
{
	char name[PORT_HOLD_NAME_SIZE];

	port_hold_name(proto, address, port, name);
	return err_set(err, reason == EADDRINUSE ? ERR_CONFLICT : ERR_IO,
		       "failed to bind host port %s: %s", name,
		       reason == EADDRINUSE	 ? "address already in use"
		       : reason == EADDRNOTAVAIL ? "cannot assign requested address"
						 : strerror(reason));
}

static int open_port(enum net_proto proto, struct ip address, uint16_t port, int *ret_fd,
		     struct err *err)
{
	int type = proto == NET_UDP ? SOCK_DGRAM : SOCK_STREAM;
	CLEANUP(fd_closep) int fd = socket(AF_INET, type | SOCK_CLOEXEC, (int)proto);

	*ret_fd = -1;
	if (fd < 0 && proto == NET_SCTP)
		return 0;
	if (fd < 0)
		return err_sys(err, "%s socket", net_proto_name(proto));
	if (bind_port(fd, proto, address, port) < 0)
		return refuse(proto, address, port, errno, err);
	*ret_fd = fd_take(&fd);
	return 0;
}

/* The kernel gives a port that it chose itself back when we stop listening; so it only names one,
 * which we then ask for. */
static int choose_port(enum net_proto proto, struct ip address, uint16_t *ret_port,
		       struct err *err)
{
	struct sockaddr_in name = name_of(address, 0);
	socklen_t bytes = sizeof(name);
	CLEANUP(fd_closep)
	int fd = socket(AF_INET, (proto == NET_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC,
			(int)proto);

	if (fd < 0)
		return err_sys(err, "choose a %s port", net_proto_name(proto));
	if (bind(fd, (struct sockaddr *)&name, sizeof(name)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &bytes) < 0)
		return refuse(proto, address, 0, errno, err);
	*ret_port = be16toh(name.sin_port);
	return 0;
}

static int open_chosen_port(enum net_proto proto, struct ip address, uint16_t *ret_port,
			    int *ret_fd, struct err *err)
{
	for (int tries = 1;; tries++) {
		if (choose_port(proto, address, ret_port, err) < 0)
			return -1;
		if (open_port(proto, address, *ret_port, ret_fd, err) == 0)
			return 0;
		if (err->code != ERR_CONFLICT || tries == CHOICES_MAX)
			return -1;
	}
}

/* ---- reasons ---- */

/* The kernel would say so, too, but where it has no such protocol. */
static bool has_overlapping(const struct port_holds *holds, enum net_proto proto,
			    struct ip address, uint16_t port)
{
	void *value;

	for (size_t at = 0; map_next(holds->by_name, &at, NULL, &value);) {
		const struct hold *hold = value;
		if (hold->proto == proto && hold->port == port &&
		    !hold->address.family != !address.family)
			return true;
	}
	return false;
}

int port_holds_take(struct port_holds *holds, enum net_proto proto, struct ip address,
		    uint16_t port, enum port_hold_reason reason, uint16_t *ret_port,
		    struct err *err)
{
	char name[PORT_HOLD_NAME_SIZE];
	struct hold *hold = map_get(holds->by_name, port_hold_name(proto, address, port, name));

	if (!hold) {
		int fd;
		if (port && has_overlapping(holds, proto, address, port))
			return refuse(proto, address, port, EADDRINUSE, err);
		int result = port ? open_port(proto, address, port, &fd, err)
				  : open_chosen_port(proto, address, &port, &fd, err);
		if (result < 0)
			return -1;
		hold = NEW(struct hold);
		*hold = (struct hold){
			.proto = proto, .address = address, .port = port, .fd = fd
		};
		map_put(holds->by_name, port_hold_name(proto, address, port, name), hold);
	}
	if (hold->reasons & PORT_HOLD_RESERVED & reason)
		return refuse(proto, address, port, EADDRINUSE, err);
	hold->reasons |= reason;
	if (ret_port)
		*ret_port = port;
	return 0;
}

static void drop_reason(struct port_holds *holds, const char *key, struct hold *hold,
			enum port_hold_reason reason)
{
	hold->reasons &= ~(unsigned)reason;
	if (!hold->reasons)
		release(holds, key, hold);
}

void port_holds_drop(struct port_holds *holds, enum net_proto proto, struct ip address,
		     uint16_t port, enum port_hold_reason reason)
{
	char name[PORT_HOLD_NAME_SIZE];
	struct hold *hold = map_get(holds->by_name, port_hold_name(proto, address, port, name));

	if (hold)
		drop_reason(holds, name, hold, reason);
}

void port_holds_drop_others(struct port_holds *holds, enum port_hold_reason reason,
			    bool (*is_wanted)(void *arg, const char *name), void *arg)
{
	const char *name;
	void *value;

	for (size_t at = 0; map_next(holds->by_name, &at, &name, &value);) {
		struct hold *hold = value;
		char copy[PORT_HOLD_NAME_SIZE];
		if ((hold->reasons & reason) && !is_wanted(arg, name))
			drop_reason(holds, port_hold_name(hold->proto, hold->address, hold->port, copy), hold, reason);
	}
}
