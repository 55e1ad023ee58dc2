/* Where this node listens, and where others reach it. */
#include <string.h>

#include "base/str.h"
#include "node/address_io.h"
#include "node/node_internal.h"

int reach_choose(const struct host *host, const char *listen, const char *advertise, const char *data_path, bool must_advertise,
		 struct reach *ret, struct err *err)
{
	struct ip ip;
	uint16_t port;

	*ret = (struct reach){ .listen_port = CLUSTER_PORT };
	if (address_parse_listen(str_is_empty(listen) ? host->settings->listen_addr : listen, CLUSTER_PORT, &ip, &ret->listen_port, err) < 0)
		return -1;
	address_format(ip, ret->listen_port, ret->listen);
	if (!str_is_empty(data_path) && address_data_path(data_path, &ip, err) < 0)
		return -1;
	if (!str_is_empty(data_path))
		ip_format(ip, ret->data_path);
	if (str_is_empty(advertise))
		advertise = host->settings->advertise_addr;
	if (str_is_empty(advertise) && !must_advertise)
		return 0;
	if (address_choose(advertise, ret->listen_port, &ip, &port, err) < 0)
		return -1;
	address_format(ip, port, ret->advertise);
	return 0;
}

int reach_set(struct host *host, const struct reach *reach, struct err *err)
{
	return swarm_set_address(host, reach->listen, reach->advertise, err) < 0 ? -1 :
	       node_set(host, "data_path", reach->data_path[0] ? reach->data_path : NULL, err);
}
