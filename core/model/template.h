/* template.h - Go's text/template: behind --format, in what Swarm expands of a service's spec, in secrets and configs that ask for it.
 *
 * Pure. Text, {{ }} with - to trim, fields (.A.B, .), variables, pipes, parentheses, strings, numbers, true, false, nil; if, else, else if,
 * with, range, break, continue, end; functions: the table in template_call.c says which are whose. Whatever else is written is an error
 * that names it, in Go's words where Go has some. Values are JSON; of --format, .Label "key" is known (of the row's Labels), and an
 * absent field is nil, which is false and prints "<no value>". Who writes a template bounds neither its time nor its memory: we do.
 */
#pragma once
#include <yyjson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum template_kind {
	TEMPLATE_FORMAT = 1,    /* --format: Docker's functions, and names without regard to case */
	TEMPLATE_SPEC = 2,      /* Swarm's functions and strictness */
	TEMPLATE_PAYLOAD = 4,   /* the same, and what it looks up */
	TEMPLATE_SECRET = 8,    /* the same, and no error says what stands in it */
};

struct template;
int template_parse(const char *text, struct template **ret, struct err *err);     /* for --format */
/* A NUL may be among the bytes. */
int template_parse_as(enum template_kind kind, const char *bytes, size_t size, struct template **ret, struct err *err);
void template_free(struct template *template);           /* NULL is welcome */
void template_freep(struct template **template);

enum template_absent {
	TEMPLATE_ABSENT_IS_NIL,
	TEMPLATE_ABSENT_TOP_IS_ERROR,   /* of the data's own members: an object, all whose members are told */
	TEMPLATE_ABSENT_IS_ERROR,       /* of rows, whose fields are all known */
};
/* Appends to out. */
int template_run(const struct template *template, yyjson_val *data, enum template_absent absent,
		 struct buf *out, struct err *err);

/* Where the functions env, secret and config look. ret lives in the arena; once a secret is found no error quotes the template. */
struct template_lookup {
	int (*find)(void *arg, const char *function, const char *name, struct arena *arena, const char **ret, struct err *err);
	void *arg;
};
/* The other kinds: every name must be there, to the letter. Objects of the data that say their Go type (see TVAL_TYPE) are structs,
 * others maps of strings. Too long for out is an error. lookup may be NULL unless it is a payload. */
int template_expand(const struct template *template, yyjson_val *data, const struct template_lookup *lookup, struct buf *out,
		    struct err *err);
