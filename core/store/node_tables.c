#include "store/node_tables.h"

const char *const node_tables[NODE_TABLE_COUNT] = {
	[NODE_TABLE_SETTING] = "setting",
	[NODE_TABLE_ASSIGNMENT] = "assignment",
	[NODE_TABLE_STATUS] = "status",
	[NODE_TABLE_VOLUME] = "volume",
	[NODE_TABLE_CONTAINER] = "container",
};
