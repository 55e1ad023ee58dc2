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

struct port_holds;
struct port_holds *port_holds_new(void);
void port_holds_free(struct port_holds *holds);          /* NULL is welcome; gives all ports back */
/* Adds a reason; port 0 chooses a free one of the kernel's ephemeral range. ERR_CONFLICT when a
 * process has it or it is reserved twice. */
int port_holds_take(struct port_holds *holds, enum net_proto proto, uint16_t port,
		    enum port_hold_reason reason, uint16_t *ret_port, struct err *err);
void port_holds_drop(struct port_holds *holds, enum net_proto proto, uint16_t port,
		     enum port_hold_reason reason);
/* Drops the reason from every port for which is_wanted says no. */
void port_holds_drop_others(struct port_holds *holds, enum port_hold_reason reason,
			    bool (*is_wanted)(void *arg, enum net_proto proto, uint16_t port),
			    void *arg);
size_t port_holds_count(const struct port_holds *holds);
