/* address_io.h - which address of this host others should use. */
#pragma once
#include "base/err.h"
#include "base/ip.h"
#include "node/moved.h"

/* IPv4, of interfaces that are up; not the loopback, nor bridges of containers. */
int address_list(struct host_addresses *ret, struct err *err);

/* text: "", an address, an interface name, each perhaps with ":port". Empty: the address of the interface with the default route, else
 * the only one there is. ERR_INVALID in Docker's words when there is none, or no way to choose. */
int address_choose(const char *text, uint16_t default_port, struct ip *ret_ip, uint16_t *ret_port, struct err *err);
/* "0.0.0.0:2377" and the like; an interface name stands for its address. */
int address_parse_listen(const char *text, uint16_t default_port, struct ip *ret_ip, uint16_t *ret_port, struct err *err);
/* An address or an interface, without a port. */
int address_data_path(const char *text, struct ip *ret_ip, struct err *err);
bool address_is_here(const char *at);           /* "ip:port" */
/* "10.0.0.1:2377", "[fe80::1]:2377" */
#define ADDRESS_TEXT_SIZE 80
const char *address_format(struct ip ip, uint16_t port, char ret_text[ADDRESS_TEXT_SIZE]);
