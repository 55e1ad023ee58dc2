/* `import -c` from a stranger: applied or refused in one line, and what comes of it is a config that reads back as itself. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "image/image_changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check_reads_back(struct image_config *config)
{
	struct image_config again;
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct err err = { 0 };

	image_config_add_word(config, &config->diff_ids, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	image_config_format(config, &first);
	check(image_config_parse(first.data, first.len, &again, &err) == 0);
	image_config_format(&again, &second);
	check(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	image_config_fini(&again);
	buf_fini(&first);
	buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	struct image_config config;
	struct err err = { 0 };
	char *text;

	if (count > 4096)
		return 0;
	text = mem_new(count + 1, 1);
	if (count)
		memcpy(text, bytes, count);
	image_config_init(&config);
	if (image_changes_apply(&config, text, &err) < 0)
		check(err.text[0] && str_is_utf8(err.text, strlen(err.text)) && !strchr(err.text, '\n'));
	else
		check_reads_back(&config);
	image_config_fini(&config);
	free(text);
	return 0;
}
