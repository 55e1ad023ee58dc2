#include "image/image_platform.h"

#include "base/str.h"
#include "test/unit/runner.h"

static int rank(const char *wants, const char *os, const char *architecture, const char *variant)
{
	struct image_platform want, has;
	struct err err;

	EXPECT(image_platform_parse(wants, &want, &err) == 0);
	image_platform_read(os, architecture, variant, &has);
	return image_platform_rank(&want, &has);
}

TEST(image_platform_prefers_the_newest_variant_that_the_machine_runs)
{
	EXPECT_INT(rank("linux/amd64", "linux", "amd64", ""), 0);
	EXPECT_INT(rank("linux/amd64", "linux", "x86_64", "v1"), 0);
	EXPECT_INT(rank("linux/amd64", "linux", "386", ""), 1);
	EXPECT_INT(rank("linux/amd64", "linux", "amd64", "v3"), -1);
	EXPECT_INT(rank("linux/amd64/v3", "linux", "amd64", "v2"), 1);
	EXPECT_INT(rank("linux/amd64/v3", "linux", "amd64", ""), 2);
	EXPECT_INT(rank("linux/amd64/v3", "linux", "386", ""), 3);
	EXPECT_INT(rank("linux/arm", "linux", "arm", ""), 0);
	EXPECT_INT(rank("linux/arm", "linux", "arm", "v8"), -1);
	EXPECT_INT(rank("linux/arm", "linux", "arm", "v6"), 1);
	EXPECT_INT(rank("linux/arm", "linux", "armel", ""), 1);
	EXPECT_INT(rank("linux/arm", "linux", "arm", "5"), 2);
	EXPECT_INT(rank("linux/arm/v6", "linux", "arm", "v7"), -1);
	EXPECT_INT(rank("linux/arm64", "linux", "arm64", "v8"), 0);
	EXPECT_INT(rank("linux/arm64", "linux", "aarch64", ""), 0);
	EXPECT_INT(rank("linux/arm64", "linux", "arm", "v8"), 1);
	EXPECT_INT(rank("linux/arm64", "linux", "arm", "v7"), 2);
	EXPECT_INT(rank("linux/arm64", "linux", "arm", "v5"), 4);
	EXPECT_INT(rank("linux/arm64", "linux", "amd64", ""), -1);
	EXPECT_INT(rank("linux/riscv64", "linux", "riscv64", ""), 0);
}

TEST(image_platform_never_takes_what_is_for_no_machine)
{
	struct image_platform has;

	EXPECT_INT(rank("linux/amd64", "windows", "amd64", ""), -1);
	EXPECT_INT(rank("linux/amd64", "unknown", "unknown", ""), -1);
	EXPECT_INT(rank("linux/amd64", "", "amd64", ""), -1);
	EXPECT_INT(rank("linux/amd64", "linux", "", ""), -1);
	EXPECT(!image_platform_read("linux", "a-word-that-no-architecture-has", "", &has));
	EXPECT(!image_platform_read("linux", "amd64", "no/variant", &has));
	EXPECT_STR(has.os, "");
	EXPECT(image_platform_read("linux", "pdp11", "", &has));
	EXPECT_STR(has.architecture, "pdp11");
}

TEST(image_platform_is_written_as_docker_writes_it)
{
	struct image_platform p;
	char text[IMAGE_PLATFORM_TEXT_SIZE];

	image_platform_read("linux", "armhf", "", &p);
	EXPECT_STR(image_platform_format(&p, text), "linux/arm/v7");
	image_platform_read("linux", "arm64", "v8", &p);
	EXPECT_STR(image_platform_format(&p, text), "linux/arm64");
}
