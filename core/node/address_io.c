#include "node/address_io.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "os/file.h"

enum { ROUTE_BYTES_MAX = 1 << 20 };

static struct ip ip_of(const struct sockaddr *address)
{
	struct ip ip = { .family = 4 };

	memcpy(ip.bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	return ip;
}

/* Also where none was set: the kernel takes the last address of a subnet for it. */
static struct ip broadcast_of(const struct ifaddrs *at, struct ip ip)
{
	uint32_t mask = at->ifa_netmask ? ip4_to_u32(ip_of(at->ifa_netmask)) : UINT32_MAX;

	return (at->ifa_flags & IFF_BROADCAST) && ~mask > 1 ? ip4_from_u32(ip4_to_u32(ip) | ~mask) : (struct ip){ 0 };
}

/* Bridges of containers are no way to reach this host from another. */
static bool is_container_bridge(const char *name)
{
	return str_starts(name, "swarmbox") || str_starts(name, "docker") || str_starts(name, "sbx");
}

int address_list(struct host_addresses *ret, struct err *err)
{
	struct ifaddrs *all;

	ret->count = 0;
	if (getifaddrs(&all) < 0)
		return err_sys(err, "list the addresses of this host");
	for (struct ifaddrs *at = all; at && ret->count < HOST_ADDRESSES_MAX; at = at->ifa_next) {
		struct host_address *item = &ret->items[ret->count];

		if (!at->ifa_addr || at->ifa_addr->sa_family != AF_INET || !(at->ifa_flags & IFF_UP) || (at->ifa_flags & IFF_LOOPBACK) ||
		    is_container_bridge(at->ifa_name))
			continue;
		str_copy(item->interface, sizeof item->interface, at->ifa_name);
		item->ip = ip_of(at->ifa_addr);
		item->broadcast = broadcast_of(at, item->ip);
		ret->count++;
	}
	freeifaddrs(all);
	return 0;
}

/* The interface of the IPv4 default route, from /proc/net/route: name, destination, gateway … in hex. */
static bool default_interface(char ret_name[IF_NAMESIZE])
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(strlist_finip) struct strlist lines = { 0 };
	struct err err;

	if (file_read("/proc/net/route", ROUTE_BYTES_MAX, &text, &err) < 0)
		return false;
	lines = str_split(buf_text(&text), '\n');
	for (size_t i = 1; i < lines.count; i++) {
		struct strlist columns = str_split(lines.items[i], '\t');
		bool is_default = columns.count > 7 && str_eq(columns.items[1], "00000000") && str_eq(columns.items[7], "00000000");

		if (is_default)
			str_copy(ret_name, IF_NAMESIZE, columns.items[0]);
		strlist_fini(&columns);
		if (is_default)
			return true;
	}
	return false;
}

static int choose_on(const struct host_addresses *all, const char *interface, struct ip *ret_ip, struct err *err)
{
	const struct host_address *found = NULL;

	for (size_t i = 0; i < all->count; i++) {
		if (!str_eq(all->items[i].interface, interface))
			continue;
		if (found) {
			char a[IP_TEXT_SIZE], b[IP_TEXT_SIZE];
			return err_set(err, ERR_INVALID, "interface %s has more than one IPv4 address (%s and %s)", interface,
				       ip_format(found->ip, a), ip_format(all->items[i].ip, b));
		}
		found = &all->items[i];
	}
	if (!found)
		return err_set(err, ERR_INVALID, "interface %s has no usable IPv4 address", interface);
	*ret_ip = found->ip;
	return 0;
}

static int choose_any(const struct host_addresses *all, struct ip *ret_ip, struct err *err)
{
	char interface[IF_NAMESIZE], a[IP_TEXT_SIZE], b[IP_TEXT_SIZE];

	if (all->count == 1) {
		*ret_ip = all->items[0].ip;
		return 0;
	}
	if (all->count == 0)
		return err_set(err, ERR_INVALID, "could not find the system's IP address");
	if (default_interface(interface) && choose_on(all, interface, ret_ip, err) == 0)
		return 0;
	return err_set(err, ERR_INVALID, "could not choose an IP address to advertise since this system has multiple addresses on different "
		       "interfaces (%s on %s and %s on %s)", ip_format(all->items[0].ip, a),
		       all->items[0].interface, ip_format(all->items[1].ip, b), all->items[1].interface);
}

static int resolve(const char *host, struct ip *ret_ip, struct err *err)
{
	struct host_addresses all;

	if (ip_parse(host, ret_ip) == 0)
		return 0;
	if (address_list(&all, err) < 0)
		return -1;
	if (if_nametoindex(host) == 0)
		return err_set(err, ERR_NOT_FOUND, "'%s' is neither an IP address nor a network interface", host);
	return choose_on(&all, host, ret_ip, err);
}

/* Docker's words. */
static int no_address(const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s IP address or network interface (with optional port number)", what);
}

static int no_data_path(struct err *err)
{
	return err_set(err, ERR_INVALID, "data path address must be a non-zero IP address or network interface (without a port number)");
}

int address_choose(const char *text, uint16_t default_port, struct ip *ret_ip, uint16_t *ret_port, struct err *err)
{
	char host[256];
	struct host_addresses all;

	*ret_port = default_port;
	if (str_is_empty(text)) {
		if (address_list(&all, err) < 0)
			return -1;
		return choose_any(&all, ret_ip, err);
	}
	if (hostport_parse(text, default_port, host, ret_port, err) < 0)
		return err_wrap(err, "advertise address");
	if (resolve(host, ret_ip, err) < 0)
		return err->code == ERR_NOT_FOUND ? no_address("advertise address must be a non-zero", err) : err_wrap(err, "advertise address");
	for (size_t i = 0; *ret_port && i < sizeof ret_ip->bytes; i++)
		if (ret_ip->bytes[i])
			return 0;
	return no_address("advertise address must be a non-zero", err);
}

int address_data_path(const char *text, struct ip *ret_ip, struct err *err)
{
	struct ip none = ip4(0, 0, 0, 0);

	if (resolve(text, ret_ip, err) < 0)
		return err->code == ERR_NOT_FOUND ? no_data_path(err) : err_wrap(err, "data path address");
	return ip_eq(*ret_ip, none) ? no_data_path(err) : 0;
}

bool address_is_here(const char *at)
{
	struct host_addresses all;
	char host[256];
	uint16_t port;
	struct ip ip;
	struct err err;

	if (hostport_parse(at, 0, host, &port, &err) < 0 || ip_parse(host, &ip) < 0 || address_list(&all, &err) < 0)
		return false;
	for (size_t i = 0; i < all.count; i++)
		if (ip_eq(all.items[i].ip, ip))
			return true;
	return false;
}

int address_parse_listen(const char *text, uint16_t default_port, struct ip *ret_ip, uint16_t *ret_port, struct err *err)
{
	char host[256];

	*ret_ip = ip4(0, 0, 0, 0);
	*ret_port = default_port;
	if (str_is_empty(text))
		return 0;
	if (hostport_parse(text, default_port, host, ret_port, err) < 0)
		return err_wrap(err, "listen address");
	if (host[0] && resolve(host, ret_ip, err) < 0)
		return err->code == ERR_NOT_FOUND ? no_address("listen address must be an", err) : err_wrap(err, "listen address");
	return *ret_port ? 0 : no_address("listen address must be an", err);
}

const char *address_format(struct ip ip, uint16_t port, char ret_text[ADDRESS_TEXT_SIZE])
{
	char text[IP_TEXT_SIZE];

	snprintf(ret_text, ADDRESS_TEXT_SIZE, ip.family == 6 ? "[%s]:%u" : "%s:%u", ip_format(ip, text), port);
	return ret_text;
}
