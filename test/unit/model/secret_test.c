#include "model/secret.h"

#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

static struct secret_spec spec_of(const char *name, size_t size)
{
	static uint8_t bytes[CONFIG_BYTES_MAX + 1];

	return (struct secret_spec){ .name = (char *)(uintptr_t)name, .data = { bytes, size } };
}

TEST(secrets_have_docker_s_names)
{
	const struct { const char *name; bool good; } all[] = {
		{ "a", true }, { "db-password_v1.2", true }, { "A9", true }, { "-a", false }, { "a-", false }, { ".a", false }, { "a b", false },
		{ "a/b", false }, { "", false },
		{ "0123456789012345678901234567890123456789012345678901234567890123", true },
		{ "01234567890123456789012345678901234567890123456789012345678901234", false },
	};

	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		struct secret_spec spec = spec_of(all[i].name, 1);
		struct err err;

		EXPECT_INT(validate_secret_spec(&spec, false, &err) == 0, all[i].good);
	}
}

TEST(secrets_and_configs_have_sizes)
{
	struct secret_spec spec = spec_of("a", 0);
	struct err err;

	EXPECT_INT(validate_secret_spec(&spec, false, &err), -1);
	EXPECT_STR(err.text, "rpc error: code = InvalidArgument desc = secret data must be larger than 0 and less than 512000 bytes");
	EXPECT_INT(validate_secret_spec(&spec, true, &err), -1);
	EXPECT_STR(err.text, "rpc error: code = InvalidArgument desc = config data must be larger than 0 and less than 1024000 bytes");
	spec = spec_of("a", 511999);
	EXPECT_INT(validate_secret_spec(&spec, false, &err), 0);
	spec = spec_of("a", 512000);
	EXPECT_INT(validate_secret_spec(&spec, false, &err), -1);
	EXPECT_INT(validate_secret_spec(&spec, true, &err), 0);
	spec = spec_of("a", 1024000);
	EXPECT_INT(validate_secret_spec(&spec, true, &err), -1);
}

TEST(of_template_drivers_there_is_golang)
{
	char golang[] = "golang", other[] = "jinja", key[] = "a", value[] = "b";
	struct str_pair pair = { key, value };
	struct template_driver driver = { .name = golang };
	struct secret_spec spec = spec_of("a", 1);
	struct err err;

	spec.templating = &driver;
	EXPECT_INT(validate_secret_spec(&spec, false, &err), 0);
	driver.name = other;
	EXPECT_INT(validate_secret_spec(&spec, true, &err), -1);
	EXPECT_STR(err.text, "rpc error: code = InvalidArgument desc = unrecognized template type: jinja");
	driver.name = NULL;
	EXPECT_INT(validate_secret_spec(&spec, true, &err), -1);
	driver = (struct template_driver){ golang, { &pair, 1 } };
	EXPECT_INT(validate_secret_spec(&spec, true, &err), -1);
	EXPECT_STR(err.text, "rpc error: code = InvalidArgument desc = unrecognized template type: golang with options");
}

static struct secret_reference refer(const char *id, const char *name, struct file_target *file)
{
	return (struct secret_reference){ file, (char *)(uintptr_t)id, (char *)(uintptr_t)name };
}

static struct file_target target(const char *name, const char *uid, uint64_t mode)
{
	return (struct file_target){ .name = (char *)(uintptr_t)name, .uid = (char *)(uintptr_t)uid, .mode = mode };
}

static const char *judge(struct secret_reference *items, size_t count, struct err *err)
{
	const struct secret_references list = { items, count };

	return validate_secret_references(&list, false, err) == 0 ? "good" : strstr(err->text, "desc = ") + 7;
}

TEST(references_are_whole_and_their_files_differ)
{
	struct file_target good = target("f", "0", 0444), same = target("f", "", 0400), nameless = target("", "0", 0444),
		up = target("..", "0", 0444), root = target("/", "0", 0444), named = target("g", "www-data", 0444),
		wide = target("h", "0", 010000);
	struct secret_reference one[] = { refer("i", "n", &good) }, two[] = { refer("i", "n", &good), refer("k", "m", &same) };
	struct err err;

	EXPECT_STR(judge(one, 1, &err), "good");
	EXPECT_STR(judge(two, 2, &err), "secret references 'n' and 'm' have a conflicting target: 'f'");
	EXPECT_STR(judge((struct secret_reference[]){ refer("", "n", &good) }, 1, &err), "malformed secret reference");
	EXPECT_STR(judge((struct secret_reference[]){ refer("i", NULL, &good) }, 1, &err), "malformed secret reference");
	EXPECT_STR(judge((struct secret_reference[]){ refer("i", "n", NULL) }, 1, &err), "malformed secret reference, no target provided");
	EXPECT_STR(judge((struct secret_reference[]){ refer("i", "n", &nameless) }, 1, &err),
		   "malformed file secret reference, invalid target file name provided");
	EXPECT_STR(judge((struct secret_reference[]){ refer("i", "n", &root) }, 1, &err),
		   "malformed file secret reference, invalid target file name provided");
	/* /run: what stands there is a folder, as the task will say */
	EXPECT_STR(judge((struct secret_reference[]){ refer("i", "n", &up) }, 1, &err), "good");
	EXPECT_STR(judge((struct secret_reference[]){ refer("i", "n", &named) }, 1, &err), "secret reference 'n': uid and gid must be numbers");
	EXPECT_STR(judge((struct secret_reference[]){ refer("i", "n", &wide) }, 1, &err), "secret reference 'n': mode must be at most 07777");
}

TEST(files_lie_where_docker_puts_them)
{
	const struct { const char *name; bool is_config; const char *path; } all[] = {
		{ "pw", false, "/run/secrets/pw" }, { "a/b", false, "/run/secrets/a/b" }, { "/etc/pw", false, "/etc/pw" },
		{ "../x", false, "/run/x" }, { "../../../../x", false, "/x" }, { "./a//b/", false, "/run/secrets/a/b" },
		{ "cfg", true, "/cfg" }, { "/etc/cfg", true, "/etc/cfg" }, { "/../etc/./cfg", true, "/etc/cfg" },
	};
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		struct file_target file = target(all[i].name, "0", 0);
		struct secret_reference reference = refer("i", "n", &file);

		EXPECT_STR(secret_path(&reference, all[i].is_config, &arena), all[i].path);
	}
	arena_fini(&arena);
}
