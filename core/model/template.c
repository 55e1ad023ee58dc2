#include "model/template.h"

#include <string.h>

#include "base/str.h"
#include "model/template_tree.h"

#define ARENA_CEILING (256u * 1024 * 1024)
enum { RUN_BYTES_MAX = 64 << 20, STEPS_MAX = 1000000, SPEC_STEPS_MAX = 10000 };

struct run {
	const struct template *template;
	struct arena *arena;
	enum template_absent absent;
	bool is_typed;                  /* Go's structs and maps of strings, instead of anybody's JSON */
	bool is_hidden;
	yyjson_val *data;
	const struct template_lookup *lookup;
	struct tval variables[TEMPLATE_VARIABLES_MAX];
	unsigned steps;
	struct buf *out;
	struct err *err;
};

/* What ended a list of nodes. */
enum flow { FLOW_WRONG = -1, FLOW_ON, FLOW_BREAK, FLOW_CONTINUE };

static int eval_pipe(struct run *run, const struct template_pipe *pipe, struct tval dot, struct tval *ret);
static enum flow run_nodes(struct run *run, const struct template_node *node, struct tval dot);

/* place: what Go's error points at; from, end: the part of the text that it quotes. */
static int wrong(struct run *run, size_t place, size_t from, size_t end, const char *fmt, ...) PRINTF_LIKE(5, 6);
static int wrong(struct run *run, size_t place, size_t from, size_t end, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf why = BUF_INIT;
	const char *name = template_name(run->template);
	char quoted[200] = "***";
	size_t line, column;
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&why, fmt, args);
	va_end(args);
	template_place(run->template, place, &line, &column);
	for (size_t i = 0; !run->is_hidden && i < sizeof quoted && from + i <= end; i++) {
		char c = run->template->text[from + i];
		quoted[i] = i + 1 == sizeof quoted || from + i == end ? '\0' : c == '\n' || c == '\r' || c == '\t' ? ' ' : c;
	}
	return err_set(run->err, ERR_INVALID, "%stemplate: %s:%zu:%zu: executing \"%s\" at <%s>: %.400s", template_prefix(run->template),
		       name, line, column, name, quoted, buf_text(&why));
}

static const char *type_of(struct tval value)
{
	static const char *const names[] = { "nil", "bool", "int", "float64", "string", "[]string", "map[string]string" };
	const char *type = tval_struct(value);

	return type ? type : names[value.kind];
}

static int refuse_absent(struct run *run, const struct template_operand *operand, const char *field, struct tval in)
{
	const char *told = run->is_hidden ? "***" : field;
	bool is_map = run->absent != TEMPLATE_ABSENT_IS_ERROR;

	if (run->is_typed && (in.kind != TVAL_JSON || tval_struct(in)))
		return wrong(run, operand->fields_at, operand->at, operand->end, "can't evaluate field %s in type %s", told, type_of(in));
	return wrong(run, operand->fields_at, operand->at, operand->end, is_map ? "map has no entry for key \"%s\"" : "can't evaluate field %s", told);
}

/* Pointers in Docker's own structs: asked for alone they are nil where they are absent, as in {{if .ManagerStatus}}. */
static bool is_pointer(const char *field)
{
	static const char *const pointers[] = { "JobStatus", "ManagerStatus", "PreviousSpec", "ServiceStatus", "UpdateStatus" };

	for (size_t i = 0; i < ARRAY_COUNT(pointers); i++)
		if (str_eq(field, pointers[i]))
			return true;
	return false;
}

static int walk_fields(struct run *run, const struct template_operand *operand, struct tval *value)
{
	for (size_t i = 0; i < operand->field_count; i++) {
		bool found, is_top = value->kind == TVAL_JSON && value->json == run->data;
		struct tval in = *value;

		*value = tval_field(in, operand->fields[i], run->is_typed, &found);
		if (!found && (run->is_typed || run->absent == TEMPLATE_ABSENT_IS_ERROR ||
			       (run->absent == TEMPLATE_ABSENT_TOP_IS_ERROR && is_top &&
				(operand->field_count > 1 || !is_pointer(operand->fields[i])))))
			return refuse_absent(run, operand, operand->fields[i], in);
	}
	return 0;
}

static int call(struct run *run, const char *function, const struct tval *args, size_t count, size_t at, size_t end, struct tval *ret)
{
	struct template_call in = { run->template->kind, function, args, count, run->lookup, &run->is_hidden, run->arena, run->err };
	struct err why;

	if (run->arena->total_bytes > RUN_BYTES_MAX)
		return wrong(run, at, at, end, "it needs too much memory");
	if (template_call(&in, ret) == 0)
		return 0;
	why = *run->err;
	return wrong(run, at, at, end, "%s", why.text);
}

static int eval_operand(struct run *run, const struct template_operand *operand, struct tval dot,
			struct tval *ret)
{
	switch (operand->kind) {
	case OPERAND_DOT:
		*ret = dot;
		return walk_fields(run, operand, ret);
	case OPERAND_VARIABLE:
		*ret = run->variables[operand->variable];
		return walk_fields(run, operand, ret);
	case OPERAND_PIPE:
		if (eval_pipe(run, operand->pipe, dot, ret) < 0)
			return -1;
		return walk_fields(run, operand, ret);
	case OPERAND_LITERAL:
		*ret = operand->literal;
		return 0;
	case OPERAND_CALL:
		return call(run, operand->function, NULL, 0, operand->at, operand->end, ret);
	}
	return -1;
}

/* Go would call a method. */
static int refuse_arguments(struct run *run, const struct template_operand *operand)
{
	const char *last = operand->field_count ? operand->fields[operand->field_count - 1] : NULL;

	return wrong(run, operand->fields_at, operand->at, operand->end, "%s%s", last && !run->is_hidden ? last : "what stands here",
		     " has arguments but cannot be invoked as function");
}

/* piped is the value of the command before, the last argument of this one; NULL for the first. */
static int eval_command(struct run *run, const struct template_command *command, struct tval dot,
			const struct tval *piped, struct tval *ret)
{
	const struct template_operand *first = &command->operands[0];
	size_t count = 0;

	if (command->is_label) {
		*ret = tval_label(dot, command->operands[1].literal.string, run->arena);
		return 0;
	}
	if (first->kind != OPERAND_CALL)
		return command->count > 1 ? refuse_arguments(run, first) : eval_operand(run, first, dot, ret);
	struct tval *args = ARENA_ARRAY(run->arena, struct tval, command->count + 1);
	for (size_t i = 1; i < command->count; i++)
		if (eval_operand(run, &command->operands[i], dot, &args[count++]) < 0)
			return -1;
	if (piped)
		args[count++] = *piped;
	return call(run, first->function, args, count, first->at, command->operands[command->count - 1].end, ret);
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
	if (pipe->variable_count)
		run->variables[pipe->variables[0]] = value;
	*ret = value;
	return 0;
}

static enum flow run_range(struct run *run, const struct template_node *node, struct tval over,
			   struct tval dot)
{
	const struct template_operand *first = &node->pipe->commands[0].operands[0];
	unsigned variables = node->pipe->variable_count;
	const struct tval *items, *keys = NULL;
	size_t count;

	if ((over.kind != TVAL_LIST && over.kind != TVAL_JSON && over.kind != TVAL_NIL) || (run->is_typed && tval_struct(over)))
		return wrong(run, first->fields_at, first->at, first->end, "range can't iterate over a %s", type_of(over)), FLOW_WRONG;
	if (tval_count(over) == 0)
		return run_nodes(run, node->otherwise, dot);

	items = tval_elements(over, run->arena, &count, variables == 2 ? &keys : NULL);
	for (size_t i = 0; i < count; i++) {
		enum flow flow;

		if (keys)
			run->variables[node->pipe->variables[0]] = keys[i];
		if (variables)
			run->variables[node->pipe->variables[variables - 1]] = items[i];
		if (++run->steps > (run->template->kind == TEMPLATE_SPEC ? SPEC_STEPS_MAX : STEPS_MAX) || run->arena->total_bytes > RUN_BYTES_MAX)
			return wrong(run, first->at, first->at, first->end, "it takes too long"), FLOW_WRONG;
		flow = run_nodes(run, node->body, items[i]);
		if (flow == FLOW_WRONG)
			return FLOW_WRONG;
		if (flow == FLOW_BREAK)
			break;
	}
	return FLOW_ON;
}

static enum flow run_node(struct run *run, const struct template_node *node, struct tval dot)
{
	struct tval value;

	run->steps++;
	switch (node->kind) {
	case NODE_TEXT:
		buf_add(run->out, node->text, node->length);
		return FLOW_ON;
	case NODE_BREAK:
		return FLOW_BREAK;
	case NODE_CONTINUE:
		return FLOW_CONTINUE;
	case NODE_PRINT:
	case NODE_IF:
	case NODE_WITH:
	case NODE_RANGE:
		break;
	}
	if (eval_pipe(run, node->pipe, dot, &value) < 0)
		return FLOW_WRONG;
	if (node->kind == NODE_RANGE)
		return run_range(run, node, value, dot);
	if (node->kind != NODE_PRINT)
		return run_nodes(run, tval_is_true(value) ? node->body : node->otherwise,
				 node->kind == NODE_WITH && tval_is_true(value) ? value : dot);
	if (!node->pipe->variable_count)
		tval_print(value, run->out);
	return FLOW_ON;
}

static enum flow run_nodes(struct run *run, const struct template_node *node, struct tval dot)
{
	enum flow flow = FLOW_ON;

	for (; node && flow == FLOW_ON; node = node->next)
		flow = run_node(run, node, dot);
	return flow;
}

static int run_it(struct run *run)
{
	struct arena arena;
	enum flow flow;

	arena_init(&arena, "template run", ARENA_CEILING);
	run->arena = &arena;
	run->is_hidden = run->template->kind == TEMPLATE_SECRET;
	run->variables[0] = tval_of_json(run->data);
	flow = run_nodes(run, run->template->first, run->variables[0]);
	arena_fini(&arena);
	run->arena = NULL;
	explicit_bzero(run->variables, sizeof run->variables);
	return flow == FLOW_WRONG ? -1 : 0;
}

int template_run(const struct template *template, yyjson_val *data, enum template_absent absent,
		 struct buf *out, struct err *err)
{
	return run_it(&(struct run){ .template = template, .absent = absent, .data = data, .out = out, .err = err });
}

int template_expand(const struct template *template, yyjson_val *data, const struct template_lookup *lookup, struct buf *out,
		    struct err *err)
{
	struct run run = { .template = template, .is_typed = true, .data = data, .lookup = lookup, .out = out, .err = err };

	if (run_it(&run) < 0)
		return -1;
	return out->overflowed ? err_set(err, ERR_INVALID, "template: %s: what comes of it is too long", template_name(template)) : 0;
}
