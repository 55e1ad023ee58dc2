/* traffic.h - servers and clients in network namespaces: who answers whom, and under which address it is seen. */
#pragma once
#include "base/base.h"

struct rig;

/* Answers each connection and each datagram with its name, and each further byte of a connection
 * with one 'x'. */
struct server;
struct server *server_start(int netns, const char *name, uint16_t port);
void server_stop(struct server *server);
size_t server_hits(const struct server *server);         /* connections and datagrams it got */

/* How long is waited for what is certain to come: whoever answers may not be run for a while. */
enum { LONG_MS = 20000 };

/* A connection from that namespace; name gets what the server said first: its own, and what it sees as source.
 * -1: refused; -2: no answer. */
int dial(int netns, const char *ip, uint16_t port, char ret_name[32]);
bool nobody_answers(int netns, const char *ip, uint16_t port);           /* nor refuses, for most of a second */
bool still_answers(int fd);
/* One datagram from a new socket (from port 0) and its answer; false: there is none. */
bool ask_udp(int netns, const char *ip, uint16_t port, char ret_name[32]);
int udp_open(int netns, const char *ip, uint16_t port);
bool udp_ask(int fd, char ret_name[32]);

/* A UDP datagram with this destination address, put on the link to the host as an attacker would:
 * no routing table is asked. */
void send_forged(struct rig *rig, const char *destination, uint16_t port);

/* Dials so often and says who answered: "a b c", sorted; "-" stands for failures. */
const char *who_answers(int netns, const char *ip, uint16_t port, int times);
const char *who_answers_udp(int netns, const char *ip, uint16_t port, int times);
