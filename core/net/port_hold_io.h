/* port_hold_io.h - holds host ports with sockets that never accept anything.
 *
 * The rules would take the port's traffic from any process of the host without a word; so a port
 * that somebody has is refused, and somebody who comes later gets EADDRINUSE, as with Docker. The
 * socket is bound and does not listen: without a backend the host itself refuses a connection. Not
 * held for SCTP where the kernel has none.
 */
#pragma once
#include "base/err.h"
#include "net/net.h"

enum port_hold_reason {
	PORT_HOLD_RESERVED = 1,
	PORT_HOLD_PUBLISHED = 2
}; /* a port is held while it has one */

/* "0.0.0.0:8080/tcp", as Docker writes it. */
#define PORT_HOLD_NAME_SIZE (IP_TEXT_SIZE + 12)
const char *port_hold_name(enum net_proto proto, struct ip address, uint16_t port,
			   char ret_name[PORT_HOLD_NAME_SIZE]);

struct port_holds;
struct port_holds *port_holds_new(void);
void port_holds_free(struct port_holds *holds);          /* NULL is welcome; gives all ports back */
/* Adds a reason; port 0 chooses a free one of the kernel's ephemeral range, address.family 0 means
 * every address. ERR_CONFLICT when a process has it, it is reserved twice, or it is held on every
 * address and wanted on one, or the other way round. */
int port_holds_take(struct port_holds *holds, enum net_proto proto, struct ip address,
		    uint16_t port, enum port_hold_reason reason, uint16_t *ret_port,
		    struct err *err);
void port_holds_drop(struct port_holds *holds, enum net_proto proto, struct ip address,
		     uint16_t port, enum port_hold_reason reason);
/* Drops the reason from every port for which is_wanted says no. */
void port_holds_drop_others(struct port_holds *holds, enum port_hold_reason reason,
			    bool (*is_wanted)(void *arg, const char *name), void *arg);
