/* The JSON files that say which images an archive holds, and the line in which the child tells it: refused in one line, or every name is one, every
 * digest is one and nothing is more than it may be. */
#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/panic.h"
#include "image/archive_plan.h"
#include "image/archive_table.h"
#include "image/docker_archive.h"
#include "image/oci_index.h"
#include "model/image_ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void check_error(const struct err *err)
{
	check(err->text[0] && !strchr(err->text, '\n') && str_is_utf8(err->text, strlen(err->text)));
}

static void check_name(const char *name)
{
	char again[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err err;

	check(image_ref_parse(name, &ref, &err) == 0 && ref.tag[0] && !ref.digest[0]);
	check(str_eq(image_ref_format_canonical(&ref, again), name));
}

static void try_index(const char *text, size_t count)
{
	struct image_platform host = image_platform_host();
	struct oci_index index;
	struct err err;

	if (oci_index_parse(text, count, &index, &err) < 0) {
		check_error(&err);
		return;
	}
	check(index.count <= OCI_INDEX_MAX_ENTRIES);
	for (size_t i = 0; i < index.count; i++) {
		check(hex_id_is_valid(index.items[i].blob.digest) && index.items[i].blob.bytes >= 0);
		check(oci_descriptor_rank(&index.items[i], &host) >= -1);
		if (*index.items[i].name)
			check_name(index.items[i].name);
	}
	oci_index_fini(&index);
}

static void try_docker(const char *text, size_t count)
{
	struct docker_archive archive;
	struct err err;

	if (docker_archive_parse(text, count, &archive, &err) < 0) {
		check_error(&err);
		return;
	}
	check(archive.count >= 1 && archive.count <= ARCHIVE_IMAGES_MAX);
	for (size_t i = 0; i < archive.count; i++) {
		check(archive.images[i].layer_count >= 1 && archive.images[i].layer_count <= IMAGE_CONFIG_MAX_LAYERS && *archive.images[i].config);
		for (size_t n = 0; n < archive.images[i].names.count; n++)
			check_name(archive.images[i].names.items[n]);
	}
	docker_archive_fini(&archive);
}

static void try_plan(const char *text, size_t count)
{
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct archive_plan plan, again;
	struct err err;

	if (archive_plan_parse(text, count, &plan, &err) < 0) {
		check(!strchr(err.text, '\n'));
		return;
	}
	check(plan.count >= 1 && plan.count <= ARCHIVE_IMAGES_MAX && plan.name_count <= ARCHIVE_NAMES_MAX);
	archive_plan_format(&plan, &first);
	check(archive_plan_parse(first.data, first.len, &again, &err) == 0);
	archive_plan_format(&again, &second);
	check(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	archive_plan_fini(&plan);
	archive_plan_fini(&again);
	buf_fini(&first);
	buf_fini(&second);
}

/* Lines "name" (a file) and "name target" (a link, symbolic when target is longer than 8): whatever is found is one of the files. */
static void try_table(const char *text, size_t count)
{
	struct archive_table *table = archive_table_new();
	char *copy = mem_new(count + 1, 1);
	struct archive_file file = { "", 1 };
	struct err err;

	if (count)
		memcpy(copy, text, count);
	for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n")) {
		char *target = strchr(line, ' ');
		const struct archive_file *found;

		if (target)
			*target++ = '\0';
		memset(file.digest, 'a' + (uint8_t)line[0] % 6, SHA256_HEX_SIZE - 1);
		if ((target ? archive_table_add_link(table, line, target, strlen(target) > 8, &err) : archive_table_add_file(table, line, &file, &err)) < 0)
			check_error(&err);
		if (archive_table_find(table, line, &found, &err) == 0)
			check(hex_id_is_valid(found->digest) && archive_table_by_digest(table, found->digest));
		else
			check_error(&err);
	}
	free(copy);
	archive_table_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	const char *text = (const char *)bytes + 1;

	if (count < 1)
		return 0;
	switch (bytes[0] % 4) {
	case 0:
		try_index(text, count - 1);
		break;
	case 1:
		try_docker(text, count - 1);
		break;
	case 2:
		try_plan(text, count - 1);
		break;
	default:
		try_table(text, count - 1);
	}
	return 0;
}
