/* image_pull_own.h - what pulls and questions share: the puller, and how a child gets its job; and one pull. For image_pull_*io.c and image_ask_io.c. */
#pragma once
#include "base/list.h"
#include "image/fetch_door_io.h"
#include "image/image_intake.h"
#include "image/image_pull.h"
#include "image/line_child_io.h"

struct image_puller {
	struct loop *loop;
	struct image_store *store;
	char *self;
	struct arena arena;                              /* of the texts in settings */
	struct fetch_job settings;                       /* what is the same in all jobs */
	struct image_swarm swarm;                        /* zeroed: none */
	struct list pulls, waiting, questions;
	size_t active_count, waiting_count, question_count;
};

/* A request of one's own, on an arena. */
struct image_request_copy { struct arena arena; struct image_ref ref; char *platform; struct registry_auth auth; bool asks_swarm; };
void image_request_copy(const struct image_request *request, struct image_request_copy *ret);
void image_request_copy_fini(struct image_request_copy *copy);

/* Instead of the registry: nodes, and the child's end of the door to them. */
struct image_nodes { char digest[8 + SHA256_HEX_SIZE]; struct str_array sources; int door_fd; };
/* Starts the child and sends it its job. dir NULL: none; nodes NULL: the registry. */
int image_pull_child_start(struct image_puller *puller, enum fetch_work work, const struct image_request_copy *request, const char *dir,
			   msec stall_ms, const struct image_nodes *nodes, const struct line_child_events *events, void *arg,
			   struct line_child **ret, struct err *err);
/* Once the loop stands still. */
void image_ask_close_all(struct image_puller *puller);

/* ---- one pull --------------------------------------------------------------------------------------------------------------- */

enum { PULL_ID_LENGTH = 12, PULL_NODE_STALL_MS = 10000 };

enum pull_end { PULL_GOES_ON, PULL_FAILED, PULL_FRESH, PULL_DONE, PULL_GIVEN_UP };

struct pull_layer { char id[PULL_ID_LENGTH + 1]; struct pull_line line; };
struct pull {
	struct list link;
	struct image_puller *puller;
	struct image_request_copy request;
	struct list tickets;
	struct image_intake *intake;
	struct line_child *child;
	bool is_active, is_fetched, is_committing;
	enum pull_end end;
	struct err err;                                  /* PULL_FAILED */
	char id[SHA256_HEX_SIZE];
	bool was_known;

	char tag[IMAGE_REF_TEXT_SIZE];                   /* familiar, as it is named; "" when it was asked for by digest */
	char from[300], asked[IMAGE_REF_DIGEST_SIZE];    /* "Pulling from library/x", "latest" */
	char top[SHA256_HEX_SIZE];                       /* "" until it is known */
	bool asks_swarm;                                 /* not the registry, or not yet */
	struct image_found found;                        /* sources in the request's arena */
	void *question, *dialling;                       /* to the swarm, under way */
	void (*found_fn)(struct pull *pull, const struct err *err);
	struct fetch_door *door;
	struct err trouble;                              /* what the swarm had to say; code 0: nothing */
	const char *source;                              /* where it is fetched from; NULL: nowhere yet */
	struct pull_layer *layers;                       /* as many as the intake has, from on_added on */
	size_t layer_count;
};

struct image_pull {
	struct list link;
	struct pull *pull;
	struct image_pull_events events;
	void *arg;
	struct timer hello;                              /* it has not heard yet how things stand */
	bool has_heard;
};

/* image_pull_io.c: its life */
void pull_end(struct pull *pull, enum pull_end how, const struct err *err);      /* the first reason counts; err of PULL_FAILED */
void pull_finish(struct pull *pull);                                             /* it has an end, and the child is gone */
void pull_intake_ended(void *arg, const struct err *err);

/* image_pull_fetch_io.c: what child and intake say to each other through it, from the intake's beginning on */
extern const struct image_intake_events pull_intake_events;

/* image_pull_tell_io.c: to all who wait and have heard how things stand; pull_hello tells one of them that (a timer_fn) */
void pull_hello(void *arg);
void pull_tell_line(struct pull *pull, const struct pull_line *line);
void pull_tell_layer(struct pull *pull, size_t number, struct pull_line line);
void pull_tell_status(struct pull *pull, size_t number, const char *status);
void pull_tell_result(struct pull *pull, bool is_fresh);
void pull_tell_source(const struct pull *pull);
struct pull_line pull_first_line(const struct pull *pull);

/* image_pull_swarm_io.c */
/* Asks the swarm who has it; done is told later, with pull->found filled. False: there is nobody to ask, and the registry it is. */
bool pull_seek(struct pull *pull, void (*done)(struct pull *pull, const struct err *err));
/* Nodes that the child may be connected to. */
int pull_open_door(struct pull *pull, struct image_nodes *ret, struct err *err);
/* Nothing of the swarm is waited for any more. */
void pull_leave_swarm(struct pull *pull);
