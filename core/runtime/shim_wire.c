/* shim_wire.c - messages between agent and shim as text. */
#include "runtime/shim_wire.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yyjson.h>

#include "base/panic.h"
#include "base/str.h"
#include "runtime/container_log.h"

static const char verbs[][8] = { "", "hello", "start", "attach", "resize" };
static const char states[][8] = { "", "created", "running", "exited" };

/* Never cut: see the assertion below. */
static void PRINTF_LIKE(3, 4) add(char *to, size_t *at, const char *fmt, ...)
{
	va_list list;

	va_start(list, fmt);
	*at += (size_t)vsnprintf(to + *at, SHIM_WIRE_MAX_BYTES - *at, fmt, list);
	va_end(list);
}

static const char *word_of(bool is_so)
{
	return is_so ? "true" : "false";
}

size_t shim_wire_format(const struct shim_wire *m, char to[SHIM_WIRE_MAX_BYTES])
{
	size_t at = 0;

	add(to, &at, "{\"v\":%d", SHIM_WIRE_VERSION);
	if (m->seq)
		add(to, &at, ",\"seq\":%u", (unsigned)m->seq);
	if (m->verb != SHIM_WIRE_REPLY) {
		add(to, &at, ",\"do\":\"%s\"", verbs[m->verb]);
		if (m->verb == SHIM_WIRE_ATTACH)
			add(to, &at, ",\"in\":%s,\"out\":%s,\"err\":%s,\"past\":%s", word_of(m->wants_in), word_of(m->wants_out),
			    word_of(m->wants_err), word_of(m->wants_past));
		if (m->verb == SHIM_WIRE_RESIZE)
			add(to, &at, ",\"rows\":%u,\"columns\":%u", (unsigned)m->rows, (unsigned)m->columns);
		add(to, &at, "}\n");
		return at;
	}
	if (m->level)
		add(to, &at, ",\"level\":%u", (unsigned)m->level);
	add(to, &at, ",\"state\":\"%s\",\"pid\":%d,\"code\":%d,\"oom\":%s,\"started\":%lld,\"finished\":%lld,\"error\":\"", states[m->state],
	    (int)m->pid, (int)m->code, word_of(m->is_oom), (long long)m->started_wall, (long long)m->finished_wall);
	at += container_log_escape(m->error, strnlen(m->error, sizeof m->error - 1), to + at);
	add(to, &at, "\"}\n");
	return at;
}

_Static_assert(sizeof((struct shim_wire *)0)->error * 6 + 400 < SHIM_WIRE_MAX_BYTES, "every message fits");

static unsigned find_word(yyjson_val *value, const char words[][8], size_t count)
{
	for (unsigned i = 1; i < count; i++)
		if (yyjson_equals_str(value, words[i]))
			return i;
	return 0;
}

static int decode(yyjson_val *root, struct shim_wire *m, struct err *err)
{
	yyjson_val *version = yyjson_obj_get(root, "v");

	if (!yyjson_is_uint(version))
		return err_set(err, ERR_INVALID, "shim message: it has no version");
	if (yyjson_get_uint(version) != SHIM_WIRE_VERSION)
		return err_set(err, ERR_UNSUPPORTED, "shim message: version %llu, this swarmbox knows only %d",
			       (unsigned long long)yyjson_get_uint(version), SHIM_WIRE_VERSION);
	m->verb = find_word(yyjson_obj_get(root, "do"), verbs, ARRAY_COUNT(verbs));
	if (yyjson_obj_get(root, "do") && m->verb == SHIM_WIRE_REPLY)
		return err_set(err, ERR_UNSUPPORTED, "shim message: unknown request");
	m->state = find_word(yyjson_obj_get(root, "state"), states, ARRAY_COUNT(states));
	m->seq = (uint32_t)yyjson_get_uint(yyjson_obj_get(root, "seq"));
	m->level = (uint32_t)yyjson_get_uint(yyjson_obj_get(root, "level"));
	m->wants_in = yyjson_get_bool(yyjson_obj_get(root, "in"));
	m->wants_out = yyjson_get_bool(yyjson_obj_get(root, "out"));
	m->wants_err = yyjson_get_bool(yyjson_obj_get(root, "err"));
	m->wants_past = yyjson_get_bool(yyjson_obj_get(root, "past"));
	m->rows = (uint32_t)yyjson_get_uint(yyjson_obj_get(root, "rows"));
	m->columns = (uint32_t)yyjson_get_uint(yyjson_obj_get(root, "columns"));
	m->pid = (int32_t)yyjson_get_int(yyjson_obj_get(root, "pid"));
	m->code = (int32_t)yyjson_get_int(yyjson_obj_get(root, "code"));
	m->is_oom = yyjson_get_bool(yyjson_obj_get(root, "oom"));
	m->started_wall = yyjson_get_sint(yyjson_obj_get(root, "started"));
	m->finished_wall = yyjson_get_sint(yyjson_obj_get(root, "finished"));
	const char *error = yyjson_get_str(yyjson_obj_get(root, "error"));

	str_copy(m->error, sizeof m->error, error ? error : "");
	return 0;
}

/* In memory of the caller's stack, so that a shim that talks all day stays as small as it was. */
static int parse(const char *text, size_t length, void *pool, size_t pool_bytes, struct shim_wire *ret, struct err *err)
{
	struct shim_wire message = { .pid = 0 };
	yyjson_alc alc;
	yyjson_read_err bad;

	check(yyjson_alc_pool_init(&alc, pool, pool_bytes));
	yyjson_doc *doc = yyjson_read_opts((char *)(uintptr_t)text, length, 0, &alc, &bad);

	if (!doc)
		return err_set(err, ERR_INVALID, "shim message: %s", bad.msg);
	if (decode(yyjson_doc_get_root(doc), &message, err) < 0)
		return -1;
	*ret = message;
	return 0;
}

int shim_wire_parse(const char *text, size_t length, struct shim_wire *ret, struct err *err)
{
	_Alignas(16) char pool[6 * SHIM_WIRE_MAX_BYTES];

	if (length > SHIM_WIRE_MAX_BYTES)
		return err_set(err, ERR_INVALID, "shim message: longer than %d bytes", SHIM_WIRE_MAX_BYTES);
	return parse(text, length, pool, sizeof pool, ret, err);
}

int shim_wire_parse_request(const char *text, size_t length, struct shim_wire *ret, struct err *err)
{
	_Alignas(16) char pool[6 * SHIM_WIRE_REQUEST_BYTES];

	if (length > SHIM_WIRE_REQUEST_BYTES)
		return err_set(err, ERR_INVALID, "shim message: longer than %d bytes", SHIM_WIRE_REQUEST_BYTES);
	return parse(text, length, pool, sizeof pool, ret, err);
}
