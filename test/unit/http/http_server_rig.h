/* http_server_rig.h - the server over a socket pair: one loop, the client's end in the test's hand. What handles the requests is in the
 * rig too: /echo, /count, /park and others, each told where it is handled.
 */
#pragma once
#include "base/buf.h"
#include "http/http_server_io.h"
#include "test/unit/runner.h"

struct rig {
	struct loop *loop;
	struct http_server *server;
	int client;
	struct buf got;                 /* all that the client has received */
	bool got_end;
	struct http_request *parked;    /* by /park */
	unsigned gone, ended_broken, written;
	bool was_full;
	size_t body_bytes;
	unsigned pieces_left;
	struct buf head;                /* of what /forward sends on */
};

#define HOST "Host: x\r\n"
extern const struct http_limits usual;

void rig_init(struct rig *rig, struct http_limits limits);
void rig_handle(void *arg, struct http_request *req);
void rig_fill(void *arg);               /* writes to the parked one until it is full */
void rig_fini(struct rig *rig);
void connect_client(struct rig *rig);   /* in the place of the client there was */
void say(struct rig *rig, const char *text);
void receive(struct rig *rig);          /* what has come, into got */
bool run_until(struct rig *rig, const char *want);      /* false: nothing happens any more, and the client has not received it */
bool run_until_end(struct rig *rig);
void settle(struct rig *rig);
