/* The agent's configuration file. */
#include "compose/flat_yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct flat_yaml yaml;
	struct err err;

	if (flat_yaml_parse((const char *)data, size, &yaml, &err) == 0)
		flat_yaml_fini(&yaml);
	return 0;
}
