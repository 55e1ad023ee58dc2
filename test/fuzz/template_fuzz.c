/* Templates as anybody may type them, over an object with a bit of everything. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "model/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static const char data[] = "{\"ID\":\"abc\",\"N\":3,\"R\":1.5,\"Yes\":true,\"Nil\":null,"
				   "\"List\":[\"a\",\"b\"],\"Map\":{\"k\":\"v\"}}";
	struct template *template;
	struct err err = {0};

	if (count > 512)
		return 0;       /* what a line can hold; nested ranges of more only take long */
	char *text = calloc(1, count + 1);
	memcpy(text, bytes, count);
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
	free(text);
	return 0;
}
