/* log_merge.h - what the files of service and container logs share: a client, and the sources whose lines he gets. api_logs.c tells how they
 * are merged, log_nodes.c has those on other nodes. Nobody else includes it.
 */
#pragma once
#include "api/api_internal.h"
#include "api/node_log.h"
#include "base/list.h"
#include "base/map.h"

enum { LOG_SOURCES_MAX = 4096 };
/* When the last line of a log was written; is_again: the log is read once more, from before that line. */
struct moment { nsec wall; bool is_again; };

struct log_merge;
struct log_source {
	struct log_merge *stream;
	struct log_reader *reader;      /* NULL once it has ended */
	struct node_log *remote;        /* the same, of the tasks on that node */
	char node_id[ID_SIZE];
	bool is_lost;                   /* it broke off: to be had again */
	bool was_said;
	struct map *told;               /* context of a task there -> struct moment */
	char *details;                  /* "k=v,k2=v2", or NULL; of a container here */
	struct buf held;                /* the entry that waits for its turn; empty: none */
	nsec held_wall;
};
struct log_merge {
	struct list node;               /* in log_streams, when it follows a service */
	struct api *api;
	struct http_request *req;
	struct log_query query;
	bool has_timestamps, has_details, is_full;
	bool is_raw;                    /* no frames: it was written to a terminal */
	const char *label;              /* whose logs: TASK_LABEL_SERVICE or TASK_LABEL_ID of … */
	char id[ID_SIZE];
	bool joins;                     /* a service is followed: new containers and nodes join in */
	bool has_begun;                 /* those that were there have been asked */
	bool is_crowded;                /* it was told that there are too many nodes to ask */
	bool is_inner;                  /* asked by a manager, which merges it with others */
	struct buf missing;             /* "node x is not available, …": told at the end */
	struct log_source **sources;
	size_t source_count;
	struct timer wake;              /* merges and ends outside of the readers' callbacks */
	struct timer look;              /* for nodes to ask */
};

/* NULL, ERR_EXHAUSTED: there are too many. The stream's. */
struct log_source *log_source_new(struct log_merge *stream, struct err *err);
void log_source_forget(struct log_source *source);      /* what it has told */
/* Its next line, sent or held until its turn comes; false: no more for now. details: NULL for clients that want none. */
bool log_source_take(struct log_source *source, const struct container_log_entry *entry, const char *details);
void log_source_send(struct log_merge *stream, struct log_source *source);
void log_merge_say_failure(struct log_merge *stream, const char *text);
void log_merge_wake(struct log_merge *stream);
/* Nodes that have to be asked, or asked again. One that is not there any more is asked once: that says so. */
int log_merge_ask_nodes(struct log_merge *stream, struct err *err);
void log_merge_look(void *stream);                     /* the same when it has begun: what cannot be had is told on it */
