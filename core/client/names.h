/* names.h - names of services and nodes for their ids, asked once each.
 */
#pragma once
#include "client/call.h"

struct names;
/* With resolves false an id is its own name. */
struct names *names_new(struct call *call, bool resolves);
void names_free(struct names *names);
/* The name; the id itself when there is none any more; "" for "". Lives as long as names. */
const char *names_service(struct names *names, const char *id);
const char *names_node(struct names *names, const char *id);
