/* node_tables.h - what node.db of this host holds: the tables' names for the store, their numbers for us. */
#pragma once

enum node_table {
	NODE_TABLE_SETTING,     /* node id, bridge range …: id is the setting's name */
	NODE_TABLE_ASSIGNMENT,  /* task id -> assignment */
	NODE_TABLE_STATUS,      /* task id -> its last status, once it has ended: what a container can no longer tell */
	NODE_TABLE_VOLUME,      /* name -> volume */
	NODE_TABLE_CONTAINER,   /* container id -> container_row: those outside of services */
	NODE_TABLE_COUNT
};
extern const char *const node_tables[NODE_TABLE_COUNT];
