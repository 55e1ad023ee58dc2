/* Moments, sockets, links and the small texts of tables. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/cli.h"
#include "applets/install.h"
#include "applets/listing.h"
#include "applets/since.h"
#include "os/file.h"
#include "test/unit/runner.h"

static void expect_since(const char *text, const char *want)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct err err = {0};

	if (since_parse(text, 1000000000000000000, &out, &err) < 0)
		buf_printf(&out, "error: %s", err.text);
	EXPECT_STR(buf_text(&out), want);
}

TEST(since_takes_moments_and_how_long_ago)
{
	setenv("TZ", "UTC", 1);
	expect_since("10s", "999999990");
	expect_since("1.5s", "999999998.500000000");
	expect_since("1700000000", "1700000000");
	expect_since("1700000000.25", "1700000000.25");
	expect_since("2026-01-31T10:00:00Z", "1769853600");
	expect_since("2026-01-31T10:00:00.5+01:00", "1769850000.500000000");
	expect_since("2026-01-31T10:00:00", "1769853600");
	expect_since("2026-01-31", "1769817600");
	expect_since("yesterday", "error: invalid value for \"since\": failed to parse value as time or "
				  "duration: \"yesterday\"");
	expect_since("", "error: invalid value for \"since\": failed to parse value as time or duration: \"\"");
	expect_since("12.", "error: invalid value for \"since\": failed to parse value as time or "
			    "duration: \"12.\"");
}

TEST(cli_talks_to_unix_sockets_only)
{
	const char *path = NULL;
	struct err err = {0};

	EXPECT_INT(cli_socket_path("unix:///run/x.sock", &path, &err), 0);
	EXPECT_STR(path, "/run/x.sock");
	EXPECT_INT(cli_socket_path("/run/y.sock", &path, &err), 0);
	EXPECT_STR(path, "/run/y.sock");
	static const char *const others[] = { "tcp://1.2.3.4:2375", "ssh://host", "unix://", "host", "" };
	for (size_t i = 0; i < ARRAY_COUNT(others); i++)
		EXPECT_INT(cli_socket_path(others[i], &path, &err), -1);
	EXPECT_INT(err.code, ERR_UNSUPPORTED);
}

TEST(install_makes_links_and_nothing_over_other_commands)
{
	char dir[] = "/tmp/install_test.XXXXXX", other[64], link[128];
	char *service[] = { (char *)"service", NULL }, *bogus[] = { (char *)"node", (char *)"bogus", NULL };
	struct err err = {0};

	EXPECT(runner_folder(dir) != NULL);
	snprintf(other, sizeof(other), "%s/other", dir);
	EXPECT_INT(mkdir(other, 0755), 0);
	setenv("PATH", other, 1);

	snprintf(link, sizeof(link), "%s/bin/service", dir);
	char *bin = path_join(dir, "bin");
	EXPECT_INT(install_links(bin, true, service, &err), 0);
	EXPECT(access(link, X_OK) == 0);
	EXPECT_INT(install_links(bin, true, service, &err), 0);         /* again is fine */

	EXPECT_INT(install_links(bin, false, bogus, &err), -1);
	EXPECT_STR(err.text, "link 'bogus': there is no such command");
	snprintf(link, sizeof(link), "%s/bin/node", dir);
	EXPECT(!file_exists(link));             /* not even the good one before it */

	snprintf(link, sizeof(link), "%s/service", other);
	int fd = creat(link, 0755);
	close(fd);
	EXPECT_INT(install_links(bin, false, service, &err), -1);
	EXPECT(str_ends(err.text, "/other/service already"));
	free(bin);
	EXPECT_INT(dir_remove_tree(dir, &err), 0);
}

TEST(listing_cuts_whole_characters)
{
	static const struct { const char *text; size_t length; const char *want; } cases[] = {
		{ "short", 10, "short" }, { "exactly ten", 11, "exactly ten" }, { "longer than ten", 10, "longer th…" },
		{ "äöüäöü", 6, "äöüäöü" }, { "äöüäöü", 5, "äöüä…" }, { "", 3, "" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		CLEANUP(buf_finip) struct buf out = BUF_INIT;
		listing_ellipsis(cases[i].text, cases[i].length, &out);
		EXPECT_STR(buf_text(&out), cases[i].want);
	}
}

TEST(listing_shows_images_without_their_digest)
{
	static const char digest[] = "@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	CLEANUP(buf_finip) struct buf name = BUF_INIT, out = BUF_INIT;

	buf_printf(&name, "docker.io/library/nginx:1%s", digest);
	listing_image(buf_text(&name), &out);
	EXPECT_STR(buf_text(&out), "nginx:1");
	buf_clear(&out);
	listing_image("not a reference", &out);
	EXPECT_STR(buf_text(&out), "not a reference");
}

TEST(listing_sends_filters_as_docker_does)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	struct strlist filters = {0};

	buf_add_str(&path, "/x");
	listing_add_filters(&filters, &path);
	EXPECT_STR(buf_text(&path), "/x");
	strlist_add(&filters, " Label = a=b");
	strlist_add(&filters, "label=c");
	strlist_add(&filters, "name=web");
	listing_add_filters(&filters, &path);
	EXPECT_STR(buf_text(&path), "/x?filters=%7B%22label%22%3A%7B%22a%3Db%22%3Atrue%2C%22c%22%3Atrue%7D%2C"
				    "%22name%22%3A%7B%22web%22%3Atrue%7D%7D");
	strlist_fini(&filters);
}
