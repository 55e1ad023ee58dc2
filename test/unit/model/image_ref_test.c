#include "model/image_ref.h"

#include <stdio.h>
#include <string.h>

#include "test/unit/runner.h"

static const char *familiar(const char *text)
{
	static char out[sizeof(((struct err *)0)->text)];
	struct image_ref ref;
	struct err err;

	if (image_ref_parse(text, &ref, &err) < 0)
		snprintf(out, sizeof(out), "%s", err.text);
	else
		image_ref_format_familiar(&ref, out);
	return out;
}

static const char *canonical(const char *text)
{
	static char out[IMAGE_REF_TEXT_SIZE];
	struct image_ref ref;
	struct err err;

	if (image_ref_parse(text, &ref, &err) < 0)
		return err.text[0] ? "refused" : "refused without a word";
	return image_ref_format_canonical(&ref, out);
}

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define INVALID "invalid reference format"

TEST(image_ref_completes_short_names_with_dockers_registry)
{
	EXPECT_STR(canonical("nginx"), "docker.io/library/nginx");
	EXPECT_STR(canonical("nginx:1.27"), "docker.io/library/nginx:1.27");
	EXPECT_STR(canonical("user/app"), "docker.io/user/app");
	EXPECT_STR(canonical("index.docker.io/nginx"), "docker.io/library/nginx");
	EXPECT_STR(canonical("docker.io/nginx:1"), "docker.io/library/nginx:1");
	EXPECT_STR(canonical("localhost/app"), "localhost/app");
	EXPECT_STR(canonical("localhost:5000/a/b:v1"), "localhost:5000/a/b:v1");
	EXPECT_STR(canonical("ghcr.io/o/r@sha256:" HEX), "ghcr.io/o/r@sha256:" HEX);
	EXPECT_STR(canonical("[2001:db8::1]:5000/app"), "[2001:db8::1]:5000/app");
	EXPECT_STR(canonical("Upper/case"), "Upper/case");       /* no path has capitals, so it is a host */
}

TEST(image_ref_shows_names_as_docker_does)
{
	EXPECT_STR(familiar("docker.io/library/nginx:latest"), "nginx:latest");
	EXPECT_STR(familiar("docker.io/user/app"), "user/app");
	EXPECT_STR(familiar("nginx:1@sha256:" HEX), "nginx:1@sha256:" HEX);
	EXPECT_STR(familiar("docker.io/library/a/b"), "library/a/b");
	EXPECT_STR(familiar("quay.io/library/nginx"), "quay.io/library/nginx");
	/* Docker would show docker.io/n here, which is another image. */
	EXPECT_STR(familiar("docker.io/docker.io/n"), "docker.io/docker.io/n");
	EXPECT_STR(familiar("docker.io/localhost/n"), "docker.io/localhost/n");
}

TEST(image_ref_refuses_in_dockers_words)
{
	EXPECT_STR(familiar(""), INVALID);
	EXPECT_STR(familiar(":tag"), INVALID);
	EXPECT_STR(familiar("nginx:"), INVALID);
	EXPECT_STR(familiar("nginx@"), INVALID);
	EXPECT_STR(familiar("nginx:-bad"), INVALID);
	EXPECT_STR(familiar("nginx:a b"), INVALID);
	EXPECT_STR(familiar("a//b"), INVALID);
	EXPECT_STR(familiar("/a"), INVALID);
	EXPECT_STR(familiar("a/"), INVALID);
	EXPECT_STR(familiar("docker.io/"), INVALID);
	EXPECT_STR(familiar("-a"), INVALID);
	EXPECT_STR(familiar("a..b"), INVALID);
	EXPECT_STR(familiar("a___b"), INVALID);
	EXPECT_STR(familiar("../../etc/passwd"), INVALID);
	EXPECT_STR(familiar("nginx@sha256:1234"), INVALID);
	EXPECT_STR(familiar("nginx@md5:" HEX), INVALID);
	EXPECT_STR(familiar("h_st.example/a"), INVALID);
	EXPECT_STR(familiar("Nginx"), "invalid reference format: repository name (library/Nginx) must be lowercase");
	EXPECT_STR(familiar("docker.io/A/b:c"), "invalid reference format: repository name (A/b) must be lowercase");
	EXPECT_STR(familiar("A\n\xff"), "invalid reference format: repository name (library/A?" "?) must be lowercase");
	EXPECT_STR(familiar(HEX), "invalid repository name (" HEX "), cannot specify 64-byte hexadecimal strings");
}

TEST(image_ref_takes_the_separators_the_grammar_has)
{
	EXPECT_STR(familiar("a.b/c__d/e---f_g"), "a.b/c__d/e---f_g");
	EXPECT_STR(familiar("a:_x.Y-9"), "a:_x.Y-9");
}

TEST(image_ref_bounds_every_part)
{
	char text[IMAGE_REF_TEXT_SIZE + 8], tag[200];

	memset(text, 'a', sizeof(text));
	text[255 - strlen("docker.io/library/")] = '\0';
	EXPECT(strncmp(familiar(text), "aaa", 3) == 0);
	memset(text, 'a', sizeof(text));
	text[256 - strlen("docker.io/library/")] = '\0';
	EXPECT_STR(familiar(text), "invalid reference format: repository name must not be more than 255 characters");
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	EXPECT_STR(familiar(text), INVALID);
	snprintf(tag, sizeof(tag), "a:%0128d", 1);
	EXPECT_STR(familiar(tag), tag);
	snprintf(tag, sizeof(tag), "a:%0129d", 1);
	EXPECT_STR(familiar(tag), INVALID);
}

TEST(image_ref_adds_latest_only_where_nothing_was_said)
{
	struct image_ref ref;
	struct err err;

	EXPECT(image_ref_parse("nginx", &ref, &err) == 0);
	image_ref_add_default_tag(&ref);
	EXPECT_STR(ref.tag, "latest");
	EXPECT(image_ref_parse("nginx@sha256:" HEX, &ref, &err) == 0);
	image_ref_add_default_tag(&ref);
	EXPECT_STR(ref.tag, "");
}
