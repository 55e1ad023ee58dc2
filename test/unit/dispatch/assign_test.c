#include "dispatch/assign.h"

#include "test/unit/runner.h"

static char image[] = "a", node_id[] = "n1", service_id[] = "web";
static struct port_config asked = { .target_port = 80 }, got = { .target_port = 80, .published_port = 30000 };

static void apply(struct view *view, uint64_t index, struct change_list *list)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct applied applied;
	struct err err = { 0 };

	change_list_encode(list, &(struct entry_head){ FORMAT_LEVEL, 1000, 0 }, &bytes);
	EXPECT(state_apply(view, index, 1, bytes.data, bytes.len, &applied, &err) == 0);
	applied_fini(&applied);
}

static void add_version(struct change_list *list, uint64_t number, uint64_t label)
{
	char id[SERVICE_VERSION_ID_SIZE];
	struct service_version *version = change_create(list, KIND_SERVICE_VERSION, service_version_id(service_id, number, id),
		FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));

	version->service_id = service_id;
	version->version = number;
	version->spec.name = service_id;
	version->spec.task.container.image = image;
	version->spec.task.force_update = label;
	version->spec.endpoint.ports.items = &asked;
	version->spec.endpoint.ports.count = 1;
}

static void add_task(struct change_list *list, const char *id, uint64_t version)
{
	struct task *task = change_create(list, KIND_TASK, id, FIELD_BIT(TASK_SERVICE) | FIELD_BIT(TASK_SPEC_VERSION) |
					  FIELD_BIT(TASK_NODE) | FIELD_BIT(TASK_STATE) | FIELD_BIT(TASK_DESIRED));

	*task = (struct task){ .service_id = service_id, .spec_version = version, .node_id = node_id, .state = TASK_ASSIGNED,
			       .desired = TASK_RUNNING };
}

/* Version 2 changed the template, version 3 only the number of replicas. */
TEST(every_task_since_the_template_changed_has_the_allocated_ports)
{
	struct view *view = view_new();
	struct change_list list;
	struct assign_set set;
	struct service *service;
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	change_list_init(&list, &arena);
	for (uint64_t version = 1; version <= 3; version++)
		add_version(&list, version, version > 1);
	service = change_create(&list, KIND_SERVICE, service_id, FIELD_BIT(SERVICE_SPEC_VERSION) |
				FIELD_BIT(SERVICE_TEMPLATE_VERSION) | FIELD_BIT(SERVICE_PORTS));
	service->spec_version = 3;
	service->template_version = 2;
	service->ports.items = &got;
	service->ports.count = 1;
	add_task(&list, "old", 1);
	add_task(&list, "updated", 2);
	add_task(&list, "scaled", 3);
	apply(view, 1, &list);

	assign_all(view, node_id, &arena, &set);
	EXPECT_INT(set.items.count, 3);
	EXPECT_INT(set.items.items[0].endpoint.ports.items[0].published_port, 0);
	EXPECT_INT(set.items.items[1].endpoint.ports.items[0].published_port, 30000);
	EXPECT_INT(set.items.items[2].endpoint.ports.items[0].published_port, 30000);
	view_free(view);
	arena_fini(&arena);
}
