/* image_pull_own.h - what pulls and questions share: the puller, and how a child gets its job. For image_pull_io.c and image_ask_io.c. */
#pragma once
#include "base/list.h"
#include "image/image_pull.h"
#include "image/line_child_io.h"

struct image_puller {
	struct loop *loop;
	struct image_store *store;
	char *self;
	struct arena arena;                              /* of the texts in settings */
	struct fetch_job settings;                       /* what is the same in all jobs */
	struct list pulls, waiting, questions;
	size_t active_count, waiting_count, question_count;
};

/* A request of one's own, on an arena. */
struct image_request_copy { struct arena arena; struct image_ref ref; char *platform; struct registry_auth auth; };
void image_request_copy(const struct image_request *request, struct image_request_copy *ret);
void image_request_copy_fini(struct image_request_copy *copy);

/* Starts the child and sends it its job. dir NULL: none. */
int image_pull_child_start(struct image_puller *puller, enum fetch_work work, const struct image_request_copy *request, const char *dir,
			   msec stall_ms, const struct line_child_events *events, void *arg, struct line_child **ret, struct err *err);
/* Once the loop stands still. */
void image_ask_close_all(struct image_puller *puller);
