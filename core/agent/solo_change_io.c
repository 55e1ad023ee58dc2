/* What people change in a container after it was made: its name, its restart policy, its limits. On disk first, else it is as it was. */
#include <stdlib.h>

#include "agent/solo_io.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/container_words.h"

/* Under way; the box is looked up again by its id. */
struct change {
	struct agent *agent;
	char id[HEX_ID_SIZE];
	char *old_name;                 /* NULL: it was no new name */
	struct host_config old;         /* of an update; shallow, owns restart.name */
	bool has_limits;
	runtime_done_fn *done;
	void *arg;
};

static struct change *change_new(const struct solo_box *box, runtime_done_fn *done, void *arg)
{
	struct change *change = NEW(struct change);

	*change = (struct change){ .agent = box->hosted.agent, .done = done, .arg = arg };
	str_copy(change->id, sizeof change->id, box->row.id);
	return change;
}

static void change_end(struct change *change, const struct err *failure)
{
	change->done(change->arg, failure);
	free(change->old_name);
	free(change->old.restart.name);
	free(change);
}

/* ---- its name ---------------------------------------------------------------------------------------------------- */

static void renamed(void *arg, const struct err *failure)
{
	struct change *change = arg;
	struct solo_box *box = map_get(change->agent->boxes, change->id);
	CLEANUP(str_freep) char *old = str_printf("/%s", change->old_name);
	struct err ignored;

	if (box && failure) {
		free(box->row.name);
		box->row.name = str_dup(change->old_name);
		box_plan(box, &ignored);
	} else if (box) {
		hosted_event(&box->hosted, "rename", &(struct container_pair){ "oldName", old }, 1);
	}
	change_end(change, failure);
}

static int check_new_name(const struct solo_box *box, const char *name, struct err *err)
{
	if (str_is_empty(name))
		return err_set(err, ERR_INVALID, "Neither old nor new names may be empty");
	if (str_eq(box->row.name, name))
		return err_set(err, ERR_INVALID, "Renaming a container with the same name as its current name");
	if (agent_check_container_name(box->hosted.agent, name, err) == 0)
		return 0;
	if (err->code == ERR_INVALID)
		err_set(err, ERR_INVALID, "Invalid container name (/%.100s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
	return err_wrap(err, "Error when allocating new name");
}

void agent_rename_container(struct agent *agent, const char *id, const char *name, runtime_done_fn *done, void *arg)
{
	const char *bare = name[0] == '/' ? name + 1 : name;
	struct err err;
	struct solo_box *box = box_find(agent, id, "rename", &err);
	struct change *change;

	if (!box || check_new_name(box, bare, &err) < 0) {
		agent_answer_later(agent, done, arg, &err);
		return;
	}
	change = change_new(box, done, arg);
	change->old_name = box->row.name;
	box->row.name = str_dup(bare);
	if (box_plan(box, &err) < 0 || box_save(box, renamed, change, &err) < 0)
		renamed(change, &err);
}

/* ---- its policy and limits --------------------------------------------------------------------------------------- */

static bool has_limits(const struct host_config *changes)
{
	return changes->memory_bytes || changes->memory_swap_bytes || changes->nano_cpus || changes->cpu_period_us || changes->cpu_quota_us ||
	       changes->pids_limit.is_set;
}

static void put(int64_t *member, int64_t value)
{
	if (value)
		*member = value;
}

/* restart.name of the result is borrowed from either. */
static struct host_config merge(const struct host_config *host, const struct host_config *changes)
{
	struct host_config ret = *host;

	if (!str_is_empty(changes->restart.name))
		ret.restart = changes->restart;
	put(&ret.memory_bytes, changes->memory_bytes);
	put(&ret.memory_swap_bytes, changes->memory_swap_bytes);
	put(&ret.nano_cpus, changes->nano_cpus);
	put(&ret.cpu_period_us, changes->cpu_period_us);
	put(&ret.cpu_quota_us, changes->cpu_quota_us);
	if (changes->pids_limit.is_set)
		ret.pids_limit = changes->pids_limit;
	return ret;
}

static int check_update(const struct solo_box *box, const struct host_config *changes, struct err *err)
{
	struct container_request whole = { .config = box->row.config, .host = merge(&box->row.host, changes) };

	if (box->machine.is_removing)
		return err_set(err, ERR_CONFLICT, "Cannot update container %s: Container is marked for removal and cannot be \"update\".", box->row.id);
	if (whole.host.auto_remove && container_restart_parse(whole.host.restart.name) > CONTAINER_RESTART_NO)
		return err_set(err, ERR_CONFLICT, "Cannot update container %s: Restart policy cannot be updated because AutoRemove is enabled for the "
			       "container", box->row.id);
	return container_request_check(&whole, err);
}

static void set_host(struct solo_box *box, const struct host_config *host)
{
	char *name = str_dup(host->restart.name ? host->restart.name : "");

	free(box->row.host.restart.name);
	box->row.host = *host;
	box->row.host.restart.name = name;
}

static void update_end(struct change *change, const struct err *failure)
{
	struct solo_box *box = map_get(change->agent->boxes, change->id);
	struct err ignored;

	if (box && failure) {
		set_host(box, &change->old);
		box_plan(box, &ignored);
	} else if (box) {
		box_set_policy(box);
		hosted_event(&box->hosted, "update", NULL, 0);
	}
	change_end(change, failure);
}

static void forget_answer(void *arg UNUSED, const struct err *failure UNUSED)
{
}

static void updated(void *arg, const struct err *failure)
{
	struct change *change = arg;
	struct agent *agent = change->agent;
	bool has_set = failure && change->has_limits;
	char id[HEX_ID_SIZE];

	str_copy(id, sizeof id, change->id);
	update_end(change, failure);

	struct solo_box *box = map_get(agent->boxes, id);

	if (box && has_set)
		runtime_limit(agent->cfg.runtime, id, &box->hosted.spec, forget_answer, NULL);
}

/* What runs has them first: a kernel that refuses is more likely than a disk that does. */
static void limited(void *arg, const struct err *failure)
{
	struct change *change = arg;
	struct solo_box *box = map_get(change->agent->boxes, change->id);
	struct err err;

	if (failure) {
		err = *failure;
		err_wrap(&err, "Cannot update container %s", change->id);
		update_end(change, &err);
	} else if (!box) {
		change_end(change, NULL);
	} else if (box_save(box, updated, change, &err) < 0) {
		updated(change, &err);
	}
}

void agent_update_container(struct agent *agent, const char *id, const struct host_config *changes, runtime_done_fn *done, void *arg)
{
	struct err err;
	struct solo_box *box = box_find(agent, id, "update", &err);
	struct host_config host;
	struct change *change;

	if (!box || check_update(box, changes, &err) < 0) {
		agent_answer_later(agent, done, arg, &err);
		return;
	}
	change = change_new(box, done, arg);
	change->has_limits = has_limits(changes);
	change->old = box->row.host;
	change->old.restart.name = str_dup(change->old.restart.name ? change->old.restart.name : "");
	host = merge(&box->row.host, changes);
	set_host(box, &host);
	if (!change->has_limits)
		limited(change, NULL);
	else if (box_plan(box, &err) < 0)
		update_end(change, &err);
	else
		runtime_limit(agent->cfg.runtime, box->row.id, &box->hosted.spec, limited, change);
}
