/* image_pull.h - brings images from registries into the store, and asks registries what a name stands for or whether they take a password.
 *
 * All talking is done by confined children (fetch_child_io.h); here their lines are heard, and what they bring goes through an intake
 * (image_intake.h). Pulls of the same reference for the same platform with the same credentials are one; layers that are here already are not
 * fetched. Bounded: so many at a time, the others wait in order, up to a limit. One that asks the swarm first takes the image from a node that has it
 * (image_swarm.h), and goes to the registry when none has, or none could give it.
 */
#pragma once
#include "image/fetch_job.h"
#include "image/image_store.h"
#include "image/image_swarm.h"
#include "image/pull_line.h"
#include "model/image_ref.h"

#define IMAGE_PULLS_ACTIVE  3
#define IMAGE_PULLS_WAITING 256
#define IMAGE_QUESTIONS_MAX 16

struct image_puller;
struct image_puller_options {                            /* copied */
	struct loop *loop;
	struct image_store *store;
	const char *self;                                /* our own binary */
	struct str_array insecure, mirrors;              /* registry_hosts.h has checked them */
	struct str_array certs_dirs;                     /* fetch_trust_io.h */
	const char *ca_file;                             /* NULL or "": the system's */
	const char *http_proxy, *https_proxy, *no_proxy; /* NULL or "": none */
	const char *user_agent;
};
struct image_puller *image_puller_new(const struct image_puller_options *options);
void image_puller_set_swarm(struct image_puller *puller, const struct image_swarm *swarm);     /* copied */
/* NULL is welcome. Before the store is closed, when the loop runs no more; no callbacks. */
void image_puller_close(struct image_puller *puller);

struct image_request {                                   /* copied */
	const struct image_ref *ref;                     /* of a login only its domain counts */
	const char *platform;                            /* NULL or "": this host's */
	const struct registry_auth *auth;                /* NULL: nobody */
	bool asks_swarm;                                 /* before the registry */
};

/* ---- pulls ------------------------------------------------------------------------------------------------------------------ */

struct image_pull_events {
	void (*on_line)(void *arg, const struct pull_line *line);        /* may be NULL; must not leave from inside of it */
	/* Where it is being fetched from now: "10.0.0.2:2377", "docker.io"; may be NULL, as on_line. */
	void (*on_source)(void *arg, const char *source);
	/* Once: id in hex, or err in Docker's words, with what the swarm had to say in front. The ticket is gone. */
	void (*on_done)(void *arg, const char *id, const struct err *err);
};
struct image_pull;                                       /* one who waits for a pull */
/* No callback comes from inside of this. */
int image_pull_start(struct image_puller *puller, const struct image_request *request, const struct image_pull_events *events, void *arg,
		     struct image_pull **ret, struct err *err);
/* Without a callback; when nobody waits any more the pull is given up. */
void image_pull_leave(struct image_pull *pull);

/* ---- questions -------------------------------------------------------------------------------------------------------------- */

/* event of FETCH_RESOLVED or FETCH_LOGGED_IN, or err. The question is gone. */
typedef void image_answer_fn(void *arg, const struct fetch_event *event, const struct err *err);
struct image_question;
/* work: FETCH_RESOLVE or FETCH_LOGIN. stall_ms: how long a registry may be silent; 0: as long as for a pull. */
int image_ask_start(struct image_puller *puller, enum fetch_work work, const struct image_request *request, msec stall_ms, image_answer_fn *fn,
		    void *arg, struct image_question **ret, struct err *err);
void image_ask_leave(struct image_question *question);   /* without the answer */
