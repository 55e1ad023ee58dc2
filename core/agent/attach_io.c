/* Streams of a container's input and output: at once while it runs, or at its next start for clients that come before it. */
#include <stdlib.h>
#include <unistd.h>

#include "agent/solo_io.h"
#include "base/panic.h"
#include "base/str.h"

struct agent_attach {
	struct list node;               /* in box->attaches while it waits for the start */
	struct solo_box *box;           /* whose start waits for the runtime's answer; else NULL */
	struct runtime_attachment want;
	bool is_abandoned;              /* nobody wants it any more, but the runtime still answers */
	bool is_asked;
	struct timer now;               /* a refusal */
	struct err failure;
	runtime_stream_fn *fn;
	void *arg;
};

static void attach_free(struct agent_attach *attach)
{
	list_remove(&attach->node);
	timer_cancel(&attach->now);
	free(attach);
}

static void told(struct agent_attach *attach, int fd, const struct err *failure)
{
	if (attach->is_abandoned && fd >= 0)
		close(fd);
	if (!attach->is_abandoned)
		attach->fn(attach->arg, fd, failure);
	attach_free(attach);
}

static void connected(void *arg, int fd, const struct err *failure)
{
	struct agent_attach *attach = arg;
	struct solo_box *box = attach->box;

	told(attach, fd, failure);
	if (box && --box->connecting == 0)
		box_answer(box, NULL, 0);
}

static void ask_runtime(struct agent *agent, struct agent_attach *attach, const char *id)
{
	attach->is_asked = true;
	runtime_attach(agent->cfg.runtime, id, &attach->want, connected, attach);
}

void box_connect(struct solo_box *box)
{
	box->connecting = 1;            /* this function itself */
	LIST_EACH(item, &box->attaches) {
		struct agent_attach *attach = CONTAINER_OF(item, struct agent_attach, node);

		list_remove(item);
		attach->box = box;
		box->connecting++;
		ask_runtime(box->hosted.agent, attach, box->row.id);
	}
	if (--box->connecting == 0)
		box_answer_later(box, NULL);
}

void box_drop_attaches(struct solo_box *box, const struct err *why)
{
	LIST_EACH(item, &box->attaches) {
		struct agent_attach *attach = CONTAINER_OF(item, struct agent_attach, node);

		list_remove(item);
		if (why)
			told(attach, -1, why);  /* without: the agent closes, and its owner frees it */
	}
}

static void refuse_now(void *arg)
{
	struct agent_attach *attach = arg;

	told(attach, -1, &attach->failure);
}

struct agent_attach *agent_attach_new(struct agent *agent, const char *id, const struct runtime_attachment *want, runtime_stream_fn *fn, void *arg)
{
	struct agent_attach *attach = NEW(struct agent_attach);
	struct hosted *hosted = map_get(agent->by_container, id);
	struct solo_box *box = hosted && hosted->is_solo ? CONTAINER_OF(hosted, struct solo_box, hosted) : NULL;

	*attach = (struct agent_attach){ .want = *want, .fn = fn, .arg = arg };
	list_init(&attach->node);
	timer_init(&attach->now, agent->cfg.loop, refuse_now, attach);
	if (hosted && (!box || solo_is_alive(&box->machine))) {
		ask_runtime(agent, attach, id);
	} else if (box && !box->machine.is_removing) {
		list_add_last(&box->attaches, &attach->node);
	} else {
		err_set(&attach->failure, ERR_NOT_FOUND, "No such container: %s", id);
		timer_set_in(&attach->now, 0);
	}
	return attach;
}

void agent_attach_free(struct agent_attach *attach)
{
	if (!attach)
		return;
	if (attach->is_asked)
		attach->is_abandoned = true;
	else
		attach_free(attach);
}
