/* The JSON files of a layout and the report of the unpacking child: refused in one line, or what is written of them reads as the same. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "image/image_config.h"
#include "image/image_manifest.h"
#include "image/unpack_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

static void try_config(const char *text, size_t count)
{
	struct image_config config, again;
	struct buf first = BUF_INIT, second = BUF_INIT;
	struct err err = { 0 };

	if (image_config_parse(text, count, &config, &err) < 0) {
		check(err.text[0]);
		return;
	}
	check(config.diff_ids.count >= 1 && config.diff_ids.count <= IMAGE_CONFIG_MAX_LAYERS);
	image_config_format(&config, &first);
	check(image_config_parse(buf_text(&first), first.len, &again, &err) == 0);
	image_config_format(&again, &second);
	check(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
	image_config_fini(&config);
	image_config_fini(&again);
	buf_fini(&first);
	buf_fini(&second);
}

static void try_manifest(const char *text, size_t count)
{
	static struct image_manifest manifest, again;
	struct buf out = BUF_INIT;
	struct err err = { 0 };

	if (image_manifest_parse(text, count, &manifest, &err) < 0)
		return;
	image_manifest_format(&manifest, &out);
	check(image_manifest_parse(buf_text(&out), out.len, &again, &err) == 0);
	check(again.layer_count == manifest.layer_count && memcmp(again.config.digest, manifest.config.digest, 65) == 0);
	buf_fini(&out);
}

static void try_index(const char *text, size_t count)
{
	struct image_index index;
	struct err err = { 0 };

	if (image_index_parse(text, count, &index, &err) == 0)
		image_index_fini(&index);
}

static void try_report(const char *text, size_t count)
{
	struct unpack_report report;
	struct err err = { 0 };

	if (unpack_report_parse(text, count, &report, &err) == 0)
		check(strlen(report.blob) == 64 && strspn(report.blob, "0123456789abcdef") == 64 && report.data_bytes >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	const char *text = (const char *)bytes + 1;

	if (count < 1)
		return 0;
	switch (bytes[0] % 4) {
	case 0:
		try_config(text, count - 1);
		break;
	case 1:
		try_manifest(text, count - 1);
		break;
	case 2:
		try_index(text, count - 1);
		break;
	default:
		try_report(text, count - 1);
	}
	return 0;
}
