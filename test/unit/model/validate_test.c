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

static const char *refusal_of_name(const char *name)
{
	struct service_spec spec = good();

	spec.name = (char *)(uintptr_t)name;
	return refusal_of(&spec);
}

TEST(a_good_spec_passes)
{
	struct service_spec spec = good();

	EXPECT_STR(refusal_of(&spec), NULL);
	spec.mode.replicated->replicas.value = 0;
	EXPECT_STR(refusal_of(&spec), NULL);
}

TEST(names_are_dns_labels)
{
	char name[80];

	EXPECT_STR(refusal_of_name(NULL), REFUSED "meta: name must be provided");
	EXPECT_STR(refusal_of_name("-web"), REFUSED "name must be valid as a DNS name component");
	EXPECT_STR(refusal_of_name("web-"), REFUSED "name must be valid as a DNS name component");
	EXPECT_STR(refusal_of_name("we b"), REFUSED "name must be valid as a DNS name component");
	EXPECT_STR(refusal_of_name("web.1"), REFUSED "name must be valid as a DNS name component");
	EXPECT_STR(refusal_of_name("a-_-b"), NULL);
	EXPECT_STR(refusal_of_name("9"), NULL);
	memset(name, 'a', sizeof name);
	name[63] = 0;
	EXPECT_STR(refusal_of_name(name), NULL);
	name[63] = 'a';
	name[64] = 0;
	EXPECT_STR(refusal_of_name(name), REFUSED "name must be 63 characters or fewer");
}

TEST(images_must_be_references)
{
	struct service_spec spec = good();

	spec.task.container.image = NULL;
	EXPECT_STR(refusal_of(&spec), REFUSED "ContainerSpec: image reference must be provided");
	spec.task.container.image = (char[]){ "busybox###" };
	EXPECT_STR(refusal_of(&spec), REFUSED "ContainerSpec: \"busybox###\" is not a valid repository/tag");
}

TEST(resources_have_a_floor)
{
	struct service_spec spec = good();
	struct resource_limits *limits = &spec.task.resources.limits;

	limits->nano_cpus = 42;
	EXPECT_STR(refusal_of(&spec), REFUSED "invalid cpu value 4.2e-08: Must be at least 0.001");
	limits->nano_cpus = -1000000000;
	EXPECT_STR(refusal_of(&spec), REFUSED "invalid cpu value -1: Must be at least 0.001");
	limits->nano_cpus = 1000000;
	limits->memory_bytes = 1;
	EXPECT_STR(refusal_of(&spec), REFUSED "invalid memory value 1: Must be at least 4MiB");
	limits->memory_bytes = 4 << 20;
	limits->pids = -2;
	EXPECT_STR(refusal_of(&spec), REFUSED "invalid pids limit -2: must be -1 or more");
	limits->pids = -1;
	EXPECT_STR(refusal_of(&spec), NULL);
	spec.task.resources.reservations.memory_bytes = 4096;
	EXPECT_STR(refusal_of(&spec), REFUSED "invalid memory value 4096: Must be at least 4MiB");
}

static const char *refusal_of_mount(struct mount mount)
{
	struct service_spec spec = good();

	spec.task.container.mounts.items = &mount;
	spec.task.container.mounts.count = 1;
	return refusal_of(&spec);
}

TEST(mounts_say_where_from_and_where_to)
{
	char relative[] = "data", absolute[] = "/data", odd[] = "a/b";
	struct tmpfs_options tmpfs = { .mode = 010000 };
	struct volume_driver driver = { .name = (char[]){ "nfs" } };
	struct volume_options volume = { .driver = &driver };

	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_BIND, .source = absolute, .target = relative }),
		   REFUSED "invalid mount target, must be an absolute path: data");
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_BIND, .source = relative, .target = absolute }),
		   REFUSED "invalid bind mount source, must be an absolute path: data");
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .source = absolute, .target = absolute }),
		   REFUSED "invalid volume mount source, must not be an absolute path: /data");
	EXPECT(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .source = odd, .target = absolute }));
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .target = absolute }), NULL);
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .target = absolute, .volume = &volume }),
		   "volume driver 'nfs' is not supported by swarmbox yet");
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_TMPFS, .source = relative, .target = absolute }),
		   REFUSED "invalid tmpfs source, source must be empty");
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_TMPFS, .target = absolute, .tmpfs = &tmpfs }),
		   REFUSED "invalid tmpfs mode 010000: must be at most 07777");
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_BIND, .source = absolute, .target = absolute, .tmpfs = &tmpfs }),
		   "invalid mount config for type \"bind\": field TmpfsOptions must not be specified");
}

TEST(options_of_mounts_must_go_together)
{
	char source[] = "/data", name[] = "data", target[] = "/t", up[] = "a/../../b", root[] = "/x", below[] = "a/b.d";
	struct bind_options shallow = { .writable_below = true }, deep = { .readonly_below = true }, both = { .writable_below = true, .readonly_below = true };
	struct str_pair pair = { (char[]){ "colour" }, (char[]){ "red" } };
	struct volume_driver driver = { .options = { &pair, 1 } };
	struct volume_options volume = { .subpath = below };

	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_BIND, .source = source, .target = target, .bind = &shallow }),
		   "mount options conflict: !ReadOnly && BindOptions.ReadOnlyNonRecursive");
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_BIND, .source = source, .target = target, .bind = &deep }),
		   "mount options conflict: !ReadOnly && BindOptions.ReadOnlyForceRecursive");
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_BIND, .source = source, .target = target, .bind = &both, .read_only = true }),
		   "mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive");
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_BIND, .source = source, .target = target, .bind = &deep, .read_only = true }), NULL);
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .source = name, .target = target, .volume = &volume }), NULL);
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .target = target, .volume = &volume }),
		   "invalid mount config for type \"volume\": must not set Subpath when using anonymous volumes");
	volume.subpath = up;
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .source = name, .target = target, .volume = &volume }),
		   "invalid mount config for type \"volume\": subpath must be a relative path within the volume");
	volume.subpath = root;
	EXPECT(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .source = name, .target = target, .volume = &volume }));
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .target = target, .read_only = true }),
		   "invalid mount config for type \"volume\": must not set ReadOnly mode when using anonymous volumes");
	volume = (struct volume_options){ .driver = &driver };
	EXPECT_STR(refusal_of_mount((struct mount){ .type = MOUNT_VOLUME, .source = name, .target = target, .volume = &volume }),
		   "invalid option: \"colour\"");
}

TEST(two_mounts_cannot_share_a_target)
{
	struct service_spec spec = good();
	struct mount mounts[] = { { .type = MOUNT_BIND, .source = (char[]){ "/a" }, .target = (char[]){ "/data" } },
				  { .type = MOUNT_TMPFS, .target = (char[]){ "/data" } } };

	spec.task.container.mounts.items = mounts;
	spec.task.container.mounts.count = 2;
	EXPECT_STR(refusal_of(&spec), REFUSED "ContainerSpec: duplicate mount point: /data");
}

static const char *refusal_of_ports(int mode, struct port_config a, struct port_config b)
{
	struct service_spec spec = good();
	struct port_config ports[] = { a, b };

	spec.endpoint.mode = mode;
	spec.endpoint.ports.items = ports;
	spec.endpoint.ports.count = 2;
	return refusal_of(&spec);
}

TEST(ports_are_in_range_and_not_published_twice)
{
	struct port_config a = { .target_port = 80, .published_port = 8080 }, b = a;

	EXPECT_STR(refusal_of_ports(0, a, b), REFUSED "EndpointSpec: duplicate published ports provided");
	b.protocol = PROTOCOL_TCP;      /* what an unset protocol means */
	EXPECT_STR(refusal_of_ports(0, a, b), REFUSED "EndpointSpec: duplicate published ports provided");
	b.protocol = PROTOCOL_UDP;
	EXPECT_STR(refusal_of_ports(0, a, b), NULL);
	a.published_port = b.published_port = 0;
	b.protocol = PROTOCOL_UNSET;
	EXPECT_STR(refusal_of_ports(0, a, b), NULL);
	b.published_port = 65536;
	EXPECT_STR(refusal_of_ports(0, a, b), REFUSED "EndpointSpec: invalid published port 65536: must be at most 65535");
	b.published_port = 1;
	b.name = (char[]){ "0123456789012345678901234567890123456789012345678901234567890123" };
	EXPECT(refusal_of_ports(0, a, b));
	b.target_port = 0;
	EXPECT_STR(refusal_of_ports(0, a, b), REFUSED "EndpointSpec: invalid target port 0: must be 1 to 65535");
}

TEST(ingress_ports_need_a_virtual_address)
{
	struct port_config a = { .target_port = 80, .published_port = 8080, .publish_mode = PUBLISH_HOST }, b = a;

	b.published_port = 0;
	EXPECT_STR(refusal_of_ports(ENDPOINT_DNSRR, a, b), NULL);
	b.publish_mode = PUBLISH_INGRESS;
	EXPECT_STR(refusal_of_ports(ENDPOINT_DNSRR, a, b),
		   REFUSED "EndpointSpec: port published with ingress mode can't be used with dnsrr mode");
}

static const char *refusal_of_replicas(uint64_t replicas)
{
	struct replicated count = { { true, replicas } };
	struct service_spec spec = good();

	spec.mode.replicated = &count;
	return refusal_of(&spec);
}

TEST(replicas_are_a_sane_number)
{
	EXPECT_STR(refusal_of_replicas((uint64_t)-4), REFUSED "Number of replicas must be non-negative");
	EXPECT_STR(refusal_of_replicas(100000), NULL);
	EXPECT_STR(refusal_of_replicas(100001), REFUSED "Number of replicas must be at most 100000, not 100001");
}

TEST(a_service_has_one_mode)
{
	struct service_spec spec = good();
	struct global_mode global = { 0 };

	spec.mode.global = &global;
	EXPECT_STR(refusal_of(&spec), "must specify only one service mode");
	spec.mode.replicated = NULL;
	EXPECT_STR(refusal_of(&spec), NULL);
	spec.task.placement.max_replicas = 1;
	EXPECT_STR(refusal_of(&spec), "replicas-max-per-node can only be used with replicated or replicated-job mode");
}

TEST(constraints_are_checked_when_the_spec_arrives)
{
	struct service_spec spec = good();
	char *texts[] = { (char[]){ "node.role=manager" } };

	spec.task.placement.constraints = (struct str_array){ texts, 1 };
	EXPECT_STR(refusal_of(&spec), "rpc error: code = Unknown desc = constraint expected one operator from ==, !=");
}

static const char *refusal_of_update(struct update_config update)
{
	struct service_spec spec = good();

	spec.update = &update;
	return refusal_of(&spec);
}

TEST(update_settings_are_dockers_defaults_parallelism_and_order)
{
	EXPECT_STR(refusal_of_update((struct update_config){ .parallelism = 2, .failure_action = FAILURE_PAUSE,
							     .monitor_ns = 5000000000, .order = UPDATE_START_FIRST }), NULL);
	EXPECT_STR(refusal_of_update((struct update_config){ .delay_ns = -1 }),
		   REFUSED "TaskSpec: update-delay cannot be negative");
	EXPECT_STR(refusal_of_update((struct update_config){ .monitor_ns = -1 }),
		   REFUSED "TaskSpec: update-monitor cannot be negative");
	EXPECT_STR(refusal_of_update((struct update_config){ .max_failure_ratio = 1.5 }),
		   REFUSED "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger than 1");
	EXPECT_STR(refusal_of_update((struct update_config){ .delay_ns = 1 }),
		   "UpdateConfig.Delay is not supported by swarmbox yet");
	EXPECT_STR(refusal_of_update((struct update_config){ .monitor_ns = 1 }),
		   "UpdateConfig.Monitor is not supported by swarmbox yet");
	EXPECT_STR(refusal_of_update((struct update_config){ .failure_action = FAILURE_ROLLBACK }),
		   "UpdateConfig.FailureAction is not supported by swarmbox yet");
	EXPECT_STR(refusal_of_update((struct update_config){ .max_failure_ratio = 0.5 }),
		   "UpdateConfig.MaxFailureRatio is not supported by swarmbox yet");
}

TEST(jobs_are_refused_while_reading_the_spec)
{
	const char *text = "{\"Name\":\"j\",\"Mode\":{\"ReplicatedJob\":{\"MaxConcurrent\":1}}}";
	yyjson_doc *doc = yyjson_read(text, strlen(text), 0);
	struct service_spec spec;
	struct arena arena;
	struct err err = { 0 };

	arena_init(&arena, "test", 1 << 20);
	EXPECT(shape_from_json(&service_spec_shape, yyjson_doc_get_root(doc), &arena, &spec, &err) == -1);
	EXPECT(strstr(err.text, "ReplicatedJob") && strstr(err.text, "not supported by swarmbox yet"));
	arena_fini(&arena);
	yyjson_doc_free(doc);
}

TEST(labels_of_nodes_have_names)
{
	struct str_pair pair = { (char[]){ "" }, (char[]){ "x" } };
	struct node_spec spec = { .labels = { &pair, 1 } };
	struct err err;

	EXPECT(validate_node_spec(&spec, &err) == -1);
	pair.key = (char[]){ "zone" };
	EXPECT(validate_node_spec(&spec, &err) == 0);
	spec.name = (char[]){ "a b" };
	EXPECT(validate_node_spec(&spec, &err) == -1);
}
