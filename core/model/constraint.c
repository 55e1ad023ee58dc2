#include "model/constraint.h"

#include <string.h>

#include "base/ip.h"
#include "base/str.h"

static const char node_labels[] = "node.labels.", engine_labels[] = "engine.labels.";

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static const char *trimmed(struct arena *arena, const char *from, size_t length)
{
	while (length > 0 && is_space(from[0]))
		from++, length--;
	while (length > 0 && is_space(from[length - 1]))
		length--;
	return arena_strndup(arena, from, length);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_key(const char *key)
{
	if (!is_letter(key[0]) && key[0] != '_')
		return false;
	if (!key[1])
		return false;
	for (const char *c = key + 1; *c; c++)
		if (!is_letter(*c) && !is_digit(*c) && !strchr("-_.", *c))
			return false;
	return true;
}

static bool is_value(const char *value)
{
	for (const char *c = value; *c; c++)
		if (!is_letter(*c) && !is_digit(*c) && !strchr(":-_ \t\n\f\r.*()?+[]\\^$|/", *c))
			return false;
	return value[0] != 0;
}

static int parse_one(const char *text, struct arena *arena, struct constraint *ret, struct err *err)
{
	const char *found = strstr(text, "==");

	ret->is_negated = !found;
	if (!found)
		found = strstr(text, "!=");
	if (!found)
		return err_set(err, ERR_INVALID, "constraint expected one operator from ==, !=");
	ret->key = trimmed(arena, text, (size_t)(found - text));
	ret->value = trimmed(arena, found + 2, strlen(found + 2));
	if (!is_key(ret->key))
		return err_set(err, ERR_INVALID, "key '%s' is invalid", ret->key);
	if (!is_value(ret->value))
		return err_set(err, ERR_INVALID, "value '%s' is invalid", ret->value);
	return 0;
}

int constraint_parse(const struct str_array *texts, struct arena *arena, struct constraint_list *ret,
		     struct err *err)
{
	struct constraint_list list = { ARENA_ARRAY(arena, struct constraint, texts->count), texts->count };

	for (size_t i = 0; i < texts->count; i++) {
		const char *text = texts->items[i] ? texts->items[i] : "";
		if (parse_one(text, arena, &list.items[i], err) < 0)
			return -1;
	}
	*ret = list;
	return 0;
}

static bool holds(const struct constraint *constraint, const char *actual)
{
	return str_eq_nocase(constraint->value, actual ? actual : "") != constraint->is_negated;
}

/* An address or a subnet; anything else holds nowhere, not even negated. */
static bool holds_for_address(const struct constraint *constraint, const char *text)
{
	struct ip node = { 0 }, ip;
	struct cidr subnet;

	if (!str_is_empty(text))
		ip_parse(text, &node);
	if (ip_parse(constraint->value, &ip) == 0)
		return ip_eq(ip, node) != constraint->is_negated;
	if (cidr_parse(constraint->value, &subnet) == 0)
		return (node.family && cidr_has(subnet, node)) != constraint->is_negated;
	return false;
}

/* What stands behind a prefix of any case; NULL when the key does not start with it or ends there. */
static const char *behind(const char *key, const char *prefix)
{
	size_t length = strlen(prefix);

	for (size_t i = 0; i < length; i++) {
		char c = key[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c + ('a' - 'A'));
		if (c != prefix[i])
			return NULL;
	}
	return key[length] ? key + length : NULL;
}

static bool match_one(const struct constraint *constraint, const char *id, const struct node *node)
{
	const struct node_description *description = &node->description;
	const char *key = constraint->key, *label;

	if (str_eq_nocase(key, "node.id"))
		return holds(constraint, id);
	if (str_eq_nocase(key, "node.hostname"))
		return holds(constraint, description->hostname);
	if (str_eq_nocase(key, "node.ip"))
		return holds_for_address(constraint, node->status.address);
	if (str_eq_nocase(key, "node.role"))    /* what it is, not what it is wanted to be */
		return holds(constraint, node->manager ? "manager" : "worker");
	if (str_eq_nocase(key, "node.platform.os"))
		return holds(constraint, description->platform.os);
	if (str_eq_nocase(key, "node.platform.arch"))
		return holds(constraint, description->platform.architecture);
	if ((label = behind(key, node_labels)))
		return holds(constraint, str_map_get(&node->spec.labels, label));
	if ((label = behind(key, engine_labels)))
		return holds(constraint, str_map_get(&description->engine.labels, label));
	return false;
}

bool constraint_match(const struct constraint_list *list, const char *node_id, const struct node *node)
{
	for (size_t i = 0; i < list->count; i++)
		if (!match_one(&list->items[i], node_id, node))
			return false;
	return true;
}
