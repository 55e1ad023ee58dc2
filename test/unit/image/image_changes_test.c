#include "image/image_changes.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "test/unit/runner.h"

/* What the changes make of an empty config, as JSON; or the error. */
static const char *changed(const char *const *changes, size_t count)
{
	static struct buf out;
	struct image_config config;
	struct err err;

	buf_fini(&out);
	image_config_init(&config);
	for (size_t i = 0; i < count; i++) {
		if (image_changes_apply(&config, changes[i], &err) < 0) {
			buf_add_str(&out, err.text);
			image_config_fini(&config);
			return buf_text(&out);
		}
	}
	image_config_format_run(&config, &out);
	image_config_fini(&config);
	return buf_text(&out);
}
#define CHANGED(...) changed((const char *const[]){ __VA_ARGS__ }, sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

TEST(image_changes_take_commands_in_both_forms)
{
	EXPECT_STR(CHANGED("CMD [\"/bin/a\", \"b c\"]"), "{\"Cmd\":[\"/bin/a\",\"b c\"]}");
	EXPECT_STR(CHANGED("cmd nginx -g 'daemon off;'"), "{\"Cmd\":[\"/bin/sh\",\"-c\",\"nginx -g 'daemon off;'\"]}");
	EXPECT_STR(CHANGED("ENTRYPOINT [\"/e\"]", "CMD []"), "{\"Entrypoint\":[\"/e\"],\"Cmd\":[]}");
	EXPECT_STR(CHANGED("CMD [\"a\", 1]"), "{\"Cmd\":[\"/bin/sh\",\"-c\",\"[\\\"a\\\", 1]\"]}");
	EXPECT_STR(CHANGED("CMD echo $HOME"), "{\"Cmd\":[\"/bin/sh\",\"-c\",\"echo $HOME\"]}");
}

TEST(image_changes_read_env_as_a_dockerfile_does)
{
	EXPECT_STR(CHANGED("ENV A=1 B=\"two words\" C=x\\ y D='$A'"), "{\"Env\":[\"A=1\",\"B=two words\",\"C=x y\",\"D=$A\"]}");
	EXPECT_STR(CHANGED("ENV A the rest of it"), "{\"Env\":[\"A=the rest of it\"]}");
	EXPECT_STR(CHANGED("ENV P=/bin", "ENV P=/opt:$P Q=${P}x"), "{\"Env\":[\"P=/opt:/bin\",\"Q=/opt:/binx\"]}");
	EXPECT_STR(CHANGED("ENV E=${NO:-def} F=${NO-x} G=${NO:+y}z"), "{\"Env\":[\"E=def\",\"F=x\",\"G=z\"]}");
	EXPECT_STR(CHANGED("ENV A=1\nENV A=2"), "{\"Env\":[\"A=2\"]}");
	EXPECT_STR(CHANGED("ENV A=${B:-${C:-deep}}"), "{\"Env\":[\"A=deep\"]}");
	EXPECT_STR(CHANGED("ENV A=$ B=1$"), "{\"Env\":[\"A=$\",\"B=1$\"]}");
}

TEST(image_changes_join_continued_lines_and_skip_comments)
{
	EXPECT_STR(CHANGED("# nothing\n\nENV A=1 \\\n  # in between\n  B=2\n"), "{\"Env\":[\"A=1\",\"B=2\"]}");
	EXPECT_STR(CHANGED("USER a\\"), "{\"User\":\"a\"}");
	EXPECT_STR(CHANGED(""), "{}");
}

TEST(image_changes_set_ports_volumes_labels_and_the_rest)
{
	EXPECT_STR(CHANGED("EXPOSE 80 53/UDP 8000-8002"),
		   "{\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{},\"8000/tcp\":{},\"8001/tcp\":{},\"8002/tcp\":{}}}");
	EXPECT_STR(CHANGED("VOLUME [\"/data\", \"/x\"]", "VOLUME /b /a"), "{\"Volumes\":{\"/a\":{},\"/b\":{},\"/data\":{},\"/x\":{}}}");
	EXPECT_STR(CHANGED("LABEL z=1 a=\"b c\"", "LABEL z=2"), "{\"Labels\":{\"a\":\"b c\",\"z\":\"2\"}}");
	EXPECT_STR(CHANGED("USER 10:20", "WORKDIR /a/./b/../c", "WORKDIR d", "STOPSIGNAL SIGQUIT"),
		   "{\"User\":\"10:20\",\"WorkingDir\":\"/a/c/d\",\"StopSignal\":\"SIGQUIT\"}");
	EXPECT_STR(CHANGED("WORKDIR /../.."), "{\"WorkingDir\":\"/\"}");
}

TEST(image_changes_read_health_checks)
{
	EXPECT_STR(CHANGED("HEALTHCHECK NONE"), "{\"Healthcheck\":{\"Test\":[\"NONE\"]}}");
	EXPECT_STR(CHANGED("HEALTHCHECK --interval=5s --timeout=1500ms --start-period=1m --start-interval=2s --retries=3 CMD curl -f x"),
		   "{\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"curl -f x\"],\"Interval\":5000000000,\"Timeout\":1500000000,"
		   "\"StartPeriod\":60000000000,\"StartInterval\":2000000000,\"Retries\":3}}");
	EXPECT_STR(CHANGED("healthcheck cmd [\"/probe\", \"x\"]"), "{\"Healthcheck\":{\"Test\":[\"CMD\",\"/probe\",\"x\"]}}");
}

TEST(image_changes_refuse_what_they_do_not_understand_by_name)
{
	EXPECT_STR(CHANGED("RUN rm -rf /"), "RUN is not a valid change command");
	EXPECT_STR(CHANGED("ONBUILD RUN x"), "ONBUILD is not a valid change command");
	EXPECT_STR(CHANGED("ENV A=\xff"), "a change that is no UTF-8 text");
	EXPECT_STR(CHANGED("a\x1b[2J"), "a?[2J is not a valid change command");
	EXPECT_STR(CHANGED("CMD"), "CMD requires at least one argument");
	EXPECT_STR(CHANGED("ENV A"), "ENV: 'A' must have a value");
	EXPECT_STR(CHANGED("ENV A=1 B"), "ENV: Syntax error - can't find = in \"B\". Must be of the form: name=value");
	EXPECT_STR(CHANGED("ENV =x"), "ENV: names can not be blank");
	EXPECT_STR(CHANGED("EXPOSE 70000"), "EXPOSE: invalid port '70000': 1 to 65535, or a range of them");
	EXPECT_STR(CHANGED("EXPOSE 9-5"), "EXPOSE: invalid port '9-5': 1 to 65535, or a range of them");
	EXPECT_STR(CHANGED("EXPOSE 80/icmp"), "EXPOSE: invalid proto: icmp");
	EXPECT_STR(CHANGED("EXPOSE 8080:80"), "EXPOSE: invalid port '8080:80': 1 to 65535, or a range of them");
	EXPECT_STR(CHANGED("STOPSIGNAL SIGNONE"), "STOPSIGNAL: invalid signal: SIGNONE");
	EXPECT_STR(CHANGED("VOLUME [\"\"]"), "VOLUME: VOLUME specified can not be an empty string");
	EXPECT_STR(CHANGED("HEALTHCHECK RUN x"), "HEALTHCHECK: Unknown type \"RUN\" in HEALTHCHECK (try CMD)");
	EXPECT_STR(CHANGED("HEALTHCHECK CMD"), "HEALTHCHECK: Missing command after HEALTHCHECK CMD");
	EXPECT_STR(CHANGED("HEALTHCHECK --every=1s CMD x"), "HEALTHCHECK: unknown flag: --every=1s");
	EXPECT_STR(CHANGED("HEALTHCHECK --timeout=1ns CMD x"), "HEALTHCHECK: Timeout \"1ns\" cannot be less than 1ms");
	EXPECT_STR(CHANGED("ENV A='x"), "ENV: unexpected end of statement while looking for matching single-quote");
	EXPECT_STR(CHANGED("ENV A=\"x"), "ENV: unexpected end of statement while looking for matching double-quote");
	EXPECT_STR(CHANGED("ENV A=${B"), "ENV: syntax error: missing '}'");
	EXPECT_STR(CHANGED("ENV A=${B:-c"), "ENV: syntax error: missing '}'");
	EXPECT_STR(CHANGED("ENV A=${}"), "ENV: bad substitution in '${}'");
	EXPECT_STR(CHANGED("ENV A=${B%x}"), "ENV: unsupported modifier (%x) in substitution");
	EXPECT_STR(CHANGED("ENV A=${B:"), "ENV: unsupported modifier (:) in substitution");
}

TEST(image_changes_stay_small_when_variables_repeat_each_other)
{
	CLEANUP(buf_finip) struct buf change = BUF_INIT;

	buf_add_str(&change, "ENV A=0123456789\n");
	for (int i = 0; i < 40; i++)
		buf_add_str(&change, "ENV A=$A$A\n");
	EXPECT_STR(CHANGED(buf_text(&change)), "ENV: a word grows over 65536 bytes");

	buf_clear(&change);
	buf_add_str(&change, "ENV A=");
	for (int i = 0; i < 60000; i++)
		buf_add_char(&change, 'x');
	for (int i = 0; i < 900; i++)
		buf_printf(&change, "\nENV B%d=$A", i);
	EXPECT(strstr(CHANGED(buf_text(&change)), "grows over") || strstr(CHANGED(buf_text(&change)), "more than"));

	buf_clear(&change);
	buf_add_str(&change, "EXPOSE 1-65535");
	EXPECT_STR(CHANGED(buf_text(&change)), "EXPOSE: more than 1000 of them");
	buf_clear(&change);
	buf_add_str(&change, "ENV A=");
	for (int i = 0; i < 100; i++)
		buf_add_str(&change, "${B:-");
	EXPECT_STR(CHANGED(buf_text(&change)), "ENV: substitutions stand more than 16 deep in each other");
}
