/* dispatch_client_io.h - a node's side of its session: dials a manager, beats, hears what to run, tells what became of it.
 *
 * node_session.h decides which manager and when; this is its hands. Statuses are collected for a moment, the newest of each task. A session begins with
 * all that ought to run, as soon as the manager is sure of that, which asks for all statuses: what is lost with a connection is told again.
 */
#pragma once
#include "dispatch/dispatch_msg.h"
#include "os/loop.h"
#include "rpc/rpc_io.h"

struct dispatch_client;
struct dispatch_client_hooks {
	/* What this node says of itself; strings live in the arena or as long as the client. */
	void (*describe)(void *arg, struct arena *arena, struct session_ask *ret);
	/* Good during the call. is_complete: it is all there is, and every status is wanted again. */
	void (*on_assign)(void *arg, const struct assignment *items, size_t count, const char *const *removed, size_t removed_count,
			  bool is_complete);
	/* A session is open. */
	void (*on_open)(void *arg);
	void (*on_news)(void *arg, const struct session_news *news);
	/* A try has failed, or a session ended. */
	void (*on_trouble)(void *arg, const struct err *err);
	void *arg;
};
/* Serves ASSIGN and MANAGERS on rpc until it is freed; dials as soon as it knows a manager. */
struct dispatch_client *dispatch_client_new(struct loop *loop, struct rpc *rpc, const char *node_id, const struct dispatch_client_hooks *hooks);
void dispatch_client_free(struct dispatch_client *client);       /* NULL is welcome */
/* generation: the highest that was ever told. A manager that tells a lower one is of a cluster that is no more, and is left. */
void dispatch_client_set_managers(struct dispatch_client *client, const struct manager_ats *managers, uint64_t generation);
void dispatch_client_report(struct dispatch_client *client, const struct task_status *status);
/* This node has another certificate: the session is opened anew with it, and with what it now says of itself. */
void dispatch_client_renew(struct dispatch_client *client);
/* There is a session, with a manager that knows of a leader. */
bool dispatch_client_is_led(const struct dispatch_client *client);
/* For calls on the session's connection; NULL while there is no session. */
struct rpc_conn *dispatch_client_conn(const struct dispatch_client *client);
/* For RPC_LEAVING: also while a session is being opened, for the manager may have it before we hear of that, and would miss us. */
struct rpc_conn *dispatch_client_goodbye_conn(const struct dispatch_client *client);
