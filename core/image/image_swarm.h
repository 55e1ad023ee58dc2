/* image_swarm.h - how a pull reaches nodes of the swarm that have the image: hooks of whoever knows the swarm.
 *
 * Pure. What `find` says is believed: it comes from the swarm's state. What then comes from a node is not: it must have the digests that were said.
 */
#pragma once
#include "base/err.h"
#include "base/sha256.h"
#include "model/fields.h"

struct image_found {
	char manifest[SHA256_HEX_SIZE];                  /* the one for this host's platform */
	char index[SHA256_HEX_SIZE];                     /* the list that it is from, or another digest that it goes by; "": none */
	struct str_array sources;                        /* "10.0.0.2:2377", to be asked one after the other; at most FETCH_SOURCES_MAX */
};
/* Either is told once, later, never from inside of the call that asked. */
typedef void image_found_fn(void *arg, const struct image_found *found, const struct err *err);
typedef void image_dialled_fn(void *arg, int fd, const struct err *err);         /* fd is the callee's */

struct image_swarm {
	/* Who has it? name is canonical, with tag or digest. NULL: there is nobody to ask. */
	void *(*find)(void *arg, const char *name, image_found_fn *fn, void *fn_arg);
	/* A stream on which that node answers as a registry for this image (api/depot_io.h). */
	void *(*dial)(void *arg, const char *name, const char *address, image_dialled_fn *fn, void *fn_arg);
	void (*forget)(void *arg, void *question);       /* of either: nothing is told any more */
	void *arg;
};
