#include <string.h>

#include "base/str.h"
#include "model/container_words.h"
#include "model/json.h"
#include "test/unit/runner.h"

enum { ARENA_MAX = 1 << 22 };

struct bench { struct arena arena; yyjson_doc *doc; struct container_request request; struct err err; };

static void bench_init(struct bench *b)
{
	*b = (struct bench){ .doc = NULL };
	arena_init(&b->arena, "test", ARENA_MAX);
}

static void bench_fini(struct bench *b)
{
	yyjson_doc_free(b->doc);
	arena_fini(&b->arena);
}

/* Reads and checks; what is wrong, or "". */
static const char *read(struct bench *b, const char *json)
{
	yyjson_doc_free(b->doc);
	b->err = (struct err){ 0 };
	b->doc = yyjson_read(json, strlen(json), 0);
	EXPECT(b->doc != NULL);
	if (container_request_from_json(yyjson_doc_get_root(b->doc), &b->arena, &b->request, &b->err) == 0)
		container_request_check(&b->request, &b->err);
	return b->err.text;
}

/* What docker 28.2.2 sends for `docker run alpine echo hi`. */
#define NOTHING_ASKED \
	"\"Binds\":null,\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"\",\"Config\":{}},\"NetworkMode\":\"default\"," \
	"\"PortBindings\":{},\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},\"AutoRemove\":false,\"VolumeDriver\":\"\"," \
	"\"VolumesFrom\":null,\"ConsoleSize\":[0,0],\"CapAdd\":null,\"CapDrop\":null,\"CgroupnsMode\":\"\",\"Dns\":[]," \
	"\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,\"GroupAdd\":null,\"IpcMode\":\"\",\"Cgroup\":\"\",\"Links\":null," \
	"\"OomScoreAdj\":0,\"PidMode\":\"\",\"Privileged\":false,\"PublishAllPorts\":false,\"ReadonlyRootfs\":false," \
	"\"SecurityOpt\":null,\"UTSMode\":\"\",\"UsernsMode\":\"\",\"ShmSize\":0,\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":0," \
	"\"NanoCpus\":0,\"CgroupParent\":\"\",\"BlkioWeight\":0,\"BlkioWeightDevice\":[],\"BlkioDeviceReadBps\":[]," \
	"\"BlkioDeviceWriteBps\":[],\"BlkioDeviceReadIOps\":[],\"BlkioDeviceWriteIOps\":[],\"CpuPeriod\":0,\"CpuQuota\":0," \
	"\"CpuRealtimePeriod\":0,\"CpuRealtimeRuntime\":0,\"CpusetCpus\":\"\",\"CpusetMems\":\"\",\"Devices\":[]," \
	"\"DeviceCgroupRules\":null,\"DeviceRequests\":null,\"MemoryReservation\":0,\"MemorySwap\":0,\"MemorySwappiness\":-1," \
	"\"OomKillDisable\":false,\"PidsLimit\":0,\"Ulimits\":[],\"CpuCount\":0,\"CpuPercent\":0,\"IOMaximumIOps\":0," \
	"\"IOMaximumBandwidth\":0,\"MaskedPaths\":null,\"ReadonlyPaths\":null"
#define NO_ENDPOINT \
	"{\"IPAMConfig\":null,\"Links\":null,\"Aliases\":null,\"MacAddress\":\"\",\"DriverOpts\":null,\"GwPriority\":0," \
	"\"NetworkID\":\"\",\"EndpointID\":\"\",\"Gateway\":\"\",\"IPAddress\":\"\",\"IPPrefixLen\":0,\"IPv6Gateway\":\"\"," \
	"\"GlobalIPv6Address\":\"\",\"GlobalIPv6PrefixLen\":0,\"DNSNames\":null}"
#define PLAIN \
	"{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,\"AttachStdout\":true,\"AttachStderr\":true," \
	"\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":null,\"Cmd\":[\"echo\",\"hi\"],\"Image\":\"alpine\"," \
	"\"Volumes\":{},\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{},\"HostConfig\":{" NOTHING_ASKED "}," \
	"\"NetworkingConfig\":{\"EndpointsConfig\":{\"default\":" NO_ENDPOINT "}}}"

TEST(container_request_reads_what_the_stock_client_sends)
{
	struct bench b;

	bench_init(&b);
	EXPECT_STR(read(&b, PLAIN), "");
	EXPECT_STR(b.request.config.image, "alpine");
	EXPECT_INT(b.request.config.cmd.count, 2);
	EXPECT(b.request.config.attach_stdout && !b.request.config.tty);
	EXPECT_INT(container_network_of(&b.request.host), PREDEFINED_BRIDGE);
	EXPECT_INT(container_restart_parse(b.request.host.restart.name), CONTAINER_RESTART_NO);
	bench_fini(&b);
}

static const char *with_host(struct bench *b, const char *member)
{
	return read(b, arena_printf(&b->arena, "{\"Image\":\"a\",\"HostConfig\":{%s}}", member));
}

TEST(container_request_refuses_by_name_what_no_host_of_ours_can_do)
{
	static const char *const cases[][2] = {
		{ "\"PidMode\":\"host\"", "HostConfig.PidMode 'host' is not supported by swarmbox yet" },
		{ "\"IpcMode\":\"host\"", "HostConfig.IpcMode 'host' is not supported by swarmbox yet" },
		{ "\"UTSMode\":\"host\"", "HostConfig.UTSMode 'host' is not supported by swarmbox yet" },
		{ "\"CgroupnsMode\":\"host\"", "HostConfig.CgroupnsMode 'host' is not supported by swarmbox yet" },
		{ "\"NetworkMode\":\"container:x\"", "HostConfig.NetworkMode 'container:x' is not supported by swarmbox yet" },
		{ "\"NetworkMode\":\"mine\"", "network mine not found" },
		{ "\"Runtime\":\"kata\"", "HostConfig.Runtime 'kata' is not supported by swarmbox yet" },
		{ "\"Isolation\":\"hyperv\"", "HostConfig.Isolation 'hyperv' is not supported by swarmbox yet" },
		{ "\"VolumeDriver\":\"nfs\"", "HostConfig.VolumeDriver 'nfs' is not supported by swarmbox yet" },
		{ "\"Links\":[\"a:b\"]", "HostConfig.Links is not supported by swarmbox yet" },
		{ "\"CpuShares\":2", "HostConfig.CpuShares is not supported by swarmbox yet" },
		{ "\"CpusetCpus\":\"0\"", "HostConfig.CpusetCpus is not supported by swarmbox yet" },
		{ "\"CgroupParent\":\"x\"", "HostConfig.CgroupParent is not supported by swarmbox yet" },
		{ "\"BlkioWeight\":10", "HostConfig.BlkioWeight is not supported by swarmbox yet" },
		{ "\"MemoryReservation\":5242880", "HostConfig.MemoryReservation is not supported by swarmbox yet" },
		{ "\"MemorySwappiness\":0", "HostConfig.MemorySwappiness is not supported by swarmbox yet" },
		{ "\"OomKillDisable\":true", "HostConfig.OomKillDisable is not supported by swarmbox yet" },
		{ "\"StorageOpt\":{\"size\":\"1G\"}", "HostConfig.StorageOpt is not supported by swarmbox yet" },
		{ "\"DeviceRequests\":[{\"Driver\":\"x\"}]", "HostConfig.DeviceRequests is not supported by swarmbox yet" },
		{ "\"DeviceCgroupRules\":[\"c 1:3 r\"]", "HostConfig.DeviceCgroupRules is not supported by swarmbox yet" },
		{ "\"Annotations\":{\"a\":\"b\"}", "HostConfig.Annotations is not supported by swarmbox yet" },
		{ "\"MaskedPaths\":[]", "HostConfig.MaskedPaths (security-opt systempaths) is not supported by swarmbox yet" },
		{ "\"ReadonlyPaths\":[\"/x\"]", "HostConfig.ReadonlyPaths (security-opt systempaths) is not supported by swarmbox yet" },
	};
	struct bench b;

	bench_init(&b);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		EXPECT_STR(with_host(&b, cases[i][0]), cases[i][1]);
	EXPECT_STR(read(&b, "{\"NetworkDisabled\":true}"), "NetworkDisabled is not supported by swarmbox yet");
	EXPECT_STR(read(&b, "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":{\"Aliases\":[\"a\"]}}}}"),
		   "NetworkingConfig.EndpointsConfig.bridge.Aliases is not supported by swarmbox yet");
	EXPECT_STR(read(&b, "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"bridge\":{},\"host\":{}}}}"),
		   "a second network ('host' beside 'bridge') is not supported by swarmbox yet");
	bench_fini(&b);
}

TEST(container_request_says_in_dockers_words_what_makes_no_sense)
{
	static const char *const cases[][2] = {
		{ "\"Memory\":1000", "Minimum memory limit allowed is 6MB" },
		{ "\"MemorySwap\":10000000", "You should always set the Memory limit when using Memoryswap limit, see usage" },
		{ "\"Memory\":20000000,\"MemorySwap\":10000000",
		  "Minimum memoryswap limit should be larger than memory limit, see usage" },
		{ "\"NanoCpus\":1,\"CpuQuota\":5000", "Conflicting options: Nano CPUs and CPU Quota cannot both be set." },
		{ "\"CpuQuota\":5", "CPU cfs quota can not be less than 1ms (i.e. 1000)" },
		{ "\"ShmSize\":-1", "SHM size can not be less than 0" },
		{ "\"RestartPolicy\":{\"Name\":\"often\"}", "invalid restart policy: unknown policy 'often'; use one of 'no', 'always', "
		  "'on-failure', or 'unless-stopped'" },
		{ "\"RestartPolicy\":{\"Name\":\"always\",\"MaximumRetryCount\":3}",
		  "invalid restart policy: maximum retry count can only be used with 'on-failure'" },
		{ "\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":-3}",
		  "invalid restart policy: maximum retry count cannot be negative" },
		{ "\"AutoRemove\":true,\"RestartPolicy\":{\"Name\":\"always\"}",
		  "can't create 'AutoRemove' container with restart policy" },
		{ "\"Binds\":[\"/a:/b\"],\"Tmpfs\":{\"/b\":\"\"}", "Duplicate mount point: /b" },
		{ "\"Binds\":[\"a:b\"]", "invalid volume specification: 'a:b': invalid mount config for type \"volume\": invalid mount path: "
		  "'b' mount path must be absolute" },
		{ "\"Mounts\":[{\"Type\":\"bind\",\"Target\":\"/x\"}]",
		  "invalid mount config for type \"bind\": field Source must not be empty" },
		{ "\"Mounts\":[{\"Type\":\"tmpfs\",\"Source\":\"/y\",\"Target\":\"/x\"}]",
		  "invalid mount config for type \"tmpfs\": field Source must not be specified" },
		{ "\"PortBindings\":{\"x/tcp\":[]}", "invalid port specification: \"x/tcp\"" },
		{ "\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"99999\"}]}", "invalid port specification: \"99999\"" },
		{ "\"Devices\":[{\"PathOnHost\":\"/dev/null\",\"CgroupPermissions\":\"rq\"}]", "invalid device mode: rq" },
		{ "\"ExtraHosts\":[\"nonsense\"]", "bad format for add-host: \"nonsense\"" },
		{ "\"SecurityOpt\":[\"privileged\"]", "invalid --security-opt 2: \"privileged\"" },
	};
	struct bench b;

	bench_init(&b);
	for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
		EXPECT_STR(with_host(&b, cases[i][0]), cases[i][1]);
	EXPECT_STR(read(&b, "{\"WorkingDir\":\"x\"}"), "the working directory 'x' is invalid, it needs to be an absolute path");
	EXPECT_STR(read(&b, "{\"Env\":[\"=x\"]}"), "invalid environment variable: =x");
	EXPECT_STR(read(&b, "{\"StopSignal\":\"BOO\"}"), "invalid signal: BOO");
	EXPECT_STR(read(&b, "{\"Hostname\":\"h\",\"HostConfig\":{\"NetworkMode\":\"host\"}}"),
		   "conflicting options: hostname and the network mode");
	EXPECT_STR(read(&b, "{\"HostConfig\":{\"ConsoleSize\":[1]}}"),
		   "invalid JSON: HostConfig.ConsoleSize must be a height and a width");
	bench_fini(&b);
}

TEST(container_request_keeps_what_it_takes)
{
	struct bench b;
	struct security_words words;

	bench_init(&b);
	EXPECT_STR(with_host(&b, "\"ConsoleSize\":[24,80],\"NetworkMode\":\"none\",\"SecurityOpt\":[\"no-new-privileges\","
				 "\"seccomp=unconfined\",\"apparmor:unconfined\"],\"MemorySwappiness\":-1,\"PidsLimit\":-1,"
				 "\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":4},\"UsernsMode\":\"host\""), "");
	EXPECT_INT(b.request.console_rows, 24);
	EXPECT_INT(b.request.console_columns, 80);
	EXPECT_INT(container_network_of(&b.request.host), PREDEFINED_NONE);
	EXPECT_INT(security_words_parse(&b.request.host.security_opt, &words, &b.err), 0);
	EXPECT(words.no_new_privileges && words.has_no_seccomp && !words.seccomp_profile);
	EXPECT(b.request.host.pids_limit.is_set && b.request.host.pids_limit.value == -1);
	EXPECT_STR(with_host(&b, "\"SecurityOpt\":[\"seccomp=unconfined\",\"seccomp={\\\"a\\\":\\\"b=c\\\"}\"]"), "");
	EXPECT_INT(security_words_parse(&b.request.host.security_opt, &words, &b.err), 0);
	EXPECT(!words.has_no_seccomp);
	EXPECT_STR(words.seccomp_profile, "{\"a\":\"b=c\"}");
	EXPECT_STR(with_host(&b, arena_printf(&b.arena, "\"SecurityOpt\":[\"seccomp=%065537d\"]", 0)), "seccomp profile: larger than 65536 bytes");
	EXPECT_STR(with_host(&b, arena_printf(&b.arena, "\"SecurityOpt\":[\"seccomp=%065536d\"]", 0)), "");
	EXPECT_STR(read(&b, "{\"NetworkingConfig\":{\"EndpointsConfig\":{\"host\":{}}}}"), "");
	EXPECT_INT(container_network_of(&b.request.host), PREDEFINED_HOST);
	bench_fini(&b);
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static const char *bind(struct bench *b, const char *text)
{
	static const char *const types[] = { "bind", "volume", "tmpfs" };
	struct mount mount;

	b->err = (struct err){ 0 };
	if (container_bind_parse(text, &b->arena, &mount, &b->err) < 0)
		return b->err.text;
	return arena_printf(&b->arena, "%s %s>%s%s%s%s", types[mount.type], mount.source ? mount.source : "", mount.target,
			    mount.read_only ? " ro" : "", mount.volume && mount.volume->no_copy ? " nocopy" : "",
			    mount.bind && mount.bind->create_mountpoint ? " create" : "");
}

TEST(container_bind_reads_dockers_forms)
{
	struct bench b;

	bench_init(&b);
	EXPECT_STR(bind(&b, "/a:/b"), "bind /a>/b create");
	EXPECT_STR(bind(&b, "/a:/b:ro,rslave,z"), "bind /a>/b ro create");
	EXPECT_STR(bind(&b, "vol:/b:nocopy"), "volume vol>/b nocopy");
	EXPECT_STR(bind(&b, "/anon"), "volume >/anon");
	EXPECT_STR(bind(&b, "/a:/b:ro,rw"), "invalid mode: ro,rw");
	EXPECT_STR(bind(&b, "/a:/b:ro,ro"), "invalid mode: ro,ro");
	EXPECT_STR(bind(&b, "/a:/b:nocopy"), "invalid mode: nocopy");
	EXPECT_STR(bind(&b, "vol:/b:rslave"), "invalid mode: rslave");
	EXPECT_STR(bind(&b, "/a:/b:x"), "invalid mode: x");
	EXPECT_STR(bind(&b, ":/b"), "invalid volume specification: ':/b': empty section between colons");
	EXPECT_STR(bind(&b, ""), "invalid volume specification: '': empty section between colons");
	EXPECT_STR(bind(&b, "/a:/b:ro:x"), "invalid volume specification: '/a:/b:ro:x'");
	EXPECT_STR(bind(&b, "/a:/"), "invalid volume specification: '/a:/': invalid mount config for type \"bind\": invalid specification: "
				    "destination can't be '/'");
	bench_fini(&b);
}

/* "80/6=8080-8090 …" */
static const char *ports(struct bench *b, const char *json)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct container_port *list;
	size_t count;

	EXPECT_STR(read(b, json), "");
	EXPECT_INT(container_ports(&b->request.config, &b->request.host, &b->arena, &list, &count, &b->err), 0);
	for (size_t i = 0; i < count; i++) {
		char ip[IP_TEXT_SIZE] = "";

		buf_printf(&out, "%s%u/%d=%s%s%u-%u", i ? " " : "", list[i].name.port, list[i].name.protocol,
			   list[i].ip.family ? ip_format(list[i].ip, ip) : "", list[i].ip.family ? ":" : "", list[i].first,
			   list[i].last);
	}
	return arena_strdup(&b->arena, buf_text(&out));
}

TEST(container_ports_are_those_bound_and_with_p_those_exposed)
{
	struct bench b;

	bench_init(&b);
	EXPECT_STR(ports(&b, "{\"ExposedPorts\":{\"90/udp\":{},\"80/tcp\":{}},\"HostConfig\":{\"PortBindings\":{\"80/tcp\":"
			     "[{\"HostPort\":\"8080\"},{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"8081-8083\"}],\"81\":null}}}"),
		   "80/1=8080-8080 80/1=8081-8083 81/1=0-0");
	EXPECT_STR(ports(&b, "{\"ExposedPorts\":{\"90/udp\":{},\"80/tcp\":{}},\"HostConfig\":{\"PublishAllPorts\":true,\"PortBindings\":"
			     "{\"80/tcp\":[{\"HostPort\":\"8080\"}]}}}"),
		   "80/1=8080-8080 90/2=0-0");
	bench_fini(&b);
}

TEST(container_ports_may_be_of_one_address_of_the_host)
{
	struct bench b;

	bench_init(&b);
	EXPECT_STR(ports(&b, "{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"},"
			     "{\"HostIp\":\"192.0.2.1\"},{\"HostIp\":\"\",\"HostPort\":\"1-2\"}]}}}"),
		   "80/1=127.0.0.1:8080-8080 80/1=192.0.2.1:0-0 80/1=1-2");
	bench_fini(&b);
}

static const char *refusal_of_address(struct bench *b, const char *address)
{
	return read(b, arena_printf(&b->arena, "{\"HostConfig\":{\"PortBindings\":{\"80/tcp\":[{\"HostIp\":\"%s\"}]}}}", address));
}

TEST(container_ports_are_of_no_other_addresses)
{
	struct bench b;

	bench_init(&b);
	EXPECT_STR(refusal_of_address(&b, "1.2.3"), "invalid IP address: 1.2.3");
	EXPECT_STR(refusal_of_address(&b, "localhost"), "invalid IP address: localhost");
	EXPECT_STR(refusal_of_address(&b, "::"), "publishing a port on an IPv6 address ('::') is not supported by swarmbox yet: "
						 "its networks have IPv4 only");
	bench_fini(&b);
}

TEST(container_host_entries_turn_round)
{
	struct bench b;

	bench_init(&b);
	EXPECT_STR(container_host_entry("db:10.0.0.1", &b.arena, &b.err), "10.0.0.1 db");
	EXPECT_STR(container_host_entry("db=::1", &b.arena, &b.err), "::1 db");
	EXPECT_STR(container_host_entry("db:[fe80::1]", &b.arena, &b.err), "fe80::1 db");
	EXPECT(!container_host_entry(":1.2.3.4", &b.arena, &b.err));
	EXPECT(!container_host_entry("db:", &b.arena, &b.err));
	bench_fini(&b);
}

TEST(container_names_are_dockers)
{
	struct err err;

	EXPECT_INT(container_name_check("web_1.x-y", &err), 0);
	EXPECT_INT(container_name_check("a", &err), -1);
	EXPECT_STR(err.text, "Invalid container name (a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
	EXPECT_INT(container_name_check("-ab", &err), -1);
	EXPECT_INT(container_name_check("a/b", &err), -1);
	EXPECT_INT(container_name_check("", &err), -1);
}

/* ---- what is kept ------------------------------------------------------------------------------------------------ */

TEST(container_rows_come_back_as_they_were)
{
	static char id[] = "c1", name[] = "web", error[] = "why";
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct container_row row = { .id = id, .name = name, .is_stopped = true, .exit_code = -1, .error = error, .restarts = 3 };
	struct container_row back;
	struct bench b;

	bench_init(&b);
	EXPECT_STR(read(&b, "{\"Image\":\"i\",\"Entrypoint\":[\"\"],\"StopTimeout\":-1,\"ExposedPorts\":{\"80/tcp\":{}},\"HostConfig\":"
			    "{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"8080\"}]},\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":5,\"Hard\":6}]}}"), "");
	row.config = b.request.config;
	row.host = b.request.host;
	shape_encode(&container_row_shape, &row, &bytes);
	EXPECT_INT(shape_decode(&container_row_shape, reader_of(bytes.data, bytes.len), &b.arena, &back, &b.err), 0);
	EXPECT(shape_equal(&container_row_shape, &row, &back));
	EXPECT(back.config.stop_timeout_s.is_set && back.config.stop_timeout_s.value == -1);
	EXPECT_INT(back.config.entrypoint.count, 1);
	EXPECT_STR(back.config.exposed_ports.items[0].name, "80/tcp");
	EXPECT_STR(back.host.port_bindings.items[0].bindings.items[0].host_port, "8080");
	bench_fini(&b);
}

TEST(container_config_is_printed_as_docker_prints_it)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct bench b;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	bench_init(&b);
	EXPECT_STR(read(&b, "{\"Image\":\"i\",\"ExposedPorts\":{\"81/udp\":{},\"80/tcp\":{}},\"Cmd\":[\"a\"],\"StopTimeout\":3}"), "");
	json_write(doc, shape_to_json(&container_config_shape, &b.request.config, doc), 0, &out);
	EXPECT_STR(buf_text(&out),
		   "{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,\"AttachStdout\":false,\"AttachStderr\":false,"
		   "\"ExposedPorts\":{\"80/tcp\":{},\"81/udp\":{}},\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":null,"
		   "\"Cmd\":[\"a\"],\"Image\":\"i\",\"Volumes\":null,\"WorkingDir\":\"\",\"Entrypoint\":null,\"Labels\":{},\"StopTimeout\":3}");
	bench_fini(&b);
}

TEST(fields_map_lets_the_last_of_equal_keys_win_on_the_heap_too)
{
	static const char json[] = "{\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"1\"}],\"79/tcp\":null,\"80/tcp\":[{\"HostPort\":\"2\"}]}}";
	yyjson_doc *doc = yyjson_read(json, strlen(json), 0);
	struct host_config host;
	struct err err;

	EXPECT_INT(shape_from_json(&host_config_shape, yyjson_doc_get_root(doc), NULL, &host, &err), 0);
	EXPECT_INT(host.port_bindings.count, 2);
	EXPECT_STR(host.port_bindings.items[0].port, "79/tcp");
	EXPECT_STR(host.port_bindings.items[1].bindings.items[0].host_port, "2");
	shape_fini(&host_config_shape, &host);
	yyjson_doc_free(doc);
}
