/* Flags in, specification out: what the API is sent, as docker 28.2.2 sends it. */
#include "applets/service_flags.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/words.h"
#include "base/buf.h"
#include "test/unit/applets/flags_rig.h"
#include "test/unit/runner.h"

static void expect_create(const char *line, const char *want)
{
	char *got = flags_rig_service_create(line);

	EXPECT_STR(got, want);
	free(got);
}

static void expect_update(const char *spec, const char *line, const char *want)
{
	char *got = flags_rig_service_update(spec, line);

	EXPECT_STR(got, want);
	free(got);
}

/* A part of the specification must be there. */
static void expect_part(const char *line, const char *part)
{
	char *got = flags_rig_service_create(line);

	if (!strstr(got, part))
		EXPECT_STR(got, part);
	free(got);
}

TEST(service_flags_make_the_specification_that_docker_makes)
{
	expect_create("nginx",
		"{\"Labels\":{},\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"nginx:latest\",\"Init\":false,"
		"\"DNSConfig\":{}},\"Resources\":{\"Limits\":{},\"Reservations\":{}},\"Placement\":{},"
		"\"ForceUpdate\":0},\"EndpointSpec\":{\"Mode\":\"vip\"},\"Mode\":{\"Replicated\":{}}}");
	expect_part("--name web --replicas 3 nginx sh -c", "\"Name\":\"web\"");
	expect_part("--name web --replicas 3 nginx sh -c", "\"Args\":[\"sh\",\"-c\"]");
	expect_part("--name web --replicas 3 nginx sh -c", "\"Mode\":{\"Replicated\":{\"Replicas\":3}}");
	expect_part("--replicas 0 nginx", "\"Replicated\":{\"Replicas\":0}");
	expect_part("--mode global nginx", "\"Mode\":{\"Global\":{}}");
}

TEST(service_flags_put_each_scalar_in_its_place)
{
	expect_part("--limit-cpu 1.5 --limit-memory 512m --limit-pids 9 nginx",
		    "\"Limits\":{\"NanoCPUs\":1500000000,\"MemoryBytes\":536870912,\"Pids\":9}");
	expect_part("--reserve-cpu .25 --reserve-memory 1g nginx",
		    "\"Reservations\":{\"NanoCPUs\":250000000,\"MemoryBytes\":1073741824}");
	expect_part("--restart-condition on-failure --restart-max-attempts 3 nginx",
		    "\"RestartPolicy\":{\"Condition\":\"on-failure\",\"Delay\":5000000000,\"MaxAttempts\":3}");
	expect_part("--restart-delay 1m --restart-window 90s nginx",
		    "{\"Condition\":\"any\",\"Delay\":60000000000,\"MaxAttempts\":0,\"Window\":90000000000}");
	expect_part("--update-parallelism 2 nginx",
		    "\"UpdateConfig\":{\"Parallelism\":2,\"FailureAction\":\"pause\",\"Monitor\":5000000000,"
		    "\"MaxFailureRatio\":0,\"Order\":\"stop-first\"}");
	expect_part("--stop-signal INT --stop-grace-period 3s -u 1:2 -w /x --hostname h nginx",
		    "\"StopSignal\":\"INT\",\"StopGracePeriod\":3000000000,\"User\":\"1:2\",\"Dir\":\"/x\","
		    "\"Hostname\":\"h\"");
	expect_part("--replicas-max-per-node 2 --constraint node.role==manager nginx",
		    "\"Placement\":{\"MaxReplicas\":2,\"Constraints\":[\"node.role==manager\"]}");
}

TEST(service_flags_keep_the_last_value_of_each_variable_and_label)
{
	expect_part("-e A=1 -e B=2 --env A=3 nginx", "\"Env\":[\"B=2\",\"A=3\"]");
	expect_part("-e NOT_SET_ANYWHERE nginx", "\"Env\":[\"NOT_SET_ANYWHERE\"]");
	expect_part("-l a=1 --label b nginx", "\"Labels\":{\"a\":\"1\",\"b\":\"\"}");
	expect_part("--container-label a=1 -l x=y --container-label a=2 nginx", "\"Labels\":{\"a\":\"2\"}");
}

TEST(service_flags_read_ports_in_both_grammars)
{
	expect_part("-p 8080:80 nginx", "\"Ports\":[{\"Protocol\":\"tcp\",\"TargetPort\":80,\"PublishedPort\":"
					"8080,\"PublishMode\":\"ingress\"}]");
	expect_part("-p 80/udp nginx", "\"Ports\":[{\"Protocol\":\"udp\",\"TargetPort\":80,\"PublishMode\":"
				       "\"ingress\"}]");
	expect_part("-p 8000-8001:80-81 nginx", "\"TargetPort\":80,\"PublishedPort\":8000,");
	expect_part("-p 8000-8001:80-81 nginx", "\"TargetPort\":81,\"PublishedPort\":8001,");
	expect_part("-p 8000-8002:80 nginx", "\"TargetPort\":80,\"PublishedPort\":8002,");
	expect_part("-p published=8080,target=80,mode=host,protocol=udp nginx",
		    "\"Ports\":[{\"Protocol\":\"udp\",\"TargetPort\":80,\"PublishedPort\":8080,\"PublishMode\":"
		    "\"host\"}]");
	expect_part("-p 8080:80 -p 8080:80 -p 81:81 nginx", "\"PublishedPort\":8080,\"PublishMode\":\"ingress\"},"
							   "{\"Protocol\":\"tcp\",\"TargetPort\":81");
}

TEST(service_flags_read_mounts)
{
	expect_part("--mount type=bind,source=/a,target=/b,readonly nginx",
		    "\"Mounts\":[{\"Source\":\"/a\",\"Target\":\"/b\",\"ReadOnly\":true,\"Type\":\"bind\"}]");
	expect_part("--mount src=v,dst=/b,volume-label=a=1,volume-nocopy nginx",
		    "{\"Source\":\"v\",\"Target\":\"/b\",\"VolumeOptions\":{\"Labels\":{\"a\":\"1\"},\"NoCopy\":"
		    "true},\"Type\":\"volume\"}");
	expect_part("--mount type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=1777 nginx",
		    "\"TmpfsOptions\":{\"SizeBytes\":1048576,\"Mode\":1023}");
	expect_part("--mount type=bind,src=/a,dst=/b,bind-propagation=rshared,bind-recursive=disabled nginx",
		    "\"BindOptions\":{\"Propagation\":\"rshared\",\"NonRecursive\":true}");
	expect_part("--mount type=bind,src=/a,dst=/b --mount type=bind,src=/c,dst=/b nginx",
		    "{\"Source\":\"/a\",\"Target\":\"/b\",\"Type\":\"bind\"},"
		    "{\"Source\":\"/c\",\"Target\":\"/b\",\"Type\":\"bind\"}]");     /* the agent refuses that */
}

TEST(service_flags_leave_the_judgement_of_image_names_to_the_agent)
{
	expect_part("Nginx", "\"Image\":\"Nginx\"");
	expect_part("nginx", "\"Image\":\"nginx:latest\"");
}

TEST(service_flags_answer_wrong_values_in_dockers_words)
{
	static const struct { const char *line, *error; } cases[] = {
		{ "-p 80:xx nginx", "invalid argument \"80:xx\" for \"-p, --publish\" flag: invalid containerPort: xx" },
		{ "-p x:80 nginx", "invalid argument \"x:80\" for \"-p, --publish\" flag: invalid hostPort: x" },
		{ "-p 80/x nginx", "invalid argument \"80/x\" for \"-p, --publish\" flag: invalid proto: x" },
		{ "-p 1.2.3.4:80:80 nginx",
		  "invalid argument \"1.2.3.4:80:80\" for \"-p, --publish\" flag: hostip is not supported" },
		{ "-p published=80 nginx",
		  "invalid argument \"published=80\" for \"-p, --publish\" flag: missing mandatory field 'target'" },
		{ "-p target=99999 nginx", "invalid argument \"target=99999\" for \"-p, --publish\" flag: invalid "
					   "target port (99999): value must be an integer: value out of range" },
		{ "-p target=80,mode=x nginx", "invalid argument \"target=80,mode=x\" for \"-p, --publish\" flag: "
					       "invalid publish mode value (x): must be either 'ingress' or 'host'" },
		{ "-p 1-2:3-5 nginx", "invalid argument \"1-2:3-5\" for \"-p, --publish\" flag: invalid ranges "
				      "specified for container and host Ports: 3-5 and 1-2" },
		{ "--mount type=bind,source=/a nginx",
		  "invalid argument \"type=bind,source=/a\" for \"--mount\" flag: target is required" },
		{ "--mount target nginx", "invalid argument \"target\" for \"--mount\" flag: invalid field 'target' "
					  "must be a key=value pair" },
		{ "--mount a=b nginx", "invalid argument \"a=b\" for \"--mount\" flag: unexpected key 'a' in 'a=b'" },
		{ "--mount type=bind,target=/x,tmpfs-size=1m nginx",
		  "invalid argument \"type=bind,target=/x,tmpfs-size=1m\" for \"--mount\" flag: cannot mix 'tmpfs-*' "
		  "options with mount type 'bind'" },
		{ "--mount type=image,target=/x nginx", "invalid argument \"type=image,target=/x\" for \"--mount\" "
							"flag: mount type 'image' is not supported by swarmbox yet" },
		{ "--limit-cpu abc nginx", "invalid argument \"abc\" for \"--limit-cpu\" flag: failed to parse abc "
					   "as a rational number" },
		{ "--limit-memory abc nginx", "invalid argument \"abc\" for \"--limit-memory\" flag: invalid size: "
					      "'abc'" },
		{ "--restart-delay 5 nginx", "invalid argument \"5\" for \"--restart-delay\" flag: time: missing unit "
					     "in duration \"5\"" },
		{ "--mode foo nginx", "Unknown mode: foo, only replicated and global supported" },
		{ "--mode global-job nginx", "--mode global-job is not supported by swarmbox yet" },
		{ "--mode global --replicas 2 nginx",
		  "replicas can only be used with replicated or replicated-job mode" },
		{ "--env-file /no/such/file nginx", NULL },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		char *got = flags_rig_service_create(cases[i].line);

		if (cases[i].error)
			EXPECT_STR(got, cases[i].error);
		else
			EXPECT(got[0] != '{');
		free(got);
	}
}

#define SPEC(inside) "{\"Name\":\"web\",\"Labels\":{\"a\":\"1\"},\"TaskTemplate\":{\"ContainerSpec\":{" inside "}}," \
		     "\"Mode\":{\"Replicated\":{\"Replicas\":2}}}"

TEST(service_flags_change_only_what_they_name)
{
	expect_update(SPEC("\"Image\":\"x:1\""), "--image y", "{\"Name\":\"web\",\"Labels\":{\"a\":\"1\"},"
		      "\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"y:latest\"}},\"Mode\":{\"Replicated\":"
		      "{\"Replicas\":2}}}");
	expect_update("{\"Labels\":{\"a\":\"1\",\"b\":\"2\"}}", "--label-rm a --label-add c=3 --label-add b=4",
		      "{\"Labels\":{\"b\":\"4\",\"c\":\"3\"}}");
	expect_update("{\"TaskTemplate\":{\"ContainerSpec\":{\"Env\":[\"A=1\",\"B=2\"]}}}",
		      "--env-rm A --env-add C=3", "{\"TaskTemplate\":{\"ContainerSpec\":{\"Env\":[\"B=2\",\"C=3\"]}}}");
	expect_update("{\"TaskTemplate\":{\"ContainerSpec\":{\"Mounts\":[{\"Target\":\"/a\"},{\"Target\":\"/b\"}]}}}",
		      "--mount-rm /a", "{\"TaskTemplate\":{\"ContainerSpec\":{\"Mounts\":[{\"Target\":\"/b\"}]}}}");
	expect_update("{\"TaskTemplate\":{\"ContainerSpec\":{\"Mounts\":[{\"Target\":\"/a\"},{\"Target\":\"/b\"}]}}}",
		      "--mount-add source=new,target=/a",
		      "{\"TaskTemplate\":{\"ContainerSpec\":{\"Mounts\":[{\"Target\":\"/b\"},"
		      "{\"Source\":\"new\",\"Target\":\"/a\",\"Type\":\"volume\"}]}}}");
	expect_update("{\"EndpointSpec\":{\"Ports\":[{\"Protocol\":\"tcp\",\"TargetPort\":80},{\"Protocol\":\"udp\","
		      "\"TargetPort\":80}]}}", "--publish-rm 80",
		      "{\"EndpointSpec\":{\"Ports\":[{\"Protocol\":\"udp\",\"TargetPort\":80}]}}");
	expect_update("{\"TaskTemplate\":{\"Placement\":{\"Constraints\":[\"a==b\",\"c==d\"]}}}",
		      "--constraint-rm a==b --constraint-add e==f",
		      "{\"TaskTemplate\":{\"Placement\":{\"Constraints\":[\"c==d\",\"e==f\"]}}}");
	expect_update("{\"TaskTemplate\":{\"ForceUpdate\":4}}", "--force", "{\"TaskTemplate\":{\"ForceUpdate\":5}}");
	expect_update("{\"Mode\":{\"Replicated\":{\"Replicas\":2}}}", "--replicas 5",
		      "{\"Mode\":{\"Replicated\":{\"Replicas\":5}}}");
	expect_update("{\"Mode\":{\"Global\":{}}}", "--replicas 5",
		      "replicas can only be used with replicated or replicated-job mode");
	expect_update("{\"TaskTemplate\":{\"ContainerSpec\":{\"Args\":[\"a\"]}}}", "--args b --entrypoint c",
		      "{\"TaskTemplate\":{\"ContainerSpec\":{\"Args\":[\"b\"],\"Command\":[\"c\"]}}}");
	expect_update("{}", "--rollback", "--rollback is not supported by swarmbox yet");
}

/* --- words --- */

static void expect_words(int (*split)(const char *, struct strlist *, struct err *), const char *text,
			 const char *want)
{
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	struct strlist words = {0};
	struct err err = {0};

	if (split(text, &words, &err) < 0)
		buf_printf(&got, "error: %s", err.text);
	else
		for (size_t i = 0; i < words.count; i++)
			buf_printf(&got, "[%s]", words.items[i]);
	strlist_fini(&words);
	EXPECT_STR(buf_text(&got), want);
}

TEST(words_are_split_as_a_shell_does)
{
	expect_words(words_split, "a  b\tc", "[a][b][c]");
	expect_words(words_split, "'a b' \"c \\\"d\\\" \\x\" e\\ f", "[a b][c \"d\" \\x][e f]");
	expect_words(words_split, "a'b'\"c\" ''", "[abc][]");
	expect_words(words_split, "a # b", "[a]");
	expect_words(words_split, "'a", "error: EOF found when expecting closing quote");
	expect_words(words_split, "", "");
}

TEST(words_of_comma_lists_may_be_quoted)
{
	expect_words(words_csv, "a,b=c,,d", "[a][b=c][][d]");
	expect_words(words_csv, "a,\"b,c\",\"d \"\"e\"\"\"", "[a][b,c][d \"e\"]");
	expect_words(words_csv, "a\"b", "error: parse error on line 1, column 2: bare \" in non-quoted-field");
	expect_words(words_csv, "\"a", "error: parse error on line 1, column 3: extraneous or missing \" in quoted-field");
	expect_words(words_csv, "x,\"a\"b", "error: parse error on line 1, column 5: extraneous or missing \" in quoted-field");
	expect_words(words_csv, "", "error: EOF");
}

TEST(words_of_environment_files)
{
	static const char text[] = "\xef\xbb\xbf" "A=1\n# comment\n\n  B=with = and blanks \r\nNOT_SET_ANYWHERE\nSET_HERE\nC=\n";
	char path[] = "/tmp/words_test.XXXXXX";
	CLEANUP(buf_finip) struct buf got = BUF_INIT;
	struct strlist words = {0};
	struct err err = {0};
	int fd = mkstemp(path);

	setenv("SET_HERE", "yes", 1);
	EXPECT_INT(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	EXPECT_INT(words_env_file(path, &words, &err), 0);
	for (size_t i = 0; i < words.count; i++)
		buf_printf(&got, "[%s]", words.items[i]);
	EXPECT_STR(buf_text(&got), "[A=1][B=with = and blanks ][SET_HERE=yes][C=]");
	strlist_fini(&words);

	EXPECT_INT(ftruncate(fd, 0), 0);
	EXPECT_INT(pwrite(fd, "A B=1\n", 6, 0), 6);
	EXPECT_INT(words_env_file(path, &words, &err), -1);
	EXPECT(strstr(err.text, "variable 'A B' contains whitespaces") != NULL);
	strlist_fini(&words);
	close(fd);
	unlink(path);
}
