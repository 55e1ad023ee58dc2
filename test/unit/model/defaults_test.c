#include "model/defaults.h"

#include <stdlib.h>

#include "base/str.h"
#include "test/unit/runner.h"

static void printed(const struct service_spec *spec, const char *want)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_doc_set_root(doc, shape_to_json(&service_spec_shape, spec, doc));
	char *text = yyjson_mut_write(doc, 0, NULL);

	EXPECT_STR(text, want);
	free(text);
	yyjson_mut_doc_free(doc);
}

TEST(defaults_are_what_docker_prints)
{
	struct arena arena;
	struct service_spec spec = { .name = (char[]){ "web" }, .task.container.image = (char[]){ "nginx:latest" } };

	arena_init(&arena, "test", 1 << 20);
	service_spec_defaults(&spec, &arena);
	printed(&spec, "{\"Name\":\"web\",\"Labels\":{},\"TaskTemplate\":{\"ContainerSpec\":{\"Image\":\"nginx:latest\","
		"\"StopGracePeriod\":10000000000,\"DNSConfig\":{},\"Isolation\":\"default\"},\"Resources\":{\"Limits\":{},"
		"\"Reservations\":{}},\"RestartPolicy\":{\"Condition\":\"any\",\"Delay\":5000000000,\"MaxAttempts\":0},"
		"\"Placement\":{},\"ForceUpdate\":0,\"Runtime\":\"container\"},\"Mode\":{\"Replicated\":{\"Replicas\":1}},"
		"\"UpdateConfig\":{\"Parallelism\":1,\"FailureAction\":\"pause\",\"Monitor\":5000000000,"
		"\"MaxFailureRatio\":0,\"Order\":\"stop-first\"},\"RollbackConfig\":{\"Parallelism\":1,"
		"\"FailureAction\":\"pause\",\"Monitor\":5000000000,\"MaxFailureRatio\":0,\"Order\":\"stop-first\"},"
		"\"EndpointSpec\":{\"Mode\":\"vip\"}}");
	arena_fini(&arena);
}

TEST(normalizing_adds_words_but_no_members)
{
	struct arena arena;
	struct port_config port = { .target_port = 80 };
	struct update_config update = { .parallelism = 2 };
	struct service_spec spec = { .update = &update, .endpoint.ports = { &port, 1 } }, again;

	arena_init(&arena, "test", 1 << 20);
	service_spec_normalize(&spec, &arena);
	EXPECT_INT(service_replicas(&spec), 1);
	EXPECT_INT(port.protocol, PROTOCOL_TCP);
	EXPECT_INT(port.publish_mode, PUBLISH_INGRESS);
	EXPECT_INT(update.failure_action, FAILURE_PAUSE);
	EXPECT_INT(update.order, UPDATE_STOP_FIRST);
	EXPECT(!spec.rollback);
	EXPECT(!spec.task.restart);
	shape_copy(&service_spec_shape, &spec, &arena, &again);
	service_spec_normalize(&again, &arena);
	EXPECT(shape_equal(&service_spec_shape, &spec, &again));
	arena_fini(&arena);
}

TEST(normalizing_turns_names_of_predefined_networks_into_ids)
{
	struct network_attachment networks[] = { { .target = (char[]){ "host" } }, { .target = (char[]){ "other" } } };
	struct service_spec spec = { 0 };
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	spec.task.networks.items = networks;
	spec.task.networks.count = 2;
	for (int twice = 0; twice < 2; twice++) {
		service_spec_normalize(&spec, &arena);
		EXPECT_STR(networks[0].target, predefined_network_id(PREDEFINED_HOST));
		EXPECT_STR(networks[1].target, "other");
		EXPECT_INT(service_network(&spec.task), PREDEFINED_HOST);
	}
	arena_fini(&arena);
}

TEST(normalizing_leaves_a_global_service_without_replicas)
{
	struct arena arena;
	struct global_mode global = { 0 };
	struct service_spec spec = { .mode.global = &global };

	arena_init(&arena, "test", 1 << 20);
	service_spec_normalize(&spec, &arena);
	EXPECT(!spec.mode.replicated);
	arena_fini(&arena);
}

TEST(defaults_of_a_policy_hold_member_by_member)
{
	struct restart_policy policy = { .condition = RESTART_ON_FAILURE, .max_attempts = { true, 3 } };
	struct task_spec bare = { 0 }, given = { .restart = &policy };

	EXPECT_INT(restart_condition_of(&bare), RESTART_ANY);
	EXPECT_INT(restart_delay_ns(&bare), 5000000000);
	EXPECT_INT(restart_condition_of(&given), RESTART_ON_FAILURE);
	EXPECT_INT(restart_delay_ns(&given), 5000000000);
	EXPECT_INT(restart_max_attempts(&given), 3);
	EXPECT_INT(restart_window_ns(&given), 0);
	policy.delay_ns = (struct opt_u64){ true, 0 };
	EXPECT_INT(restart_delay_ns(&given), 0);
	EXPECT_INT(stop_grace_ns(&bare), 10000000000);
	EXPECT_INT(update_parallelism(&(struct service_spec){ 0 }), 1);
	EXPECT(!update_starts_first(&(struct service_spec){ 0 }));
}

static bool changes(struct service_spec old, struct service_spec new)
{
	return service_template_changed(&old, &new);
}

TEST(only_the_template_and_the_endpoint_replace_tasks)
{
	struct replicated two = { { true, 2 } };
	struct str_pair label = { (char[]){ "a" }, (char[]){ "b" } };
	struct port_config port = { .target_port = 80 };
	char *constraints[] = { (char[]){ "node.role==manager" } };
	struct service_spec base = { .task.container.image = (char[]){ "a" } }, other = base;

	EXPECT(!changes(base, base));
	other.mode.replicated = &two;
	other.labels = (struct str_map){ &label, 1 };
	other.task.placement.constraints = (struct str_array){ constraints, 1 };
	other.task.placement.max_replicas = 3;
	EXPECT(!changes(base, other));
	other.task.container.labels = (struct str_map){ &label, 1 };
	EXPECT(changes(base, other));
	other = base;
	other.task.force_update = 1;
	EXPECT(changes(base, other));
	other = base;
	other.endpoint.ports.items = &port;
	other.endpoint.ports.count = 1;
	EXPECT(changes(base, other));
	other = base;
	other.task.log = &(struct log_driver){ .name = (char[]){ "none" } };
	EXPECT(changes(base, other));
	other = base;
	other.task.container.health = &(struct health_config){ .retries = 2 };
	EXPECT(changes(base, other));
}

TEST(normalizing_drops_options_that_say_nothing)
{
	struct health_config health = { 0 };
	struct privileges privileges = { 0 };
	struct log_driver log = { 0 };
	struct service_spec spec = { .task.log = &log, .task.container = { .health = &health, .privileges = &privileges } };
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	service_spec_normalize(&spec, &arena);
	EXPECT(!spec.task.log && !spec.task.container.health && !spec.task.container.privileges);
	spec.task.container.health = &health;
	health.retries = 1;
	service_spec_normalize(&spec, &arena);
	EXPECT(spec.task.container.health == &health);
	arena_fini(&arena);
}
