/* shim_wire.h - the one shape of message between agent and shim, also that of the `exit` file: a line of JSON, the version first. Pure, no heap.
 *
 * {"v":1,"do":"start"}   {"v":1,"state":"running","pid":7,"started":1}   {"v":1,"state":"exited","code":137,"oom":true,"finished":2,"error":""}
 */
#pragma once
#include <sys/types.h>

#include "base/base.h"
#include "base/err.h"

#define SHIM_WIRE_VERSION 1
#define SHIM_WIRE_MAX_BYTES 4096

enum shim_wire_do { SHIM_WIRE_REPLY, SHIM_WIRE_HELLO, SHIM_WIRE_START };
enum shim_wire_state { SHIM_WIRE_NONE, SHIM_WIRE_CREATED, SHIM_WIRE_RUNNING, SHIM_WIRE_EXITED };
struct shim_wire {
	enum shim_wire_do verb;          /* of a request */
	enum shim_wire_state state;      /* of a reply; NONE: it failed, see error */
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
