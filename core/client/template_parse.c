#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "client/template_tree.h"

#define MAX_TEXT (64 * 1024)
#define MAX_DEPTH 32
#define MAX_PARTS 64            /* operands of a command, commands of a pipe, fields of a chain */
#define ARENA_CEILING (64u * 1024 * 1024)

struct parser {
	struct arena *arena;
	const char *text, *at;
	unsigned depth;
	bool trims_next;        /* the action before ended with "-}}" */
	struct err *err;
};

/* What ended a list of nodes. */
enum closer { CLOSER_END_OF_TEXT, CLOSER_END, CLOSER_ELSE };

static int parse_nodes(struct parser *p, struct template_node **ret, enum closer *ret_closer);
static int parse_pipe(struct parser *p, char closer, const struct template_pipe **ret);

static int wrong(struct parser *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int wrong(struct parser *p, const char *fmt, ...)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	va_list args;

	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	return err_set(p->err, ERR_INVALID, "template parsing error: %s", buf_text(&text));
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
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

static char unescaped(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	default:
		return c;
	}
}

static int parse_string(struct parser *p, struct tval *ret)
{
	char quote = *p->at++;
	size_t raw = 0, length = 0;

	while (p->at[raw] && p->at[raw] != quote)
		raw += quote == '"' && p->at[raw] == '\\' && p->at[raw + 1] ? 2 : 1;
	if (!p->at[raw])
		return wrong(p, "a string without its end: %c%.40s", quote, p->at);
	char *text = arena_take(p->arena, raw + 1);
	for (size_t i = 0; i < raw; i++) {
		if (quote == '"' && p->at[i] == '\\')
			text[length++] = unescaped(p->at[++i]);
		else
			text[length++] = p->at[i];
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
	else if (template_call_exists(word))
		*operand = (struct template_operand){ .kind = OPERAND_CALL, .function = word };
	else
		return wrong(p, "function \"%s\" is not supported; there are %s", word,
			     template_call_names());
	return 0;
}

/* ".A.B" behind a dot or a parenthesis. */
static int parse_fields(struct parser *p, struct template_operand *operand)
{
	const char *fields[MAX_PARTS];

	while (p->at[0] == '.' && is_word(p->at[1])) {
		size_t length = word_length(p->at + 1);
		if (operand->field_count == MAX_PARTS)
			return wrong(p, "more than %d fields in a row", MAX_PARTS);
		fields[operand->field_count++] = arena_strndup(p->arena, p->at + 1, length);
		p->at += 1 + length;
	}
	operand->fields = ARENA_ARRAY(p->arena, const char *, operand->field_count + 1);
	memcpy(operand->fields, fields, operand->field_count * sizeof(*fields));
	return 0;
}

static int parse_operand(struct parser *p, struct template_operand *operand)
{
	char c = *p->at;

	*operand = (struct template_operand){ .kind = OPERAND_LITERAL, .at = (size_t)(p->at - p->text) };
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
		return parse_pipe(p, ')', &operand->pipe) < 0 ? -1 : parse_fields(p, operand);
	}
	if (c == '$')
		return wrong(p, "variables ($) are not supported");
	if (is_word(c))
		return parse_word(p, operand);
	return wrong(p, "unexpected \"%.10s\"", p->at);
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

static int parse_command(struct parser *p, char closer, struct template_command *command)
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
		return wrong(p, "missing value for command");
	if (operands[0].kind != OPERAND_CALL && count > 1 && !is_label(operands, count))
		return wrong(p, "only a function takes arguments");
	command->operands = ARENA_ARRAY(p->arena, struct template_operand, count);
	command->count = count;
	memcpy(command->operands, operands, count * sizeof(*operands));
	return 0;
}

/* Up to its closing parenthesis, which is taken, or to the end of the action, which stays. */
static int parse_pipe(struct parser *p, char closer, const struct template_pipe **ret)
{
	struct template_command commands[MAX_PARTS];
	struct template_pipe *pipe = ARENA_NEW(p->arena, struct template_pipe);

	if (++p->depth > MAX_DEPTH)
		return wrong(p, "nested more than %d deep", MAX_DEPTH);
	for (;;) {
		if (pipe->count == MAX_PARTS)
			return wrong(p, "more than %d commands in a pipe", MAX_PARTS);
		if (parse_command(p, closer, &commands[pipe->count++]) < 0)
			return -1;
		if (*p->at != '|')
			break;
		p->at++;
	}
	if (*p->at == '\0')
		return wrong(p, closer == ')' ? "a \"(\" without its \")\"" : "a \"{{\" without its \"}}\"");
	for (size_t i = 1; i < pipe->count; i++)
		if (commands[i].operands[0].kind != OPERAND_CALL)
			return wrong(p, "only a function can stand behind a \"|\"");
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
		return wrong(p, "unexpected \"%.10s\", \"}}\" was expected", p->at);
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

/* Behind "if", "with", "range": its pipe, its nodes, perhaps its else. */
static int parse_block(struct parser *p, struct template_node *node)
{
	enum closer closer;

	if (++p->depth > MAX_DEPTH)
		return wrong(p, "nested more than %d deep", MAX_DEPTH);
	if (parse_pipe(p, '}', &node->pipe) < 0 || end_action(p) < 0 ||
	    parse_nodes(p, &node->body, &closer) < 0)
		return -1;
	if (closer == CLOSER_ELSE && parse_else(p, node) < 0)
		return -1;
	if (closer == CLOSER_END_OF_TEXT)
		return wrong(p, "an if, with or range without its {{end}}");
	p->depth--;
	return 0;
}

/* Behind "else": "if …" makes a block that shares our end. */
static int parse_else(struct parser *p, struct template_node *node)
{
	enum closer closer;

	if (node->kind == NODE_IF && take_keyword(p, "if")) {
		node->otherwise = ARENA_NEW(p->arena, struct template_node);
		node->otherwise->kind = NODE_IF;
		return parse_block(p, node->otherwise);
	}
	if (end_action(p) < 0 || parse_nodes(p, &node->otherwise, &closer) < 0)
		return -1;
	return closer == CLOSER_END ? 0 : wrong(p, "an {{else}} without its {{end}}");
}

static const struct { const char *word; enum template_node_kind kind; } blocks[] = {
	{ "if", NODE_IF }, { "with", NODE_WITH }, { "range", NODE_RANGE },
};

static int parse_action(struct parser *p, struct template_node *node)
{
	static const char *const others[] = { "define", "template", "block", "break", "continue" };

	for (size_t i = 0; i < ARRAY_COUNT(blocks); i++) {
		if (take_keyword(p, blocks[i].word)) {
			node->kind = blocks[i].kind;
			return parse_block(p, node);
		}
	}
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		if (take_keyword(p, others[i]))
			return wrong(p, "{{%s}} is not supported", others[i]);
	node->kind = NODE_PRINT;
	return parse_pipe(p, '}', &node->pipe) < 0 ? -1 : end_action(p);
}

static const char *take_text(struct parser *p)
{
	const char *start = p->at, *end = strstr(p->at, "{{");

	if (!end)
		end = start + strlen(start);
	p->at = end;
	if (p->trims_next)
		while (start < end && is_blank(*start))
			start++;
	p->trims_next = false;
	if (str_starts(p->at, "{{-") && is_blank(p->at[3]))
		while (end > start && is_blank(end[-1]))
			end--;
	return arena_strndup(p->arena, start, (size_t)(end - start));
}

static int skip_comment(struct parser *p)
{
	const char *end = strstr(p->at + 2, "*/");

	if (!end)
		return wrong(p, "a comment without its end");
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
		const char *text = take_text(p);
		if (*text)
			append(p, &end)->text = text;
		*ret_closer = CLOSER_END_OF_TEXT;
		if (*p->at == '\0')
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

int template_parse(const char *text, struct template **ret, struct err *err)
{
	struct template *template = NEW(struct template);
	struct parser p = { .arena = &template->arena, .text = text, .at = text, .err = err };
	enum closer closer = CLOSER_END_OF_TEXT;

	arena_init(&template->arena, "template", ARENA_CEILING);
	int result = strlen(text) > MAX_TEXT ? wrong(&p, "the template is over 64 KiB") :
					       parse_nodes(&p, &template->first, &closer);
	if (result == 0 && closer != CLOSER_END_OF_TEXT)
		result = wrong(&p, "unexpected {{%s}}", closer == CLOSER_END ? "end" : "else");
	if (result < 0) {
		template_free(template);
		return -1;
	}
	*ret = template;
	return 0;
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
