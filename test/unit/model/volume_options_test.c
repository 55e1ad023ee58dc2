#include "model/volume_options.h"

#include <string.h>
#include <sys/mount.h>

#include "base/str.h"
#include "test/unit/runner.h"

/* "type=tmpfs device=tmpfs o=size=1m" */
static struct str_map options_of(const char *line, struct arena *arena)
{
	struct str_map map = { ARENA_ARRAY(arena, struct str_pair, 8), 0 };
	char *copy = arena_strdup(arena, line), *save = NULL;

	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = word + strcspn(word, "=");

		if (*value)
			*value++ = '\0';
		map.items[map.count++] = (struct str_pair){ word, value };
	}
	return map;
}

TEST(volume_options_are_dockers_four)
{
	static const struct { const char *line, *error; } cases[] = {
		{ "", NULL },
		{ "type=tmpfs device=tmpfs", NULL },
		{ "type=tmpfs device=tmpfs o=size=1m", NULL },
		{ "typ=x", "invalid option: \"typ\"" },
		{ "type=tmpfs", "missing required option: \"device\"" },
		{ "device=/dev/x", "missing required option: \"type\"" },
		{ "o=bind", "missing required option: \"device\"" },
		{ "size=0", NULL },
		{ "size=10m", "quota size requested but no quota support" },
		{ "size=x", "invalid size: 'x'" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct arena arena;
		struct err err = { 0 };

		arena_init(&arena, "test", 1 << 20);
		struct str_map options = options_of(cases[i].line, &arena);
		EXPECT_INT(volume_options_check(&options, &err), cases[i].error ? -1 : 0);
		EXPECT_STR(err.text, cases[i].error ? cases[i].error : "");
		arena_fini(&arena);
	}
}

TEST(volume_options_become_flags_and_data)
{
	static const struct { const char *line, *type, *device, *data; unsigned long flags, propagation; } cases[] = {
		{ "type=tmpfs device=tmpfs o=size=1m,uid=5", "tmpfs", "tmpfs", "size=1m,uid=5", 0, 0 },
		{ "type=none device=/srv o=bind", "none", "/srv", "", MS_BIND, 0 },
		{ "type=none device=/srv o=rbind,ro,rslave", "none", "/srv", "", MS_BIND | MS_REC | MS_RDONLY, MS_SLAVE | MS_REC },
		{ "type=nfs device=:/x o=addr=10.0.0.1,rw,nosuid,soft", "nfs", ":/x", "addr=10.0.0.1,soft", MS_NOSUID, 0 },
		{ "type=ext4 device=/dev/x o=ro,,rw,noatime,defaults,", "ext4", "/dev/x", "", MS_NOATIME, 0 },
	};
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct str_map options = options_of(cases[i].line, &arena);
		struct volume_fs fs = volume_options_fs(&options, &arena);

		EXPECT(fs.is_mounted);
		EXPECT_STR(fs.type, cases[i].type);
		EXPECT_STR(fs.device, cases[i].device);
		EXPECT_STR(fs.data, cases[i].data);
		EXPECT_INT(fs.flags, cases[i].flags);
		EXPECT_INT(fs.propagation, cases[i].propagation);
	}
	EXPECT(!volume_options_fs(&(struct str_map){ 0 }, &arena).is_mounted);
	arena_fini(&arena);
}

TEST(volume_options_hide_passwords)
{
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	EXPECT_STR(volume_options_hide("username=a,password=secret,vers=3", &arena), "username=a,password=********,vers=3");
	EXPECT_STR(volume_options_hide("soft", &arena), "soft");
	EXPECT_STR(volume_options_hide("", &arena), "");
	arena_fini(&arena);
}
