/* template_escape.c - Go's functions that make a text safe for another language, and the one that cuts it. */
#include <string.h>

#include "base/str.h"
#include "model/template_tree.h"

/* One text as it is, of others what print makes of them. */
static int take_text(const struct template_call *in, const char **ret)
{
	struct template_call print = *in;
	struct tval text = { 0 };

	if (in->count == 1 && in->args[0].kind == TVAL_STRING) {
		*ret = in->args[0].string;
		return 0;
	}
	print.name = "print";
	if (template_call(&print, &text) < 0)
		return -1;
	*ret = text.string;
	return 0;
}

static void add_html(struct buf *out, char c)
{
	static const char special[] = "\"'&<>";
	static const char *const told[] = { "&#34;", "&#39;", "&amp;", "&lt;", "&gt;" };
	const char *at = strchr(special, c);

	if (at)
		buf_add_str(out, told[at - special]);
	else
		buf_add_char(out, c);
}

static void add_query(struct buf *out, char c)
{
	bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~", c);

	if (is_plain || c == ' ')
		buf_add_char(out, c == ' ' ? '+' : c);
	else
		buf_printf(out, "%%%02X", (unsigned char)c);
}

int template_escape(const struct template_call *in, struct tval *ret)
{
	CLEANUP(buf_finip) struct buf out = { .ceiling = TEMPLATE_TEXT_MAX };
	bool is_html = str_eq(in->name, "html");
	const char *text;

	if (take_text(in, &text) < 0)
		return -1;
	for (; *text; text++)
		(is_html ? add_html : add_query)(&out, *text);
	return template_give(in, &out, ret);
}

int template_slice(const struct template_call *in, struct tval *ret)
{
	const char *text = in->args[0].string;
	size_t length, ends[2];

	if (in->args[0].kind != TVAL_STRING)
		return err_set(in->err, ERR_INVALID, "error calling slice: can't slice what is no string");
	length = strlen(text);
	ends[0] = 0;
	ends[1] = length;
	for (size_t i = 1; i < in->count; i++) {
		if (in->args[i].kind != TVAL_INT)
			return err_set(in->err, ERR_INVALID, "error calling slice: cannot index slice/array with what is no number");
		if (in->args[i].number < 0 || (uint64_t)in->args[i].number > length)
			return err_set(in->err, ERR_INVALID, "error calling slice: index out of range: %lld", (long long)in->args[i].number);
		ends[i - 1] = (size_t)in->args[i].number;
	}
	if (ends[0] > ends[1])
		return err_set(in->err, ERR_INVALID, "error calling slice: invalid slice index: %zu > %zu", ends[0], ends[1]);
	*ret = tval_of_string(arena_strndup(in->arena, text + ends[0], ends[1] - ends[0]));
	return 0;
}
