/* session.h - one client at the streams of a process: a hijacked connection on one side, the runtime's stream on the other.
 *
 * What the client sends before the stream is there is kept (bounded: then the client waits). A slow side makes the other one wait.
 * A client that shuts its writing is still sent to; with a terminal, the detach keys end the session without ending the process.
 */
#pragma once
#include "api/api_internal.h"
#include "base/detach_keys.h"

struct session;
struct session_config {
	bool has_tty;                   /* raw bytes; else frames, and said so to clients that know them */
	bool takes_input;
	bool is_forwarded;              /* the stream is another server's, which answers the request by itself; see http_forward */
	struct detach_keys keys;        /* with a terminal */
	/* The client has left: gone, or by his keys. Once; the session is to be freed then, in it or later. */
	void (*on_left)(void *arg, bool by_keys);
	/* The client takes more again, of what session_write was told to hold; NULL: nobody asks. */
	void (*on_writable)(void *arg);
	/* Everything the process wrote has been taken. Once; whoever waits for more (an exit code) frees the session later. */
	void (*on_output_end)(void *arg);
	void *arg;
};
/* Answers the request with 101 (or 200). */
struct session *session_new(struct api *api, struct http_request *req, const struct session_config *config);
/* Takes the runtime's descriptor. */
void session_connect(struct session *session, int stream_fd);
/* Bytes as the stream would give them, before there is one. False: enough for now, see on_writable. */
bool session_write(struct session *session, const void *bytes, size_t count);
/* A last word to the client, as its standard output. */
void session_say(struct session *session, const char *text);
void session_free(struct session *session);              /* ends the connection and lets the stream go; NULL is welcome */
