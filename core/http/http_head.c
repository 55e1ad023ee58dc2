#include "http/http_head.h"

#include <string.h>

#include "base/str.h"
#include "http/http_text.h"

static void read_fields(const struct http_parse *parse, struct arena *arena,
			struct http_head *head)
{
	struct http_pair *fields = ARENA_ARRAY(arena, struct http_pair, parse->field_count);

	head->fields = fields;
	for (unsigned i = 0; i < parse->field_count; i++) {
		const char *name = parse->text.data + parse->fields[i].name;
		const char *value = parse->text.data + parse->fields[i].value;
		size_t same = 0;

		while (same < head->field_count && !str_eq_nocase(fields[same].name, name))
			same++;
		if (same < head->field_count) {
			fields[same].value = arena_printf(arena, "%s, %s", fields[same].value, value);
			continue;
		}
		fields[head->field_count++] = (struct http_pair){
			arena_strdup(arena, name), arena_strdup(arena, value) };
	}
}

/* "a=1&b&a=2"; a part without "=" is a name with an empty value. */
static int read_query(const char *text, struct arena *arena, struct http_head *head)
{
	size_t count = 1;
	for (const char *c = text; *c; c++)
		count += *c == '&';

	struct http_pair *query = ARENA_ARRAY(arena, struct http_pair, count);
	head->query = query;
	while (*text) {
		size_t length = strcspn(text, "&");
		const char *equals = memchr(text, '=', length);
		size_t name_length = equals ? (size_t)(equals - text) : length;
		size_t behind = equals ? name_length + 1 : length;
		char *name, *value;

		if (http_decode(arena, text, name_length, true, &name) < 0 ||
		    http_decode(arena, text + behind, length - behind, true, &value) < 0)
			return -1;
		if (length > 0)
			query[head->query_count++] = (struct http_pair){ name, value };
		text += length;
		text += *text == '&';
	}
	return 0;
}

/* "http://host/path" is what a proxy would be asked; a server must take it, too (RFC 9112,
 * 3.2.2). */
static const char *without_authority(const char *target)
{
	const char *authority = str_after(target, "http://");

	if (!authority)
		return target;
	const char *path = strchr(authority, '/');
	return path ? path : "/";
}

static int read_target(const char *target, struct arena *arena, struct http_head *head,
		       struct err *err)
{
	const char *path = without_authority(target);
	size_t length = strcspn(path, "?#");
	char *decoded;

	if (path[0] != '/')
		return err_set(err, ERR_INVALID, "request target '%s' is not a path", target);
	if (http_decode(arena, path, length, false, &decoded) < 0)
		return err_set(err, ERR_INVALID, "request path '%.*s' is not valid", (int)MIN(length, 512),
			       path);
	head->path = decoded;

	const char *query = path[length] == '?' ? path + length + 1 : "";
	const char *query_end = query + strcspn(query, "#");
	if (read_query(arena_strndup(arena, query, (size_t)(query_end - query)), arena, head) < 0)
		return err_set(err, ERR_INVALID, "request query '%.512s' is not valid", query);
	return 0;
}

int http_head_make(const struct http_parse *parse, struct arena *arena, struct http_head *ret,
		   struct err *err)
{
	struct http_head head = {
		.method = http_parse_method(parse),
		.target = arena_strdup(arena, http_parse_target(parse)),
		.is_http10 = http_parse_is_http10(parse),
		.keeps_alive = http_parse_keeps_alive(parse),
		.has_body = http_parse_has_body(parse),
	};

	read_fields(parse, arena, &head);
	const char *expect = http_head_field(&head, "Expect");
	head.expects_continue = str_eq_nocase(expect, "100-continue") && !head.is_http10;
	*ret = head;                    /* even after an error it can be answered */
	if (read_target(head.target, arena, ret, err) < 0)
		return -1;
	if (!head.is_http10 && !http_head_field(&head, "Host"))
		return err_set(err, ERR_INVALID, "missing required Host header");
	if (expect && !head.is_http10 && !head.expects_continue)
		return err_set(err, ERR_INVALID, "expectation '%.200s' is not supported", expect);
	return 0;
}

const char *http_head_field(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->field_count; i++)
		if (str_eq_nocase(head->fields[i].name, name))
			return head->fields[i].value;
	return NULL;
}

const char *http_head_query(const struct http_head *head, const char *name, size_t *at)
{
	while (*at < head->query_count) {
		const struct http_pair *pair = &head->query[(*at)++];
		if (strcmp(pair->name, name) == 0)
			return pair->value;
	}
	return NULL;
}

static bool is_upgrade(const struct http_head *head)
{
	return str_eq_nocase(http_head_field(head, "Connection"), "Upgrade");
}

void http_head_write(const struct http_head *head, const char *target, struct buf *out)
{
	buf_printf(out, "%s %s HTTP/1.%d\r\n", head->method, target, head->is_http10 ? 0 : 1);
	for (size_t i = 0; i < head->field_count; i++)
		if (is_upgrade(head) || !str_eq_nocase(head->fields[i].name, "Connection"))
			http_add_field(out, head->fields[i].name, head->fields[i].value);
	buf_printf(out, "%s\r\n", is_upgrade(head) ? "" : "Connection: close\r\n");
}
