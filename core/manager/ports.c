#include "manager/ports.h"

#include "base/str.h"

static int protocol_of(const struct port_config *port)
{
	return port->protocol == PROTOCOL_UNSET ? PROTOCOL_TCP : port->protocol;
}

static bool is_host(const struct port_config *port)
{
	return port->publish_mode == PUBLISH_HOST;
}

static bool collide(const struct port_config *a, const struct port_config *b)
{
	return a->published_port && a->published_port == b->published_port && protocol_of(a) == protocol_of(b) &&
	       !(is_host(a) && is_host(b));
}

static int check_against(const struct port_config *port, const struct port_config *taken, size_t count, const char *name, const char *id,
			 struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (collide(port, &taken[i]))
			return err_set(err, ERR_INVALID, "rpc error: code = InvalidArgument desc = port '%llu' is already in use by service "
				       "'%s' (%s) as %s port", (unsigned long long)port->published_port, name, id,
				       is_host(&taken[i]) ? "a host-published" : "an ingress");
	return 0;
}

int ports_check(const struct overlay *overlay, const char *service_id, const struct endpoint_spec *endpoint, struct err *err)
{
	const struct service *service;
	const char *id;

	for (size_t at = 0; (service = overlay_next(overlay, KIND_SERVICE, &at, &id));) {
		const struct service_spec *spec = overlay_current_spec(overlay, id);

		if (str_eq(id, service_id) || !spec)
			continue;
		for (size_t i = 0; i < endpoint->ports.count; i++) {
			const struct port_config *port = &endpoint->ports.items[i];
			/* what it asked for, and what it was given for the ports it left open */
			if (check_against(port, spec->endpoint.ports.items, spec->endpoint.ports.count, spec->name, id, err) < 0 ||
			    check_against(port, service->ports.items, service->ports.count, spec->name, id, err) < 0)
				return -1;
		}
	}
	return 0;
}
