/* Flags of `run` in, the body of the create call out, as docker 28.2.2 sends it. */
#include <stdlib.h>
#include <string.h>

#include "applets/registry_pull.h"
#include "test/unit/applets/flags_rig.h"
#include "test/unit/runner.h"

static void expect_part(const char *line, const char *part)
{
	char *got = flags_rig_run(line);

	if (!strstr(got, part))
		EXPECT_STR(got, part);
	free(got);
}

static void expect_error(const char *line, const char *want)
{
	char *got = flags_rig_run(line);

	EXPECT_STR(got, want);
	free(got);
}

TEST(container_flags_make_objects_of_what_stands_for_several_values)
{
	expect_part("--ulimit nofile=1:2 --ulimit core=-1 box",
		    "\"Ulimits\":[{\"Name\":\"nofile\",\"Hard\":2,\"Soft\":1},{\"Name\":\"core\",\"Hard\":-1,\"Soft\":-1}]");
	expect_part("--device /dev/a --device /dev/b:/dev/c:r --device /dev/d:rw box",
		    "\"Devices\":[{\"PathOnHost\":\"/dev/a\",\"PathInContainer\":\"/dev/a\",\"CgroupPermissions\":\"rwm\"},"
		    "{\"PathOnHost\":\"/dev/b\",\"PathInContainer\":\"/dev/c\",\"CgroupPermissions\":\"r\"},"
		    "{\"PathOnHost\":\"/dev/d\",\"PathInContainer\":\"/dev/d\",\"CgroupPermissions\":\"rw\"}]");
	expect_part("--mount type=tmpfs,target=/t box", "\"Mounts\":[{\"Target\":\"/t\",\"Type\":\"tmpfs\"}]");
}

TEST(container_flags_answer_a_wrong_limit_as_those_of_services_do)
{
	expect_error("--ulimit as=1 box", "invalid argument \"as=1\" for \"--ulimit\" flag: invalid ulimit type: as");
	expect_error("--ulimit nofile=1:2:3 box", "invalid argument \"nofile=1:2:3\" for \"--ulimit\" flag: too many limit value arguments - 1:2:3, can "
						  "only have up to two, `soft[:hard]`");
	expect_error("--ulimit nofile=-1:2 box", "invalid argument \"nofile=-1:2\" for \"--ulimit\" flag: ulimit soft limit must be less than or equal "
						 "to hard limit: soft: -1 (unlimited), hard: 2");
}

TEST(container_flags_answer_a_wrong_device)
{
	expect_error("--device :/dev/x box", "invalid argument \":/dev/x\" for \"--device\" flag: invalid device specification: :/dev/x");
	expect_error("--device /dev/x:/dev/y:z box", "invalid argument \"/dev/x:/dev/y:z\" for \"--device\" flag: invalid device specification: /dev/x:/dev/y:z");
}

TEST(container_flags_ignore_no_wish_for_signatures)
{
	struct registry_pull_args args = { 0 };
	struct option_set set = { registry_pull_options, &args };
	struct err err = { 0 };
	char given[] = "--disable-content-trust", wanted[] = "--disable-content-trust=false";
	size_t count;

	expect_part("--disable-content-trust box", "\"Image\":\"box\"");
	expect_error("--disable-content-trust=false box", "invalid argument \"false\" for \"--disable-content-trust\" flag: "
							  "--disable-content-trust=false is not supported by swarmbox yet");
	EXPECT_INT(option_parse(&set, 1, (char *[]){ given, NULL }, false, &count, &err), OPTION_OK);
	EXPECT_INT(option_parse(&set, 1, (char *[]){ wanted, NULL }, false, &count, &err), OPTION_WRONG);
	EXPECT(strstr(err.text, "--disable-content-trust=false is not supported by swarmbox yet"));
}
