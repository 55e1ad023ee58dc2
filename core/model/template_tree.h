/* template_tree.h - a parsed template: between template_parse.c, template.c and template_call.c.
 */
#pragma once
#include "base/arena.h"
#include "model/template.h"
#include "model/template_value.h"

enum { TEMPLATE_VARIABLES_MAX = 64 };   /* at once */

struct template_pipe;
enum template_operand_kind { OPERAND_DOT, OPERAND_LITERAL, OPERAND_CALL, OPERAND_PIPE, OPERAND_VARIABLE };
struct template_operand {
	enum template_operand_kind kind;
	struct tval literal;
	const char *function;           /* its name was checked by the parser */
	const struct template_pipe *pipe;        /* in parentheses */
	unsigned variable;              /* its place among those of the run; 0 is $ */
	const char **fields;            /* .A.B behind the dot, the variable or the parenthesis */
	size_t field_count;
	size_t at, end, fields_at;      /* where in the text it stands; the place that errors name */
};
struct template_command { struct template_operand *operands; size_t count; bool is_label; };
struct template_pipe {
	struct template_command *commands;
	size_t count;
	unsigned variables[2], variable_count;   /* that take its value; of a range the last takes the element, the first its index or key */
};

enum template_node_kind { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_WITH, NODE_RANGE, NODE_BREAK, NODE_CONTINUE };
struct template_node {
	enum template_node_kind kind;
	struct template_node *next;
	const char *text;
	size_t length;
	const struct template_pipe *pipe;
	struct template_node *body, *otherwise;
};

struct template {
	struct arena arena;
	enum template_kind kind;
	const char *text;
	struct template_node *first;
};

/* Line from 1, column in bytes from 0, as Go counts. */
void template_place(const struct template *template, size_t at, size_t *ret_line, size_t *ret_column);
const char *template_name(const struct template *template);      /* for errors */
const char *template_prefix(const struct template *template);    /* what Docker's client says in front of them */

/* What a function is called with. */
struct template_call {
	enum template_kind kind;
	const char *name;
	const struct tval *args;
	size_t count;
	const struct template_lookup *lookup;
	bool *is_hidden;                /* nothing of the template may be said any more */
	struct arena *arena;
	struct err *err;
};
bool template_call_exists(enum template_kind kind, const char *function);
/* For functions: what they have made, or that it is too long. */
enum { TEMPLATE_TEXT_MAX = 32 << 20 };
int template_give(const struct template_call *in, const struct buf *text, struct tval *ret);
/* html and urlquery, slice: template_escape.c */
int template_escape(const struct template_call *in, struct tval *ret);
int template_slice(const struct template_call *in, struct tval *ret);
/* Errors are Go's reason alone. */
int template_call(const struct template_call *call, struct tval *ret);
