/* shim_streams_io.h - what flows between a process and the world, for its shim: output to the log and to clients, clients' input to stdin.
 *
 * On one side two pipes and stdin, or the master of a terminal; on the other the log and up to STREAMS_CLIENTS sockets. Output is read in pieces, and
 * the next piece when every client has taken the one before: the slowest sets the pace, the process waits, nothing is lost. No heap; the
 * buffers are static (one set a process), and their pages are given back when the last client has gone.
 */
#pragma once
#include <poll.h>

#include "runtime/log_writer_io.h"
#include "runtime/runtime.h"

enum { STREAMS_CLIENTS = RUNTIME_MAX_ATTACHED, STREAMS_POLLS = 3 + STREAMS_CLIENTS };

struct streams_wants { bool in, out, err; };
struct streams_client {
	int fd;                          /* -1: none */
	struct streams_wants wants;      /* in: as long as its input has not ended */
	bool has_hung_up;                /* but there may be input to read yet */
	size_t owed;                     /* bytes of the piece at hand that it has not taken */
};
struct streams {
	struct log_writer *writer;       /* NULL: no log */
	struct log_pipe out, bad;        /* with a terminal: out is its master, bad closed */
	int in_fd;                       /* stdin or the master; -1: none, or ended */
	int slave_fd;                    /* of the terminal, held open: a master without any is at its end */
	bool has_tty, is_stdin_once;
	struct streams_client clients[STREAMS_CLIENTS];
	size_t frame_end;                /* of the piece at hand */
	size_t input_at, input_end;      /* read from a client, not yet written to stdin */
};

void streams_init(struct streams *streams);

/* Pipes to the process: its ends, those not wanted -1. On failure what was made stays for the caller's end. */
int streams_open_pipes(struct streams *streams, struct streams_wants wants, int ret_theirs[3], struct err *err);
/* Master and slave, when the process has made them; nothing without has_tty. */
void streams_take_terminal(struct streams *streams, const int terminal[2], bool has_stdin);

/* The other end of a new client's socket, non-blocking; -1 with errno, EBUSY when all places are taken. wants_past: what comes out of it begins with a
 * struct log_mark, behind all that the log has, and with what the log has not yet: the begun lines. So log and stream together are everything, once. */
int streams_add_client(struct streams *streams, struct streams_wants wants, bool wants_past);
void streams_take_client(struct streams *streams, int fd, struct streams_wants wants);   /* takes the socket; the first place is free */
int streams_resize(struct streams *streams, unsigned rows, unsigned columns);            /* -1 with errno; ENOTTY */

/* One round of the caller's loop: what to wait for, and what has come. */
void streams_poll(const struct streams *streams, struct pollfd fds[STREAMS_POLLS]);
void streams_serve(struct streams *streams, const struct pollfd fds[STREAMS_POLLS]);

/* The process has ended: all that is in the pipes goes to the log and into the clients' sockets, where it outlives us. A client whose socket takes
 * no more (an unprivileged host's are small) is waited for a moment. Then the log is complete, and the clients still connected. */
void streams_finish(struct streams *streams);
void streams_close(struct streams *streams);     /* the end of all clients */
