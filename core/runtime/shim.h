/* shim.h - the parent of one container: `swarmbox shim <run_root>/shims/<id>`.
 *
 * It outlives the agent, so it does as little as possible: reads the spec, makes the container, writes its log, waits for its end, writes `exit`
 * (renamed into place before the socket closes) and ends. One thread, no heap once the container runs.
 *
 * What it inherits: SHIM_LISTEN_FD, the listening socket `sock`, and SHIM_AGENT_FD, a first connection on it already made.
 * Both speak SOCK_SEQPACKET, one line of JSON a packet, the version first. The agent asks:
 *   {"v":1,"do":"hello"}            -> {"v":1,"state":"created","pid":N,"started":0}   with the container's pidfd and netns fd (SCM_RIGHTS)
 *   {"v":1,"do":"start"}            -> {"v":1,"state":"running",…}  or {"v":1,"error":"…","code":127}
 *   anything else                   -> {"v":1,"error":"shim: …"}
 * On the first connection the answer to hello is sent unasked, when the container waits at its gate or could not be made.
 */
#pragma once

#define SHIM_PROTOCOL 1
#define SHIM_LISTEN_FD 3
#define SHIM_AGENT_FD 4

/* The whole life of a shim; returns its exit status. dir is `<run_root>/shims/<id>`. */
int shim_run(const char *dir);
