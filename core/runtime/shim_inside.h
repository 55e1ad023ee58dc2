/* shim_inside.h - what the files of a container's shim share: shim_io.c, its life; shim_talk_io.c, its talk with agents. */
#pragma once
#include "runtime/shim_streams_io.h"
#include "runtime/shim_wire.h"

enum { SHIM_CONNECTIONS = 4 };
enum shim_phase { SHIM_MAKING, SHIM_AT_GATE, SHIM_STARTING, SHIM_RUNNING, SHIM_FAILED };

struct shim_connection { int fd; bool wants_hello, wants_start; };
struct shim {
	int run_dir;                     /* shims/<id> */
	struct shim_connection connections[SHIM_CONNECTIONS];
	enum shim_phase phase;
	pid_t pid;
	int pidfd, gate_fd;
	bool shares_network, has_stdin;
	struct shim_wire end;            /* what `exit` will say */
	struct log_writer writer;
	struct streams streams;
};

/* shim_talk_io.c */
void shim_talk_accept(struct shim *shim);
void shim_talk_hear(struct shim *shim, struct shim_connection *connection);
void shim_talk_answer(struct shim *shim);        /* what waited for this phase */
void shim_talk_end(struct shim *shim);           /* hangs up on everybody */
