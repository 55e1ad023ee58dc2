/* sim_client.c - those who ask. Registers are labels of nodes that run nothing: clients read, write and swap them through any manager, with
 * the verbs that people use, give up after a while, and every answer goes into a history. Services are made, changed and removed beside it;
 * of each it is noted what people were told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "model/defaults.h"
#include "test/sim/sim.h"

enum { PATIENCE_MS = 2500, PAUSE_MS = 400 };
enum verdict { VERDICT_DONE, VERDICT_REFUSED, VERDICT_NOT_MADE, VERDICT_UNKNOWN };

/* Between a client and a manager: neither lost nor doubled. */
struct letter {
	struct list link;
	struct sim_event due;
	size_t op, manager;
	enum verdict verdict;
	uint64_t value, version;
};

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
	/* a swap that may well succeed: of the newest version anybody has read there */
	for (size_t i = world.op_count - 1; op->op.type == LINEAR_SWAP && i-- > 0;)
		if (world.ops[i].op.key == op->op.key && world.ops[i].op.type == LINEAR_READ && world.ops[i].is_over && !world.ops[i].is_failed) {
			op->op.expected = world.ops[i].op.value;
			op->version = world.ops[i].version;
			break;
		}
	return op;
}

static void note_return(struct sim_op *op, enum verdict verdict, uint64_t value, uint64_t version)
{
	op->is_over = verdict != VERDICT_UNKNOWN;
	op->is_failed = verdict == VERDICT_NOT_MADE || (op->op.type == LINEAR_READ && verdict == VERDICT_UNKNOWN);
	world.acknowledged += verdict == VERDICT_DONE;
	world.reads += verdict == VERDICT_DONE && op->op.type == LINEAR_READ;
	world.unknown += verdict == VERDICT_UNKNOWN;
	if (!op->is_over)
		return;
	op->op.ret = moment();
	if (op->op.type == LINEAR_READ) {
		op->op.value = value;
		op->version = version;
	}
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
	/* in peace there is little to be seen by asking */
	sim_at(&client->next, sim_time.now + 1 + sim_some(world.is_calm ? pause * 8 : pause), ask);
}

static void give_up(struct sim_event *event)
{
	struct sim_client *client = CONTAINER_OF(event, struct sim_client, too_long);

	note_return(&world.ops[client->op], VERDICT_UNKNOWN, 0, 0);
	go_on(client, PAUSE_MS);
}

static struct letter *letter_new(size_t op, size_t manager)
{
	struct letter *letter = NEW(struct letter);

	letter->op = op;
	letter->manager = manager;
	list_add_last(&world.letters, &letter->link);
	return letter;
}

static void letter_free(struct letter *letter)
{
	sim_cancel(&letter->due);
	list_remove(&letter->link);
	free(letter);
}

static void take_ask(struct sim_manager *m, size_t op);

static void ask_arrives(struct sim_event *event)
{
	struct letter *letter = CONTAINER_OF(event, struct letter, due);
	struct sim_manager *m = &world.manager[letter->manager];

	if (m->is_running && m->site.host.frozen_until > sim_time.now) {
		sim_at(event, m->site.host.frozen_until, ask_arrives);
		return;
	}
	if (m->is_running) {
		sim_manager_enter(m);
		take_ask(m, letter->op);
		sim_manager_leave(m);
	}
	letter_free(letter);
}

static void answer_arrives(struct sim_event *event)
{
	struct letter *letter = CONTAINER_OF(event, struct letter, due);
	struct sim_op *op = &world.ops[letter->op];
	struct sim_client *client = &world.client[op->client];

	if (client->is_waiting && client->op == letter->op) { /* else it has given up */
		note_return(op, letter->verdict, letter->value, letter->version);
		go_on(client, PAUSE_MS);
	}
	letter_free(letter);
}

static void ask(struct sim_event *event)
{
	struct sim_client *client = CONTAINER_OF(event, struct sim_client, next);
	struct sim_manager *m = sim_any_manager();

	if (!m || world.op_count == SIM_OPS) {
		go_on(client, PAUSE_MS);
		return;
	}
	client->op = world.op_count;
	client->is_waiting = true;
	note_call((unsigned)(client - world.client));
	sim_at(&letter_new(client->op, m->place)->due, sim_time.now + sim_link_delay(), ask_arrives);
	sim_at(&client->too_long, sim_time.now + PATIENCE_MS + sim_some(PATIENCE_MS), give_up);
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

void sim_clients_free(void)
{
	LIST_EACH(link, &world.letters)
		letter_free(CONTAINER_OF(link, struct letter, link));
}

/* ---- at the manager ------------------------------------------------------------------------------------ */

struct served { struct sim_manager *manager; size_t op; bool has_answered; };

static const char *register_id(unsigned key, char id[16])
{
	snprintf(id, 16, "reg%u", key);
	return id;
}

static uint64_t value_of(const struct view_object *object)
{
	const struct node *node = object->value;

	return node->spec.labels.count ? strtoull(node->spec.labels.items[0].value, NULL, 10) : 0;
}

static void answer(struct served *served, enum verdict verdict, uint64_t value, uint64_t version)
{
	struct letter *letter;

	if (served->manager->is_dying || served->has_answered)
		return;
	letter = letter_new(served->op, served->manager->place);
	letter->verdict = verdict;
	letter->value = value;
	letter->version = version;
	sim_at(&letter->due, sim_time.now + sim_link_delay(), answer_arrives);
}

/* What people may conclude of what they are told. */
static enum verdict verdict_of(const struct err *err)
{
	if (!err)
		return VERDICT_DONE;
	if (strstr(err->text, "not known") && world.sabotage != SABOTAGE_SAYS_NOT_MADE)
		return VERDICT_UNKNOWN;
	if (strstr(err->text, "out of sequence"))
		return VERDICT_REFUSED;
	if (strstr(err->text, "was not made") || world.sabotage == SABOTAGE_SAYS_NOT_MADE)
		return VERDICT_NOT_MADE;
	return VERDICT_UNKNOWN;
}

static void write_done(void *arg, const char *id, uint64_t index UNUSED, const struct err *err)
{
	struct served *served = arg;

	world.lost_answers += err && verdict_of(err) == VERDICT_UNKNOWN;
	TRACE("%s: operation %zu on %s: %s", served->manager->name, served->op, id, err ? err->text : "done");
	answer(served, verdict_of(err), 0, 0);
	free(served);
}

static void read_done(void *arg, uint64_t index UNUSED, const struct err *err)
{
	struct served *served = arg;
	char id[16];
	const struct view_object *object = err ? NULL : view_find(replica_view(served->manager->replica), KIND_NODE,
								  register_id(world.ops[served->op].op.key, id));

	if (object)
		answer(served, VERDICT_DONE, value_of(object), object->meta.spec_index);
	else
		answer(served, VERDICT_NOT_MADE, 0, 0);
	free(served);
}

/* A write is a swap of what this manager believes to be there. */
static void take_write(struct sim_manager *m, struct served *served)
{
	struct sim_op *op = &world.ops[served->op];
	char id[16], text[24];
	const struct view_object *object = view_find(replica_view(m->replica), KIND_NODE, register_id(op->op.key, id));
	struct str_pair label = { .key = (char *)(uintptr_t)"value", .value = text };
	struct node_spec spec;

	if (!object) {
		answer(served, VERDICT_NOT_MADE, 0, 0);
		free(served);
		return;
	}
	if (op->op.type == LINEAR_WRITE || op->version == 0) {
		op->op.type = LINEAR_SWAP;
		op->op.expected = value_of(object);
		op->version = object->meta.spec_index;
	}
	spec = VIEW_VALUE(node, object)->spec;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)op->op.value);
	spec.labels.items = &label;
	spec.labels.count = 1;
	if (world.sabotage == SABOTAGE_ANSWERS_EARLY) {
		answer(served, VERDICT_DONE, 0, 0);
		served->has_answered = true;
	}
	control_node_update(m->manager, id, op->version, &spec, write_done, served);
}

static void take_ask(struct sim_manager *m, size_t op)
{
	struct served *served = NEW(struct served);

	*served = (struct served){ m, op, false };
	if (world.ops[op].op.type == LINEAR_READ)
		replica_read(m->replica, read_done, served);
	else
		take_write(m, served);
}

/* ---- services ------------------------------------------------------------------------------------------ */

struct wished { enum sim_wish type; char name[16]; size_t refresh; };

static void describe(struct service_spec *spec, struct arena *arena, const char *name, bool is_global, unsigned replicas)
{
	*spec = (struct service_spec){ .name = arena_strdup(arena, name) };
	if (is_global)
		spec->mode.global = ARENA_NEW(arena, struct global_mode);
	else
		spec->mode.replicated = ARENA_NEW(arena, struct replicated);
	spec->task.container.image = arena_strdup(arena, "a");
	if (replicas % 2) {
		spec->endpoint.ports.items = ARENA_NEW(arena, struct port_config);
		spec->endpoint.ports.items[0] = (struct port_config){ .target_port = 80, .protocol = PROTOCOL_TCP, .publish_mode = PUBLISH_INGRESS };
		spec->endpoint.ports.count = 1;
	}
	spec->task.restart = ARENA_NEW(arena, struct restart_policy);
	spec->task.restart->delay_ns = (struct opt_u64){ true, 500000000 };
}

static void refresh_done(const struct wished *wished, const char *id, const struct err *err)
{
	struct sim_refresh *refresh = &world.refreshes[wished->refresh];

	if (!err)
		sim_demand(refresh->was_made, "update %zu of %s was told to be made, and was not", wished->refresh, id);
	else if (!strstr(err->text, "not known") && (strstr(err->text, "out of sequence") || strstr(err->text, "not found"))) {
		sim_demand(!refresh->was_made, "update %zu of %s was made, and refused: %s", wished->refresh, id, err->text);
		refresh->was_refused = true;
	}
}

/* What was told must be so, and stay so. */
static void wish_done(void *arg, const char *id, uint64_t index UNUSED, const struct err *err)
{
	struct wished *wished = arg;
	struct sim_birth *birth = sim_birth_of(id);

	TRACE("service %s (%s): %s", wished->name, id, err ? err->text : "done");
	if (!err && wished->type == WISH_CREATE) {
		world.made++;
		sim_demand(birth->was_made, "service %s was told to be made as %s, and was not", wished->name, id);
	} else if (!err && wished->type == WISH_REMOVE) {
		sim_demand(birth->was_removed, "service %s was told to be removed, and %s was not", wished->name, id);
	} else if (err && wished->type == WISH_CREATE && strstr(err->text, "AlreadyExists")) {
		sim_demand(!birth->was_made, "service %s was refused, and made as %s", wished->name, id);
		birth->was_refused = true;
	} else if (err && wished->type == WISH_REMOVE && strstr(err->text, "not found")) {
		sim_demand(birth->was_removed, "service %s is there, and was not found to be removed", id);
	} else if (wished->type == WISH_REFRESH) {
		refresh_done(wished, id, err);
	}
	free(wished);
}

static void wish(struct sim_manager *m, struct wished *wished, const struct view_object *old, const struct service_spec *spec)
{
	switch (wished->type) {
	case WISH_CREATE:
		control_service_create(m->manager, spec, wish_done, wished);
		return;
	case WISH_UPDATE:
	case WISH_REFRESH:
		control_service_update(m->manager, old->meta.id, old->meta.spec_index, spec, wish_done, wished);
		return;
	case WISH_REMOVE:
		control_service_remove(m->manager, old->meta.id, wish_done, wished);
		return;
	}
}

static void wish_at(struct sim_manager *m, enum sim_wish type, unsigned name, unsigned replicas)
{
	struct wished *wished = NEW(struct wished);
	const struct view_object *old;
	struct service_spec spec;
	struct arena arena;

	wished->type = type;
	snprintf(wished->name, sizeof(wished->name), "s%u", name);
	TRACE("%s: service %s: %s %u", m->name, wished->name, type == WISH_CREATE ? "create" : type == WISH_REMOVE ? "remove" : "update", replicas);
	arena_init(&arena, "wish", 1 << 20);
	old = view_by_name(replica_view(m->replica), KIND_SERVICE, wished->name);
	if (old && type != WISH_CREATE)
		shape_copy(&service_spec_shape, view_current_spec(replica_view(m->replica), old), &arena, &spec);
	else
		describe(&spec, &arena, wished->name, name == 0, replicas);
	if (type == WISH_UPDATE && spec.mode.replicated)
		spec.mode.replicated->replicas = (struct opt_u64){ true, replicas };
	if (type == WISH_REFRESH) {
		check(world.refresh_count + 1 < SIM_REFRESHES);
		wished->refresh = ++world.refresh_count;
		spec.task.force_update = wished->refresh;
	}
	service_spec_normalize(&spec, &arena);
	if (old || type == WISH_CREATE)
		wish(m, wished, old, &spec);
	else
		free(wished);
	arena_fini(&arena);
}

void sim_service_happens(enum sim_wish type, unsigned name, unsigned replicas)
{
	struct sim_manager *m = sim_any_manager();

	if (!m || !sim_is_up(m))
		return;
	world.meddler.asked = m;
	sim_manager_enter(m);
	wish_at(m, type, name, replicas);
	sim_manager_leave(m);
}

/* ---- who meddles ----------------------------------------------------------------------------------------- */

/* While it makes what was asked for; and whoever was asked is slow to bring it again. */
static void kill_leader(struct sim_event *event UNUSED)
{
	struct sim_manager *leader = sim_leader(), *asked = world.meddler.asked;

	if (!leader || world.is_calm)
		return;
	sim_manager_stop(leader, DEATH_KILLED);
	if (asked && asked->is_running)
		asked->site.host.frozen_until = sim_time.now + 500 + sim_some(2500);
}

static void remove_it(struct sim_event *event)
{
	struct sim_manager *m = sim_any_manager();
	struct wished *wished;

	if (world.is_calm || sim_birth_of(world.meddler.id)->was_removed)
		return;
	if (!m || !sim_is_up(m) || !view_find(replica_view(m->replica), KIND_SERVICE, world.meddler.id)) {
		sim_at(event, sim_time.now + 1 + sim_some(20), remove_it);
		return;
	}
	wished = NEW(struct wished);
	*wished = (struct wished){ .type = WISH_REMOVE, .name = "meddled" };
	TRACE("%s: somebody removes service %s", m->name, world.meddler.id);
	sim_manager_enter(m);
	control_service_remove(m->manager, world.meddler.id, wish_done, wished);
	sim_manager_leave(m);
}

void sim_meddle(const char *service_id)
{
	if (!sim_meddles || world.is_calm)
		return;
	sim_cancel(&world.meddler.removes);
	str_copy(world.meddler.id, sizeof(world.meddler.id), service_id);
	sim_at(&world.meddler.removes, sim_time.now + 1 + sim_some(100), remove_it);
}

void sim_service_meddled(void)
{
	enum sim_wish type = sim_chance(700) ? WISH_CREATE : WISH_REFRESH;

	sim_service_happens(type, (unsigned)sim_dice(SIM_SERVICES), (unsigned)sim_dice(3));
	sim_cancel(&world.meddler.kills);
	if (sim_chance(600))
		sim_at(&world.meddler.kills, sim_time.now + 1 + sim_some(25), kill_leader);
}

void sim_services_refresh(void)
{
	struct sim_manager *leader = sim_leader();

	if (!leader)
		return;
	sim_manager_enter(leader);
	for (unsigned i = 0; i < SIM_SERVICES; i++)
		wish_at(leader, WISH_REFRESH, i, 0);
	sim_manager_leave(leader);
}
