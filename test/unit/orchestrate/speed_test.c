/* How long decisions take: printed, to be read; only what is decided is checked. Figures of the san variant are some ten times those
 * of the release. */
#include <stdio.h>
#include <time.h>

#include "base/panic.h"
#include "test/unit/orchestrate/world.h"
#include "test/unit/runner.h"

static double cpu_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);      /* others use this machine as well */
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* Deciding alone: the time of the orchestrator, without applying what it said. */
static double decide(struct world *world, size_t *ret_calls, double *ret_longest)
{
	double sum = 0;

	*ret_calls = 0;
	*ret_longest = 0;
	do {
		struct arena arena;
		struct orchestrate_out out;
		double start = cpu_ms(), took;

		arena_init(&arena, "speed", 1 << 30);
		orchestrate(&(struct orchestrate_in){ .view = world->view, .dirty = world->dirty, .now_ms = world->now_ms,
						      .rng = &world->rng, .arena = &arena }, &out);
		took = cpu_ms() - start;
		sum += took;
		*ret_longest = took > *ret_longest ? took : *ret_longest;
		++*ret_calls;
		world->more = out.more;
		if (out.changes.count > 0)
			world_commit(world, &out.changes);
		arena_fini(&arena);
	} while (world->more || !dirty_is_empty(world->dirty));
	return sum;
}

static void add_nodes(struct world *world, size_t count)
{
	struct arena arena;
	struct change_list list;

	for (size_t done = 0; done < count;) {
		arena_init(&arena, "nodes", 1 << 26);
		change_list_init(&list, &arena);
		for (; done < count && list.count < CHANGES_MAX; done++) {
			struct node *node = change_create(&list, KIND_NODE, arena_printf(&arena, "node%06zu", done),
							  FIELD_BIT(NODE_STATUS) | FIELD_BIT(NODE_DESCRIPTION));
			node->status.state = NODE_READY;
			node->description.resources = (struct node_resources){ 8000000000, (int64_t)16 << 30 };
		}
		world_commit(world, &list);
		arena_fini(&arena);
	}
}

static void add_service(struct world *world, const char *name, uint64_t count)
{
	char image[] = "a";
	struct replicated replicas = { { true, count } };
	struct service_spec spec = { .name = (char *)(uintptr_t)name, .mode.replicated = &replicas, .task.container.image = image };

	spec.task.resources.reservations.memory_bytes = 64 << 20;
	world_create_service(world, name, &spec);
}

static void tell(const char *what, size_t tasks, double ms, size_t calls, double longest)
{
	printf("speed: %s: %zu tasks in %.2f ms, %.0f a second, %zu calls, the longest %.2f ms\n", what, tasks, ms,
	       (double)tasks / ms * 1e3, calls, longest);
}

static void measure(const char *what, size_t nodes, size_t services, size_t replicas)
{
	struct world world;
	size_t calls;
	double longest, took;
	char name[32];

	world_init(&world, 1);
	add_nodes(&world, nodes);
	decide(&world, &calls, &longest);
	for (size_t i = 0; i < services; i++) {
		snprintf(name, sizeof name, "s%zu", i);
		add_service(&world, name, replicas);
	}
	took = decide(&world, &calls, &longest);
	EXPECT_INT(view_count(world.view, KIND_TASK), services * replicas);
	tell(what, services * replicas, took, calls, longest);

	const struct view_object *task;
	size_t at = 0;
	task = view_next(world.view, KIND_TASK, &at);
	EXPECT(task && VIEW_VALUE(task, task)->state == TASK_ASSIGNED);
	world_report(&world, task->meta.id, TASK_FAILED, NULL);
	took = decide(&world, &calls, &longest);
	EXPECT_INT(view_count(world.view, KIND_TASK), services * replicas + 1);
	tell("  then one of them fails", 1, took, calls, longest);
	world_fini(&world);
}

TEST(speed_of_one_node)
{
	measure("1 node, 1 service of 100", 1, 1, 100);
}

TEST(speed_of_one_big_service)
{
	measure("10,000 nodes, 1 service of 10,000", 10000, 1, 10000);
}

TEST(speed_of_many_small_services)
{
	measure("10,000 nodes, 200 services of 1", 10000, 200, 1);
}
