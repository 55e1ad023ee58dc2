/* sim_client.c - those who ask. Registers are labels of nodes that run nothing: clients read, write and swap them through any manager,
 * give up after a while, and every answer goes into a history. Services are made, changed and removed without one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/defaults.h"
#include "test/sim/sim.h"

enum { PATIENCE_MS = 2500, PAUSE_MS = 400 };
enum verdict { VERDICT_DONE, VERDICT_REFUSED, VERDICT_NOT_MADE, VERDICT_UNKNOWN };

static void ask(struct sim_event *event);

/* ---- the history ------------------------------------------------------------------------------------ */

static uint64_t moment(void)
{
	return ++world.moments;
}

static struct sim_op *note_call(unsigned client)
{
	struct sim_op *op = &world.ops[world.op_count++];
	uint64_t dice = sim_dice(10);

	*op = (struct sim_op){ .client = client };
	op->op = (struct linear_op){ .key = (unsigned)sim_dice(SIM_KEYS), .call = moment(), .ret = LINEAR_UNKNOWN };
	op->op.type = dice < 5 ? LINEAR_READ : dice < 8 ? LINEAR_WRITE : LINEAR_SWAP;
	if (op->op.type != LINEAR_READ)
		op->op.value = ++world.values;
	/* a swap that may well succeed: of the newest value anybody has seen there */
	for (size_t i = world.op_count - 1; op->op.type == LINEAR_SWAP && i-- > 0;)
		if (world.ops[i].op.key == op->op.key && world.ops[i].is_over && !world.ops[i].is_failed) {
			op->op.expected = world.ops[i].op.value;
			break;
		}
	return op;
}

static void note_return(struct sim_op *op, enum verdict verdict, uint64_t value)
{
	op->is_over = verdict != VERDICT_UNKNOWN;
	op->is_failed = verdict == VERDICT_NOT_MADE || (op->op.type == LINEAR_READ && verdict == VERDICT_UNKNOWN);
	world.acknowledged += verdict == VERDICT_DONE;
	world.reads += verdict == VERDICT_DONE && op->op.type == LINEAR_READ;
	world.unknown += verdict == VERDICT_UNKNOWN;
	if (!op->is_over)
		return;
	op->op.ret = moment();
	if (op->op.type == LINEAR_READ)
		op->op.value = value;
	if (verdict == VERDICT_REFUSED)
		op->op.type = LINEAR_REFUSED;
}

void sim_check_history(void)
{
	struct linear_op *ops = NEW_ARRAY(struct linear_op, world.op_count + 1);
	size_t count = 0;
	unsigned key = 0;

	for (size_t i = 0; i < world.op_count; i++)
		if (!world.ops[i].is_failed && !(world.ops[i].op.type == LINEAR_READ && !world.ops[i].is_over))
			ops[count++] = world.ops[i].op;
	bool is_linear = linear_check(ops, count, &key);
	for (size_t i = 0; !is_linear && i < count && world.trace; i++)
		if (ops[i].key == key)
			sim_trace("history of register %u: %s %llu (expected %llu), called %llu, returned %lld", key,
				  ops[i].type == LINEAR_READ ? "read" : ops[i].type == LINEAR_WRITE ? "write" :
				  ops[i].type == LINEAR_SWAP ? "swap" : "refused swap",
				  (unsigned long long)ops[i].value, (unsigned long long)ops[i].expected,
				  (unsigned long long)ops[i].call, (long long)ops[i].ret);
	sim_demand(is_linear, "what the clients saw of register %u fits no order", key);
	free(ops);
}

/* ---- clients ------------------------------------------------------------------------------------------ */

static void go_on(struct sim_client *client, msec pause)
{
	client->is_waiting = false;
	sim_cancel(&client->too_long);
	sim_at(&client->next, sim_time.now + 1 + sim_some(pause), ask);
}

static void give_up(struct sim_event *event)
{
	struct sim_client *client = CONTAINER_OF(event, struct sim_client, too_long);

	note_return(&world.ops[client->op], VERDICT_UNKNOWN, 0);
	go_on(client, PAUSE_MS);
}

static void ask(struct sim_event *event)
{
	struct sim_client *client = CONTAINER_OF(event, struct sim_client, next);
	struct sim_manager *m = sim_any_manager();

	if (!m || world.op_count == SIM_OPS) {
		go_on(client, PAUSE_MS);
		return;
	}
	/* most have learned who leads */
	if (sim_leader() && sim_chance(700))
		m = sim_leader();
	client->op = world.op_count;
	client->is_waiting = true;
	note_call((unsigned)(client - world.client));
	struct sim_letter *letter = sim_letter_new(LETTER_ASK, (size_t)(client - world.client), m->place);
	letter->number = client->op;
	sim_post(letter);
	sim_at(&client->too_long, sim_time.now + PATIENCE_MS + sim_some(PATIENCE_MS), give_up);
}

void sim_client_take_answer(const struct sim_letter *letter)
{
	struct sim_client *client = &world.client[letter->to];

	if (!client->is_waiting || client->op != letter->number)
		return; /* it has given up */
	note_return(&world.ops[client->op], (enum verdict)letter->verdict, letter->value);
	go_on(client, PAUSE_MS);
}

void sim_clients_init(void)
{
	for (size_t i = 0; i < SIM_CLIENTS; i++)
		go_on(&world.client[i], PAUSE_MS);
}

void sim_clients_stop(void)
{
	for (size_t i = 0; i < SIM_CLIENTS; i++) {
		sim_cancel(&world.client[i].next);
		if (world.client[i].is_waiting)
			give_up(&world.client[i].too_long);
		sim_cancel(&world.client[i].next);
		sim_cancel(&world.client[i].too_long);
	}
}

/* ---- at the manager ------------------------------------------------------------------------------------ */

struct served { struct sim_manager *manager; size_t op; bool was_refused; };

static const char *register_id(unsigned key, char id[16])
{
	snprintf(id, 16, "reg%u", key);
	return id;
}

static uint64_t value_of(const struct node *node)
{
	if (!node || node->spec.labels.count == 0)
		return 0;
	return strtoull(node->spec.labels.items[0].value, NULL, 10);
}

static void answer(const struct served *served, enum verdict verdict, uint64_t value)
{
	struct sim_letter *letter;

	if (served->manager->is_dying)
		return;
	letter = sim_letter_new(LETTER_ANSWER, served->manager->place, world.ops[served->op].client);
	letter->number = served->op;
	letter->verdict = (int)verdict;
	letter->value = value;
	sim_post(letter);
}

static int check_write(void *arg, const struct overlay *overlay, struct replica_time time UNUSED, struct change_list *out, struct err *err)
{
	struct served *served = arg;
	const struct linear_op *op = &world.ops[served->op].op;
	char id[16];
	const struct node *old = overlay_find(overlay, KIND_NODE, register_id(op->key, id));

	served->was_refused = op->type == LINEAR_SWAP && value_of(old) != op->expected;
	if (!old || served->was_refused)
		return err_set(err, ERR_CONFLICT, "update out of sequence");
	struct node *node = change_update(out, KIND_NODE, id, FIELD_BIT(NODE_SPEC));
	shape_copy(&node_spec_shape, &old->spec, out->arena, &node->spec);
	node->spec.labels.items = ARENA_NEW(out->arena, struct str_pair);
	node->spec.labels.items[0].key = arena_strdup(out->arena, "value");
	node->spec.labels.items[0].value = arena_printf(out->arena, "%llu", (unsigned long long)op->value);
	node->spec.labels.count = 1;
	if (world.sabotage == SABOTAGE_ANSWERS_EARLY)
		answer(served, VERDICT_DONE, 0);
	return 0;
}

static enum verdict verdict_of(const struct served *served, const struct err *err)
{
	if (!err)
		return VERDICT_DONE;
	if (err->code == ERR_CONFLICT && served->was_refused)
		return VERDICT_REFUSED;
	if (strstr(err->text, "not known") && world.sabotage != SABOTAGE_SAYS_NOT_MADE)
		return VERDICT_UNKNOWN;
	return VERDICT_NOT_MADE;
}

static void write_done(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct served *served = arg;

	world.lost_answers += err && strstr(err->text, "not made");
	if (err)
		TRACE("%s: operation %zu: %s", served->manager->node_id, served->op, err->text);
	answer(served, verdict_of(served, err), 0);
	free(served);
}

static void read_done(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct served *served = arg;
	char id[16];
	const struct node *node = err ? NULL : view_node(replica_view(served->manager->replica),
							 register_id(world.ops[served->op].op.key, id));

	answer(served, err ? VERDICT_NOT_MADE : VERDICT_DONE, value_of(node));
	free(served);
}

void sim_manager_take_ask(struct sim_manager *m, const struct sim_letter *letter)
{
	struct served *served = NEW(struct served);

	*served = (struct served){ m, letter->number, false };
	if (world.ops[served->op].op.type == LINEAR_READ)
		replica_read(m->replica, read_done, served);
	else
		replica_request(m->replica, REPLICA_REQUEST, check_write, write_done, served);
}

/* ---- services ------------------------------------------------------------------------------------------ */

enum wish_type { WISH_CREATE, WISH_UPDATE, WISH_REMOVE, WISH_REFRESH };
struct wish { enum wish_type type; char id[ID_SIZE], name[16]; uint64_t replicas, force; bool is_global; };

static void describe(const struct wish *wish, const struct service_spec *old, struct arena *arena, struct service_spec *spec)
{
	*spec = (struct service_spec){ .name = arena_strdup(arena, wish->name) };
	if (old)
		shape_copy(&service_spec_shape, old, arena, spec);
	else if (wish->is_global)
		spec->mode.global = ARENA_NEW(arena, struct global_mode);
	else
		spec->mode.replicated = ARENA_NEW(arena, struct replicated);
	if (spec->mode.replicated && wish->type != WISH_REFRESH)
		spec->mode.replicated->replicas = (struct opt_u64){ true, wish->replicas };
	spec->task.force_update = wish->force;
	spec->task.container.image = arena_strdup(arena, "a");
	if (!old && wish->replicas % 2) {
		spec->endpoint.ports.items = ARENA_NEW(arena, struct port_config);
		spec->endpoint.ports.items[0] = (struct port_config){ .target_port = 80, .protocol = PROTOCOL_TCP, .publish_mode = PUBLISH_INGRESS };
		spec->endpoint.ports.count = 1;
	}
	spec->task.restart = ARENA_NEW(arena, struct restart_policy);
	spec->task.restart->delay_ns = (struct opt_u64){ true, 500000000 };
	service_spec_normalize(spec, arena);
}

static void add_version(const struct wish *wish, uint64_t number, const struct service_spec *old, struct change_list *out)
{
	char id[SERVICE_VERSION_ID_SIZE];
	struct service_version *version = change_create(out, KIND_SERVICE_VERSION, service_version_id(wish->id, number, id),
		FIELD_BIT(SERVICE_VERSION_SERVICE) | FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));

	version->service_id = arena_strdup(out->arena, wish->id);
	version->version = number;
	describe(wish, old, out->arena, &version->spec);
}

static int create(const struct wish *wish, const struct overlay *overlay, struct change_list *out, struct err *err)
{
	if (overlay_by_name(overlay, KIND_SERVICE, wish->name))
		return err_set(err, ERR_CONFLICT, "name conflicts with an existing object");
	add_version(wish, 1, NULL, out);
	struct service *service = change_create(out, KIND_SERVICE, wish->id, FIELD_BIT(SERVICE_SPEC_VERSION) | FIELD_BIT(SERVICE_TEMPLATE_VERSION));
	service->spec_version = service->template_version = 1;
	return 0;
}

static int update(const struct wish *wish, const struct overlay *overlay, const char *id, struct change_list *out)
{
	const struct service *old = overlay_find(overlay, KIND_SERVICE, id);
	const struct service_spec *spec = overlay_current_spec(overlay, id);
	struct wish named = *wish;

	str_copy(named.id, ID_SIZE, id);
	add_version(&named, old->spec_version + 1, spec, out);
	const struct service_version *added = out->items[out->count - 1].value;
	struct service *service = change_update(out, KIND_SERVICE, id, FIELD_BIT(SERVICE_SPEC_VERSION) | FIELD_BIT(SERVICE_PREVIOUS_VERSION) |
						FIELD_BIT(SERVICE_TEMPLATE_VERSION) | FIELD_BIT(SERVICE_UPDATE));
	service->spec_version = old->spec_version + 1;
	service->previous_version = old->spec_version;
	service->template_version = service_template_changed(spec, &added->spec) ? service->spec_version : old->template_version;
	return 0;
}

static int check_wish(void *arg, const struct overlay *overlay, struct replica_time time UNUSED, struct change_list *out, struct err *err)
{
	const struct wish *wish = arg;
	const char *id = overlay_by_name(overlay, KIND_SERVICE, wish->name);

	if (wish->type == WISH_CREATE)
		return create(wish, overlay, out, err);
	if (!id)
		return err_set(err, ERR_NOT_FOUND, "service %s not found", wish->name);
	if (wish->type == WISH_REMOVE)
		change_remove(out, KIND_SERVICE, id);
	else
		return update(wish, overlay, id, out);
	return 0;
}

static void wish_done(void *arg, uint64_t index UNUSED, const struct err *err UNUSED)
{
	free(arg);
}

static void wish_for(enum wish_type type, unsigned name)
{
	struct sim_manager *leader = sim_leader();
	struct wish *wish;

	if (!leader || !sim_is_up(leader))
		return;
	wish = NEW(struct wish);
	*wish = (struct wish){ .type = type, .replicas = sim_dice(6), .is_global = name == 0, .force = type == WISH_REFRESH ? ++world.values : 0 };
	snprintf(wish->name, sizeof(wish->name), "s%u", name);
	snprintf(wish->id, sizeof(wish->id), "service%u", ++world.next_service);
	TRACE("service %s: %s", wish->name, type == WISH_CREATE ? "create" : type == WISH_REMOVE ? "remove" : "update");
	sim_manager_enter(leader);
	replica_request(leader->replica, REPLICA_REQUEST, check_wish, wish_done, wish);
	sim_manager_leave(leader);
}

void sim_service_happens(void)
{
	static const enum wish_type types[] = { WISH_CREATE, WISH_CREATE, WISH_UPDATE, WISH_UPDATE, WISH_REFRESH, WISH_REMOVE };

	wish_for(types[sim_dice(ARRAY_COUNT(types))], (unsigned)sim_dice(SIM_SERVICES));
}

void sim_services_refresh(void)
{
	for (unsigned i = 0; i < SIM_SERVICES; i++)
		wish_for(WISH_REFRESH, i);
}
