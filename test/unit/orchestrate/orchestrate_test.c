#include "base/str.h"
#include "orchestrate/outdated.h"
#include "test/unit/orchestrate/world.h"
#include "test/unit/runner.h"

static struct service_spec web(uint64_t replicas)
{
	static struct replicated mode;
	static char name[] = "web", image[] = "a";

	mode.replicas = (struct opt_u64){ true, replicas };
	return (struct service_spec){ .name = name, .task.container.image = image, .mode.replicated = &mode };
}

static void put_node(struct world *world, const char *id)
{
	world_put_node(world, id, &(struct node){ .status.state = NODE_READY });
}

/* One node, and the service as it comes. */
static void init_with_web(struct world *world, const struct service_spec *spec)
{
	world_init(world, 1);
	put_node(world, "n1");
	world_settle(world);
	world_create_service(world, "web", spec);
}

static const struct view_object *first_task(const struct world *world)
{
	size_t at = 0;
	return view_next(world->view, KIND_TASK, &at);
}

TEST(an_empty_cluster_has_nothing_to_do)
{
	struct world world;

	world_init(&world, 1);
	EXPECT_INT(world_step(&world), 0);
	EXPECT(!world.more);
	EXPECT(world.next_ms == INT64_MAX);
	world_fini(&world);
}

TEST(a_call_returns_no_more_than_its_limit_and_asks_to_go_on)
{
	struct world world;
	struct service_spec spec = web(25);

	init_with_web(&world, &spec);
	world.limits.changes = 10;
	EXPECT_INT(world_step(&world), 10);
	EXPECT(world.more);
	EXPECT_INT(world_step(&world), 10);
	EXPECT(world.more);
	EXPECT_INT(world_step(&world), 5);
	EXPECT(!world.more);
	world_fini(&world);
}

TEST(a_service_of_thousands_comes_in_entries_that_fit)
{
	struct world world;
	struct service_spec spec = web(2500);

	init_with_web(&world, &spec);
	EXPECT_INT(world_step(&world), CHANGES_MAX);    /* world_commit checks the bytes */
	EXPECT_INT(world_settle(&world), 1500);
	EXPECT_INT(view_count(world.view, KIND_TASK), 2500);
	world_fini(&world);
}

TEST(what_makes_no_difference_makes_nothing_dirty)
{
	struct world world;
	struct service_spec spec = web(1);

	init_with_web(&world, &spec);
	world_settle(&world);
	put_node(&world, "n1");                         /* the same again */
	EXPECT(dirty_is_empty(world.dirty));
	world_report(&world, first_task(&world)->meta.id, TASK_PREPARING, NULL);
	EXPECT(dirty_is_empty(world.dirty));
	world_report(&world, first_task(&world)->meta.id, TASK_FAILED, NULL);
	EXPECT(!dirty_is_empty(world.dirty));
	world_fini(&world);
}

TEST(the_time_asked_for_is_the_earliest_and_goes_with_its_service)
{
	struct world world;
	struct service_spec spec = web(1);

	init_with_web(&world, &spec);
	world_settle(&world);
	world_report(&world, first_task(&world)->meta.id, TASK_FAILED, NULL);
	world_settle(&world);
	EXPECT_INT(world.next_ms, world.now_ms + 5000);
	world_remove_service(&world, "web");
	world_settle(&world);
	EXPECT(world.next_ms == INT64_MAX);
	world_fini(&world);
}

TEST(a_list_that_was_lost_is_made_again)
{
	struct world world;
	struct service_spec spec = web(3);
	struct arena arena;
	struct orchestrate_out out;

	init_with_web(&world, &spec);
	arena_init(&arena, "test", 1 << 24);
	orchestrate(&(struct orchestrate_in){ .view = world.view, .dirty = world.dirty, .now_ms = world.now_ms, .rng = &world.rng,
					      .arena = &arena }, &out);
	EXPECT_INT(out.changes.count, 3);
	arena_fini(&arena);
	EXPECT_INT(world_settle(&world), 0);            /* it believes that it has said it */
	dirty_add_all(world.dirty, world.view);
	EXPECT_INT(world_settle(&world), 3);
	world_fini(&world);
}

TEST(the_same_seed_gives_the_same_answer)
{
	struct world a, b;
	struct service_spec spec = web(3);

	for (int i = 0; i < 2; i++) {
		struct world *world = i ? &b : &a;
		world_init(world, 7);
		put_node(world, "n1");
		put_node(world, "n2");
		world_create_service(world, "web", &spec);
		world_settle(world);
	}
	EXPECT(view_sum(a.view) == view_sum(b.view));
	EXPECT_STR(first_task(&a)->meta.id, first_task(&b)->meta.id);
	world_fini(&a);
	world_fini(&b);
}

TEST(a_task_is_outdated_by_its_template_or_by_a_node_that_does_not_fit_any_more)
{
	struct world world;
	struct service_spec spec = web(1);
	char here[] = "node.id==n1", elsewhere[] = "node.id==n2", image[] = "b";
	char *constraint = here;

	init_with_web(&world, &spec);
	world_settle(&world);
	EXPECT(!task_is_outdated(world.view, first_task(&world)->value));
	spec.task.placement.constraints = (struct str_array){ &constraint, 1 };
	world_update_service(&world, "web", &spec);
	EXPECT(!task_is_outdated(world.view, first_task(&world)->value));
	constraint = elsewhere;
	world_update_service(&world, "web", &spec);
	EXPECT(task_is_outdated(world.view, first_task(&world)->value));
	spec.task.placement.constraints.count = 0;
	world_update_service(&world, "web", &spec);
	EXPECT(!task_is_outdated(world.view, first_task(&world)->value));
	spec.task.container.image = image;
	world_update_service(&world, "web", &spec);
	EXPECT(task_is_outdated(world.view, first_task(&world)->value));
	world_fini(&world);
}

TEST(a_port_space_that_is_full_leaves_the_reason)
{
	enum { PORTS = 2768 };
	static struct port_config ports[PORTS + 1];
	struct world world;
	struct service_spec spec = web(1);

	for (size_t i = 0; i <= PORTS; i++)
		ports[i] = (struct port_config){ .target_port = i + 1, .protocol = PROTOCOL_UDP, .publish_mode = PUBLISH_INGRESS };
	spec.endpoint.ports.items = ports;
	spec.endpoint.ports.count = PORTS + 1;
	init_with_web(&world, &spec);
	world_settle(&world);
	EXPECT_STR(VIEW_VALUE(task, first_task(&world))->error, "no free port from 30000 to 32767 (udp)");
	spec.endpoint.ports.count = PORTS;
	world_update_service(&world, "web", &spec);
	world_settle(&world);
	EXPECT_INT(view_service(world.view, "web")->ports.items[PORTS - 1].published_port, 32767);
	world_fini(&world);
}
