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

static void add_secret(struct change_list *list, enum kind kind, char *id, struct template_driver *driver)
{
	struct secret *secret = change_create(list, kind, id, FIELD_BIT(SECRET_SPEC));

	secret->spec.name = id;
	secret->spec.templating = driver;
}

TEST(a_node_is_told_which_of_its_secrets_are_templates)
{
	struct view *view = view_new();
	struct template_driver driver = { .name = (char[]){ "golang" } };
	char *ids[] = { (char[]){ "s1" }, (char[]){ "s2" }, (char[]){ "c1" }, (char[]){ "c2" } };
	struct file_target file = { .name = (char[]){ "x" } };
	struct secret_reference references[4];
	struct service_version *version;
	struct change_list list;
	struct assign_set set;
	struct arena arena;
	char id[SERVICE_VERSION_ID_SIZE];

	arena_init(&arena, "test", 1 << 20);
	change_list_init(&list, &arena);
	for (int i = 0; i < 4; i++) {
		references[i] = (struct secret_reference){ &file, ids[i], ids[i] };
		add_secret(&list, i < 2 ? KIND_SECRET : KIND_CONFIG, ids[i], i % 2 ? &driver : NULL);
	}
	version = change_create(&list, KIND_SERVICE_VERSION, service_version_id(service_id, 1, id),
				FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));
	version->service_id = version->spec.name = service_id;
	version->version = 1;
	version->spec.task.container.image = image;
	version->spec.task.container.secrets = (struct secret_references){ references, 2 };
	version->spec.task.container.configs = (struct secret_references){ references + 2, 2 };
	add_task(&list, "t", 1);
	apply(view, 1, &list);

	assign_all(view, node_id, &arena, &set);
	EXPECT_INT(set.items.count, 1);
	EXPECT_INT(set.items.items[0].templates.count, 2);
	EXPECT_STR(set.items.items[0].templates.items[0], "s2");
	EXPECT_STR(set.items.items[0].templates.items[1], "c2");
	view_free(view);
	arena_fini(&arena);
}
