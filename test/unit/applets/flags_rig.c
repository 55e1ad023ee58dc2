#include "test/unit/applets/flags_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applets/container_body.h"
#include "applets/service_flags.h"
#include "base/panic.h"

/* Words are separated by one blank; what follows the options are operands. */
static int read_flags(const struct option *options, const char *line, void *flags,
		      char **argv, char *copy, size_t size, struct err *err)
{
	struct option_set set = { options, flags };
	size_t count = 0;

	snprintf(copy, size, "%s", line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[count++] = word;
	argv[count] = NULL;
	return option_parse(&set, 1, argv, options != service_update_options, &count, err) == OPTION_OK ?
	       0 : -1;
}

static char *finish(yyjson_mut_doc *doc, int result, const struct err *err)
{
	char *text = result < 0 ? strdup(err->text) : yyjson_mut_write(doc, 0, NULL);

	yyjson_mut_doc_free(doc);
	return text;
}

char *flags_rig_service_create(const char *line)
{
	struct service_flags *flags = NEW(struct service_flags);
	struct option_set set = { service_create_options, flags };
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	struct err err = {0};
	char *argv[64], copy[1024];
	int result = read_flags(service_create_options, line, flags, argv, copy, sizeof(copy), &err);

	if (result == 0)
		result = service_flags_create(flags, argv, doc, &err);
	option_fini(&set);
	free(flags);
	return finish(doc, result, &err);
}

char *flags_rig_service_update(const char *spec, const char *line)
{
	struct service_flags *flags = NEW(struct service_flags);
	struct option_set set = { service_update_options, flags };
	yyjson_doc *old = yyjson_read(spec, strlen(spec), 0);
	yyjson_mut_doc *doc = yyjson_doc_mut_copy(old, NULL);
	struct err err = {0};
	char *argv[64], copy[1024];
	int result = read_flags(service_update_options, line, flags, argv, copy, sizeof(copy), &err);

	if (result == 0)
		result = service_flags_update(flags, doc, &err);
	option_fini(&set);
	free(flags);
	yyjson_doc_free(old);
	return finish(doc, result, &err);
}

char *flags_rig_run(const char *line)
{
	struct container_flags *flags = NEW(struct container_flags);
	struct option_set set = { container_run_options, flags };
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	struct container_streams streams;
	struct err err = {0};
	char *argv[64], copy[1024];
	int result = read_flags(container_run_options, line, flags, argv, copy, sizeof(copy), &err);

	if (result == 0)
		result = container_body_streams(flags, &streams, &err);
	if (result == 0)
		result = container_body_make(flags, &streams, argv, doc, &err);
	option_fini(&set);
	free(flags);
	return finish(doc, result, &err);
}
