/* template_tree.h - a parsed template: between template_parse.c, template.c and template_call.c.
 */
#pragma once
#include "base/arena.h"
#include "client/template.h"
#include "client/template_value.h"

struct template_pipe;
enum template_operand_kind { OPERAND_DOT, OPERAND_LITERAL, OPERAND_CALL, OPERAND_PIPE };
struct template_operand {
	enum template_operand_kind kind;
	struct tval literal;
	const char *function;           /* its name was checked by the parser */
	const struct template_pipe *pipe;        /* in parentheses */
	const char **fields;            /* .A.B behind the dot or the parenthesis */
	size_t field_count;
	size_t at;                      /* where in the text it begins */
};
struct template_command { struct template_operand *operands; size_t count; };
struct template_pipe { struct template_command *commands; size_t count; };

enum template_node_kind { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_WITH, NODE_RANGE };
struct template_node {
	enum template_node_kind kind;
	struct template_node *next;
	const char *text;
	const struct template_pipe *pipe;
	struct template_node *body, *otherwise;
};

struct template { struct arena arena; struct template_node *first; };

bool template_call_exists(const char *function);
/* All of them, for messages: "index, len, …". */
const char *template_call_names(void);
int template_call(const char *function, const struct tval *args, size_t count, struct arena *arena,
		  struct tval *ret, struct err *err);
