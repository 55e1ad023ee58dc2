/* shim.h - the parent of one container: `swarmbox shim <run_root>/shims/<id> …`.
 *
 * It outlives the agent, so it does as little as possible: makes the container, writes its log, waits for its end, writes `exit`
 * (renamed into place before the socket closes) and ends. One thread, no heap.
 *
 * It never reads the spec: its child does, whose memory goes with exec. What the shim itself has to know it is told by words and inherits
 * as descriptors: SHIM_LISTEN_FD, the listening socket `sock`; SHIM_AGENT_FD, a first connection on it already made; SHIM_DIR_FD,
 * containers/<id>; SHIM_CGROUP_FD, the container's v2 group; SHIM_OOM_FD, the file that counts OOM kills (the last two may be /dev/null).
 * The sockets speak SOCK_SEQPACKET, one line of JSON a packet, the version first. The agent asks:
 *   {"v":1,"do":"hello"}            -> {"v":1,"state":"created","pid":N,"started":0}   with the container's pidfd and netns fd (SCM_RIGHTS)
 *   {"v":1,"do":"start"}            -> {"v":1,"state":"running",…}  or {"v":1,"error":"…","code":127}
 *   {"v":1,"do":"attach","seq":7,"in":true,"out":true,"err":true,"past":false} -> {"v":1,"seq":7,…}  with a client's socket (shim_streams_io.h)
 *   {"v":1,"do":"resize","seq":8,"rows":24,"columns":80}               -> {"v":1,"seq":8,…}  or {"v":1,"seq":8,"state":"","error":"…"}
 *   anything else                   -> {"v":1,"error":"shim: …"}
 * On the first connection the answer to hello is sent unasked, when the container waits at its gate or could not be made.
 */
#pragma once

enum { SHIM_LISTEN_FD = 3, SHIM_AGENT_FD, SHIM_DIR_FD, SHIM_CGROUP_FD, SHIM_OOM_FD };

/* The words behind `swarmbox shim`. */
enum { SHIM_WORD_DIR, SHIM_WORD_NETWORK, SHIM_WORD_STDIO, SHIM_WORD_LOG, SHIM_WORD_LOG_BYTES, SHIM_WORD_LOG_FILES, SHIM_WORD_COUNT };
#define SHIM_NETWORK_HOST "host"         /* else a network namespace is made */
#define SHIM_STDIO_TTY    't'            /* letters of one word: a terminal, */
#define SHIM_STDIO_IN     'i'            /* stdin open, */
#define SHIM_STDIO_ONCE   'o'            /* and closed with the first client's; "-" without any */
#define SHIM_LOG_NONE     "none"         /* else json-file */

/* The whole life of a shim; returns its exit status. words[SHIM_WORD_DIR] is `<run_root>/shims/<id>`. */
int shim_run(char *const words[SHIM_WORD_COUNT]);
