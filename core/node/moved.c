#include "node/moved.h"

#include "base/str.h"

static const struct host_address *on_interface(const struct host_addresses *now, const char *interface)
{
	for (size_t i = 0; i < now->count; i++)
		if (str_eq(now->items[i].interface, interface))
			return &now->items[i];
	return NULL;
}

/* Where an interface went with its address, the only one that is left will be it. */
bool moved_look(const struct host_addresses *now, struct ip *ip, char interface[INTERFACE_SIZE])
{
	const struct host_address *found;
	bool is_other;

	for (size_t i = 0; i < now->count; i++) {
		if (!ip_eq(now->items[i].ip, *ip))
			continue;
		is_other = !str_eq(interface, now->items[i].interface);
		str_copy(interface, INTERFACE_SIZE, now->items[i].interface);
		return is_other;
	}
	found = interface[0] ? on_interface(now, interface) : NULL;
	if (!found && interface[0] && now->count == 1)
		found = &now->items[0];
	if (!found)
		return false;
	*ip = found->ip;
	str_copy(interface, INTERFACE_SIZE, found->interface);
	return true;
}
