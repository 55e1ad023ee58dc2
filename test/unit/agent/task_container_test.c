#include <signal.h>
#include <string.h>

#include "agent/task_container.h"
#include "base/str.h"
#include "model/caps.h"
#include "test/unit/runner.h"

enum { ARENA_MAX = 1 << 20 };

/* An assignment, an image's config, and what becomes of them. */
struct bench { struct arena arena; struct assignment assignment; struct image_config config; struct container_spec spec; struct err err; const char *gateway;
	       const char *const *names; };

static void bench_init(struct bench *b)
{
	static char task[] = "t1", service[] = "s1", web[] = "web", node[] = "n1";

	*b = (struct bench){ .assignment = { .task_id = task, .service_id = service, .service_name = web, .node_id = node, .slot = 2 } };
	arena_init(&b->arena, "test", ARENA_MAX);
	image_config_init(&b->config);
}

static void bench_fini(struct bench *b)
{
	image_config_fini(&b->config);
	arena_fini(&b->arena);
}

static int make(struct bench *b, const char *const *paths, size_t count)
{
	const struct container_volumes volumes = { paths, count, b->names };
	const char *const layers[] = { "/layers/top", "/layers/low" };

	b->err = (struct err){ 0 };
	return task_container(&b->assignment, &b->assignment.spec.container, "c1", "sha256:aa", &b->config, layers, ARRAY_COUNT(layers), &volumes, b->gateway, &b->arena, &b->spec,
			      &b->err);
}

static char *text(struct bench *b, const char *s)
{
	return arena_strdup(&b->arena, s);
}

/* Words between single spaces. */
static struct str_array words(struct bench *b, const char *list)
{
	struct str_array ret = { ARENA_ARRAY(&b->arena, char *, strlen(list)), 0 };
	char *save = NULL;

	for (char *word = strtok_r(text(b, list), " ", &save); word; word = strtok_r(NULL, " ", &save))
		ret.items[ret.count++] = word;
	return ret;
}

static const char *line(struct bench *b, const struct container_strings *list)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	for (size_t i = 0; i < list->count; i++)
		buf_printf(&out, "%s%s", i ? " " : "", list->items[i]);
	return arena_strdup(&b->arena, buf_text(&out));
}

TEST(task_container_runs_the_images_entrypoint_and_command)
{
	struct bench b;

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.entrypoint, "/entry");
	image_config_add_word(&b.config, &b.config.cmd, "serve");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_STR(line(&b, &b.spec.argv), "/entry serve");
	b.assignment.spec.container.args = words(&b, "check -v");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_STR(line(&b, &b.spec.argv), "/entry check -v");
	b.assignment.spec.container.command = words(&b, "/bin/sh");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_STR(line(&b, &b.spec.argv), "/bin/sh check -v");
	b.assignment.spec.container.args = (struct str_array){ 0 };
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_STR(line(&b, &b.spec.argv), "/bin/sh");
	bench_fini(&b);
}

TEST(task_container_refuses_an_image_with_nothing_to_run)
{
	struct bench b;

	bench_init(&b);
	EXPECT_INT(make(&b, NULL, 0), -1);
	EXPECT_INT(b.err.code, ERR_INVALID);
	EXPECT_STR(b.err.text, "no command specified");
	bench_fini(&b);
}

TEST(task_container_replaces_and_unsets_the_images_variables)
{
	struct bench b;

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.cmd, "x");
	image_config_add_word(&b.config, &b.config.env, "PATH=/bin");
	image_config_add_word(&b.config, &b.config.env, "PATHS=kept");
	image_config_add_word(&b.config, &b.config.env, "GONE=1");
	image_config_add_word(&b.config, &b.config.env, "LAST=1");
	b.assignment.spec.container.env = words(&b, "PATH=/usr/bin GONE NEVER NEW=a=b NEW=c EMPTY=");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_STR(line(&b, &b.spec.env), "PATH=/usr/bin PATHS=kept LAST=1 NEW=c EMPTY=");
	bench_fini(&b);
}

TEST(task_container_labels_of_the_spec_win_over_the_images_and_swarms_over_both)
{
	static char a[] = "a", spec[] = "spec", id[] = TASK_LABEL_ID, forged[] = "forged";
	static char volumes[] = TASK_LABEL_VOLUMES;
	struct str_pair own[] = { { a, spec }, { id, forged }, { volumes, forged } };
	struct bench b;

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.cmd, "x");
	image_config_set_label(&b.config, "a", "image");
	image_config_set_label(&b.config, "b", "image");
	image_config_set_label(&b.config, TASK_LABEL_SERVICE, "forged");
	image_config_add_word(&b.config, &b.config.diff_ids, "d1");
	image_config_add_word(&b.config, &b.config.diff_ids, "d2");
	b.assignment.spec.container.labels = (struct str_map){ own, ARRAY_COUNT(own) };
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_STR(container_label(&b.spec, "a"), "spec");
	EXPECT_STR(container_label(&b.spec, "b"), "image");
	EXPECT_STR(container_label(&b.spec, TASK_LABEL_ID), "t1");
	EXPECT_STR(container_label(&b.spec, TASK_LABEL_SERVICE), "s1");
	EXPECT_STR(container_label(&b.spec, TASK_LABEL_VOLUMES), "");
	EXPECT_STR(container_label(&b.spec, "com.docker.swarm.task.name"), "web.2.t1");
	EXPECT_STR(container_label(&b.spec, "com.docker.swarm.node.id"), "n1");
	EXPECT_STR(container_label(&b.spec, "com.docker.swarm.service.name"), "web");
	EXPECT_STR(container_label(&b.spec, TASK_LABEL_IMAGE), "sha256:aa");
	EXPECT_STR(container_label(&b.spec, TASK_LABEL_LAYERS), "d1,d2");
	EXPECT_STR(b.spec.name, "web.2.t1");
	bench_fini(&b);
}

TEST(task_container_mounts_what_the_spec_names_and_the_images_own_volumes)
{
	static char srv[] = "/srv", data[] = "data", a[] = "/a", b_target[] = "/b", c[] = "/c";
	struct bind_options bind = { .propagation = PROPAGATION_SLAVE, .non_recursive = true, .create_mountpoint = true, .writable_below = true,
				     .readonly_below = true };
	struct volume_options volume = { .no_copy = true, .subpath = a + 1 };
	struct tmpfs_options tmpfs = { .size_bytes = 4096, .mode = 0700 };
	struct mount mounts[] = {
		{ .type = MOUNT_BIND, .source = srv, .target = a, .read_only = true, .bind = &bind },
		{ .type = MOUNT_VOLUME, .source = data, .target = b_target, .volume = &volume },
		{ .type = MOUNT_TMPFS, .target = c, .tmpfs = &tmpfs },
	};
	const char *const paths[] = { NULL, "/volumes/data", NULL, "/volumes/anonymous" };
	const struct container_mount *got;
	struct bench b;

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.cmd, "x");
	image_config_add_sorted(&b.config, &b.config.volumes, "/b");
	image_config_add_sorted(&b.config, &b.config.volumes, "/d");
	b.assignment.spec.container.mounts.items = mounts;
	b.assignment.spec.container.mounts.count = ARRAY_COUNT(mounts);
	EXPECT_INT(make(&b, paths, ARRAY_COUNT(paths)), 0);
	EXPECT_INT(b.spec.mount_count, 4);
	got = b.spec.mounts;
	EXPECT(got[0].kind == CONTAINER_BIND && str_eq(got[0].source, "/srv") && str_eq(got[0].target, "/a") && got[0].is_readonly);
	EXPECT(got[0].propagation == CONTAINER_SLAVE && got[0].is_nonrecursive && got[0].makes_source);
	EXPECT(got[1].kind == CONTAINER_VOLUME && str_eq(got[1].source, "/volumes/data") && str_eq(got[1].name, "data"));
	EXPECT(got[0].is_readonly_shallow && got[0].needs_readonly_deep);
	EXPECT(!got[1].copies_up && !got[1].is_readonly && str_eq(got[1].subpath, "a"));
	EXPECT(got[2].kind == CONTAINER_TMPFS && got[2].size_bytes == 4096 && got[2].mode == 0700);
	EXPECT(got[3].kind == CONTAINER_VOLUME && str_eq(got[3].source, "/volumes/anonymous") && str_eq(got[3].target, "/d"));
	EXPECT(got[3].copies_up);
	b.names = (const char *const[]){ NULL, "data", NULL, "anon" };
	EXPECT_INT(make(&b, paths, ARRAY_COUNT(paths)), 0);
	EXPECT_STR(b.spec.mounts[1].name, "data");
	EXPECT_STR(b.spec.mounts[3].name, "anon");
	bench_fini(&b);
}

TEST(task_container_takes_the_specs_stop_signal_then_the_images)
{
	struct bench b;

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.cmd, "x");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_INT(b.spec.stop_signal, 0);
	b.config.stop_signal = "SIGQUIT";
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_INT(b.spec.stop_signal, SIGQUIT);
	b.assignment.spec.container.stop_signal = text(&b, "int");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_INT(b.spec.stop_signal, SIGINT);
	b.assignment.spec.container.stop_signal = text(&b, "SIGNOTHING");
	EXPECT_INT(make(&b, NULL, 0), -1);
	EXPECT_STR(b.err.text, "invalid signal: SIGNOTHING");
	bench_fini(&b);
}

TEST(task_stop_grace_is_the_specs_or_ten_seconds)
{
	struct assignment assignment = { 0 };

	EXPECT_INT(task_stop_grace_ms(&assignment), 10000);
	assignment.spec.container.stop_grace_ns = (struct opt_u64){ true, 0 };
	EXPECT_INT(task_stop_grace_ms(&assignment), 0);
	assignment.spec.container.stop_grace_ns.value = 1500000000;
	EXPECT_INT(task_stop_grace_ms(&assignment), 1500);
}

TEST(task_container_takes_the_images_user_and_directory_where_the_spec_has_none)
{
	struct bench b;

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.cmd, "x");
	b.config.user = "www";
	b.config.working_dir = "/app";
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_STR(b.spec.user, "www");
	EXPECT_STR(b.spec.cwd, "/app");
	b.assignment.spec.container.user = text(&b, "0:0");
	b.assignment.spec.container.dir = text(&b, "/tmp");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_STR(b.spec.user, "0:0");
	EXPECT_STR(b.spec.cwd, "/tmp");
	EXPECT_STR(line(&b, &b.spec.layers), "/layers/top /layers/low");
	bench_fini(&b);
}

TEST(task_container_adds_and_drops_capabilities_as_docker_does)
{
	static const struct { const char *add, *drop; uint64_t minus, plus; } cases[] = {
		{ "", "", 0, 0 },
		{ "net_admin CAP_SYS_TIME", "", 0, CAPS_BIT(12) | CAPS_BIT(25) },
		{ "NET_ADMIN", "chown KILL", CAPS_BIT(0) | CAPS_BIT(5), CAPS_BIT(12) },
		{ "CHOWN", "CAP_CHOWN", 0, CAPS_BIT(0) },
		{ "", "ALL", CAPS_ALL, 0 },
		{ "KILL", "ALL", CAPS_ALL, CAPS_BIT(5) },
		{ "ALL", "KILL", CAPS_BIT(5), CAPS_ALL & ~CAPS_BIT(5) },
	};

	for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
		struct bench b;

		bench_init(&b);
		image_config_add_word(&b.config, &b.config.cmd, "x");
		b.assignment.spec.container.cap_add = words(&b, cases[i].add);
		b.assignment.spec.container.cap_drop = words(&b, cases[i].drop);
		EXPECT_INT(make(&b, NULL, 0), 0);
		EXPECT(b.spec.caps == ((caps_default() & ~cases[i].minus) | cases[i].plus));
		bench_fini(&b);
	}
}

TEST(task_container_tells_the_kernel_what_the_spec_asks)
{
	struct ulimit limits[] = { { .name = (char[]){ "nofile" }, .soft = 10, .hard = 20 }, { .name = (char[]){ "core" }, .soft = -1, .hard = -1 } };
	struct str_pair sysctls[] = { { (char[]){ "net.core.somaxconn" }, (char[]){ "99" } } };
	struct seccomp_options unconfined = { .mode = SECCOMP_UNCONFINED };
	struct privileges privileges = { .seccomp = &unconfined, .no_new_privileges = true };
	struct bench b;

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.cmd, "x");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT(b.spec.seccomp_enabled && !b.spec.no_new_privs && !b.spec.is_root_readonly && b.spec.rlimit_count == 0);
	b.assignment.spec.container.ulimits.items = limits;
	b.assignment.spec.container.ulimits.count = ARRAY_COUNT(limits);
	b.assignment.spec.container.sysctls = (struct str_map){ sysctls, 1 };
	b.assignment.spec.container.privileges = &privileges;
	b.assignment.spec.container.read_only = true;
	b.assignment.spec.container.oom_score_adj = -500;
	b.assignment.spec.container.groups = words(&b, "audio 44");
	b.assignment.spec.resources.limits.pids = -1;
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT(!b.spec.seccomp_enabled && b.spec.no_new_privs && b.spec.is_root_readonly && !b.spec.seccomp_profile);
	unconfined = (struct seccomp_options){ SECCOMP_CUSTOM, { (uint8_t[]){ '{', '}', 'x' }, 2 } };
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_STR(b.spec.seccomp_profile, "{}");
	EXPECT(b.spec.rlimit_count == 2 && b.spec.rlimits[0].soft == 10 && b.spec.rlimits[0].hard == 20);
	EXPECT(b.spec.rlimits[1].soft == UINT64_MAX && b.spec.rlimits[1].hard == UINT64_MAX && str_eq(b.spec.rlimits[1].name, "core"));
	EXPECT_STR(b.spec.sysctls.items[0].key, "net.core.somaxconn");
	EXPECT_STR(b.spec.sysctls.items[0].value, "99");
	EXPECT_INT(b.spec.oom_score_adj, -500);
	EXPECT_INT(b.spec.pids_limit, 0);
	EXPECT_STR(line(&b, &b.spec.groups), "audio 44");
	bench_fini(&b);
}

TEST(task_container_writes_hosts_and_name_servers)
{
	struct bench b;
	char *hosts[] = { (char[]){ "10.1.2.3 db  db.local" }, (char[]){ "host-gateway outside" }, (char[]){ "::1\tsix" } };

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.cmd, "x");
	b.assignment.spec.container.hosts = (struct str_array){ hosts, ARRAY_COUNT(hosts) };
	b.assignment.spec.container.dns.nameservers = words(&b, "1.1.1.1 2606:4700::1111");
	b.assignment.spec.container.dns.search = words(&b, "example.org .");
	b.assignment.spec.container.dns.options = words(&b, "ndots:3");
	EXPECT_INT(make(&b, NULL, 0), -1);
	EXPECT_STR(b.err.text, "unable to derive the IP value for host-gateway");
	b.gateway = "172.17.0.1";
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT_INT(b.spec.hosts.count, 3);
	EXPECT_STR(b.spec.hosts.items[0].key, "10.1.2.3");
	EXPECT_STR(b.spec.hosts.items[0].value, "db  db.local");
	EXPECT_STR(b.spec.hosts.items[1].key, "172.17.0.1");
	EXPECT_STR(b.spec.hosts.items[1].value, "outside");
	EXPECT_STR(b.spec.hosts.items[2].key, "::1");
	EXPECT_STR(line(&b, &b.spec.dns_servers), "1.1.1.1 2606:4700::1111");
	EXPECT_STR(line(&b, &b.spec.dns_search), "example.org .");
	EXPECT_STR(line(&b, &b.spec.dns_options), "ndots:3");
	bench_fini(&b);
}

TEST(task_container_logs_and_networks_as_the_spec_names_them)
{
	struct str_pair options[] = { { (char[]){ "max-file" }, (char[]){ "3" } }, { (char[]){ "max-size" }, (char[]){ "10k" } } };
	struct log_driver log = { .options = { options, 2 } };
	struct network_attachment network = { .target = (char[]){ "predefinednetworkhost0000" } };
	struct bench b;

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.cmd, "x");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT(b.spec.log_driver == CONTAINER_LOG_JSON_FILE && b.spec.log_max_bytes == 0 && b.spec.network == CONTAINER_NET_OWN);
	b.assignment.spec.log = &log;
	b.assignment.spec.networks.items = &network;
	b.assignment.spec.networks.count = 1;
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT(b.spec.log_driver == CONTAINER_LOG_JSON_FILE && b.spec.log_max_bytes == 10000 && b.spec.log_max_files == 3);
	EXPECT(b.spec.network == CONTAINER_NET_HOST);
	log.name = (char[]){ "none" };
	network.target = (char[]){ "predefinednetworknone0000" };
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT(b.spec.log_driver == CONTAINER_LOG_NONE && b.spec.network == CONTAINER_NET_NONE);
	bench_fini(&b);
}

TEST(task_container_carries_how_its_health_is_checked)
{
	char *line[] = { (char[]){ "CMD-SHELL" }, (char[]){ "true" } }, *none[] = { (char[]){ "NONE" } };
	struct health_config own = { .test = { line, 2 }, .retries = 7 }, got;
	struct bench b;

	bench_init(&b);
	image_config_add_word(&b.config, &b.config.cmd, "x");
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT(!container_label(&b.spec, TASK_LABEL_HEALTH));
	EXPECT_INT(task_health(&b.spec, &b.arena).test.count, 0);
	image_config_add_word(&b.config, &b.config.health.test, "CMD");
	image_config_add_word(&b.config, &b.config.health.test, "/check");
	b.config.health.interval = 5000000000;
	EXPECT_INT(make(&b, NULL, 0), 0);
	got = task_health(&b.spec, &b.arena);
	EXPECT(got.test.count == 2 && str_eq(got.test.items[1], "/check") && got.interval_ns == 5000000000 && got.retries == 0);
	b.assignment.spec.container.health = &own;
	EXPECT_INT(make(&b, NULL, 0), 0);
	got = task_health(&b.spec, &b.arena);
	EXPECT(got.test.count == 2 && str_eq(got.test.items[0], "CMD-SHELL") && got.interval_ns == 5000000000 && got.retries == 7);
	/* a shell of the image's own */
	image_config_add_word(&b.config, &b.config.shell, "/bin/ash");
	image_config_add_word(&b.config, &b.config.shell, "-ec");
	EXPECT_INT(make(&b, NULL, 0), 0);
	got = task_health(&b.spec, &b.arena);
	EXPECT(got.test.count == 4 && str_eq(got.test.items[0], "CMD") && str_eq(got.test.items[1], "/bin/ash") &&
	       str_eq(got.test.items[2], "-ec") && str_eq(got.test.items[3], "true"));
	own.test = (struct str_array){ none, 1 };
	EXPECT_INT(make(&b, NULL, 0), 0);
	EXPECT(!container_label(&b.spec, TASK_LABEL_HEALTH));
	bench_fini(&b);
}

TEST(a_filter_of_its_own_is_judged_before_there_is_a_task)
{
	static const struct { const char *profile, *words; } all[] = {
		{ "{}", "fine" }, { "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}", "fine" }, { "", "fine" /* validate.h's to say */ },
		{ "no", "Decoding seccomp profile failed: " }, { "{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "seccomp action SCMP_ACT_NOTIFY is not supported" },
		{ "{\"defaultAction\":\"SCMP_ACT_ERRNO\"}", "seccomp profile: it does not allow 'prctl'" },
	};
	struct seccomp_options custom = { .mode = SECCOMP_CUSTOM };
	struct privileges privileges = { .seccomp = &custom };
	struct container_spec_model own = { .privileges = &privileges };
	struct err err;

	for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
		custom.profile = (struct bytes){ (uint8_t *)(uintptr_t)all[i].profile, strlen(all[i].profile) };
		EXPECT_INT(container_plan_check_filter(&own, "6.1.0", &err), str_eq(all[i].words, "fine") ? 0 : -1);
		EXPECT(str_eq(all[i].words, "fine") || str_starts(err.text, all[i].words));
	}
	custom.mode = SECCOMP_DEFAULT;
	EXPECT_INT(container_plan_check_filter(&own, "6.1.0", &err), 0);
	privileges.seccomp = NULL;
	EXPECT_INT(container_plan_check_filter(&own, "6.1.0", &err), 0);
	own.privileges = NULL;
	EXPECT_INT(container_plan_check_filter(&own, "6.1.0", &err), 0);
}
