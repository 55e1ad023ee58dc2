/* A name of an image: refused, or the canonical and the familiar form mean the same again. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/image_ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check_same(const struct image_ref *ref, const char *text)
{
	struct image_ref again;
	struct err err = { 0 };

	check(image_ref_parse(text, &again, &err) == 0);
	check(image_ref_is_same_repository(ref, &again) && strcmp(ref->tag, again.tag) == 0 && strcmp(ref->digest, again.digest) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	char familiar[IMAGE_REF_TEXT_SIZE], canonical[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err err = { 0 };
	char *text;

	if (count > 1024)
		return 0;
	text = mem_new(count + 1, 1);
	if (count)
		memcpy(text, bytes, count);
	if (image_ref_parse(text, &ref, &err) < 0) {
		check(err.text[0] && str_is_utf8(err.text, strlen(err.text)));
	} else {
		check(ref.domain[0] && ref.path[0] && !strstr(ref.path, "..") && ref.path[0] != '/');
		check_same(&ref, image_ref_format_canonical(&ref, canonical));
		check_same(&ref, image_ref_format_familiar(&ref, familiar));
	}
	free(text);
	return 0;
}
