#include "model/validate.h"

#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

#define REFUSED "rpc error: code = InvalidArgument desc = "

static struct service_spec good(void)
{
	static struct replicated one = { { true, 1 } };
	static char name[] = "web", image[] = "nginx";

	return (struct service_spec){ .name = name, .mode.replicated = &one, .task.container.image = image };
}

static const char *refusal_of(const struct service_spec *spec)
{
	static struct err err;

	return validate_service_spec(spec, &err) < 0 ? err.text : NULL;
}

static struct str_array words(char **items, size_t count)
{
	return (struct str_array){ items, count };
}

static const char *refusal_of_container(struct container_spec_model container)
{
	struct service_spec spec = good();

	container.image = spec.task.container.image;
	spec.task.container = container;
	return refusal_of(&spec);
}

static const char *refusal_of_env(const char *entry)
{
	char *env[] = { (char *)(uintptr_t)entry };

	return refusal_of_container((struct container_spec_model){ .env = { env, 1 } });
}

static const char *refusal_of_mount(int type, const char *source, const char *target)
{
	struct mount mount = { .type = type, .source = (char *)(uintptr_t)source, .target = (char *)(uintptr_t)target };

	return refusal_of_container((struct container_spec_model){ .mounts = { &mount, 1 } });
}

TEST(templates_are_expanded_for_a_task_that_is_none_yet)
{
	EXPECT_STR(refusal_of_env("A={{.Node.Hostname}}-{{.Task.Slot}}"), NULL);
	EXPECT_STR(refusal_of_env("A={{index .Service.Labels \"none\"}}"), NULL);
	EXPECT_STR(refusal_of_env("A={{.Node.Nonsense}}"),
		   REFUSED "expanding env failed: expanding env \"A={{.Node.Nonsense}}\": template: expansion:1:7: executing \"expansion\" at "
			   "<.Node.Nonsense>: can't evaluate field Nonsense in type struct { ID string; Hostname string; Platform "
			   "template.Platform }");
	EXPECT_STR(refusal_of_env("A={{"), REFUSED "expanding env failed: expanding env \"A={{\": template: expansion:1: unclosed action");
	EXPECT_STR(refusal_of_env("A={{secret `x`}}"), REFUSED "expanding env failed: expanding env \"A={{secret `x`}}\": template: expansion:1: "
							       "function \"secret\" not defined");
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .hostname = (char[]){ "{{.Task.Name}}-x" } }), NULL);
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .hostname = (char[]){ "{{.Foo}}" } }),
		   REFUSED "expanding hostname failed: template: expansion:1:2: executing \"expansion\" at <.Foo>: can't evaluate field Foo in "
			   "type *template.Context");
	EXPECT_STR(refusal_of_mount(MOUNT_BIND, "/data/{{.Node.ID}}", "{{`/x/`}}{{.Task.Slot}}"), NULL);
	EXPECT_STR(refusal_of_mount(MOUNT_VOLUME, "v-{{.Task.Slot}}", "/x"), NULL);
	EXPECT_STR(refusal_of_mount(MOUNT_VOLUME, "v-{{.Task.Slot}} ", "/x") != NULL ? "refused" : NULL, "refused");
	EXPECT_STR(refusal_of_mount(MOUNT_VOLUME, "v", "{{.Task.Slot}}"), REFUSED "invalid mount target, must be an absolute path: 1");
	EXPECT_STR(refusal_of_mount(MOUNT_VOLUME, "v", "/{{.Task}"), REFUSED "expanding mounts failed: expanding mount target \"/{{.Task}\": "
								     "template: expansion:1: unexpected \"}\" in operand");
}

TEST(container_settings_are_refused_by_name)
{
	char *env[] = { (char[]){ "=x" } }, *unset[] = { (char[]){ "A" } };

	EXPECT_STR(refusal_of_container((struct container_spec_model){ .env = { env, 1 } }),
		   "invalid environment variable: =x");
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .env = { unset, 1 } }), NULL);
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .init = TRI_TRUE }), NULL);
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .init = TRI_FALSE }), NULL);
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .stop_signal = (char[]){ "SIGNONE" } }),
		   "invalid signal: SIGNONE");
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .stop_signal = (char[]){ "RTMIN+3" } }), NULL);
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .dir = (char[]){ "tmp" } }),
		   "the working directory 'tmp' is invalid, it needs to be an absolute path");
}

/* --- what the kernel is told --- */

static const char *refusal_of_caps(const char *add, const char *drop)
{
	char *added = (char *)(uintptr_t)add, *dropped = (char *)(uintptr_t)drop;

	return refusal_of_container((struct container_spec_model){ .cap_add = words(&added, 1), .cap_drop = words(&dropped, 1) });
}

TEST(capabilities_are_known_by_name)
{
	EXPECT_STR(refusal_of_caps("net_admin", "CAP_CHOWN"), NULL);
	EXPECT_STR(refusal_of_caps("ALL", "all"), NULL);
	EXPECT_STR(refusal_of_caps("net_admn", "CHOWN"), "invalid CapAdd: unknown capability: \"CAP_NET_ADMN\"");
	EXPECT_STR(refusal_of_caps("CHOWN", "CAP_X"), "invalid CapDrop: unknown capability: \"CAP_X\"");
}

static const char *refusal_of_ulimit(const char *name, int64_t soft, int64_t hard)
{
	struct ulimit limit = { .name = (char *)(uintptr_t)name, .soft = soft, .hard = hard };
	struct container_spec_model container = { 0 };

	container.ulimits.items = &limit;
	container.ulimits.count = 1;
	return refusal_of_container(container);
}

TEST(ulimits_have_a_name_and_a_soft_limit_below_the_hard_one)
{
	EXPECT_STR(refusal_of_ulimit("nofile", 10, 20), NULL);
	EXPECT_STR(refusal_of_ulimit("core", -1, -1), NULL);
	EXPECT_STR(refusal_of_ulimit("core", 5, -1), NULL);
	EXPECT_STR(refusal_of_ulimit("as", 1, 1), "invalid ulimit type: as");
	EXPECT_STR(refusal_of_ulimit("nofile", 21, 20), "ulimit soft limit must be less than or equal to hard limit: 21 > 20");
	EXPECT_STR(refusal_of_ulimit("nofile", -1, 20),
		   "ulimit soft limit must be less than or equal to hard limit: soft: -1 (unlimited), hard: 20");
	EXPECT_STR(refusal_of_ulimit("nofile", -2, 20), "invalid ulimit nofile: a limit is -1 (unlimited), 0 or more");
}

TEST(sysctls_belong_to_the_container)
{
	static const struct { const char *name, *refusal; } cases[] = {
		{ "net.ipv4.ip_forward", NULL }, { "kernel.shmmax", NULL }, { "fs.mqueue.msg_max", NULL },
		{ "kernel.panic", "sysctl 'kernel.panic' is not allowed" }, { "net/core", "sysctl 'net/core' is not allowed" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct str_pair pair = { (char *)(uintptr_t)cases[i].name, (char[]){ "1" } };
		EXPECT_STR(refusal_of_container((struct container_spec_model){ .sysctls = { &pair, 1 } }), cases[i].refusal);
	}
	struct str_pair net = { (char[]){ "net.core.somaxconn" }, (char[]){ "1" } };
	struct network_attachment host = { .target = (char[]){ "host" } };
	struct service_spec spec = good();
	spec.task.container.sysctls = (struct str_map){ &net, 1 };
	spec.task.networks.items = &host;
	spec.task.networks.count = 1;
	EXPECT_STR(refusal_of(&spec), "sysctl 'net.core.somaxconn' is not allowed");
}

TEST(a_seccomp_profile_comes_with_its_mode)
{
	static uint8_t big[SECCOMP_PROFILE_MAX_BYTES + 1], nul[] = "{}\0x";
	static const char together[] =
		"rpc error: code = InvalidArgument desc = ContainerSpec: Privileges.Seccomp: Mode \"custom\" and a Profile of at most 65536 bytes go together";
	struct seccomp_options seccomp = { .mode = SECCOMP_DEFAULT };
	struct privileges privileges = { .seccomp = &seccomp };
	struct container_spec_model own = { .privileges = &privileges };

	memset(big, ' ', sizeof big);
	EXPECT_STR(refusal_of_container(own), NULL);
	seccomp.mode = SECCOMP_CUSTOM;
	EXPECT_STR(refusal_of_container(own), together);
	seccomp.profile = (struct bytes){ big, sizeof big - 1 };
	EXPECT_STR(refusal_of_container(own), NULL);
	seccomp.profile.count++;
	EXPECT_STR(refusal_of_container(own), together);
	seccomp.profile = (struct bytes){ nul, 2 };
	EXPECT_STR(refusal_of_container(own), NULL);
	seccomp.mode = SECCOMP_DEFAULT;
	EXPECT_STR(refusal_of_container(own), together);
	seccomp = (struct seccomp_options){ SECCOMP_CUSTOM, { nul, 4 } };
	EXPECT_STR(refusal_of_container(own), "rpc error: code = InvalidArgument desc = ContainerSpec: Privileges.Seccomp: Profile is no JSON");
}

TEST(oom_score_groups_and_isolation_are_checked)
{
	char *bad_group = (char[]){ "a b" };

	EXPECT_STR(refusal_of_container((struct container_spec_model){ .oom_score_adj = -1000 }), NULL);
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .oom_score_adj = 1001 }),
		   "Invalid value 1001, range for oom score adj is [-1000, 1000]");
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .groups = words(&bad_group, 1) }), "invalid group: 'a b'");
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .isolation = ISOLATION_HYPERV }),
		   "isolation 'hyperv' is not supported by swarmbox yet");
}

/* --- names --- */

static const char *refusal_of_host(const char *line)
{
	char *item = (char *)(uintptr_t)line;

	return refusal_of_container((struct container_spec_model){ .hosts = words(&item, 1) });
}

TEST(hosts_are_an_address_and_names)
{
	EXPECT_STR(refusal_of_host("10.0.0.1 db"), NULL);
	EXPECT_STR(refusal_of_host("::1 db db.local"), NULL);
	EXPECT_STR(refusal_of_host("host-gateway db"), NULL);
	EXPECT_STR(refusal_of_host("10.0.0.1"), "bad format for add-host: \":10.0.0.1\"");
	EXPECT_STR(refusal_of_host("10.0.0 db"), "invalid IP address in add-host: \"10.0.0\"");
	EXPECT(refusal_of_host("10.0.0.1 db\n10.0.0.2 other"));
}

static const char *refusal_of_dns(const char *server, const char *search, const char *option)
{
	char *servers = (char *)(uintptr_t)server, *searches = (char *)(uintptr_t)search, *options = (char *)(uintptr_t)option;

	return refusal_of_container((struct container_spec_model){
		.dns = { words(&servers, 1), words(&searches, 1), words(&options, 1) } });
}

TEST(name_servers_are_addresses_and_nothing_breaks_a_line)
{
	EXPECT_STR(refusal_of_dns("1.1.1.1", "example.org", "ndots:2"), NULL);
	EXPECT_STR(refusal_of_dns("::1", ".", "edns0"), NULL);
	EXPECT_STR(refusal_of_dns("one", ".", "edns0"), "IP address is not correctly formatted: one");
	EXPECT_STR(refusal_of_dns("::1", "a b", "edns0"), "a b is not a valid domain");
	EXPECT_STR(refusal_of_dns("::1", ".", "a\nnameserver 6.6.6.6"), "'a\nnameserver 6.6.6.6' is not a valid DNS option");
}

/* --- health, logs, networks --- */

TEST(health_checks_have_a_kind_and_times_that_make_sense)
{
	char *none[] = { (char[]){ "NONE" } }, *odd[] = { (char[]){ "EXEC" }, (char[]){ "x" } }, *bare[] = { (char[]){ "CMD" } };
	static const struct { struct health_config health; const char *refusal; } cases[] = {
		{ { .interval_ns = 999999 }, REFUSED "ContainerSpec: Interval in HealthConfig cannot be less than 1ms" },
		{ { .timeout_ns = -1 }, REFUSED "ContainerSpec: Timeout in HealthConfig cannot be less than 1ms" },
		{ { .start_period_ns = 1 }, REFUSED "ContainerSpec: StartPeriod in HealthConfig cannot be less than 1ms" },
		{ { .start_interval_ns = 1 }, REFUSED "ContainerSpec: StartInterval in HealthConfig cannot be less than 1ms" },
		{ { .retries = -1 }, REFUSED "ContainerSpec: Retries in HealthConfig cannot be negative" },
		{ { .interval_ns = 1000000, .retries = 3 }, NULL },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct health_config health = cases[i].health;
		EXPECT_STR(refusal_of_container((struct container_spec_model){ .health = &health }), cases[i].refusal);
	}
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .health = &(struct health_config){ .test = { none, 1 } } }), NULL);
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .health = &(struct health_config){ .test = { odd, 2 } } }),
		   "Unknown healthcheck type 'EXEC' (expected 'CMD')");
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .health = &(struct health_config){ .test = { bare, 1 } } }),
		   "healthcheck has no command");
}

static const char *refusal_of_log(const char *driver, const char *key, const char *value)
{
	struct str_pair option = { (char *)(uintptr_t)key, (char *)(uintptr_t)value };
	struct log_driver log = { .name = (char *)(uintptr_t)driver, .options = { &option, key ? 1 : 0 } };
	struct service_spec spec = good();

	spec.task.log = &log;
	return refusal_of(&spec);
}

TEST(log_drivers_and_their_options_are_known)
{
	EXPECT_STR(refusal_of_log("json-file", NULL, NULL), NULL);
	EXPECT_STR(refusal_of_log("", "max-size", "10m"), NULL);
	EXPECT_STR(refusal_of_log("none", "what", "ever"), NULL);
	EXPECT_STR(refusal_of_log("json-file", "compress", "false"), NULL);
	EXPECT_STR(refusal_of_log("json-file", "mode", "blocking"), NULL);
	EXPECT_STR(refusal_of_log("syslog", NULL, NULL), "log driver 'syslog' is not supported by swarmbox yet");
	EXPECT_STR(refusal_of_log("sylog", NULL, NULL), "logger: no log driver named 'sylog' is registered");
	EXPECT_STR(refusal_of_log("json-file", "max-file", "0"), "max-file cannot be less than 1");
	EXPECT_STR(refusal_of_log("json-file", "max-file", "x"), "strconv.Atoi: parsing \"x\": invalid syntax");
	EXPECT_STR(refusal_of_log("json-file", "max-file", "1001"), "max-file cannot be more than 1000");
	EXPECT_STR(refusal_of_log("json-file", "max-size", "0"), "max-size must be a positive number");
	EXPECT_STR(refusal_of_log("json-file", "max-size", "x"), "invalid size: 'x'");
	EXPECT_STR(refusal_of_log("json-file", "max-siz", "x"), "unknown log opt 'max-siz' for json-file log driver");
	EXPECT_STR(refusal_of_log("json-file", "tag", "x"), "log opt 'tag=x' is not supported by swarmbox yet");
	EXPECT_STR(refusal_of_log("json-file", "compress", "true"), "log opt 'compress=true' is not supported by swarmbox yet");
}

static const char *refusal_on_network(const char *target, int mode, uint64_t published, uint64_t port)
{
	struct network_attachment network = { .target = (char *)(uintptr_t)target };
	struct port_config item = { .target_port = port, .published_port = published, .publish_mode = mode };
	struct service_spec spec = good();

	spec.task.networks.items = &network;
	spec.task.networks.count = 1;
	spec.endpoint.ports.items = &item;
	spec.endpoint.ports.count = port ? 1 : 0;
	return refusal_of(&spec);
}

TEST(networks_are_the_predefined_ones)
{
	struct network_attachment two[] = { { .target = (char[]){ "host" } }, { .target = (char[]){ "none" } } };
	char *alias = (char[]){ "db" };
	struct service_spec spec = good();

	EXPECT_STR(refusal_on_network("host", 0, 0, 0), NULL);
	EXPECT_STR(refusal_on_network("predefinednetworknone0000", 0, 0, 0), NULL);
	EXPECT_STR(refusal_on_network("bridge", PUBLISH_INGRESS, 80, 80), NULL);
	EXPECT_STR(refusal_on_network("backend", 0, 0, 0), "network backend not found");
	EXPECT_STR(refusal_on_network("none", PUBLISH_HOST, 80, 80), "port 80 cannot be published: the service has no network");
	EXPECT_STR(refusal_on_network("host", PUBLISH_HOST, 80, 80), NULL);
	EXPECT_STR(refusal_on_network("host", PUBLISH_HOST, 8080, 80),
		   "port 80 cannot be published: the service is on the host's network, where it opens its ports itself");
	EXPECT(refusal_on_network("host", PUBLISH_INGRESS, 80, 80));
	spec.task.networks.items = two;
	spec.task.networks.count = 2;
	EXPECT_STR(refusal_of(&spec), "more than one network of a service is not supported by swarmbox yet");
	spec.task.networks.count = 1;
	two[0].aliases = words(&alias, 1);
	EXPECT_STR(refusal_of(&spec), "network-scoped alias is supported only for containers in user defined networks");
}

TEST(terminals_and_an_init_are_taken)
{
	EXPECT_STR(refusal_of_container((struct container_spec_model){ .tty = true, .open_stdin = true, .init = TRI_TRUE }), NULL);
}
