/* predefined_network.h - the networks that every host has and that a service may ask for by name: bridge, host, none.
 *
 * Pure. A service stores the id; it is the same in every cluster, so that no object has to be kept for it.
 */
#pragma once
#include "base/base.h"

enum predefined_network { PREDEFINED_BRIDGE, PREDEFINED_HOST, PREDEFINED_NONE, PREDEFINED_COUNT };

int predefined_network_find(const char *name_or_id);     /* -1: it is none of them */
const char *predefined_network_name(enum predefined_network network);
const char *predefined_network_id(enum predefined_network network);      /* 25 characters, as ids of a cluster's networks are */
const char *predefined_network_driver(enum predefined_network network);  /* bridge, host, null */
