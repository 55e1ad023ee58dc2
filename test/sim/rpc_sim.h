/* rpc_sim.h - os/listen.h, pki/tls_io.h and the dialling of rpc with wires of straw: above them everything of rpc is real.
 *
 * Linked instead of the real ones: each function of those headers stands here too, also those that nobody calls in a simulation, else the
 * linker brings the real file along. Each node is a site: a host, an address, a name that its certificate would have. A wire is a TCP
 * connection: in order, nothing is lost; a link that is off for a moment holds it up, one that is cut stops it, and one that stays cut for ten
 * seconds ends it; a process that dies
 * resets its wires, a host without power says nothing, one that is back resets what it does not know. Raft's messages have it worse than
 * TCP would do it: each is a letter that may be lost, come twice, or be overtaken.
 */
#pragma once
#include "pki/cert.h"
#include "pki/tls_io.h"
#include "raft/raft.h"
#include "test/sim/os_sim.h"

struct listener;
struct sim_site {
	struct sim_host host;
	struct loop *loop;              /* NULL: no process */
	char address[32];               /* "10.0.0.3:2377" */
	struct cert_name name;
	struct listener *listener;
	bool is_there;                  /* can be found at its address */
	bool is_dark;                   /* no power: nobody says that nobody is there */
	bool is_mute;                   /* whatever it does now is not heard any more */
};
/* In it, from here on until sim_leave. */
void sim_site_enter(struct sim_site *site);
struct sim_site *sim_site_here(void);
/* Its process is about to end; what it says in doing so is not heard. */
void sim_site_die(struct sim_site *site, bool is_dark);
/* It never was: its wires end without a word. */
void sim_site_forget(struct sim_site *site);
/* A link has changed: those who say little notice it, too, some time. */
void sim_wires_probe(struct sim_site *site);
/* Past everything that happens to letters, as if from had sent it. */
void sim_wire_forge(struct sim_site *from, struct sim_site *to, const struct raft_msg *msg);
void sim_wires_free(void);

/* What the world has to say, sim_net.c. */
bool sim_link_is_cut(const struct sim_site *from, const struct sim_site *to);
/* Off just now: nothing is lost, it arrives all at once when the link is on again; then: 0 when it is on. */
msec sim_link_opens(const struct sim_site *from, const struct sim_site *to);
msec sim_link_delay(void);
bool sim_link_loses(void);
bool sim_link_doubles(void);
struct sim_site *sim_site_at(const char *address);      /* NULL */
/* Looks at one of raft's messages, and may make another one of it; false: it gets lost. */
bool sim_see_message(struct sim_site *from, const uint8_t *body, size_t size, struct buf *ret_changed);
/* Looks at any other frame of the wire; true: bytes are to be sent instead. */
bool sim_see_frame(struct sim_site *from, const uint8_t *bytes, size_t size, struct buf *ret_changed);
