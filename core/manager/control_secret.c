/* Secrets and configs: sealed here, on whichever manager was asked, and opened here again for the nodes that need them. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "manager/control.h"
#include "manager/manager_internal.h"
#include "manager/sealed.h"
#include "os/entropy.h"
#include "pki/unlock_key.h"

#define PURPOSE_SIZE (ID_SIZE + 8)

static const char *purpose_of(const char *id, char ret_text[PURPOSE_SIZE])
{
	snprintf(ret_text, PURPOSE_SIZE, "secret %s", id);
	return ret_text;
}

static int no_key(struct err *err)
{
	return err_set(err, ERR_UNAVAILABLE, "this manager has not been given the cluster's key yet: ask another one");
}

static int seal_data(struct ask *ask, const struct manager *m, struct err *err)
{
	struct bytes *data = &ask->verb.secret.data;
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT;
	char purpose[PURPOSE_SIZE];

	if (!m->has_seal)
		return no_key(err);
	if (seal_close(&m->seal, purpose_of(ask->verb.id, purpose), data->items, data->count, &sealed, err) < 0)
		return -1;
	*data = (struct bytes){ 0 };
	ask->verb.sealed.items = arena_take_array(&ask->arena, sealed.len, 1);
	ask->verb.sealed.count = sealed.len;
	memcpy(ask->verb.sealed.items, sealed.data, sealed.len);
	return 0;
}

void control_secret_create(struct manager *m, bool is_config, const struct secret_spec *spec, control_done_fn *done, void *arg)
{
	char id[ID_SIZE];
	struct ask *ask;
	struct err err;
	int rc;

	entropy_id(id);
	ask = ask_new(m, VERB_SECRET_CREATE, id, done, arg);
	ask->verb.is_config = is_config;
	ask->verb.secret = *spec;       /* what is sealed is not copied before */
	rc = validate_secret_spec(spec, is_config, &err);
	if (rc == 0 && !is_config)
		rc = seal_data(ask, m, &err);
	spec = &(const struct secret_spec){ ask->verb.secret.name, ask->verb.secret.labels, ask->verb.secret.data,
					  ask->verb.secret.templating };
	shape_copy(&secret_spec_shape, spec, &ask->arena, &ask->verb.secret);
	if (rc < 0)
		ask_refuse(ask, &err);
	else
		ask_begin(ask);
}

/* Nothing is said of the data, or what is there. */
static int check_data(struct manager *m, bool is_config, const char *id, const struct bytes *data, struct err *err)
{
	const struct secret *old = view_secret(manager_view(m), is_config ? KIND_CONFIG : KIND_SECRET, id);
	CLEANUP(seal_wipe) struct buf is = BUF_INIT;

	if (!old || data->count == 0)
		return 0;
	if (manager_open_secret(m, is_config, id, &is, err) < 0)
		return -1;
	if (is.len == data->count && memcmp(is.data, data->items, is.len) == 0)
		return 0;
	return err_set(err, ERR_INVALID, "rpc error: code = InvalidArgument desc = only updates to Labels are allowed");
}

void control_secret_update(struct manager *m, bool is_config, const char *id, uint64_t spec_index, const struct secret_spec *spec,
			   control_done_fn *done, void *arg)
{
	struct ask *ask = ask_new(m, VERB_SECRET_UPDATE, id, done, arg);
	const struct secret_spec labels_only = { .name = spec->name, .labels = spec->labels };
	struct err err;

	ask->verb.is_config = is_config;
	ask->verb.spec_index = spec_index;
	shape_copy(&secret_spec_shape, &labels_only, &ask->arena, &ask->verb.secret);
	if (check_data(m, is_config, id, &spec->data, &err) < 0)
		ask_refuse(ask, &err);
	else
		ask_begin(ask);
}

void control_secret_remove(struct manager *m, bool is_config, const char *id, control_done_fn *done, void *arg)
{
	struct ask *ask = ask_new(m, VERB_SECRET_REMOVE, id, done, arg);

	ask->verb.is_config = is_config;
	ask_begin(ask);
}

int manager_open_secret(const struct manager *m, bool is_config, const char *id, struct buf *out, struct err *err)
{
	const struct secret *secret = view_secret(manager_view(m), is_config ? KIND_CONFIG : KIND_SECRET, id);
	char purpose[PURPOSE_SIZE];

	if (!secret)
		return err_set(err, ERR_NOT_FOUND, "%s %s not found", is_config ? "config" : "secret", id);
	if (!is_config && !m->has_seal)
		return no_key(err);
	if (!is_config)
		return seal_open(&m->seal, purpose_of(id, purpose), secret->sealed.items, secret->sealed.count, out, err);
	buf_add(out, secret->spec.data.items, secret->spec.data.count);
	return 0;
}

int manager_open_tokens(const struct manager *m, struct buf *ret_worker, struct buf *ret_manager, struct err *err)
{
	const struct cluster *cluster = view_cluster(manager_view(m));

	return seal_text_open(manager_key(m), SEALED_WORKER_TOKEN, cluster->tokens.worker, ret_worker, err) < 0 ? -1 :
	       seal_text_open(manager_key(m), SEALED_MANAGER_TOKEN, cluster->tokens.manager, ret_manager, err);
}

int manager_lock(const struct manager *m, struct seal_key *ret, struct err *err)
{
	const struct cluster *cluster = view_cluster(manager_view(m));
	CLEANUP(seal_wipe) struct buf text = BUF_INIT;

	if (!cluster || str_is_empty(cluster->unlock_key))
		return 0;
	if (seal_text_open(manager_key(m), SEALED_UNLOCK_KEY, cluster->unlock_key, &text, err) < 0)
		return -1;
	return unlock_key_parse(buf_text(&text), ret, err) < 0 ? -1 : 1;
}

static bool refers(const struct secret_references *references, const char *id)
{
	for (size_t i = 0; i < references->count; i++)
		if (str_eq(references->items[i].id, id))
			return true;
	return false;
}

int manager_secret_for_task(const struct manager *m, const char *node_id, const char *task_id, bool is_config, const char *id,
			    struct buf *out, struct err *err)
{
	const struct view *view = manager_view(m);
	const struct task *task = view_task(view, task_id);
	const struct service_spec *spec = task ? view_service_spec(view, task->service_id, task->spec_version) : NULL;

	bool is_task = spec && str_eq(task->node_id, node_id) && task->state >= TASK_ASSIGNED && task->desired <= TASK_RUNNING;

	if (is_task && !is_config && str_eq(id, task_id))
		return seal_text_open(manager_key(m), SEALED_REGISTRY_AUTH, spec->task.container.registry_auth, out, err);
	if (!is_task || !refers(is_config ? &spec->task.container.configs : &spec->task.container.secrets, id))
		return err_set(err, ERR_DENIED, "no task of this node needs this %s", is_config ? "config" : "secret");
	return manager_open_secret(m, is_config, id, out, err);
}
