#include "orchestrate/orchestrate.h"

#include "orchestrate/allocate_port.h"
#include "orchestrate/draft.h"
#include "orchestrate/enforce.h"
#include "orchestrate/global.h"
#include "orchestrate/ledger.h"
#include "orchestrate/reap.h"
#include "orchestrate/replicated.h"
#include "orchestrate/restart.h"
#include "orchestrate/schedule.h"
#include "orchestrate/update.h"

/* ---- what to look at ----------------------------------------------------------------------------- */

/* A node that came, went or changed may be one more or one less for each global service. */
static void mark_global_services(struct draft *draft)
{
	const struct view_object *service;

	for (size_t at = 0; (service = view_next(draft->view, KIND_SERVICE, &at));)
		if (service_is_global(view_current_spec(draft->view, service)))
			dirty_add_service(draft->in->dirty, service->meta.id);
}

static void look_at_nodes(struct draft *draft)
{
	bool has_any = false;
	char *id;

	while (!draft_is_spent(draft) && (id = dirty_take_node(draft->in->dirty, draft->arena))) {
		has_any = true;
		if (!enforce_node(draft, id)) {
			dirty_add_node(draft->in->dirty, id);
			break;
		}
	}
	if (has_any)
		mark_global_services(draft);
}

static void load_services(struct draft *draft)
{
	char *id;

	while (!draft_is_spent(draft) && (id = dirty_take_service(draft->in->dirty, draft->arena)))
		slots_load(draft, draft_load(draft, id));
}

/* ---- the stages ---------------------------------------------------------------------------------- */

static void decide(struct draft *draft, struct draft_service *service)
{
	enforce_orphans(draft, service);
	if (!service->service) {
		reap_orphaned_service(draft, service);
		return;
	}
	allocate_service_ports(draft, service);
	restart_service(draft, service);        /* first: a slot that it leaves empty is seen by the next */
	if (service_is_global(service->spec))
		global_service(draft, service);
	else
		replicated_service(draft, service);
	update_service(draft, service);
	restart_start_due(draft, service);
	allocate_tasks(draft, service);
}

/* Tasks that have their node come before those that can go elsewhere. */
static void schedule_all(struct draft *draft, bool global)
{
	for (size_t i = 0; i < draft->count; i++) {
		struct draft_service *service = draft->services[i];
		if (service->service && service_is_global(service->spec) == global)
			schedule_service(draft, service);
	}
}

static void run_stages(struct draft *draft)
{
	for (size_t i = 0; i < draft->count; i++)
		decide(draft, draft->services[i]);
	schedule_all(draft, true);
	schedule_all(draft, false);
	for (size_t i = 0; i < draft->count; i++)
		reap_service(draft, draft->services[i]);
}

static void note_what_is_left(struct draft *draft)
{
	struct dirty *dirty = draft->in->dirty;

	for (size_t i = 0; i < draft->count; i++) {
		const struct draft_service *service = draft->services[i];

		dirty_set_time(dirty, service->id, service->next_ms);
		dirty_set_waiting(dirty, service->id, service->is_waiting);
		if (service->is_put_off)
			dirty_add_service(dirty, service->id);
	}
}

void orchestrate(const struct orchestrate_in *in, struct orchestrate_out *out)
{
	struct draft draft;

	draft_init(&draft, in);
	change_list_init(&out->changes, in->arena);
	dirty_wake(in->dirty, in->now_ms);
	look_at_nodes(&draft);
	load_services(&draft);
	run_stages(&draft);
	draft_write(&draft, &out->changes);
	note_what_is_left(&draft);
	ledger_settle(dirty_ledger(in->dirty));
	draft_fini(&draft);
	out->next_ms = dirty_next_ms(in->dirty);
	out->more = !dirty_is_empty(in->dirty);
}
