/* sim_check.c - what must hold. Ongaro's five (thesis, Figure 3.2): election safety, leader append-only and log matching (as: whatever
 * stands at one index in one term is the same everywhere, and so is what stands before it), leader completeness, state machine safety.
 * Beside these: one vote a term; equal state sums at equal index; nothing applied that is not the one history; no name, port, slot or
 * address twice, no service made twice; and, left in peace, what was asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "raft/raft_impl.h"
#include "test/sim/sim.h"

/* ---- log matching -------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 1099511628211u;
}

static uint64_t hash_of(const struct raft_entry *entry)
{
	uint64_t hash = mix(14695981039346656037u, entry->type);

	for (size_t i = 0; i < entry->size; i++)
		hash = mix(hash, ((const uint8_t *)entry->bytes)[i]);
	return mix(hash, (uint64_t)entry->now_ms);
}

static size_t slot_of(raft_index index, raft_term term)
{
	size_t at = mix(mix(7, index), term) & (world.log_size - 1);

	while (world.log[at].index && (world.log[at].index != index || world.log[at].term != term))
		at = (at + 1) & (world.log_size - 1);
	return at;
}

static void grow_log(void)
{
	size_t size = world.log_size;
	struct sim_entry *old = world.log;

	world.log_size = size ? size * 2 : 1024;
	world.log = NEW_ARRAY(struct sim_entry, world.log_size);
	for (size_t i = 0; i < size; i++)
		if (old[i].index)
			world.log[slot_of(old[i].index, old[i].term)] = old[i];
	free(old);
}

static void note_entry(const struct sim_manager *m, const struct raft_entry *entry, raft_term prev_term)
{
	uint64_t hash = hash_of(entry);

	if (world.log_count * 2 >= world.log_size)
		grow_log();
	size_t at = slot_of(entry->index, entry->term);
	if (!world.log[at].index) {
		world.log[at] = (struct sim_entry){ entry->index, entry->term, prev_term, hash };
		world.log_count++;
		return;
	}
	sim_demand(world.log[at].hash == hash, "%s has another entry %llu of term %llu than was there before", m->name,
		   (unsigned long long)entry->index, (unsigned long long)entry->term);
	sim_demand(!prev_term || !world.log[at].prev_term || world.log[at].prev_term == prev_term,
		   "%s has another entry before %llu of term %llu", m->name, (unsigned long long)entry->index,
		   (unsigned long long)entry->term);
	if (prev_term)
		world.log[at].prev_term = prev_term;
}

/* From the end back to what was looked at before. */
static void check_log(struct sim_manager *m)
{
	const struct raft_entries *log = &m->replica->raft->log;

	for (raft_index i = raft_entries_last(log); i >= raft_entries_first(log) && i > 0; i--) {
		const struct raft_entry *entry = raft_entries_at(log, i);
		check(i < SIM_INDEXES);
		if (m->log_terms[i] == entry->term)
			break;
		m->log_terms[i] = entry->term;
		for (raft_index above = i + 1; above <= raft_entries_last(log) && m->log_terms[above] < entry->term; above++)
			m->log_terms[above] = 0;
		note_entry(m, entry, raft_entries_term(log, i - 1));
	}
}

/* ---- leaders --------------------------------------------------------------------------------------------- */

/* What it must have: all that was agreed on in terms before its own (leader completeness). A vote may be counted so late that a later leader
 * has agreed on more, also on entries of terms before (the Raft paper's figure 8). */
static raft_index agreed_before(raft_term term)
{
	raft_index index = world.highest;

	while (index > 0 && world.history[index].is_known && world.history[index].agreed >= term)
		index--;
	return index;
}

static void check_leader(struct sim_manager *m, const struct raft_status *status)
{
	raft_term term = status->hard.term;

	if (status->role != RAFT_LEADER || term >= SIM_TERMS || world.leaders[term] == m->id)
		return;
	sim_demand(world.leaders[term] == 0, "two leaders in term %llu: %s is the second", (unsigned long long)term, m->name);
	world.leaders[term] = m->id;
	world.elections++;
	TRACE("%s is elected in term %llu, its log ends at %llu", m->name, (unsigned long long)term, (unsigned long long)status->last);
	raft_index last = agreed_before(term);
	sim_demand(status->last >= last, "leader %s lacks entries that were applied: its log ends at %llu, not %llu", m->name,
		   (unsigned long long)status->last, (unsigned long long)last);
	last = MIN(status->last, last);
	if (last >= status->first && last > 0 && !world.failed && world.history[last].is_known)
		sim_demand(raft_entries_term(&m->replica->raft->log, last) == world.history[last].term,
			   "leader %s has another entry %llu than was applied", m->name, (unsigned long long)last);
}

/* What was agreed on before it started it shows, or says that it may not. */
static void check_staleness(const struct sim_manager *m)
{
	if (m->applied < m->missed && !m->is_rotten && m->manager)
		sim_demand(manager_staleness(m->manager) != NULL, "%s shows what was at %llu, and %llu was applied before it started", m->name,
			   (unsigned long long)m->applied, (unsigned long long)m->missed);
}

void sim_check_manager(struct sim_manager *m)
{
	world.events++;
	if (!m->is_running || !m->replica->raft || world.failed)
		return;
	struct raft_status status = raft_status(m->replica->raft);
	if (view_index(replica_view(m->replica)) != m->applied)
		sim_check_applied(m, NULL);
	sim_demand(status.hard.term >= m->seen_term || m->replica->is_down, "the term of %s fell", m->name);
	m->seen_term = status.hard.term;
	if (!m->is_joined && raft_membership_find(&m->replica->config, m->id)) {
		m->is_joined = true;
		world.changes++;
	}
	check_log(m);
	check_leader(m, &status);
	check_staleness(m);
}

/* §3.4: of one voter in one term, one vote. */
void sim_check_message(const struct sim_manager *from, const struct raft_msg *msg)
{
	if (msg->type != RAFT_MSG_VOTE_REPLY || !msg->vote_reply.granted)
		return;
	for (size_t i = 0; i < world.vote_count; i++)
		if (world.votes[i].voter == msg->from && world.votes[i].term == msg->term) {
			sim_demand(world.votes[i].vote == msg->to, "%s votes a second time in term %llu", from->name,
				   (unsigned long long)msg->term);
			return;
		}
	if (world.vote_count == world.vote_size) {
		world.vote_size = world.vote_size ? world.vote_size * 2 : 64;
		world.votes = mem_resize(world.votes, world.vote_size, sizeof(*world.votes));
	}
	world.votes[world.vote_count++] = (struct sim_vote){ msg->from, msg->term, msg->to };
}

/* ---- what was agreed ------------------------------------------------------------------------------------------ */

static void check_names(const struct view *view)
{
	const struct view_object *object;
	struct map *names = map_new(), *ports = map_new();

	for (size_t at = 0; (object = view_next(view, KIND_SERVICE, &at));) {
		const struct service *service = object->value;
		sim_demand(!map_put(names, view_current_spec(view, object)->name, names), "two services are called %s",
			   view_current_spec(view, object)->name);
		for (size_t i = 0; i < service->ports.count; i++) {
			char port[40];
			snprintf(port, sizeof(port), "%d/%llu", service->ports.items[i].protocol,
				 (unsigned long long)service->ports.items[i].published_port);
			sim_demand(!map_put(ports, port, ports), "port %s is published twice", port);
		}
	}
	map_free(names);
	map_free(ports);
}

/* The newest template's tasks: while an update starts first, an older one stands beside it. */
static void check_slots(const struct view *view)
{
	const struct view_object *object;
	struct map *slots = map_new();
	char place[120];

	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));) {
		const struct task *task = object->value;
		const struct service *service = view_service(view, task->service_id);
		if (!service || !task_is_wanted(task) || task->spec_version < service->template_version)
			continue;
		if (task->slot)
			snprintf(place, sizeof(place), "%s.%llu", task->service_id, (unsigned long long)task->slot);
		else
			snprintf(place, sizeof(place), "%s.%s", task->service_id, task->node_id);
		sim_demand(!map_put(slots, place, slots), "two tasks in slot %s", place);
	}
	map_free(slots);
}

/* By host and port, of managers. */
static void check_addresses(const struct view *view)
{
	const struct view_object *object;
	struct map *addresses = map_new();
	const char *other;

	for (size_t at = 0; (object = view_next(view, KIND_NODE, &at));) {
		const struct manager_status *manager = VIEW_VALUE(node, object)->manager;
		if (!manager || str_is_empty(manager->address))
			continue;
		other = map_put(addresses, manager->address, (void *)(uintptr_t)object->meta.id);
		sim_demand(!other, "managers %s and %s are both at %s", other, object->meta.id, manager->address);
	}
	map_free(addresses);
}

struct sim_birth *sim_birth_of(const char *service_id)
{
	struct sim_birth *birth;

	for (size_t i = 0; i < world.birth_count; i++)
		if (str_eq(world.births[i].id, service_id))
			return &world.births[i];
	check(world.birth_count < SIM_BIRTHS);
	birth = &world.births[world.birth_count++];
	str_copy(birth->id, sizeof(birth->id), service_id);
	return birth;
}

static void check_refresh(const struct service_version *version)
{
	struct sim_refresh *refresh = &world.refreshes[version->spec.task.force_update];

	refresh->was_made = true;
	sim_demand(!refresh->was_refused, "update %llu of %s is made, and was refused", (unsigned long long)version->spec.task.force_update,
		   version->service_id);
}

/* A write is done once, whoever brings it how often. */
static void check_births(const struct applied *applied)
{
	for (size_t i = 0; i < applied->event_count; i++) {
		const struct state_event *event = &applied->events[i];
		if (event->kind == KIND_SERVICE_VERSION && event->op == CHANGE_CREATE)
			check_refresh(event->after);
		if (event->kind != KIND_SERVICE)
			continue;
		struct sim_birth *birth = sim_birth_of(event->id);
		if (event->op == CHANGE_CREATE) {
			sim_demand(!birth->was_made, "service %s is made a second time", event->id);
			sim_demand(!birth->was_refused, "service %s is made, and was refused", event->id);
			birth->was_made = true;
			sim_meddle(event->id);
		} else if (event->op == CHANGE_REMOVE) {
			birth->was_removed = true;
		}
	}
}

/* Nobody applies before it is agreed, so whoever applies knows a term that is no earlier. */
static raft_term latest_term(const struct sim_manager *m)
{
	return m->replica && m->replica->raft ? raft_status(m->replica->raft).hard.term : UINT64_MAX;
}

void sim_check_applied(struct sim_manager *m, const struct applied *applied)
{
	const struct view *view = replica_view(m->manager ? manager_replica(m->manager) : m->replica);
	raft_index index = view_index(view);

	if (index == 0 || world.failed)
		return;
	check(index < SIM_INDEXES);
	sim_demand(index >= m->applied, "the view of %s went back from %llu to %llu", m->name, (unsigned long long)m->applied,
		   (unsigned long long)index);
	if (!applied && m->applied && index != m->applied) {
		world.installs++;
		TRACE("%s: becomes a snapshot at %llu", m->name, (unsigned long long)index);
	}
	m->applied = index;
	/* also of one whose row has flipped: what it leads to is made, and it may be the first to apply and to tell it */
	if (applied && !world.history[index].has_births) {
		world.history[index].has_births = true;
		check_births(applied);
	}
	if (m->is_rotten)
		return;
	if (world.history[index].is_known) {
		world.history[index].agreed = MIN(world.history[index].agreed, latest_term(m));
		sim_demand(world.history[index].term == view_term(view), "%s has applied another entry %llu", m->name,
			   (unsigned long long)index);
		sim_demand(world.history[index].sum == view_sum(view), "the state of %s after entry %llu is another one", m->name,
			   (unsigned long long)index);
		return;
	}
	world.history[index].is_known = true;
	world.history[index].term = view_term(view);
	world.history[index].agreed = latest_term(m);
	world.history[index].sum = view_sum(view);
	world.highest = MAX(world.highest, index);
	check_names(view);
	check_slots(view);
	check_addresses(view);
}

/* ---- in the end ------------------------------------------------------------------------------------------------ */

static size_t count_running(const struct view *view, const char *service_id)
{
	size_t count = 0;

	for (const struct view_object *o = view_tasks_of_service(view, service_id); o; o = o->next_of_service) {
		const struct task *task = o->value;
		count += task->state == TASK_RUNNING && task->desired == TASK_RUNNING;
	}
	return count;
}

static void check_services(const struct view *view)
{
	const struct view_object *object;

	for (size_t at = 0; (object = view_next(view, KIND_SERVICE, &at));) {
		const struct service_spec *spec = view_current_spec(view, object);
		size_t want = service_is_global(spec) ? world.workers : service_replicas(spec), got = count_running(view, object->meta.id);
		sim_demand(got == want, "left in peace, %s runs %zu tasks, not %zu", spec->name, got, want);
		sim_demand(VIEW_VALUE(service, object)->update.state != UPDATE_UPDATING, "left in peace, the update of %s does not end", spec->name);
	}
	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));)
		sim_demand(task_is_wanted(object->value) || task_is_done(object->value), "left in peace, task %s does not end", object->meta.id);
}

static bool is_member(const struct sim_manager *m, const struct sim_manager *leader)
{
	return m->is_running && raft_membership_find(replica_status(leader->replica).config, m->id);
}

static void check_description(const struct view *view, const char *node_id, const char *name, const char *hostname, const struct sim_host *host,
			      bool has_right_clocks)
{
	const struct node *node = view_node(view, node_id);
	const struct node_description none = { 0 }, *said = node ? &node->description : &none;

	sim_demand(str_eq(said->hostname, hostname), "left in peace, the state says of %s that it is %s, not %s", name,
		   said->hostname ? said->hostname : "nobody", hostname);
	sim_demand(!has_right_clocks || str_is_empty(said->clock) == !host->wall_ahead, "left in peace, the state says of the clock of %s: %s", name,
		   said->clock ? said->clock : "nothing");
}

/* Each node is there as it was when it came last; and with most managers' clocks right, the others are known. */
static void check_descriptions(const struct sim_manager *leader)
{
	const struct view *view = replica_view(leader->replica);
	size_t right = 0, count = replica_status(leader->replica).config->count;

	for (size_t i = 0; i < SIM_MANAGERS; i++)
		right += is_member(&world.manager[i], leader) && !world.manager[i].site.host.wall_ahead;
	for (size_t i = 0; i < world.workers; i++)
		if (world.worker[i].is_running)
			check_description(view, world.worker[i].node_id, world.worker[i].name, world.worker[i].hostname, &world.worker[i].site.host,
					  right > count / 2);
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (is_member(&world.manager[i], leader))
			check_description(view, world.manager[i].node_id, world.manager[i].name, world.manager[i].hostname,
					  &world.manager[i].site.host, right > count / 2);
}

static void check_equal(const struct sim_manager *m, const struct sim_manager *leader)
{
	const struct view *ours = replica_view(m->replica), *theirs = replica_view(leader->replica);

	sim_demand(view_index(ours) == view_index(theirs), "left in peace, %s has applied %llu entries, leader %s %llu", m->name,
		   (unsigned long long)view_index(ours), leader->name, (unsigned long long)view_index(theirs));
	sim_demand(view_sum(ours) == view_sum(theirs), "left in peace, %s and leader %s differ", m->name, leader->name);
}

/* Of containers, within each node. */
static void check_containers(const struct view *view)
{
	const struct view_object *object;
	struct map *addresses = map_new();
	char place[120];

	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));) {
		const struct task *task = object->value;
		if (task->state != TASK_RUNNING || str_is_empty(task->address))
			continue;
		snprintf(place, sizeof(place), "%s of %s", task->address, task->node_id);
		sim_demand(!map_put(addresses, place, addresses), "left in peace, two containers have address %s", place);
	}
	map_free(addresses);
}

static void tell_workers(void)
{
	for (size_t i = 0; i < world.workers; i++) {
		const struct sim_worker *w = &world.worker[i];
		const struct rpc_conn *conn = w->client ? dispatch_client_conn(w->client) : NULL;
		sim_trace("%s: has a session at %s, knows %zu managers", w->name, conn ? rpc_conn_address(conn) : "nobody", w->known_count);
		for (size_t k = 0; k < w->task_count; k++)
			sim_trace("%s has %s: %s, told %d, next at %lld", w->name, w->tasks[k].id,
				  task_state_name((enum task_state)w->tasks[k].state), w->tasks[k].desired, (long long)w->tasks[k].next_at);
	}
}

/* For whoever looks for the reason. */
static void tell_state(const struct view *view)
{
	const struct view_object *object;

	tell_workers();

	for (size_t at = 0; (object = view_next(view, KIND_NODE, &at));)
		sim_trace("node %s: %d", object->meta.id, VIEW_VALUE(node, object)->status.state);
	for (size_t at = 0; (object = view_next(view, KIND_SERVICE, &at));) {
		const struct service *service = object->value;
		sim_trace("service %s %s: version %llu, template %llu, update %d", object->meta.id, view_current_spec(view, object)->name,
			  (unsigned long long)service->spec_version, (unsigned long long)service->template_version, service->update.state);
	}
	for (size_t at = 0; (object = view_next(view, KIND_TASK, &at));) {
		const struct task *task = object->value;
		sim_trace("task %s of %s.%llu v%llu on %s: %s, wanted %s%s%s", object->meta.id, task->service_id, (unsigned long long)task->slot,
			  (unsigned long long)task->spec_version, task->node_id, task_state_name((enum task_state)task->state),
			  task_state_name((enum task_state)task->desired), task->error && task->error[0] ? ", " : "", task->error ? task->error : "");
	}
}

static void tell_managers(void)
{
	for (size_t i = 0; i < SIM_MANAGERS; i++) {
		const struct sim_manager *m = &world.manager[i];
		if (!m->is_running)
			continue;
		struct replica_status status = replica_status(m->replica);
		sim_trace("%s: role %d, term %llu, commit %llu, applied %llu, knows %zu members; view at %llu", m->name, (int)status.role,
			  (unsigned long long)status.term, (unsigned long long)status.commit, (unsigned long long)status.applied,
			  status.config->count, (unsigned long long)view_index(replica_view(m->replica)));
	}
}

void sim_check_converged(void)
{
	struct sim_manager *leader = sim_leader();

	if (!leader && world.trace)
		tell_managers();
	sim_demand(leader != NULL, "left in peace, nobody leads");
	if (!leader)
		return;
	for (size_t i = 0; i < SIM_MANAGERS; i++)
		if (is_member(&world.manager[i], leader))
			check_equal(&world.manager[i], leader);
	check_services(replica_view(leader->replica));
	check_containers(replica_view(leader->replica));
	check_descriptions(leader);
	if (world.failed && world.trace)
		tell_state(replica_view(leader->replica));
}
