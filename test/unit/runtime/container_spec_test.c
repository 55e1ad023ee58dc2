/* The spec, its stored form, and what is refused. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/caps.h"
#include "runtime/container_spec.h"
#include "runtime/shim_plan.h"
#include "test/unit/runner.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char *one_layer[] = { "/layers/a" }, *one_word[] = { "sh" };

static struct container_spec small_spec(void)
{
	struct container_spec spec;

	container_spec_init(&spec);
	spec.id = ID;
	spec.argv = (struct container_strings){ one_word, 1 };
	spec.layers = (struct container_strings){ one_layer, 1 };
	return spec;
}

static struct shim_plan full_plan(void)
{
	static const char *env[] = { "A=1", "UMLAUT=\xc3\xa4" }, *layers[] = { "/l/2", "/l/1" }, *words[] = { "x", "y z", "\"q\"\n" };
	static struct container_pair labels[] = { { "task", "t1" }, { "empty", "" } };
	static struct container_mount mounts[] = {
		{ .kind = CONTAINER_VOLUME, .source = "/vol", .target = "/data", .name = "v", .copies_up = true, .is_readonly = true,
		  .subpath = "a/b", .is_readonly_shallow = true },
		{ .kind = CONTAINER_BIND, .source = "/src", .target = "/dst", .propagation = CONTAINER_RSHARED, .is_nonrecursive = true },
		{ .kind = CONTAINER_TMPFS, .target = "/t", .size_bytes = 1 << 20, .mode = 01770, .tmpfs_options = "exec,uid=5" },
	};
	static struct container_rlimit rlimits[] = { { "nofile", 1024, UINT64_MAX } };
	static struct container_device devices[] = { { "/dev/a", "/dev/b", "rw" } };
	static struct shim_cgroup cgroups[] = { { "/sys/fs/cgroup/memory/x", "memory" } };
	struct shim_plan plan = { .boot_id = "boot", .dir = "/data/c", .base = "/data/base", .uses_overlay = true, .cgroup2_dir = "/cg",
				  .cgroups = cgroups, .cgroup_count = 1, .spec = small_spec() };

	plan.spec.labels = (struct container_pairs){ labels, 2 };
	plan.spec.argv = (struct container_strings){ words, 3 };
	plan.spec.env = (struct container_strings){ env, 2 };
	plan.spec.layers = (struct container_strings){ layers, 2 };
	plan.spec.mounts = mounts;
	plan.spec.mount_count = 3;
	plan.spec.rlimits = rlimits;
	plan.spec.rlimit_count = 1;
	plan.spec.devices = devices;
	plan.spec.device_count = 1;
	plan.spec.memory_bytes = INT64_C(1) << 40;
	plan.spec.memory_swap_bytes = -1;
	plan.spec.oom_score_adj = -5;
	plan.spec.network = CONTAINER_NET_NONE;
	plan.spec.log_driver = CONTAINER_LOG_NONE;
	return plan;
}

TEST(a_plan_comes_back_as_it_was_stored)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(buf_finip) struct buf again = BUF_INIT;
	struct shim_plan plan = full_plan(), back;
	struct arena arena;
	struct err err = { .code = 0 };

	arena_init(&arena, "test", 1 << 20);
	EXPECT(shim_plan_encode(&plan, &text, &err) == 0);
	EXPECT(strchr(buf_text(&text), '\n') == buf_text(&text) + text.len - 1);
	EXPECT(shim_plan_decode(buf_text(&text), text.len, &arena, &back, &err) == 0);
	EXPECT_STR(err.text, "");
	EXPECT(shim_plan_encode(&back, &again, &err) == 0);
	EXPECT_STR(buf_text(&again), buf_text(&text));
	EXPECT_STR(back.spec.argv.items[2], "\"q\"\n");
	EXPECT_STR(back.spec.env.items[1], "UMLAUT=\xc3\xa4");
	EXPECT_STR(container_label(&back.spec, "task"), "t1");
	EXPECT(!container_label(&back.spec, "none"));
	EXPECT_INT(back.spec.mounts[1].propagation, CONTAINER_RSHARED);
	EXPECT(back.spec.rlimits[0].hard == UINT64_MAX);
	EXPECT(back.spec.caps == caps_default() && back.spec.seccomp_enabled);
	arena_fini(&arena);
}

TEST(a_text_that_is_not_utf8_is_refused)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct shim_plan plan = full_plan();
	struct err err = { .code = 0 };

	plan.spec.cwd = "/caf\xe9";
	EXPECT(shim_plan_encode(&plan, &text, &err) == -1);
	EXPECT_STR(err.text, "container spec: a text in it is not UTF-8");
}

TEST(the_end_is_the_second_line_of_a_plan)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct shim_plan plan = full_plan(), back;
	struct arena arena;
	struct err err;

	arena_init(&arena, "test", 1 << 20);
	EXPECT(shim_plan_encode(&plan, &text, &err) == 0);
	EXPECT_STR(shim_plan_end(buf_text(&text)), "");
	buf_add_str(&text, "{\"v\":1}\n");
	EXPECT_STR(shim_plan_end(buf_text(&text)), "{\"v\":1}\n");
	EXPECT(shim_plan_decode(buf_text(&text), text.len, &arena, &back, &err) == 0);
	arena_fini(&arena);
}

static void expect_refused(const char *text, const char *words)
{
	struct shim_plan plan;
	struct arena arena;
	struct err err = { .code = 0 };

	arena_init(&arena, "test", 1 << 20);
	EXPECT(shim_plan_decode(text, strlen(text), &arena, &plan, &err) == -1);
	EXPECT_STR(err.text, words);
	arena_fini(&arena);
}

TEST(a_plan_of_another_version_or_with_unknown_fields_is_refused_by_name)
{
	expect_refused("{\"version\":2}", "container spec: version 2, this swarmbox knows only version 1");
	expect_refused("{}", "container spec: version 0, this swarmbox knows only version 1");
	expect_refused("{\"version\":1,\"host\":{\"colour\":1}}", "container spec: unknown field 'colour'");
	expect_refused("{\"version\":1,\"host\":{}}", "container spec: it does not say where the container lives");
	expect_refused("{\"version\":1,\"host\":{\"boot_id\":\"b\",\"dir\":\"/d\",\"base\":\"/b\"},\"spec\":{\"mounts\":[{\"kind\":\"floppy\"}]}}",
		       "container spec: mounts: field 'kind' has a wrong value");
	expect_refused("{\"version\":1,\"host\":{\"boot_id\":\"b\",\"dir\":\"/d\",\"base\":\"/b\"},\"spec\":{\"cwd\":\"a\\u0000b\"}}",
		       "container spec: field 'cwd' has a wrong value");
	expect_refused("[1", "container spec: unexpected end of data at byte 2");
}

#define REFUSES(change, words) do {                                     \
	struct container_spec spec = small_spec();                      \
	struct err why = { .code = 0 };                                 \
	change;                                                         \
	EXPECT(container_spec_check(&spec, &why) == -1);                \
	EXPECT_STR(why.text, words);                                    \
} while (0)

TEST(what_nobody_could_run_is_refused_in_dockers_words)
{
	struct container_mount mount = { .kind = CONTAINER_BIND, .source = "/a", .target = "/b" };
	struct container_rlimit limit = { "nofile", 2, 1 };
	struct container_pair sysctl = { "kernel.panic", "1" };
	struct container_device device = { "/dev/a", "/dev/a", "x" };
	struct container_spec good = small_spec();
	struct err err;

	EXPECT(container_spec_check(&good, &err) == 0);
	REFUSES(spec.id = "short", "container id 'short': not 64 hexadecimal characters");
	REFUSES(spec.argv.count = 0, "no command specified");
	REFUSES(spec.cwd = "srv", "the working directory 'srv' is invalid, it needs to be an absolute path");
	REFUSES(spec.layers.count = 0, "container 0123456789ab: its image has no layers");
	REFUSES(spec.memory_bytes = 1, "Minimum memory limit allowed is 6MB");
	REFUSES((spec.memory_bytes = 1 << 30, spec.memory_swap_bytes = 1 << 20),
		"Minimum memoryswap limit should be larger than memory limit, see usage");
	REFUSES(spec.oom_score_adj = 1001, "Invalid value 1001, range for oom score adj is [-1000, 1000]");
	REFUSES((mount.target = "b", spec.mounts = &mount, spec.mount_count = 1),
		"invalid mount target, must be an absolute path in the container: 'b'");
	REFUSES((mount.target = "//", spec.mounts = &mount, spec.mount_count = 1), "invalid specification: destination can't be '/'");
	REFUSES((mount.target = "/b/../c", spec.mounts = &mount, spec.mount_count = 1),
		"invalid mount target, must be an absolute path in the container: '/b/../c'");
	REFUSES((mount.target = "/b", mount.source = "rel", spec.mounts = &mount, spec.mount_count = 1),
		"invalid mount source, must be an absolute path: 'rel'");
	REFUSES((spec.rlimits = &limit, spec.rlimit_count = 1),
		"ulimit soft limit must be less than or equal to hard limit: 2 > 1");
	REFUSES((limit.name = "beer", spec.rlimits = &limit, spec.rlimit_count = 1), "invalid ulimit type: beer");
	REFUSES((spec.sysctls = (struct container_pairs){ &sysctl, 1 }), "sysctl 'kernel.panic' is not allowed");
	REFUSES((sysctl.key = "net.ipv4.ip_forward", spec.network = CONTAINER_NET_HOST,
		 spec.sysctls = (struct container_pairs){ &sysctl, 1 }), "sysctl 'net.ipv4.ip_forward' is not allowed");
	REFUSES((sysctl.key = "net/../kernel/panic", spec.sysctls = (struct container_pairs){ &sysctl, 1 }),
		"sysctl 'net/../kernel/panic' is not allowed");
	REFUSES((spec.devices = &device, spec.device_count = 1), "invalid device mode: x");
	REFUSES((mount = (struct container_mount){ .kind = CONTAINER_VOLUME, .source = "/v", .target = "/b", .subpath = "a/../../b" },
		 spec.mounts = &mount, spec.mount_count = 1), "subpath must be a relative path within the volume");
	REFUSES((mount.subpath = "/etc", spec.mounts = &mount, spec.mount_count = 1), "subpath must be a relative path within the volume");
	REFUSES((mount = (struct container_mount){ .kind = CONTAINER_TMPFS, .target = "/b", .tmpfs_options = "rw,beer" },
		 spec.mounts = &mount, spec.mount_count = 1), "invalid tmpfs option [\"beer\"]");
	REFUSES(spec.shm_size_bytes = -1, "SHM size can not be less than 0");
	REFUSES(spec.domainname = "0123456789012345678901234567890123456789012345678901234567890123456789",
		"invalid domainname: '0123456789012345678901234567890123456789012345678901234567890123456789' is longer than 64 characters");
	REFUSES(spec.caps = UINT64_C(1) << 41, "container 0123456789ab: unknown capabilities");
}

TEST(capabilities_are_known_by_either_form_of_their_names)
{
	EXPECT_INT(caps_parse("CAP_NET_ADMIN"), 12);
	EXPECT_INT(caps_parse("net_admin"), 12);
	EXPECT_INT(caps_parse("CHECKPOINT_RESTORE"), 40);
	EXPECT_INT(caps_parse("ALL"), -1);
	EXPECT_INT(caps_parse(""), -1);
	EXPECT(caps_default() == UINT64_C(0xa80425fb));
}
