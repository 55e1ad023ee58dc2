/* The API's filters parameter. */
#include <string.h>

#include "api/filters.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const keys[] = { "name", "label", "id", NULL };
	static struct str_pair pairs[] = { { (char *)(uintptr_t)"a", (char *)(uintptr_t)"b" } };
	const struct str_map labels = { pairs, 1 };
	struct filters filters;
	struct arena arena;
	struct err err;
	char *text = str_printf("%.*s", (int)size, (const char *)data);

	arena_init(&arena, "fuzz", 256 << 20);
	if (filters_parse(text, keys, &arena, &filters, &err) == 0) {
		filters_prefix(&filters, "name", "web");
		filters_labels(&filters, "label", &labels);
	}
	arena_fini(&arena);
	str_freep(&text);
	return 0;
}
