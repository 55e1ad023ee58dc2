/* Every flag that docker 28.2.2's `service create --help` and `service update --help` list: done as docker does it, or refused by its name.
 * test/lab/45-container-flags.sh asks the client itself, where it is installed, whether a flag is missing here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "applets/service_flags.h"
#include "base/panic.h"
#include "test/unit/applets/flags_rig.h"
#include "test/unit/runner.h"

/* want: a part of what comes of it; NULL: the flag is refused by its name. spec: the specification before an update. */
struct row { const char *flag, *line, *want, *spec; };

#define SPEC(inside) "{\"TaskTemplate\":{\"ContainerSpec\":{" inside "}}}"

static const struct row creates[] = {
	{ "cap-add", "--cap-add net_admin --cap-add CAP_CHOWN", "\"CapabilityAdd\":[\"CAP_CHOWN\",\"CAP_NET_ADMIN\"]", NULL },
	{ "cap-drop", "--cap-drop all --cap-drop chown", "\"CapabilityDrop\":[\"ALL\"]", NULL },
	{ "config", "--config a --config src=b,Target=/etc/b,mode=0400", "\"Configs\":[{\"File\":{\"Name\":\"a\",\"UID\":\"0\",\"GID\":\"0\",\"Mode\":292},\"ConfigName\":\"a\"},{\"File\":{\"Name\":\"/etc/b\",\"UID\":\"0\",\"GID\":\"0\",\"Mode\":256},\"ConfigName\":\"b\"}]",
	  NULL },
	{ "constraint", "--constraint node.role==manager", "\"Constraints\":[\"node.role==manager\"]", NULL },
	{ "container-label", "--container-label a=1", "\"Labels\":{\"a\":\"1\"}", NULL },
	{ "credential-spec", NULL, NULL, NULL },
	{ "detach", "--detach", "\"Image\":\"nginx:latest\"", NULL },
	{ "dns", "--dns 1.1.1.1 --dns 0:0::1 --dns 1.1.1.1", "\"DNSConfig\":{\"Nameservers\":[\"1.1.1.1\",\"::1\"]}", NULL },
	{ "dns-option", "--dns-option ndots:2", "\"DNSConfig\":{\"Options\":[\"ndots:2\"]}", NULL },
	{ "dns-search", "--dns-search lan.home. --dns-search .", "\"DNSConfig\":{\"Search\":[\"lan.home\",\".\"]}", NULL },
	{ "endpoint-mode", "--endpoint-mode DNSRR", "\"EndpointSpec\":{\"Mode\":\"dnsrr\"}", NULL },
	{ "entrypoint", "--entrypoint /bin/sh", "\"Command\":[\"/bin/sh\"]", NULL },
	{ "env", "--env A=1", "\"Env\":[\"A=1\"]", NULL },
	{ "env-file", "--env-file /dev/null", "\"Image\":\"nginx:latest\"", NULL },
	{ "generic-resource", NULL, NULL, NULL },
	{ "group", "--group audio --group 44 --group audio", "\"Groups\":[\"audio\",\"44\"]", NULL },
	{ "health-cmd", "--health-cmd true", "\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"]}", NULL },
	{ "health-interval", "--health-interval 1m", "\"Healthcheck\":{\"Interval\":60000000000}", NULL },
	{ "health-retries", "--health-retries 2", "\"Healthcheck\":{\"Retries\":2}", NULL },
	{ "health-start-interval", "--health-start-interval 2s", "\"Healthcheck\":{\"StartInterval\":2000000000}", NULL },
	{ "health-start-period", "--health-start-period 3s", "\"Healthcheck\":{\"StartPeriod\":3000000000}", NULL },
	{ "health-timeout", "--health-timeout 500ms", "\"Healthcheck\":{\"Timeout\":500000000}", NULL },
	{ "host", "--host db:10.0.0.1 --host six:[::1] --host out=host-gateway",
	  "\"Hosts\":[\"10.0.0.1 db\",\"::1 six\",\"host-gateway out\"]", NULL },
	{ "hostname", "--hostname h", "\"Hostname\":\"h\"", NULL },
	{ "init", "--init", "\"Init\":true", NULL },
	{ "isolation", "--isolation default", "\"Isolation\":\"default\"", NULL },
	{ "label", "--label a=1", "{\"Labels\":{\"a\":\"1\"}", NULL },
	{ "limit-cpu", "--limit-cpu 1.5", "\"Limits\":{\"NanoCPUs\":1500000000}", NULL },
	{ "limit-memory", "--limit-memory 8m", "\"Limits\":{\"MemoryBytes\":8388608}", NULL },
	{ "limit-pids", "--limit-pids 9", "\"Limits\":{\"Pids\":9}", NULL },
	{ "log-driver", "--log-driver none", "\"LogDriver\":{\"Name\":\"none\",\"Options\":{}}", NULL },
	{ "log-opt", "--log-opt max-size=1m --log-opt max-file=3",
	  "\"LogDriver\":{\"Name\":\"json-file\",\"Options\":{\"max-size\":\"1m\",\"max-file\":\"3\"}}", NULL },
	{ "max-concurrent", NULL, NULL, NULL },
	{ "mode", "--mode global", "\"Mode\":{\"Global\":{}}", NULL },
	{ "mount", "--mount type=volume,source=v,target=/v,volume-subpath=a/b", "\"VolumeOptions\":{\"Subpath\":\"a/b\"}", NULL },
	{ "name", "--name web", "\"Name\":\"web\"", NULL },
	{ "network", "--network host", "\"Networks\":[{\"Target\":\"predefinednetworkhost0000\"}]", NULL },
	{ "no-healthcheck", "--no-healthcheck", "\"Healthcheck\":{\"Test\":[\"NONE\"]}", NULL },
	{ "no-resolve-image", "--no-resolve-image", "\"Image\":\"nginx:latest\"", NULL },
	{ "oom-score-adj", "--oom-score-adj -500", "\"OomScoreAdj\":-500", NULL },
	{ "placement-pref", NULL, NULL, NULL },
	{ "publish", "--publish 80:80", "\"PublishedPort\":80", NULL },
	{ "quiet", "--quiet", "\"Image\":\"nginx:latest\"", NULL },
	{ "read-only", "--read-only", "\"ReadOnly\":true", NULL },
	{ "replicas", "--replicas 4", "\"Replicas\":4", NULL },
	{ "replicas-max-per-node", "--replicas-max-per-node 2", "\"MaxReplicas\":2", NULL },
	{ "reserve-cpu", "--reserve-cpu 1", "\"Reservations\":{\"NanoCPUs\":1000000000}", NULL },
	{ "reserve-memory", "--reserve-memory 8m", "\"Reservations\":{\"MemoryBytes\":8388608}", NULL },
	{ "restart-condition", "--restart-condition none", "\"Condition\":\"none\"", NULL },
	{ "restart-delay", "--restart-delay 1s", "\"Delay\":1000000000", NULL },
	{ "restart-max-attempts", "--restart-max-attempts 3", "\"MaxAttempts\":3", NULL },
	{ "restart-window", "--restart-window 1s", "\"Window\":1000000000", NULL },
	{ "rollback-delay", NULL, NULL, NULL },
	{ "rollback-failure-action", NULL, NULL, NULL },
	{ "rollback-max-failure-ratio", NULL, NULL, NULL },
	{ "rollback-monitor", NULL, NULL, NULL },
	{ "rollback-order", NULL, NULL, NULL },
	{ "rollback-parallelism", NULL, NULL, NULL },
	{ "secret", "--secret \"source=a\",\"target=a,b\"", "\"Secrets\":[{\"File\":{\"Name\":\"a,b\",\"UID\":\"0\",\"GID\":\"0\",\"Mode\":292},\"SecretName\":\"a\"}]", NULL },
	{ "secret", "--secret a --secret source=b,uid=7,mode=0o440", "\"Secrets\":[{\"File\":{\"Name\":\"a\",\"UID\":\"0\",\"GID\":\"0\",\"Mode\":292},\"SecretName\":\"a\"},{\"File\":{\"Name\":\"b\",\"UID\":\"7\",\"GID\":\"0\",\"Mode\":288},\"SecretName\":\"b\"}]",
	  NULL },
	{ "stop-grace-period", "--stop-grace-period 1s", "\"StopGracePeriod\":1000000000", NULL },
	{ "stop-signal", "--stop-signal INT", "\"StopSignal\":\"INT\"", NULL },
	{ "sysctl", "--sysctl net.core.somaxconn=9 --sysctl kernel.shmmax=",
	  "\"Sysctls\":{\"net.core.somaxconn\":\"9\",\"kernel.shmmax\":\"\"}", NULL },
	{ "tty", "--tty", "\"TTY\":true", NULL },
	{ "ulimit", "--ulimit nofile=1:2 --ulimit core=-1 --ulimit nofile=3",
	  "\"Ulimits\":[{\"Name\":\"core\",\"Hard\":-1,\"Soft\":-1},{\"Name\":\"nofile\",\"Hard\":3,\"Soft\":3}]", NULL },
	{ "update-delay", NULL, NULL, NULL },
	{ "update-failure-action", NULL, NULL, NULL },
	{ "update-max-failure-ratio", NULL, NULL, NULL },
	{ "update-monitor", NULL, NULL, NULL },
	{ "update-order", "--update-order start-first", "\"Order\":\"start-first\"", NULL },
	{ "update-parallelism", "--update-parallelism 2", "\"Parallelism\":2", NULL },
	{ "user", "--user 1:2", "\"User\":\"1:2\"", NULL },
	{ "with-registry-auth", "--with-registry-auth", "\"Image\":\"nginx:latest\"", NULL },
	{ "workdir", "--workdir /x", "\"Dir\":\"/x\"", NULL },
};

static const struct row updates[] = {
	{ "args", "--args b", "\"Args\":[\"b\"]", SPEC("\"Args\":[\"a\"]") },
	/* what is dropped is first only not dropped any more, what is not is added; RESET empties the list before */
	{ "cap-add", "--cap-add kill --cap-add chown", "{\"CapabilityAdd\":[\"CAP_CHOWN\"]}", SPEC("\"CapabilityDrop\":[\"CAP_KILL\"]") },
	{ "cap-add", "--cap-add RESET --cap-add chown", "{\"CapabilityAdd\":[\"CAP_CHOWN\"]}", SPEC("\"CapabilityAdd\":[\"CAP_KILL\"]") },
	{ "cap-drop", "--cap-drop kill --cap-drop chown", "{\"CapabilityDrop\":[\"CAP_CHOWN\"]}", SPEC("\"CapabilityAdd\":[\"CAP_KILL\"]") },
	{ "cap-drop", "--cap-drop chown --cap-add chown", "{\"CapabilityAdd\":[\"CAP_CHOWN\"]}", SPEC("") },
	{ "cap-drop", "--cap-drop RESET", "\"ContainerSpec\":{}", SPEC("\"CapabilityDrop\":[\"ALL\"]") },
	{ "config-add", "--config-add a", "\"Configs\":[{\"File\":{\"Name\":\"a\",\"UID\":\"0\",\"GID\":\"0\",\"Mode\":292},\"ConfigName\":\"a\"}]", "{}" },
	{ "config-rm", "--config-rm a", "\"Configs\":[]", SPEC("\"Configs\":[{\"ConfigName\":\"a\"}]") },
	{ "constraint-add", "--constraint-add a==b", "\"Constraints\":[\"a==b\"]", "{}" },
	{ "constraint-rm", "--constraint-rm a==b", "\"Constraints\":[]", "{\"TaskTemplate\":{\"Placement\":{\"Constraints\":[\"a==b\"]}}}" },
	{ "container-label-add", "--container-label-add a=1", "\"Labels\":{\"a\":\"1\"}", "{}" },
	{ "container-label-rm", "--container-label-rm a", "\"Labels\":{}", SPEC("\"Labels\":{\"a\":\"1\"}") },
	{ "credential-spec", NULL, NULL, NULL },
	{ "detach", "--detach", "{}", "{}" },
	{ "dns-add", "--dns-add 1.1.1.2", "[\"1.1.1.1\",\"1.1.1.2\"]", SPEC("\"DNSConfig\":{\"Nameservers\":[\"1.1.1.1\"]}") },
	{ "dns-option-add", "--dns-option-add a", "\"Options\":[\"a\"]", SPEC("\"DNSConfig\":{\"Options\":[\"a\"]}") },
	{ "dns-option-rm", "--dns-option-rm a", "\"Options\":[]", SPEC("\"DNSConfig\":{\"Options\":[\"a\"]}") },
	{ "dns-rm", "--dns-rm 1.1.1.1", "\"Nameservers\":[]", SPEC("\"DNSConfig\":{\"Nameservers\":[\"1.1.1.1\"]}") },
	{ "dns-search-add", "--dns-search-add b.c", "\"Search\":[\"b.c\"]", "{}" },
	{ "dns-search-rm", "--dns-search-rm a", "\"Search\":[\"b\"]", SPEC("\"DNSConfig\":{\"Search\":[\"a\",\"b\"]}") },
	{ "endpoint-mode", "--endpoint-mode vip", "\"Mode\":\"vip\"", "{}" },
	{ "entrypoint", "--entrypoint x", "\"Command\":[\"x\"]", "{}" },
	{ "env-add", "--env-add A=2", "\"Env\":[\"A=2\"]", SPEC("\"Env\":[\"A=1\"]") },
	{ "env-rm", "--env-rm A", "\"Env\":[]", SPEC("\"Env\":[\"A=1\"]") },
	{ "force", "--force", "\"ForceUpdate\":1", "{}" },
	{ "generic-resource-add", NULL, NULL, NULL },
	{ "generic-resource-rm", NULL, NULL, NULL },
	{ "group-add", "--group-add a", "\"Groups\":[\"b\",\"a\"]", SPEC("\"Groups\":[\"b\"]") },
	{ "group-rm", "--group-rm b", "\"Groups\":[\"c\"]", SPEC("\"Groups\":[\"b\",\"c\"]") },
	{ "health-cmd", "--health-cmd true", "\"Test\":[\"CMD-SHELL\",\"true\"]", SPEC("\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"]}") },
	{ "health-interval", "--health-interval 1s", "\"Healthcheck\":{\"Interval\":1000000000}", SPEC("\"Healthcheck\":{\"Test\":[\"NONE\"]}") },
	{ "health-retries", "--health-retries 1", "{\"Interval\":1,\"Retries\":1}", SPEC("\"Healthcheck\":{\"Interval\":1}") },
	{ "health-start-interval", "--health-start-interval 1s", "\"StartInterval\":1000000000", "{}" },
	{ "health-start-period", "--health-start-period 1s", "\"StartPeriod\":1000000000", "{}" },
	{ "health-timeout", "--health-timeout 1s", "\"Timeout\":1000000000", "{}" },
	{ "host-add", "--host-add a:::1", "\"Hosts\":[\"::1 a\"]", "{}" },
	{ "host-rm", "--host-rm a", "\"Hosts\":[\"10.0.0.1 b c\",\"10.0.0.3 d\"]",
	  SPEC("\"Hosts\":[\"10.0.0.1 a b c\",\"10.0.0.2 a\",\"10.0.0.3 d\"]") },
	{ "host-rm", "--host-rm a:10.0.0.1", "\"Hosts\":[\"10.0.0.2 a\"]", SPEC("\"Hosts\":[\"10.0.0.1 a\",\"10.0.0.2 a\"]") },
	{ "hostname", "--hostname h", "\"Hostname\":\"h\"", "{}" },
	{ "image", "--image x", "\"Image\":\"x:latest\"", "{}" },
	{ "init", "--init=false", "\"Init\":false", SPEC("\"Init\":true") },
	{ "isolation", "--isolation default", "\"Isolation\":\"default\"", "{}" },
	{ "label-add", "--label-add a=1", "\"Labels\":{\"a\":\"1\"}", "{}" },
	{ "label-rm", "--label-rm a", "\"Labels\":{}", "{\"Labels\":{\"a\":\"1\"}}" },
	{ "limit-cpu", "--limit-cpu 1", "\"NanoCPUs\":1000000000", "{}" },
	{ "limit-memory", "--limit-memory 8m", "\"MemoryBytes\":8388608", "{}" },
	{ "limit-pids", "--limit-pids 1", "\"Pids\":1", "{}" },
	{ "log-driver", "--log-driver none", "{\"Name\":\"none\",\"Options\":{}}",
	  "{\"TaskTemplate\":{\"LogDriver\":{\"Name\":\"json-file\",\"Options\":{\"max-size\":\"1m\"}}}}" },
	{ "log-opt", "--log-opt max-file=2", "{\"Name\":\"json-file\",\"Options\":{\"max-file\":\"2\"}}",
	  "{\"TaskTemplate\":{\"LogDriver\":{\"Name\":\"json-file\",\"Options\":{\"max-size\":\"1m\"}}}}" },
	{ "max-concurrent", NULL, NULL, NULL },
	{ "mount-add", "--mount-add type=tmpfs,target=/t", "\"Mounts\":[{\"Target\":\"/t\",\"Type\":\"tmpfs\"}]", "{}" },
	{ "mount-rm", "--mount-rm /t", "\"Mounts\":[]", SPEC("\"Mounts\":[{\"Target\":\"/t\"}]") },
	{ "network-add", "--network-add none", "\"Networks\":[{\"Target\":\"predefinednetworknone0000\"}]", "{}" },
	{ "network-rm", "--network-rm host", "\"Networks\":[]",
	  "{\"TaskTemplate\":{\"Networks\":[{\"Target\":\"predefinednetworkhost0000\"}]}}" },
	{ "no-healthcheck", "--no-healthcheck", "\"Healthcheck\":{\"Test\":[\"NONE\"]}", SPEC("\"Healthcheck\":{\"Interval\":1}") },
	{ "no-resolve-image", "--no-resolve-image", "{}", "{}" },
	{ "oom-score-adj", "--oom-score-adj 5", "\"OomScoreAdj\":5", "{}" },
	{ "placement-pref-add", NULL, NULL, NULL },
	{ "placement-pref-rm", NULL, NULL, NULL },
	{ "publish-add", "--publish-add 80:80", "\"PublishedPort\":80", "{}" },
	{ "publish-rm", "--publish-rm 80", "\"Ports\":[]", "{\"EndpointSpec\":{\"Ports\":[{\"TargetPort\":80}]}}" },
	{ "quiet", "--quiet", "{}", "{}" },
	{ "read-only", "--read-only=false", "\"ReadOnly\":false", SPEC("\"ReadOnly\":true") },
	{ "replicas", "--replicas 3", "\"Replicas\":3", "{\"Mode\":{\"Replicated\":{\"Replicas\":1}}}" },
	{ "replicas-max-per-node", "--replicas-max-per-node 3", "\"MaxReplicas\":3", "{}" },
	{ "reserve-cpu", "--reserve-cpu 1", "\"NanoCPUs\":1000000000", "{}" },
	{ "reserve-memory", "--reserve-memory 8m", "\"MemoryBytes\":8388608", "{}" },
	{ "restart-condition", "--restart-condition none", "\"Condition\":\"none\"", "{}" },
	{ "restart-delay", "--restart-delay 1s", "\"Delay\":1000000000", "{}" },
	{ "restart-max-attempts", "--restart-max-attempts 1", "\"MaxAttempts\":1", "{}" },
	{ "restart-window", "--restart-window 1s", "\"Window\":1000000000", "{}" },
	{ "rollback", NULL, NULL, NULL },
	{ "rollback-delay", NULL, NULL, NULL },
	{ "rollback-failure-action", NULL, NULL, NULL },
	{ "rollback-max-failure-ratio", NULL, NULL, NULL },
	{ "rollback-monitor", NULL, NULL, NULL },
	{ "rollback-order", NULL, NULL, NULL },
	{ "rollback-parallelism", NULL, NULL, NULL },
	{ "secret-add", "--secret-add a", "\"Secrets\":[{\"File\":{\"Name\":\"a\",\"UID\":\"0\",\"GID\":\"0\",\"Mode\":292},\"SecretName\":\"a\"}]", "{}" },
	{ "secret-rm", "--secret-rm a", "\"Secrets\":[]", SPEC("\"Secrets\":[{\"SecretName\":\"a\"}]") },
	{ "stop-grace-period", "--stop-grace-period 1s", "\"StopGracePeriod\":1000000000", "{}" },
	{ "stop-signal", "--stop-signal INT", "\"StopSignal\":\"INT\"", "{}" },
	{ "sysctl-add", "--sysctl-add a=2", "\"Sysctls\":{\"a\":\"2\"}", SPEC("\"Sysctls\":{\"a\":\"1\"}") },
	{ "sysctl-rm", "--sysctl-rm a=1 --sysctl-rm b", "\"Sysctls\":{\"c\":\"3\"}", SPEC("\"Sysctls\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}") },
	{ "tty", "--tty=false", "\"TTY\":false", SPEC("\"TTY\":true") },
	{ "ulimit-add", "--ulimit-add core=5", "[{\"Name\":\"core\",\"Hard\":5,\"Soft\":5},{\"Name\":\"nofile\"}]",
	  SPEC("\"Ulimits\":[{\"Name\":\"nofile\"}]") },
	{ "ulimit-rm", "--ulimit-rm nofile", "\"Ulimits\":[]", SPEC("\"Ulimits\":[{\"Name\":\"nofile\"}]") },
	{ "update-delay", NULL, NULL, NULL },
	{ "update-failure-action", NULL, NULL, NULL },
	{ "update-max-failure-ratio", NULL, NULL, NULL },
	{ "update-monitor", NULL, NULL, NULL },
	{ "update-order", "--update-order start-first", "\"Order\":\"start-first\"", "{}" },
	{ "update-parallelism", "--update-parallelism 2", "\"Parallelism\":2", "{}" },
	{ "user", "--user 1:2", "\"User\":\"1:2\"", "{}" },
	{ "with-registry-auth", "--with-registry-auth", "{}", "{}" },
	{ "workdir", "--workdir /x", "\"Dir\":\"/x\"", "{}" },
};

static char *run(const struct row *row, bool is_update)
{
	char line[256];

	if (is_update) {
		snprintf(line, sizeof line, "%s%s", row->line ? "" : "--", row->line ? row->line : row->flag);
		return flags_rig_service_update(row->spec ? row->spec : "{}", line);
	}
	snprintf(line, sizeof line, "%s%s nginx", row->line ? "" : "--", row->line ? row->line : row->flag);
	return flags_rig_service_create(line);
}

static void expect_row(const struct row *row, bool is_update)
{
	char *got = run(row, is_update), refusal[96];

	snprintf(refusal, sizeof refusal, "--%s is not supported by swarmbox yet", row->flag);
	if (!row->line)
		EXPECT_STR(got, refusal);
	else if (!strstr(got, row->want))
		EXPECT_STR(got, row->want);
	free(got);
}

TEST(docker_flags_of_service_create_do_as_docker_does_or_are_refused_by_name)
{
	for (size_t i = 0; i < ARRAY_COUNT(creates); i++)
		expect_row(&creates[i], false);
}

TEST(docker_flags_of_service_update_do_as_docker_does_or_are_refused_by_name)
{
	for (size_t i = 0; i < ARRAY_COUNT(updates); i++)
		expect_row(&updates[i], true);
}

static bool is_listed(const struct row *rows, size_t count, const char *flag)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(rows[i].flag, flag) == 0)
			return true;
	return false;
}

/* Both ways: nothing of docker's is missing in our tables (a row would have failed), nothing of ours is untested. */
static void expect_listed(const struct option *options, const struct row *rows, size_t count)
{
	for (; options->kind != OPTION_END; options++)
		if (!is_listed(rows, count, options->name))
			EXPECT_STR(options->name, "a flag that this test knows");
}

TEST(docker_flags_are_all_that_services_have)
{
	expect_listed(service_create_options, creates, ARRAY_COUNT(creates));
	expect_listed(service_update_options, updates, ARRAY_COUNT(updates));
}

/* --- wrong values --- */

static const struct { const char *line, *error; } wrong[] = {
	{ "--ulimit nofile", "invalid argument \"nofile\" for \"--ulimit\" flag: invalid ulimit argument: nofile" },
	{ "--ulimit as=1", "invalid argument \"as=1\" for \"--ulimit\" flag: invalid ulimit type: as" },
	{ "--ulimit nofile=x", "invalid argument \"nofile=x\" for \"--ulimit\" flag: strconv.ParseInt: parsing \"x\": invalid syntax" },
	{ "--ulimit nofile=1:2:3", "invalid argument \"nofile=1:2:3\" for \"--ulimit\" flag: too many limit value arguments - 1:2:3, can only "
				   "have up to two, `soft[:hard]`" },
	{ "--ulimit nofile=3:2", "invalid argument \"nofile=3:2\" for \"--ulimit\" flag: ulimit soft limit must be less than or equal to hard "
				 "limit: 3 > 2" },
	{ "--ulimit nofile=-1:2", "invalid argument \"nofile=-1:2\" for \"--ulimit\" flag: ulimit soft limit must be less than or equal to hard "
				  "limit: soft: -1 (unlimited), hard: 2" },
	{ "--host db", "invalid argument \"db\" for \"--host\" flag: bad format for add-host: \"db\"" },
	{ "--host db:10.0", "invalid argument \"db:10.0\" for \"--host\" flag: invalid IP address in add-host: \"10.0\"" },
	{ "--host :::1", "invalid argument \":::1\" for \"--host\" flag: bad format for add-host: \":::1\"" },
	{ "--dns x", "invalid argument \"x\" for \"--dns\" flag: IP address is not correctly formatted: x" },
	{ "--dns-search -a", "invalid argument \"-a\" for \"--dns-search\" flag: -a is not a valid domain" },
	{ "--dns-search 1.2", "invalid argument \"1.2\" for \"--dns-search\" flag: 1.2 is not a valid domain" },
	{ "--health-interval -1s", "invalid argument \"-1s\" for \"--health-interval\" flag: duration cannot be negative" },
	{ "--health-retries x", "invalid argument \"x\" for \"--health-retries\" flag: strconv.ParseInt: parsing \"x\": invalid syntax" },
	{ "--no-healthcheck --health-retries 3", "--no-healthcheck conflicts with --health-* options" },
	{ "--isolation hyperv", "invalid argument \"hyperv\" for \"--isolation\" flag: isolation 'hyperv' is not supported by swarmbox yet" },
	{ "--endpoint-mode x", "invalid argument \"x\" for \"--endpoint-mode\" flag: invalid resolution mode: \"x\"" },
	{ "--log-opt =x", "invalid argument \"=x\" for \"--log-opt\" flag: invalid environment variable: =x" },
	{ "--network name=host,ip=1.2.3.4", "invalid argument \"name=host,ip=1.2.3.4\" for \"--network\" flag: invalid field key ip" },
	{ "--network alias=x", "invalid argument \"alias=x\" for \"--network\" flag: network name/id is not specified" },
	{ "--read-only=x", "invalid argument \"x\" for \"--read-only\" flag: strconv.ParseBool: parsing \"x\": invalid syntax" },
	{ "--oom-score-adj x", "invalid argument \"x\" for \"--oom-score-adj\" flag: strconv.ParseInt: parsing \"x\": invalid syntax" },
	{ "--mount type=bind,src=/a,dst=/b,bind-recursive=writable",
	  "invalid argument \"type=bind,src=/a,dst=/b,bind-recursive=writable\" for \"--mount\" flag: option 'bind-recursive=writable' requires "
	  "'readonly' to be specified in conjunction" },
	{ "--mount type=bind,src=/a,dst=/b,ro,bind-recursive=readonly",
	  "invalid argument \"type=bind,src=/a,dst=/b,ro,bind-recursive=readonly\" for \"--mount\" flag: option 'bind-recursive=readonly' "
	  "requires 'bind-propagation=rprivate' to be specified in conjunction" },
};

TEST(docker_flags_answer_wrong_values_in_dockers_words)
{
	for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
		char line[256];

		snprintf(line, sizeof line, "%s nginx", wrong[i].line);
		char *got = flags_rig_service_create(line);

		EXPECT_STR(got, wrong[i].error);
		free(got);
	}
}

TEST(docker_flags_name_a_network_that_cannot_be_left_or_joined_twice)
{
	static const char spec[] = "{\"TaskTemplate\":{\"Networks\":[{\"Target\":\"predefinednetworkhost0000\"}]}}";
	char *got = flags_rig_service_update(spec, "--network-rm backend");

	EXPECT_STR(got, "network backend not found");
	free(got);
	got = flags_rig_service_update(spec, "--network-add host");
	EXPECT_STR(got, "service is already attached to network host");
	free(got);
	got = flags_rig_service_update(spec, "--network-add name=none,alias=db --network-rm host");
	EXPECT_STR(got, "{\"TaskTemplate\":{\"Networks\":[{\"Target\":\"predefinednetworknone0000\",\"Aliases\":[\"db\"]}]}}");
	free(got);
}
