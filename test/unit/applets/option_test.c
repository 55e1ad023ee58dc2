#include "applets/option.h"

#include <string.h>

#include "applets/applets.h"
#include "applets/service_flags.h"
#include "applets/usage.h"
#include "test/unit/runner.h"

struct args {
	bool all, quiet;
	const char *name;
	struct strlist list;
	struct option_int number;
	struct option_uint natural;
	const char *host;
};

static const struct option options[] = {
	OPT_STRING(struct args, name, 0, "advertise-addr", "string", "x"),
	OPT_BOOL(struct args, all, 'a', "all", "x"),
	OPT_LIST(struct args, list, 'l', "label", "list", "x"),
	OPT_INT(struct args, number, 'n', "last", "x"),
	OPT_BOOL(struct args, quiet, 'q', "quiet", "x"),
	OPT_UINT(struct args, natural, 0, "replicas", "x"),
	OPT_UNSUPPORTED('t', "tty"),
	OPT_END
};
static const struct option global[] = {
	OPT_STRING(struct args, host, 'H', "host", "string", "x"),
	OPT_BOOL(struct args, quiet, 0, "all", "hidden by the command's own"),
	OPT_END
};

struct parsed { struct args args; enum option_result result; size_t count; struct err err; char *argv[12]; };

/* Words are separated by one blank. */
static void parse(struct parsed *parsed, char *line, bool operands_end)
{
	struct option_set sets[] = { { options, &parsed->args }, { global, &parsed->args } };
	size_t count = 0;

	*parsed = (struct parsed){0};
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		parsed->argv[count++] = word;
	parsed->result = option_parse(sets, 2, parsed->argv, operands_end, &parsed->count, &parsed->err);
}

static void parsed_fini(struct parsed *parsed)
{
	struct option_set set = { options, &parsed->args };

	option_fini(&set);
}

TEST(option_parse_takes_every_spelling_of_a_value)
{
	static const char *const lines[] = {
		"--advertise-addr 1.2.3.4", "--advertise-addr=1.2.3.4", "-advertise-addr 1.2.3.4",
		"-advertise-addr=1.2.3.4",
	};

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		char line[64];
		struct parsed p;

		strcpy(line, lines[i]);
		parse(&p, line, false);
		EXPECT_INT(p.result, OPTION_OK);
		EXPECT_STR(p.args.name, "1.2.3.4");
		EXPECT_INT((long long)p.count, 0);
		parsed_fini(&p);
	}
}

TEST(option_parse_takes_letters_alone_clustered_and_with_values)
{
	static const char *const lines[] = { "-a -q -n 5", "-aqn5", "-aqn=5", "-qa --last 5", "-n-5 -n5 -aq" };

	for (size_t i = 0; i < ARRAY_COUNT(lines); i++) {
		char line[64];
		struct parsed p;

		strcpy(line, lines[i]);
		parse(&p, line, false);
		EXPECT_INT(p.result, OPTION_OK);
		EXPECT(p.args.all && p.args.quiet && p.args.number.given);
		EXPECT_INT(p.args.number.value, 5);
		parsed_fini(&p);
	}
}

TEST(option_parse_mixes_operands_and_options_until_two_dashes)
{
	char line[] = "one -a two - -l x=1 --label=y -- -q --all";
	struct parsed p;

	parse(&p, line, false);
	EXPECT_INT(p.result, OPTION_OK);
	EXPECT_INT((long long)p.count, 5);
	EXPECT_STR(p.argv[0], "one");
	EXPECT_STR(p.argv[2], "-");
	EXPECT_STR(p.argv[3], "-q");
	EXPECT_STR(p.argv[4], "--all");
	EXPECT(p.argv[5] == NULL);
	EXPECT(p.args.all && !p.args.quiet);
	EXPECT_INT((long long)p.args.list.count, 2);
	EXPECT_STR(p.args.list.items[1], "y");
	parsed_fini(&p);
}

TEST(option_parse_leaves_what_follows_the_first_operand_alone_when_told)
{
	char line[] = "-a nginx -q --replicas -- x";
	struct parsed p;

	parse(&p, line, true);
	EXPECT_INT(p.result, OPTION_OK);
	EXPECT_INT((long long)p.count, 5);
	EXPECT(p.args.all && !p.args.quiet && !p.args.natural.given);
	EXPECT_STR(p.argv[1], "-q");
	EXPECT_STR(p.argv[3], "--");
	parsed_fini(&p);
}

TEST(option_parse_turns_switches_off_with_a_value)
{
	char line[] = "-a --quiet --all=false --quiet=0 -H unix:///x";
	struct parsed p;

	parse(&p, line, false);
	EXPECT_INT(p.result, OPTION_OK);
	EXPECT(!p.args.all && !p.args.quiet);
	EXPECT_STR(p.args.host, "unix:///x");
	parsed_fini(&p);
}

TEST(option_parse_asks_for_help)
{
	static const char *const lines[] = { "--help", "-h", "-ah", "x --help y", "-help", "--bogus-later -h" };

	for (size_t i = 0; i < 5; i++) {
		char line[64];
		struct parsed p;

		strcpy(line, lines[i]);
		parse(&p, line, false);
		EXPECT_INT(p.result, OPTION_HELP);
		parsed_fini(&p);
	}
}

TEST(option_parse_answers_wrong_words_as_docker_does)
{
	static const struct { const char *line, *error; } cases[] = {
		{ "--bogus", "unknown flag: --bogus" },
		{ "--quiett", "unknown flag: --quiett\nDid you mean --quiet?" },
		{ "-z", "unknown shorthand flag: 'z' in -z" },
		{ "-azq", "unknown shorthand flag: 'z' in -zq" },
		{ "--replicas", "flag needs an argument: --replicas" },
		{ "-al", "flag needs an argument: 'l' in -l" },
		{ "--replicas x", "invalid argument \"x\" for \"--replicas\" flag: strconv.ParseUint: parsing "
				  "\"x\": invalid syntax" },
		{ "-n 1x", "invalid argument \"1x\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"1x\": "
			   "invalid syntax" },
		{ "--replicas -1", "invalid argument \"-1\" for \"--replicas\" flag: strconv.ParseUint: parsing "
				   "\"-1\": invalid syntax" },
		{ "--quiet=maybe", "invalid argument \"maybe\" for \"-q, --quiet\" flag: strconv.ParseBool: "
				   "parsing \"maybe\": invalid syntax" },
		{ "--tty", "--tty is not supported by swarmbox yet" },
		{ "-at", "--tty is not supported by swarmbox yet" },
		{ "--tty=false", "--tty is not supported by swarmbox yet" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char line[64];
		struct parsed p;

		strcpy(line, cases[i].line);
		parse(&p, line, false);
		EXPECT_INT(p.result, OPTION_WRONG);
		EXPECT_STR(p.err.text, cases[i].error);
		parsed_fini(&p);
	}
}

/* --- the tables --- */

static void check_table(const struct option *table, const char *name)
{
	for (const struct option *a = table; a && a->kind != OPTION_END; a++) {
		for (const struct option *b = table; b < a; b++) {
			if (strcmp(a->name, b->name) == 0 || (a->letter && a->letter == b->letter))
				EXPECT_STR(name, a->name);      /* twice in this command's table */
		}
	}
}

static bool fits(const char *text)
{
	size_t width = 0;

	for (; *text; text++) {
		width = *text == '\n' ? 0 : width + 1;
		if (width > 80)
			return false;
	}
	return true;
}

static void check_command(const char *noun, const struct command *command)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT, help = BUF_INIT;

	buf_printf(&path, "swarmbox%s%s %s", *noun ? " " : "", noun, command->name);
	usage_command("swarmbox", buf_text(&path), command, &help);
	if (!fits(buf_text(&help)))
		EXPECT_STR(buf_text(&help), "lines of 80 columns at most");
	check_table(command->options, buf_text(&path));
	EXPECT(command->run != NULL && command->max >= command->min);
}

TEST(usage_fits_eighty_columns_and_no_table_has_a_name_twice)
{
	for (const struct command *const *c = applets_all; *c; c++) {
		if (!(*c)->commands)
			check_command("", *c);
		for (const struct command *sub = (*c)->commands; sub && sub->name; sub++)
			check_command((*c)->name, sub);
	}
}

static const char *find_path(const char *first, const char *second)
{
	static char path[64];
	char *words[] = { (char *)first, (char *)second, NULL };
	struct applets_match match = applets_find(words);

	strcpy(path, match.noun ? match.noun->name : "-");
	strcat(path, " ");
	strcat(path, match.command ? match.command->name : "-");
	path[strlen(path) + 1] = '\0';
	strcat(path, match.words == 2 ? " 2" : match.words == 1 ? " 1" : " 0");
	return path;
}

TEST(applets_are_found_by_all_their_spellings)
{
	EXPECT_STR(find_path("service", "ls"), "service ls 2");
	EXPECT_STR(find_path("service", "list"), "service ls 2");
	EXPECT_STR(find_path("service", "bogus"), "service - 1");
	EXPECT_STR(find_path("service", NULL), "service - 1");
	EXPECT_STR(find_path("ps", "-a"), "- ls 1");
	EXPECT_STR(find_path("images", NULL), "- ls 1");
	EXPECT_STR(find_path("rmi", "x"), "- rm 1");
	EXPECT_STR(find_path("init", NULL), "- init 1");
	EXPECT_STR(find_path("swarm", "init"), "swarm init 2");
	EXPECT_STR(find_path("info", NULL), "- info 1");
	EXPECT_STR(find_path("version", NULL), "- version 1");
	EXPECT_STR(find_path("ls", NULL), "- - 0");
	EXPECT_STR(find_path("container", "ps"), "container ls 2");
}

/* --- what docker 28.2.2 prints, flag for flag --- */

static bool has_option(const struct option *table, const char *name)
{
	for (const struct option *o = table; o->kind != OPTION_END; o++)
		if (strcmp(o->name, name) == 0)
			return true;
	return false;
}

static void expect_all(const struct option *table, const char *names)
{
	struct strlist list = str_split(names, ' ');

	for (size_t i = 0; i < list.count; i++)
		if (!has_option(table, list.items[i]))
			EXPECT_STR(list.items[i], "known: supported, or refused by its name");
	strlist_fini(&list);
}

TEST(service_create_and_update_know_every_flag_of_dockers)
{
	static const char both[] =
		"cap-add cap-drop credential-spec detach endpoint-mode entrypoint health-cmd "
		"health-interval health-retries health-start-interval health-start-period health-timeout "
		"hostname init isolation limit-cpu limit-memory limit-pids log-driver log-opt "
		"max-concurrent no-healthcheck no-resolve-image oom-score-adj quiet read-only replicas "
		"replicas-max-per-node reserve-cpu reserve-memory restart-condition restart-delay "
		"restart-max-attempts restart-window rollback-delay rollback-failure-action "
		"rollback-max-failure-ratio rollback-monitor rollback-order rollback-parallelism "
		"stop-grace-period stop-signal tty update-delay update-failure-action "
		"update-max-failure-ratio update-monitor update-order update-parallelism user "
		"with-registry-auth workdir";
	static const char create[] =
		"config constraint container-label dns dns-option dns-search env env-file "
		"generic-resource group host label mode mount name network placement-pref publish secret "
		"sysctl ulimit";
	static const char update[] =
		"args config-add config-rm constraint-add constraint-rm container-label-add "
		"container-label-rm dns-add dns-rm dns-option-add dns-option-rm dns-search-add "
		"dns-search-rm env-add env-rm force generic-resource-add generic-resource-rm group-add "
		"group-rm host-add host-rm image label-add label-rm mount-add mount-rm network-add "
		"network-rm placement-pref-add placement-pref-rm publish-add publish-rm rollback "
		"secret-add secret-rm sysctl-add sysctl-rm ulimit-add ulimit-rm";

	expect_all(service_create_options, both);
	expect_all(service_create_options, create);
	expect_all(service_update_options, both);
	expect_all(service_update_options, update);
}

TEST(usage_lays_options_out_as_pflag_does)
{
	static const struct option table[] = {
		OPT_BOOL(struct args, quiet, 'q', "quiet", "Only IDs"),
		OPT_STRING(struct args, name, 0, "a-rather-long-name", "string",
			   "A text that is long enough to be wrapped at the right place of the line"),
		OPT_UNSUPPORTED(0, "hidden"),
		OPT_END
	};
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	usage_options(table, &out);
	EXPECT_STR(buf_text(&out),
		   "      --a-rather-long-name string   A text that is long enough to be\n"
		   "                                    wrapped at the right place of the line\n"
		   "  -q, --quiet                       Only IDs\n");
}
