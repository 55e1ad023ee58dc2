/* listing.h - what all `ls` and `inspect` commands share: filters, formats, rows, an array of
 * objects.
 */
#pragma once
#include <yyjson.h>

#include "applets/cli.h"
#include "client/columns.h"

#define LISTING_FORMAT_HELP                                                                        \
	"How to print:\n'table':            columns under their heads (default)\n"                 \
	"'table TEMPLATE':   columns made by a Go template\n"                                      \
	"'json':             a JSON object a line\n'TEMPLATE':         a line by a Go template"
#define LISTING_INSPECT_HELP                                                                       \
	"How to print:\n'json':             JSON without blanks, a line each\n"                     \
	"'TEMPLATE':         a line by a Go template"
#define OPT_FILTER(args, field)                                                                    \
	{ OPTION_LIST, 'f', "filter", "filter", "Show only what fits: NAME=VALUE",                  \
	  OPTION_AT(args, field, struct strlist), listing_check_filter, NULL }

int listing_check_filter(void *args, const struct option *option, const char *value,
			 struct err *err);
/* "filters={"a":{"b":true}}" behind ? or &; nothing when there are none. */
void listing_add_filters(const struct strlist *filters, struct buf *path);
/* One more by hand. */
void listing_add_filter(struct strlist *filters, const char *name, const char *value);

/* What an array holds, in the order that people expect of what stands at path in each ("Spec.Name"); NULL behind the last; heap. */
yyjson_val **listing_sorted(yyjson_val *all, const char *path);
/* Prints the rows, or with quiet only the column named; returns the exit code. */
int listing_print(const struct columns *columns, const char *format, bool quiet, const char *id);

/* GETs path + each name + query and prints them as `inspect` does: what was found on stdout, an
 * error a line for the rest. kind ("service") makes the words for 404, "Error: no such service: x";
 * NULL leaves the agent's. */
int listing_inspect(struct cli *cli, const char *path, char *const *names, const char *query,
		    const char *format, const char *kind);
/* A node's own id for "self", else the name itself; heap. NULL with err when this host is in no swarm. */
char *listing_resolve_self(struct call *call, const char *name, struct err *err);
/* Runs DELETE or POST path + name + query for each name, printing it when done; errors a line
 * each. With force=1 in the query, what is not there is told and no failure. */
int listing_each(struct cli *cli, const char *method, const char *path, char *const *names,
		 const char *query);

/* The texts of docker's tables. Stamps in the API's format; "3 hours ago" without "ago". */
void listing_age(nsec since_wall, struct buf *out);
/* "2026-01-31 10:00:00.5 +0000 UTC", as Go prints a time. */
void listing_moment(nsec wall, struct buf *out);
/* "a=1,b=2", sorted. */
void listing_labels(yyjson_val *labels, const char *separator, struct buf *out);
/* nginx:latest@sha256:… to nginx:latest; what is no reference stays as it is. */
void listing_image(const char *image, struct buf *out);
/* Cut to length characters with … at the end. */
void listing_ellipsis(const char *text, size_t length, struct buf *out);
/* "running" to "Running". */
void listing_capital(const char *text, struct buf *out);
