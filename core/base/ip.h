/* ip.h - IPv4 and IPv6 addresses, subnets and host:port pairs as text and as bytes. */
#pragma once
#include "base/base.h"
#include "base/err.h"

struct ip { uint8_t family; uint8_t bytes[16]; };        /* family 4 or 6; 0 is "none"; bytes in network order */
struct cidr { struct ip ip; uint8_t prefix; };           /* ip may have host bits, as in 10.0.0.5/24 */
#define IP_TEXT_SIZE   48
#define CIDR_TEXT_SIZE 56

struct ip ip4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
struct ip ip4_from_u32(uint32_t host_order);
uint32_t ip4_to_u32(struct ip ip);                       /* host order; check()s the family */
bool ip_eq(struct ip a, struct ip b);
int ip_parse(const char *text, struct ip *ret_ip);       /* -1, no error text: the caller names the object */
const char *ip_format(struct ip ip, char ret_text[IP_TEXT_SIZE]);
int cidr_parse(const char *text, struct cidr *ret);
const char *cidr_format(struct cidr cidr, char ret_text[CIDR_TEXT_SIZE]);
bool cidr_has(struct cidr cidr, struct ip ip);
bool cidr_overlaps(struct cidr a, struct cidr b);
/* "host:port", "[v6]:port", ":port" (host ""), "host" (port stays default_port). */
int hostport_parse(const char *text, uint16_t default_port, char ret_host[256], uint16_t *ret_port, struct err *err);
const char *hostport_host(const char *text, char ret_host[256]);        /* without port and brackets; "" of what is none of these */
