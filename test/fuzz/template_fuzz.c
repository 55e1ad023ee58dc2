/* Templates as anybody may type them: behind --format, over an object with a bit of everything; in specs, in secrets and configs, for a task. The
 * first byte chooses. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/expand.h"
#include "model/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static const char hidden[] = "@hunter2@";

static void format(const char *text)
{
	static const char data[] = "{\"ID\":\"abc\",\"N\":3,\"R\":1.5,\"Yes\":true,\"Nil\":null,"
				   "\"List\":[\"a\",\"b\"],\"Map\":{\"k\":\"v\"}}";
	struct template *template;
	struct err err = {0};

	if (template_parse(text, &template, &err) == 0) {
		yyjson_doc *doc = yyjson_read(data, strlen(data), 0);
		struct buf out = { .ceiling = 1 << 20 };

		if (template_run(template, yyjson_doc_get_root(doc), TEMPLATE_ABSENT_TOP_IS_ERROR, &out, &err) < 0)
			check(err.text[0] != '\0');
		buf_fini(&out);
		yyjson_doc_free(doc);
		template_free(template);
	} else {
		check(err.text[0] != '\0');
	}
}

static int give(void *arg, bool is_config, const struct secret_reference *reference, struct arena *arena, const char **ret, size_t *ret_size,
		struct err *err)
{
	(void)arg, (void)is_config, (void)reference, (void)err;
	*ret = arena_strdup(arena, hidden);
	*ret_size = strlen(hidden);
	return 0;
}

static void expand(char choice, char *text, size_t count)
{
	struct str_pair label = { (char[]){ "l" }, (char[]){ "v" } };
	const struct str_map labels = { &label, 1 };
	const struct expand_task task = { "sid", "web", &labels, "nid", "host1", "x86_64", "linux", "tid", 2 };
	struct file_target target = { .name = (char[]){ "t" } };
	struct secret_reference reference = { &target, (char[]){ "id" }, (char[]){ "n" } };
	char *env[] = { (char[]){ "E=1" } };
	struct container_spec_model own = { .env = { env, 1 }, .secrets = { &reference, 1 }, .configs = { &reference, 1 } }, ret;
	struct buf out = BUF_INIT;
	struct arena arena;
	struct err err = {0};

	arena_init(&arena, "fuzz", 64 << 20);
	if (choice == 1) {
		own.hostname = text;
		if (expand_container(&task, &own, &arena, &ret, &err) < 0)
			check(err.text[0] != '\0' && !strchr(err.text, '\n'));
	} else if (expand_payload(&task, &own, choice == 2, text, count, give, NULL, &out, &err) < 0) {
		/* of what is secret nothing is told, unless the template says it itself */
		check(err.text[0] != '\0' && !strchr(err.text, '\n'));
		check(!strstr(err.text, "hunter2") || (choice == 2 && memmem(text, count, "hunter2", 7)));
	}
	buf_fini(&out);
	arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	if (count == 0 || count > 512)
		return 0;       /* what a line can hold; nested ranges of more only take long */
	char *text = calloc(1, count);
	memcpy(text, bytes + 1, count - 1);
	if (bytes[0] % 4 == 0)
		format(text);
	else
		expand((char)(bytes[0] % 4), text, count - 1);
	free(text);
	return 0;
}
