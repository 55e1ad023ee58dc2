#include "client/template.h"

#include <string.h>

#include "base/str.h"
#include "client/template_tree.h"

#define ARENA_CEILING (256u * 1024 * 1024)

struct run {
	struct arena *arena;
	enum template_absent absent;
	yyjson_val *data;
	struct buf *out;
	struct err *err;
};

static int eval_pipe(struct run *run, const struct template_pipe *pipe, struct tval dot,
		     struct tval *ret);

static int refuse_absent(struct run *run, const struct template_operand *operand, const char *field)
{
	CLEANUP(buf_finip) struct buf chain = BUF_INIT;

	for (size_t i = 0; i < operand->field_count; i++)
		buf_printf(&chain, ".%s", operand->fields[i]);
	if (run->absent == TEMPLATE_ABSENT_IS_ERROR)
		return err_set(run->err, ERR_INVALID, "template: executing \"\" at <%s>: can't evaluate field %s",
			       buf_text(&chain), field);
	return err_set(run->err, ERR_INVALID,
		       "template parsing error: template: :1:%zu: executing \"\" at <%s>: map has no entry for "
		       "key \"%s\"", operand->at, buf_text(&chain), field);
}

static int walk_fields(struct run *run, const struct template_operand *operand, struct tval *value)
{
	for (size_t i = 0; i < operand->field_count; i++) {
		bool found, is_top = value->kind == TVAL_JSON && value->json == run->data;

		*value = tval_field(*value, operand->fields[i], &found);
		if (!found && (run->absent == TEMPLATE_ABSENT_IS_ERROR ||
			       (run->absent == TEMPLATE_ABSENT_TOP_IS_ERROR && is_top)))
			return refuse_absent(run, operand, operand->fields[i]);
	}
	return 0;
}

static int eval_operand(struct run *run, const struct template_operand *operand, struct tval dot,
			struct tval *ret)
{
	switch (operand->kind) {
	case OPERAND_DOT:
		*ret = dot;
		return walk_fields(run, operand, ret);
	case OPERAND_PIPE:
		if (eval_pipe(run, operand->pipe, dot, ret) < 0)
			return -1;
		return walk_fields(run, operand, ret);
	case OPERAND_LITERAL:
		*ret = operand->literal;
		return 0;
	case OPERAND_CALL:
		return template_call(operand->function, NULL, 0, run->arena, ret, run->err);
	}
	return -1;
}

/* piped is the value of the command before, the last argument of this one; NULL for the first. */
static int eval_command(struct run *run, const struct template_command *command, struct tval dot,
			const struct tval *piped, struct tval *ret)
{
	const struct template_operand *first = &command->operands[0];
	size_t count = 0;

	if (first->kind != OPERAND_CALL && command->count == 2) {
		*ret = tval_label(dot, command->operands[1].literal.string, run->arena);
		return 0;
	}
	if (first->kind != OPERAND_CALL)
		return eval_operand(run, first, dot, ret);
	struct tval *args = ARENA_ARRAY(run->arena, struct tval, command->count + 1);
	for (size_t i = 1; i < command->count; i++)
		if (eval_operand(run, &command->operands[i], dot, &args[count++]) < 0)
			return -1;
	if (piped)
		args[count++] = *piped;
	return template_call(first->function, args, count, run->arena, ret, run->err);
}

static int eval_pipe(struct run *run, const struct template_pipe *pipe, struct tval dot,
		     struct tval *ret)
{
	struct tval value = {0};

	for (size_t i = 0; i < pipe->count; i++) {
		struct tval before = value;
		if (eval_command(run, &pipe->commands[i], dot, i ? &before : NULL, &value) < 0)
			return -1;
	}
	*ret = value;
	return 0;
}

static int run_nodes(struct run *run, const struct template_node *node, struct tval dot);

static int run_range(struct run *run, const struct template_node *node, struct tval over,
		     struct tval dot)
{
	if (over.kind != TVAL_LIST && over.kind != TVAL_JSON && over.kind != TVAL_NIL)
		return err_set(run->err, ERR_INVALID, "template: range can't iterate over a %s",
			       over.kind == TVAL_STRING ? "string" : "number");
	if (tval_count(over) == 0)
		return run_nodes(run, node->otherwise, dot);

	size_t count;
	const struct tval *items = tval_elements(over, run->arena, &count);
	for (size_t i = 0; i < count; i++)
		if (run_nodes(run, node->body, items[i]) < 0)
			return -1;
	return 0;
}

static int run_node(struct run *run, const struct template_node *node, struct tval dot)
{
	struct tval value;

	if (node->kind == NODE_TEXT) {
		buf_add_str(run->out, node->text);
		return 0;
	}
	if (eval_pipe(run, node->pipe, dot, &value) < 0)
		return -1;
	switch (node->kind) {
	case NODE_PRINT:
		tval_print(value, run->out);
		return 0;
	case NODE_RANGE:
		return run_range(run, node, value, dot);
	case NODE_IF:
		return run_nodes(run, tval_is_true(value) ? node->body : node->otherwise, dot);
	case NODE_WITH:
		return tval_is_true(value) ? run_nodes(run, node->body, value) :
					     run_nodes(run, node->otherwise, dot);
	case NODE_TEXT:
		break;
	}
	return 0;
}

static int run_nodes(struct run *run, const struct template_node *node, struct tval dot)
{
	for (; node; node = node->next)
		if (run_node(run, node, dot) < 0)
			return -1;
	return 0;
}

int template_run(const struct template *template, yyjson_val *data, enum template_absent absent,
		 struct buf *out, struct err *err)
{
	struct arena arena;
	struct run run = { .arena = &arena, .absent = absent, .data = data, .out = out, .err = err };

	arena_init(&arena, "template run", ARENA_CEILING);
	int result = run_nodes(&run, template->first, tval_of_json(data));
	arena_fini(&arena);
	return result;
}
