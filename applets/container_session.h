/* container_session.h - our terminal joined with a process in a container: what run, attach, start -a and exec share. */
#pragma once
#include "applets/cli.h"
#include "client/call.h"

struct container_session {
	struct cli *cli;
	struct call *call;
	const char *id;                 /* of the container, for signals */
	const char *resize;             /* "/containers/x/resize" or "/exec/x/resize" */
	const char *detach_keys;        /* NULL: the usual ones */
	bool has_tty, takes_input, proxies;
};

/* ERR_INVALID "the input device is not a TTY" when a person must type and cannot. */
int container_session_check(bool has_tty, bool takes_input, struct err *err);
/* -1 with err, 0 when the process has ended, 1 when the person has left it. */
int container_session_run(const struct container_session *session, struct call_hijacked *connection, struct err *err);
/* Sets the size of its terminal to that of ours; failures do not matter. */
void container_session_resize(const struct container_session *session);

/* A wait that is on its way: opened before the start, so that the end cannot be missed. */
struct container_wait { struct call *call; struct http_client *client; };
int container_wait_begin(struct call *call, const char *id, const char *condition, struct container_wait *ret, struct err *err);
int container_wait_end(struct container_wait *wait, int *ret_code, struct err *err);
void container_wait_fini(struct container_wait *wait);  /* harmless twice, and for zeroes */
