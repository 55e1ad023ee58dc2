/* The secrets and configs of this host's tasks: asked for when a task is prepared, kept while one is left that needs them. */
#include "agent/agent_internal.h"
#include "base/str.h"
#include "os/log.h"
#include "pki/seal.h"

/* The first that is not here. */
static const struct secret_reference *find_missing(const struct run *run, bool *ret_is_config)
{
	const struct container_spec_model *own = &run->assignment.spec.container;

	for (int is_config = 0; is_config < 2; is_config++) {
		const struct secret_references *references = is_config ? &own->configs : &own->secrets;

		*ret_is_config = is_config;
		for (size_t i = 0; i < references->count; i++)
			if (!secret_files_has(run->hosted.agent->secrets, is_config, references->items[i].id))
				return &references->items[i];
	}
	return NULL;
}

bool run_want_secrets(struct run *run)
{
	const struct agent_config *cfg = &run->hosted.agent->cfg;
	const struct secret_reference *missing;
	bool is_config;

	missing = find_missing(run, &is_config);
	run->awaits_secret = missing != NULL;
	if (missing)
		cfg->want_secret(cfg->arg, run->assignment.task_id, is_config, missing->id);
	return missing != NULL;
}

void agent_take_secret(struct agent *agent, const char *task_id, bool is_config, const char *id, const void *bytes, size_t size,
		       const struct err *failure)
{
	struct run *run = map_get(agent->runs, task_id);
	struct err err;

	if (run && run->awaits_credentials && str_eq(id, task_id)) {
		CLEANUP(seal_wipe) struct buf credentials = BUF_INIT;

		buf_add(&credentials, bytes, size);
		run_take_credentials(run, buf_text(&credentials), failure);
		return;
	}
	if (!run || !run->awaits_secret || str_eq(id, task_id))
		return;
	if (failure)
		err = *failure;
	else if (secret_files_keep(agent->secrets, is_config, id, bytes, size, &err) == 0) {
		if (!run_want_secrets(run))
			run_prepare_on(run);
		return;
	}
	run->awaits_secret = false;
	run_refuse(run, &err);
}

static bool needs_secrets(const struct run *run)
{
	const struct container_spec_model *own = &run->assignment.spec.container;

	return own->secrets.count + own->configs.count > 0;
}

void run_drop_secrets(struct run *run)
{
	if (needs_secrets(run))
		secret_files_drop(run->hosted.agent->secrets, run->hosted.container_id);
}

void run_end_secrets(struct run *run)
{
	if (!needs_secrets(run))
		return;
	run_drop_secrets(run);
	agent_sweep_secrets(run->hosted.agent);
}

static void add_needed(struct map *needed, const struct secret_references *references, bool is_config)
{
	char name[SECRET_FILE_NAME_SIZE];

	for (size_t i = 0; i < references->count; i++)
		map_put(needed, secret_file_name(is_config, references->items[i].id, name), needed);
}

void agent_sweep_secrets(struct agent *agent)
{
	struct map *needed = map_new();
	void *value;

	for (size_t at = 0; map_next(agent->runs, &at, NULL, &value);) {
		const struct run *run = value;
		const struct container_spec_model *own = &run->assignment.spec.container;

		if (run->machine.state > TASK_RUNNING && !run_may_begin_again(run))
			continue;
		add_needed(needed, &own->secrets, false);
		add_needed(needed, &own->configs, true);
	}
	secret_files_sweep(agent->secrets, agent->by_container, needed);
	map_free(needed);
}
