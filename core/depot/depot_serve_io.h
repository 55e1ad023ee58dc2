/* depot_serve_io.h - gives images to other nodes: a registry, read-only, over streams that somebody else has opened, each for one image only.
 *
 *	GET /v2/NAME/manifests/sha256:…    GET /v2/NAME/blobs/sha256:…  [Range: bytes=N-]
 *
 * of that image's parts; NAME is not looked at, everything else is "not found". HTTP because the child that fetches from registries then fetches
 * from nodes as well (image/fetch_child_io.h). Whoever takes nothing for a while is cut off, so the slow cannot keep others out.
 */
#pragma once
#include "base/id.h"
#include "image/image_store.h"

#define DEPOT_STREAMS_MAX      64       /* at a time, … */
#define DEPOT_STREAMS_PER_NODE 4        /* and to one node, which fetches three images at once */
#define DEPOT_STALL_MS         30000

struct depot;
struct depot *depot_new(struct loop *loop, struct image_store *store, msec stall_ms);
/* Before the store; NULL is welcome. */
void depot_free(struct depot *depot);
/* ERR_EXHAUSTED when that node has to wait. */
int depot_check_room(const struct depot *depot, const char *node_id, struct err *err);
/* Takes fd, a connected stream to that node, and closes it when there is no room. manifest: of the image, in hex. */
void depot_serve(struct depot *depot, int fd, const char *node_id, const char *manifest);
