/* rpc_methods.h - what one node may ask another, and who may ask it: the only such list.
 *
 * A method is a number on the wire that is never used again for anything else. It is either called (an answer is owed) or noted (none is). The peer's
 * certificate decides its class; who is below the class a method asks for is refused before any handler sees a byte (rpc_method_check).
 *
 * Pure.
 */
#pragma once
#include "base/err.h"

/* In ascending order of trust: each may do what those before it may. */
enum rpc_class {
	RPC_ANYONE,             /* no certificate: whoever speaks TLS */
	RPC_NODE,               /* a certificate of our cluster, role swarm-worker */
	RPC_MANAGER,            /* the same, role swarm-manager */
};
/* The most that the length field of a frame from such a peer may say. */
#define RPC_ANYONE_FRAME_BYTES  (16u << 10)
#define RPC_NODE_FRAME_BYTES    (64u << 10)
#define RPC_MANAGER_FRAME_BYTES (3u << 20)
uint32_t rpc_class_frame_bytes(enum rpc_class class);

enum rpc_manner { RPC_CALLED, RPC_NOTED };

/*        name      number  least class   manner       what for */
#define RPC_METHODS(M) \
	M(ISSUE,     1, RPC_ANYONE,  RPC_CALLED)   /* a request for a certificate with a join token -> the certificate */ \
	M(RENEW,     2, RPC_NODE,    RPC_CALLED)   /* a request for one's next certificate -> the certificate          */ \
	M(SESSION,  10, RPC_NODE,    RPC_CALLED)   /* worker to manager: here I am, this is my description              */ \
	M(BEAT,     11, RPC_NODE,    RPC_CALLED)   /* worker to manager: still here; are you?                           */ \
	M(STATUS,   12, RPC_NODE,    RPC_NOTED)    /* worker to manager: states of tasks                                */ \
	M(BLOB,     13, RPC_NODE,    RPC_CALLED)   /* node to manager: my task's image, please -> a ticket for it       */ \
	M(LEAVING,  14, RPC_NODE,    RPC_CALLED)   /* worker to manager: I am going, do not wait for me                 */ \
	M(SECRET,   15, RPC_NODE,    RPC_CALLED)   /* worker to manager: a piece of what my task has to have            */ \
	M(IMAGE,    16, RPC_NODE,    RPC_CALLED)   /* node to manager: who has my task's image? -> digest and addresses */ \
	M(ASSIGN,   20, RPC_MANAGER, RPC_NOTED)    /* manager to worker: what to run, as a difference                   */ \
	M(MANAGERS, 21, RPC_MANAGER, RPC_NOTED)    /* manager to worker: who the managers are and where                 */ \
	M(OPEN,     22, RPC_MANAGER, RPC_CALLED)   /* manager to worker: call back with this ticket, for logs, exec …   */ \
	M(RAFT,     30, RPC_MANAGER, RPC_NOTED)    /* one struct raft_msg                                               */ \
	M(MEMBER,   31, RPC_MANAGER, RPC_CALLED)   /* to the leader: let me in, here is my address                      */ \
	M(SNAPSHOT, 32, RPC_MANAGER, RPC_CALLED)   /* the state that was offered under this number -> a ticket for it    */ \
	M(VERB,     40, RPC_MANAGER, RPC_CALLED)   /* to the leader: what a user asked for                              */ \
	M(REPORT,   41, RPC_MANAGER, RPC_CALLED)   /* to the leader: statuses and silent nodes, batched                 */

enum rpc_method {
#define RPC_METHOD_NUMBER(name, number, class, manner) RPC_##name = (number),
	RPC_METHODS(RPC_METHOD_NUMBER)
#undef RPC_METHOD_NUMBER
};
#define RPC_METHOD_MAX 63       /* the largest number one may have */

/* "SESSION"; NULL for a number that is no method. */
const char *rpc_method_name(unsigned method);
/* May a peer of this class use the method in this manner? ERR_UNSUPPORTED: this version has no such method; ERR_DENIED: not for such a peer;
 * ERR_INVALID: it is not called but noted, or the reverse. */
int rpc_method_check(unsigned method, enum rpc_manner manner, enum rpc_class peer, struct err *err);
