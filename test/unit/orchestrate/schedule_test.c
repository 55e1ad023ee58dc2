#include <string.h>

#include "orchestrate/schedule_rank.h"
#include "test/unit/runner.h"

static const char *explained(struct arena *arena, size_t ready, size_t resource, size_t port, size_t max)
{
	size_t stopped[FILTER_COUNT] = { [FILTER_READY] = ready, [FILTER_RESOURCE] = resource, [FILTER_HOST_PORT] = port,
					 [FILTER_MAX_REPLICAS] = max };
	return filter_explain(stopped, arena);
}

TEST(reasons_are_told_in_dockers_words_most_first)
{
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	EXPECT_STR(explained(&arena, 0, 0, 0, 0), "");
	EXPECT_STR(explained(&arena, 1, 0, 0, 0), "1 node not available for new tasks");
	EXPECT_STR(explained(&arena, 2, 3, 0, 0), "insufficient resources on 3 nodes; 2 nodes not available for new tasks");
	EXPECT_STR(explained(&arena, 1, 1, 1, 1), "1 node not available for new tasks; insufficient resources on 1 node; "
		   "host-mode port already in use on 1 node; max replicas per node limit exceed");
	arena_fini(&arena);
}

struct bed { struct node node; struct ledger_line line; struct filter_node at; struct service_spec spec; };

static enum filter tried(struct bed *bed)
{
	bed->at = (struct filter_node){ "n1", &bed->node, &bed->line, bed->at.of_service };
	return filter_check(&bed->spec, &(struct constraint_list){ 0 }, &bed->at);
}

TEST(reservations_are_held_against_what_is_left)
{
	struct bed bed = { .node.status.state = NODE_READY };

	bed.node.description.resources = (struct node_resources){ 2000000000, 1000 };
	EXPECT_INT(tried(&bed), FILTER_PASSED);
	bed.spec.task.resources.limits.memory_bytes = 5000;     /* limits are promises of nobody */
	EXPECT_INT(tried(&bed), FILTER_PASSED);
	bed.spec.task.resources.reservations.memory_bytes = 600;
	EXPECT_INT(tried(&bed), FILTER_PASSED);
	bed.line.memory_bytes = 401;
	EXPECT_INT(tried(&bed), FILTER_RESOURCE);
	bed.line.memory_bytes = 400;
	bed.line.nano_cpus = 3000000000;                        /* promised before the node lost a processor */
	EXPECT_INT(tried(&bed), FILTER_RESOURCE);
	bed.spec.task.resources.reservations.memory_bytes = 0;
	EXPECT_INT(tried(&bed), FILTER_PASSED);
}

TEST(platforms_have_two_names_each)
{
	char x86[] = "x86_64", amd[] = "amd64", arm[] = "arm64", linux_os[] = "linux";
	struct platform wanted[] = { { arm, linux_os }, { amd, NULL } };
	struct bed bed = { .node.status.state = NODE_READY, .node.description.platform = { x86, linux_os } };

	bed.spec.task.placement.platforms.items = wanted;
	bed.spec.task.placement.platforms.count = 1;
	EXPECT_INT(tried(&bed), FILTER_PLATFORM);
	bed.spec.task.placement.platforms.count = 2;
	EXPECT_INT(tried(&bed), FILTER_PASSED);
}

TEST(only_ready_and_active_nodes_take_tasks)
{
	struct bed bed = { .node.status.state = NODE_READY };

	for (int state = NODE_UNKNOWN; state <= NODE_DISCONNECTED; state++) {
		bed.node.status.state = state;
		EXPECT_INT(tried(&bed), state == NODE_READY ? FILTER_PASSED : FILTER_READY);
	}
	bed.node.status.state = NODE_READY;
	bed.node.spec.availability = AVAILABILITY_PAUSE;
	EXPECT_INT(tried(&bed), FILTER_READY);
}

TEST(host_ports_collide_with_their_protocol_only)
{
	struct host_port used = { PROTOCOL_TCP, 8080 };
	struct port_config port = { .protocol = PROTOCOL_TCP, .target_port = 80, .published_port = 8080, .publish_mode = PUBLISH_HOST };
	struct bed bed = { .node.status.state = NODE_READY, .line = { .ports = &used, .port_count = 1 } };

	bed.spec.endpoint.ports.items = &port;
	bed.spec.endpoint.ports.count = 1;
	EXPECT_INT(tried(&bed), FILTER_HOST_PORT);
	port.protocol = PROTOCOL_UDP;
	EXPECT_INT(tried(&bed), FILTER_PASSED);
	port.protocol = PROTOCOL_TCP;
	port.publish_mode = PUBLISH_INGRESS;
	EXPECT_INT(tried(&bed), FILTER_PASSED);
}

enum { NODES = 20 };

TEST(the_heap_gives_nodes_in_order)
{
	struct ledger_line lines[NODES] = { 0 };
	struct candidate_node nodes[NODES];
	struct rank rank = { nodes, NODES };

	for (size_t i = 0; i < NODES; i++) {
		lines[i] = (struct ledger_line){ .at = i, .active = (i * 7) % 5 };
		nodes[i] = (struct candidate_node){ { .line = &lines[i], .of_service = (i * 3) % 4 }, i % 3 ? 0 : i };
	}
	rank_build(&rank);
	while (rank.count > 1) {
		struct candidate_node first = nodes[0];
		rank_drop_first(&rank);
		EXPECT(rank_before(&first, &nodes[0]));
	}
}

TEST(failures_weigh_from_the_fifth_on)
{
	struct ledger_line line = { 0 }, other = { .at = 1 };
	struct candidate_node a = { { .line = &line, .of_service = 1 }, 0 }, b = { { .line = &other }, RANK_FAILURES - 1 };

	EXPECT(rank_before(&b, &a));
	b.failures = RANK_FAILURES;
	EXPECT(rank_before(&a, &b));
	a.failures = RANK_FAILURES + 1;
	EXPECT(rank_before(&b, &a));
}
