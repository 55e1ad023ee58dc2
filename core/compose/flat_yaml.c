#include "compose/flat_yaml.h"

#include <stdlib.h>
#include <yaml.h>

#include "base/panic.h"

enum { ITEMS_MAX = 1000 };

static int wrong(struct err *err, const yaml_mark_t *mark, const char *what)
{
	return err_set(err, ERR_INVALID, "line %zu: %s", mark->line + 1, what);
}

/* The next event, deleted by the caller. */
static int next(yaml_parser_t *parser, yaml_event_t *event, struct err *err)
{
	if (yaml_parser_parse(parser, event))
		return 0;
	return wrong(err, &parser->problem_mark, parser->problem ? parser->problem : "not YAML");
}

static const char *scalar(const yaml_event_t *event)
{
	return (const char *)event->data.scalar.value;
}

static int add_value(const yaml_event_t *event, struct strlist *values, struct err *err)
{
	if (event->type != YAML_SCALAR_EVENT)
		return wrong(err, &event->start_mark, "expected a word or a list of words");
	if (event->data.scalar.anchor)
		return wrong(err, &event->start_mark, "anchors are not allowed here");
	strlist_addn(values, scalar(event), event->data.scalar.length);
	return 0;
}

static int take_list(yaml_parser_t *parser, struct strlist *values, struct err *err)
{
	for (;;) {
		yaml_event_t event;
		int rc;

		if (next(parser, &event, err) < 0)
			return -1;
		if (event.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		rc = add_value(&event, values, err);
		yaml_event_delete(&event);
		if (rc < 0)
			return -1;
	}
}

static int take_value(yaml_parser_t *parser, struct flat_item *item, struct err *err)
{
	yaml_event_t event;
	int rc;

	if (next(parser, &event, err) < 0)
		return -1;
	rc = event.type == YAML_SEQUENCE_START_EVENT ? take_list(parser, &item->values, err) : add_value(&event, &item->values, err);
	yaml_event_delete(&event);
	return rc;
}

static int take_item(yaml_parser_t *parser, const yaml_event_t *key, struct flat_yaml *ret, struct err *err)
{
	struct flat_item *item;

	if (key->type != YAML_SCALAR_EVENT)
		return wrong(err, &key->start_mark, "expected a name and a colon");
	for (size_t i = 0; i < ret->count; i++)
		if (str_eq(ret->items[i].name, scalar(key)))
			return err_set(err, ERR_INVALID, "line %zu: '%.100s' stands on line %u already", key->start_mark.line + 1,
				       scalar(key), ret->items[i].line);
	if (ret->count == ITEMS_MAX)
		return wrong(err, &key->start_mark, "too many names");
	ret->items = mem_resize(ret->items, ret->count + 1, sizeof *ret->items);
	item = &ret->items[ret->count++];
	*item = (struct flat_item){ .name = str_dup(scalar(key)), .line = (unsigned)key->start_mark.line + 1 };
	return take_value(parser, item, err);
}

static int take_mapping(yaml_parser_t *parser, struct flat_yaml *ret, struct err *err)
{
	for (;;) {
		yaml_event_t event;
		int rc;

		if (next(parser, &event, err) < 0)
			return -1;
		if (event.type == YAML_MAPPING_END_EVENT) {
			yaml_event_delete(&event);
			return 0;
		}
		rc = take_item(parser, &event, ret, err);
		yaml_event_delete(&event);
		if (rc < 0)
			return -1;
	}
}

/* One document that is a mapping, or nothing at all. */
static int take_stream(yaml_parser_t *parser, struct flat_yaml *ret, struct err *err)
{
	bool has_document = false;

	for (;;) {
		yaml_event_t event;
		yaml_event_type_t type;
		int rc = 0;

		if (next(parser, &event, err) < 0)
			return -1;
		type = event.type;
		if (type == YAML_MAPPING_START_EVENT)
			rc = take_mapping(parser, ret, err);
		else if (type == YAML_DOCUMENT_START_EVENT && has_document)
			rc = wrong(err, &event.start_mark, "only one document is allowed");
		else if (type == YAML_SCALAR_EVENT && event.data.scalar.length == 0)
			rc = 0;         /* a file of comments */
		else if (type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT || type == YAML_ALIAS_EVENT)
			rc = wrong(err, &event.start_mark, "expected a name and a colon");
		has_document = has_document || type == YAML_DOCUMENT_START_EVENT;
		yaml_event_delete(&event);
		if (rc < 0 || type == YAML_STREAM_END_EVENT)
			return rc;
	}
}

int flat_yaml_parse(const char *text, size_t length, struct flat_yaml *ret, struct err *err)
{
	yaml_parser_t parser;
	int rc;

	*ret = (struct flat_yaml){ 0 };
	if (length > FLAT_YAML_BYTES_MAX)
		return err_set(err, ERR_INVALID, "line 1: more than %d bytes", FLAT_YAML_BYTES_MAX);
	check(yaml_parser_initialize(&parser));
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	rc = take_stream(&parser, ret, err);
	yaml_parser_delete(&parser);
	if (rc < 0)
		flat_yaml_fini(ret);
	return rc;
}

void flat_yaml_fini(struct flat_yaml *yaml)
{
	for (size_t i = 0; i < yaml->count; i++) {
		free(yaml->items[i].name);
		strlist_fini(&yaml->items[i].values);
	}
	free(yaml->items);
	*yaml = (struct flat_yaml){ 0 };
}
