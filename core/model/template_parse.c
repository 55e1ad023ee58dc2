#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/template_tree.h"

#define MAX_TEXT (1024 * 1024)
#define MAX_DEPTH 32
#define MAX_PARTS 64            /* operands of a command, commands of a pipe, fields of a chain */
#define PARSED_MAX (32u * 1024 * 1024)
#define ARENA_CEILING (64u * 1024 * 1024)

struct parser {
	struct template *template;
	struct arena *arena;
	const char *at, *end;   /* a NUL is behind the end, and may be before */
	unsigned depth, ranges;
	const char *variables[TEMPLATE_VARIABLES_MAX];
	unsigned variable_count;
	bool trims_next;        /* the action before ended with "-}}" */
	struct err *err;
};

/* What ended a list of nodes. */
enum closer { CLOSER_END_OF_TEXT, CLOSER_END, CLOSER_ELSE };

static int parse_nodes(struct parser *p, struct template_node **ret, enum closer *ret_closer);
static int parse_pipe(struct parser *p, char closer, const char *of, const struct template_pipe **ret);

static int wrong(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int wrong(struct parser *p, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	size_t line, column;
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	template_place(p->template, (size_t)(p->at - p->template->text), &line, &column);
	return err_set(p->err, ERR_INVALID, "%stemplate: %s:%zu: %.400s", template_prefix(p->template), template_name(p->template), line,
		       buf_text(&text));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A piece of the template, for an error's one line; "***" of a secret. */
static const char *quote(struct parser *p, const char *text, size_t length)
{
	char *copy = arena_strndup(p->arena, text, strnlen(text, length));

	for (char *at = copy; *at; at++)
		if (is_blank(*at))
			*at = ' ';
	return p->template->kind == TEMPLATE_SECRET ? "***" : copy;
}

static int unexpected(struct parser *p, const char *where)
{
	return *p->at ? wrong(p, "unexpected \"%s\" in %s", quote(p, p->at, 10), where) : wrong(p, "unclosed action");
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void skip_blanks(struct parser *p)
{
	while (is_blank(*p->at))
		p->at++;
}

static size_t word_length(const char *text)
{
	size_t length = 0;

	while (is_word(text[length]))
		length++;
	return length;
}

static bool at_end_of_action(const struct parser *p)
{
	return str_starts(p->at, "}}") || str_starts(p->at, "-}}");
}

/* --- operands --- */

static int parse_string(struct parser *p, struct tval *ret)
{
	static const char letters[] = "ntr\\\"'abfv", meant[] = "\n\t\r\\\"'\a\b\f\v";
	char quotation = *p->at++;
	size_t raw = 0, length = 0;

	while (p->at[raw] && p->at[raw] != quotation && (quotation == '`' || p->at[raw] != '\n'))
		raw += quotation == '"' && p->at[raw] == '\\' && p->at[raw + 1] ? 2 : 1;
	if (p->at[raw] != quotation)
		return wrong(p, "unterminated %squoted string", quotation == '`' ? "raw " : "");
	char *text = arena_take(p->arena, raw + 1);
	for (size_t i = 0; i < raw; i++) {
		const char *escape = quotation == '"' && p->at[i] == '\\' ? strchr(letters, p->at[++i]) : &p->at[i];
		if (!escape)
			return wrong(p, "invalid syntax");
		text[length++] = escape == &p->at[i] ? *escape : meant[escape - letters];
	}
	p->at += raw + 1;
	*ret = tval_of_string(text);
	return 0;
}

static int parse_number(struct parser *p, struct tval *ret)
{
	char *end, *real_end;
	long long number = strtoll(p->at, &end, 10);
	double real = strtod(p->at, &real_end);

	*ret = real_end > end ? (struct tval){ .kind = TVAL_REAL, .real = real } :
				(struct tval){ .kind = TVAL_INT, .number = number };
	p->at = real_end > end ? real_end : end;
	return 0;
}

static int parse_word(struct parser *p, struct template_operand *operand)
{
	size_t length = word_length(p->at);
	const char *word = arena_strndup(p->arena, p->at, length);

	p->at += length;
	operand->kind = OPERAND_LITERAL;
	if (str_eq(word, "true") || str_eq(word, "false"))
		operand->literal = (struct tval){ .kind = TVAL_BOOL, .truth = word[0] == 't' };
	else if (str_eq(word, "nil"))
		operand->literal = (struct tval){ .kind = TVAL_NIL };
	else if (template_call_exists(p->template->kind, word))
		operand->kind = OPERAND_CALL, operand->function = word;
	else
		return wrong(p, "function \"%s\" not defined", quote(p, word, length));
	return 0;
}

/* "$", "$name" */
static size_t variable_length(const char *text)
{
	return *text == '$' ? 1 + word_length(text + 1) : 0;
}

static int find_variable(struct parser *p, const char *name, size_t length, unsigned *ret)
{
	for (unsigned i = p->variable_count; i-- > 0;)
		if (strlen(p->variables[i]) == length && memcmp(p->variables[i], name, length) == 0) {
			*ret = i;
			return 0;
		}
	return wrong(p, "undefined variable \"%s\"", quote(p, name, length));
}

/* ".A.B" behind a dot or a parenthesis. */
static int parse_fields(struct parser *p, struct template_operand *operand)
{
	const char *fields[MAX_PARTS];

	operand->fields_at = (size_t)(p->at - p->template->text);
	while (p->at[0] == '.' && is_word(p->at[1])) {
		size_t length = word_length(p->at + 1);
		if (operand->field_count == MAX_PARTS)
			return wrong(p, "more than %d fields in a row", MAX_PARTS);
		if (operand->kind == OPERAND_DOT && operand->field_count == 1)
			operand->fields_at = (size_t)(p->at - p->template->text);
		fields[operand->field_count++] = arena_strndup(p->arena, p->at + 1, length);
		p->at += 1 + length;
	}
	operand->fields = ARENA_ARRAY(p->arena, const char *, operand->field_count + 1);
	memcpy(operand->fields, fields, operand->field_count * sizeof(*fields));
	return 0;
}

static int parse_operand_body(struct parser *p, struct template_operand *operand)
{
	char c = *p->at;
	size_t length = variable_length(p->at);

	if (c == '"' || c == '`')
		return parse_string(p, &operand->literal);
	if ((c >= '0' && c <= '9') || ((c == '-' || c == '+') && p->at[1] >= '0' && p->at[1] <= '9'))
		return parse_number(p, &operand->literal);
	if (c == '.') {
		operand->kind = OPERAND_DOT;
		p->at += !is_word(p->at[1]);
		return parse_fields(p, operand);
	}
	if (c == '(') {
		operand->kind = OPERAND_PIPE;
		p->at++;
		return parse_pipe(p, ')', "parenthesized pipeline", &operand->pipe) < 0 ? -1 : parse_fields(p, operand);
	}
	if (length) {
		operand->kind = OPERAND_VARIABLE;
		if (find_variable(p, p->at, length, &operand->variable) < 0)
			return -1;
		p->at += length;
		return parse_fields(p, operand);
	}
	if (is_word(c))
		return parse_word(p, operand);
	return unexpected(p, "operand");
}

static int parse_operand(struct parser *p, struct template_operand *operand)
{
	size_t at = (size_t)(p->at - p->template->text);

	*operand = (struct template_operand){ .kind = OPERAND_LITERAL, .at = at, .fields_at = at };
	if (p->arena->total_bytes > PARSED_MAX)
		return wrong(p, "the template says too much");
	if (parse_operand_body(p, operand) < 0)
		return -1;
	operand->end = (size_t)(p->at - p->template->text);
	return 0;
}

static bool at_end_of_command(const struct parser *p, char closer)
{
	if (*p->at == '|' || *p->at == '\0')
		return true;
	return closer == ')' ? *p->at == ')' : at_end_of_action(p);
}

/* .Label "key", the one method that rows have. */
static bool is_label(const struct template_operand *operands, size_t count)
{
	return count == 2 && operands[0].kind == OPERAND_DOT && operands[0].field_count == 1 && str_eq(operands[0].fields[0], "Label") &&
	       operands[1].kind == OPERAND_LITERAL && operands[1].literal.kind == TVAL_STRING;
}

static int parse_command(struct parser *p, char closer, const char *of, struct template_command *command)
{
	struct template_operand operands[MAX_PARTS];
	size_t count = 0;

	for (skip_blanks(p); !at_end_of_command(p, closer); skip_blanks(p)) {
		if (count == MAX_PARTS)
			return wrong(p, "more than %d words in a command", MAX_PARTS);
		if (parse_operand(p, &operands[count++]) < 0)
			return -1;
	}
	if (count == 0)
		return wrong(p, *p->at ? "missing value for %s" : "unclosed action", of);
	command->operands = ARENA_ARRAY(p->arena, struct template_operand, count);
	command->count = count;
	command->is_label = p->template->kind == TEMPLATE_FORMAT && is_label(operands, count);
	memcpy(command->operands, operands, count * sizeof(*operands));
	return 0;
}

/* "$x :=", "$x =", of a range also "$i, $x :="; nothing of the kind: the place stays. */
static int parse_variables(struct parser *p, bool is_range, struct template_pipe *pipe)
{
	const char *start = p->at, *names[2];
	size_t lengths[2], count = 0;
	bool declares;

	for (;;) {
		names[count] = p->at;
		if (!(lengths[count] = variable_length(p->at)))
			break;
		p->at += lengths[count++];
		skip_blanks(p);
		if (*p->at != ',' || !is_range || count == 2)
			break;
		p->at++;
		skip_blanks(p);
	}
	declares = str_starts(p->at, ":=");
	if (!count || (!declares && *p->at != '=')) {
		p->at = start;
		return 0;
	}
	p->at += declares ? 2 : 1;
	for (size_t i = 0; i < count; i++) {
		if (!declares && find_variable(p, names[i], lengths[i], &pipe->variables[i]) < 0)
			return -1;
		if (declares && p->variable_count == TEMPLATE_VARIABLES_MAX)
			return wrong(p, "more than %d variables", TEMPLATE_VARIABLES_MAX);
		if (declares) {
			pipe->variables[i] = p->variable_count;
			p->variables[p->variable_count++] = arena_strndup(p->arena, names[i], lengths[i]);
		}
	}
	pipe->variable_count = (unsigned)count;
	return 0;
}

/* of: what it belongs to. Up to its closing parenthesis, which is taken, or to the end of the action, which stays. */
static int parse_pipe(struct parser *p, char closer, const char *of, const struct template_pipe **ret)
{
	struct template_command commands[MAX_PARTS];
	struct template_pipe *pipe = ARENA_NEW(p->arena, struct template_pipe);

	if (++p->depth > MAX_DEPTH)
		return wrong(p, "nested more than %d deep", MAX_DEPTH);
	skip_blanks(p);
	if (closer == '}' && parse_variables(p, str_eq(of, "range"), pipe) < 0)
		return -1;
	for (;;) {
		if (pipe->count == MAX_PARTS)
			return wrong(p, "more than %d commands in a pipe", MAX_PARTS);
		if (parse_command(p, closer, of, &commands[pipe->count++]) < 0)
			return -1;
		if (*p->at != '|')
			break;
		p->at++;
		of = "command";
	}
	if (*p->at == '\0')
		return wrong(p, closer == ')' ? "unclosed left paren" : "unclosed action");
	for (size_t i = 1; i < pipe->count; i++)
		if (commands[i].operands[0].kind != OPERAND_CALL)
			return wrong(p, "non executable command in pipeline stage %zu", i + 1);
	p->at += closer == ')';
	pipe->commands = ARENA_ARRAY(p->arena, struct template_command, pipe->count);
	memcpy(pipe->commands, commands, pipe->count * sizeof(*commands));
	p->depth--;
	*ret = pipe;
	return 0;
}

/* --- nodes --- */

static int end_action(struct parser *p)
{
	skip_blanks(p);
	if (!at_end_of_action(p))
		return unexpected(p, "command");
	p->trims_next = *p->at == '-';
	p->at += p->trims_next ? 3 : 2;
	return 0;
}

static bool take_keyword(struct parser *p, const char *keyword)
{
	size_t length = strlen(keyword);

	if (word_length(p->at) != length || memcmp(p->at, keyword, length) != 0)
		return false;
	p->at += length;
	skip_blanks(p);
	return true;
}

static int parse_else(struct parser *p, struct template_node *node);

static const struct { const char *word; enum template_node_kind kind; } blocks[] = {
	{ "if", NODE_IF }, { "with", NODE_WITH }, { "range", NODE_RANGE },
};

/* Behind its word: its pipe, its nodes, perhaps its else. */
static int parse_block(struct parser *p, const char *word, struct template_node *node)
{
	unsigned variables = p->variable_count;
	enum closer closer;

	if (++p->depth > MAX_DEPTH)
		return wrong(p, "nested more than %d deep", MAX_DEPTH);
	if (parse_pipe(p, '}', word, &node->pipe) < 0 || end_action(p) < 0)
		return -1;
	p->ranges += node->kind == NODE_RANGE;
	if (parse_nodes(p, &node->body, &closer) < 0)
		return -1;
	p->ranges -= node->kind == NODE_RANGE;
	if (closer == CLOSER_ELSE && parse_else(p, node) < 0)
		return -1;
	if (closer == CLOSER_END_OF_TEXT)
		return wrong(p, "unexpected EOF");
	p->variable_count = variables;
	p->depth--;
	return 0;
}

/* Behind "else": "if …" or "with …" makes a block that shares our end. */
static int parse_else(struct parser *p, struct template_node *node)
{
	const char *word = node->kind == NODE_IF ? "if" : "with";
	enum closer closer;

	if (node->kind != NODE_RANGE && take_keyword(p, word)) {
		node->otherwise = ARENA_NEW(p->arena, struct template_node);
		node->otherwise->kind = node->kind;
		return parse_block(p, word, node->otherwise);
	}
	if (end_action(p) < 0 || parse_nodes(p, &node->otherwise, &closer) < 0)
		return -1;
	return closer == CLOSER_END ? 0 : wrong(p, closer == CLOSER_ELSE ? "expected end; found {{else}}" : "unexpected EOF");
}

static int parse_action(struct parser *p, struct template_node *node)
{
	static const char *const others[] = { "define", "template", "block" };

	for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
		if (take_keyword(p, blocks[i].word)) {
			node->kind = blocks[i].kind;
			return parse_block(p, blocks[i].word, node);
		}
	}
	for (int is_break = 0; is_break < 2; is_break++)
		if (take_keyword(p, is_break ? "break" : "continue")) {
			node->kind = is_break ? NODE_BREAK : NODE_CONTINUE;
			return p->ranges ? end_action(p) : wrong(p, "{{%s}} outside {{range}}", is_break ? "break" : "continue");
		}
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		if (take_keyword(p, others[i]))
			return wrong(p, "{{%s}} is not supported by swarmbox", others[i]);
	node->kind = NODE_PRINT;
	return parse_pipe(p, '}', "command", &node->pipe) < 0 ? -1 : end_action(p);
}

/* Up to the next action. */
static void take_text(struct parser *p, const char **ret, size_t *ret_length)
{
	const char *start = p->at, *end = memmem(p->at, (size_t)(p->end - p->at), "{{", 2);

	if (!end)
		end = p->end;
	p->at = end;
	if (p->trims_next)
		while (start < end && is_blank(*start))
			start++;
	p->trims_next = false;
	if (str_starts(p->at, "{{-") && is_blank(p->at[3]))
		while (end > start && is_blank(end[-1]))
			end--;
	*ret = start;
	*ret_length = (size_t)(end - start);
}

static int skip_comment(struct parser *p)
{
	const char *end = strstr(p->at + 2, "*/");

	if (!end)
		return wrong(p, "unclosed comment");
	p->at = end + 2;
	return end_action(p);
}

static struct template_node *append(struct parser *p, struct template_node ***end)
{
	struct template_node *node = ARENA_NEW(p->arena, struct template_node);

	**end = node;
	*end = &node->next;
	return node;
}

/* Up to the {{end}} or {{else}} that is not ours, or to the end of the text. */
static int parse_nodes(struct parser *p, struct template_node **ret, enum closer *ret_closer)
{
	struct template_node **end = ret;

	for (;;) {
		const char *text;
		size_t length;

		take_text(p, &text, &length);
		if (length) {
			struct template_node *node = append(p, &end);
			node->text = text;
			node->length = length;
		}
		*ret_closer = CLOSER_END_OF_TEXT;
		if (p->at == p->end)
			return 0;
		p->at += 2;
		if (p->at[0] == '-' && is_blank(p->at[1]))
			p->at++;
		skip_blanks(p);
		if (str_starts(p->at, "/*")) {
			if (skip_comment(p) < 0)
				return -1;
			continue;
		}
		*ret_closer = CLOSER_END;
		if (take_keyword(p, "end"))
			return end_action(p);
		*ret_closer = CLOSER_ELSE;
		if (take_keyword(p, "else"))
			return 0;
		if (parse_action(p, append(p, &end)) < 0)
			return -1;
	}
}

int template_parse_as(enum template_kind kind, const char *bytes, size_t size, struct template **ret, struct err *err)
{
	struct template *template = NEW(struct template);
	struct parser p = { .template = template, .arena = &template->arena, .variables = { "$" }, .variable_count = 1, .err = err };
	enum closer closer = CLOSER_END_OF_TEXT;
	int result;

	arena_init(&template->arena, "template", ARENA_CEILING);
	template->kind = kind;
	template->text = p.at = arena_strndup(&template->arena, bytes, MIN(size, (size_t)MAX_TEXT));
	p.end = p.at + size;
	result = size > MAX_TEXT ? wrong(&p, "it is over 1 MiB") : parse_nodes(&p, &template->first, &closer);
	if (result == 0 && closer != CLOSER_END_OF_TEXT)
		result = wrong(&p, "unexpected {{%s}}", closer == CLOSER_END ? "end" : "else");
	if (result < 0) {
		template_free(template);
		return -1;
	}
	*ret = template;
	return 0;
}

int template_parse(const char *text, struct template **ret, struct err *err)
{
	return template_parse_as(TEMPLATE_FORMAT, text, strlen(text), ret, err);
}

const char *template_name(const struct template *template)
{
	return template->kind == TEMPLATE_FORMAT ? "" : "expansion";
}

const char *template_prefix(const struct template *template)
{
	return template->kind == TEMPLATE_FORMAT ? "template parsing error: " : "";
}

void template_place(const struct template *template, size_t at, size_t *ret_line, size_t *ret_column)
{
	size_t start = 0;

	*ret_line = 1;
	for (size_t i = 0; i < at; i++)
		if (template->text[i] == '\n') {
			start = i + 1;
			++*ret_line;
		}
	*ret_column = at - start;
}

void template_free(struct template *template)
{
	if (!template)
		return;
	arena_fini(&template->arena);
	free(template);
}

void template_freep(struct template **template)
{
	template_free(*template);
}
