/* shim_wire.h - the one shape of message between agent and shim, also that of the `exit` file: a line of JSON, the version first. Pure, no heap.
 *
 * What only a newer shim knows is a level, told in hello, and not another version: old shims go on under a new agent, which does not ask them.
 *
 * {"v":1,"do":"start"}   {"v":1,"state":"running","pid":7,"started":1}   {"v":1,"state":"exited","code":137,"oom":true,"finished":2,"error":""}
 */
#pragma once
#include <sys/types.h>

#include "base/base.h"
#include "base/err.h"

#define SHIM_WIRE_VERSION 1
/* What a shim of this binary can do besides hello and start: attach and resize since level 1, attach with the past since 2. */
#define SHIM_WIRE_LEVEL   2
#define SHIM_WIRE_MAX_BYTES 4096

enum shim_wire_do { SHIM_WIRE_REPLY, SHIM_WIRE_HELLO, SHIM_WIRE_START, SHIM_WIRE_ATTACH, SHIM_WIRE_RESIZE };
enum shim_wire_state { SHIM_WIRE_NONE, SHIM_WIRE_CREATED, SHIM_WIRE_RUNNING, SHIM_WIRE_EXITED };
struct shim_wire {
	enum shim_wire_do verb;          /* of a request */
	enum shim_wire_state state;      /* of a reply; NONE: it failed, see error */
	uint32_t seq;                    /* of attach and resize, which may be under way at the same time, and of the reply to it; else 0 */
	uint32_t level;                  /* of hello's reply; 0: a shim from before there were levels */
	bool wants_in, wants_out, wants_err, wants_past;         /* attach */
	uint32_t rows, columns;          /* resize */
	int32_t pid;
	int32_t code;
	bool is_oom;
	nsec started_wall, finished_wall;
	char error[512];
};

/* Returns the length; always fits. */
size_t shim_wire_format(const struct shim_wire *message, char to[SHIM_WIRE_MAX_BYTES]);
#define SHIM_WIRE_REQUEST_BYTES 512      /* the most that a request may have */
int shim_wire_parse_request(const char *text, size_t length, struct shim_wire *ret, struct err *err);
/* Replies and `exit`. Keys that are not known are skipped: the other side may be newer. ERR_UNSUPPORTED for another version. */
int shim_wire_parse(const char *text, size_t length, struct shim_wire *ret, struct err *err);
