/* What people hear of a container outside of services: those who asked for an act, those who wait for its end, and whoever follows the events. */
#include "agent/solo_io.h"

#include <stdlib.h>

#include "os/log.h"

enum { STARTS = 1 << BOX_ASK_START | 1 << BOX_ASK_RESTART, STOPS = 1 << BOX_ASK_STOP, REMOVALS = 1 << BOX_ASK_REMOVE };

/* Who asked for what is done hears that it is, who asked for what failed hears why; the others wait on. */
static void answer_asks(struct solo_box *box, unsigned done, unsigned failed, const struct err *failure)
{
	struct list due;

	list_init(&due);                /* an answer may ask again */
	LIST_EACH(item, &box->asks)
		if ((done | failed) & 1u << CONTAINER_OF(item, struct box_ask, node)->kind) {
			list_remove(item);
			list_add_last(&due, item);
		}
	while (!list_is_empty(&due)) {
		struct box_ask *ask = CONTAINER_OF(list_take_first(&due), struct box_ask, node);

		ask->done(ask->arg, failed & 1u << ask->kind ? failure : NULL);
		free(ask);
	}
}

void box_tell_started(struct solo_box *box)
{
	hosted_event(&box->hosted, "start", NULL, 0);
	if (solo_is_alive(&box->machine))
		box_watch_health(box, false);
	if (box->emits_restart)
		hosted_event(&box->hosted, "restart", NULL, 0);
	box->emits_restart = false;
	answer_asks(box, STARTS, 0, NULL);
}

void box_tell_failed(struct solo_box *box)
{
	struct err failure = box->failure;

	log_info("%s: not started: %s", hosted_name(&box->hosted), box->machine.error);
	box_drop_attaches(box, &failure);
	answer_asks(box, 0, STARTS, &failure);
	/* whoever waits for the end of what never began */
	hosted_tell_exit(&box->hosted, box->machine.exit_code);
}

void box_tell_ended(struct solo_box *box)
{
	box->hosted.address = (struct ip){ 0 };
	hosted_tell_exit(&box->hosted, box->machine.exit_code);
	answer_asks(box, STOPS, 0, NULL);
}

void box_tell_dead(struct solo_box *box)
{
	struct err failure = box->failure;

	answer_asks(box, 0, REMOVALS, &failure);
}

static void free_later(void *arg)
{
	box_free(arg);
}

void box_tell_gone(struct solo_box *box)
{
	struct err failure;

	err_set(&failure, ERR_NOT_FOUND, "No such container: %s", box->row.id);
	volumes_disclaim(box->hosted.agent->cfg.volumes, box->row.id);
	hosted_drop_container(&box->hosted);
	map_remove(box->hosted.agent->boxes, box->row.id);
	hosted_tell_removed(&box->hosted, box->machine.exit_code);
	box_drop_attaches(box, &failure);
	answer_asks(box, STOPS | REMOVALS, STARTS, &failure);
	timer_cancel(&box->timer);
	loop_defer(box->hosted.agent->cfg.loop, free_later, box);
}

void box_tell_rest(struct solo_box *box)
{
	struct err failure;

	if (!solo_is_at_rest(&box->machine) || list_is_empty(&box->asks))
		return;
	err_set(&failure, ERR_CONFLICT, "container %.12s was stopped before it was started", box->row.id);
	answer_asks(box, STOPS, STARTS, &failure);
}
