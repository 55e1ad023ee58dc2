#include "model/predefined_network.h"

#include "base/panic.h"
#include "base/str.h"

static const struct { const char *name, *id, *driver; } networks[PREDEFINED_COUNT] = {
	[PREDEFINED_BRIDGE] = { "bridge", "predefinednetworkbridge00", "bridge" },
	[PREDEFINED_HOST] = { "host", "predefinednetworkhost0000", "host" },
	[PREDEFINED_NONE] = { "none", "predefinednetworknone0000", "null" },
};

int predefined_network_find(const char *name_or_id)
{
	for (int i = 0; i < PREDEFINED_COUNT; i++)
		if (str_eq(name_or_id, networks[i].name) || str_eq(name_or_id, networks[i].id))
			return i;
	return -1;
}

const char *predefined_network_name(enum predefined_network network)
{
	check(network < PREDEFINED_COUNT);
	return networks[network].name;
}

const char *predefined_network_id(enum predefined_network network)
{
	check(network < PREDEFINED_COUNT);
	return networks[network].id;
}

const char *predefined_network_driver(enum predefined_network network)
{
	check(network < PREDEFINED_COUNT);
	return networks[network].driver;
}
