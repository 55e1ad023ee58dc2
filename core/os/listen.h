/* listen.h - sockets that listen, and those that connect to them. */
#pragma once
#include "base/err.h"
#include "base/ip.h"
#include "os/loop.h"

struct listener;
typedef void listen_fn(void *arg, int fd);       /* a connection, non-blocking and close-on-exec; the callee owns it */
/* A socket file that nobody listens on is replaced; one that answers is ERR_CONFLICT. mode e.g. 0660, gid -1 to leave it. */
int listen_unix(struct loop *loop, const char *path, unsigned mode, int gid, listen_fn *fn, void *arg, struct listener **ret, struct err *err);
/* On :: it takes connections of both families. */
int listen_tcp(struct loop *loop, struct ip ip, uint16_t port, listen_fn *fn, void *arg, struct listener **ret, struct err *err);
uint16_t listen_port(const struct listener *listener);   /* what the kernel chose when port was 0; 0 for a unix socket */
void listen_free(struct listener *listener);     /* a unix socket's file is removed */
int connect_unix(const char *path, int *ret_fd, struct err *err);        /* blocking connect, for clients; ERR_DENIED where its mode keeps us out */
/* Under way when it returns: the socket, non-blocking and close-on-exec, turns writable when it is decided, and SO_ERROR says how. */
int connect_tcp(struct ip ip, uint16_t port, int *ret_fd, struct err *err);
/* The address of an inet socket's other end, or of our own; -1 when it has none. */
int socket_peer_address(int fd, struct ip *ret_ip, uint16_t *ret_port);
int socket_own_address(int fd, struct ip *ret_ip, uint16_t *ret_port);
#define SOCKET_ADDRESS_SIZE (IP_TEXT_SIZE + 8)
const char *socket_address_format(struct ip ip, uint16_t port, char ret_text[SOCKET_ADDRESS_SIZE]);      /* "10.0.0.5:2377", "[::1]:2377" */
