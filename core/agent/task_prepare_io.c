/* TASK_ACT_PREPARE: everything a container needs before its process is made, from the image, which is pulled when it is not here, to volumes;
 * and giving it back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/agent_internal.h"
#include "agent/port_table.h"
#include "agent/task_container.h"
#include "base/panic.h"
#include "base/str.h"
#include "model/validate_container.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/log.h"
#include "pki/seal.h"

static int reserve_ports(struct run *run, struct err *err)
{
	for (size_t i = 0; i < run->hosted.port_count; i++) {
		struct port_config *port = &run->hosted.ports[i];
		uint16_t got;

		if (port->publish_mode != PUBLISH_HOST)
			continue;
		if (net_reserve_port(run->hosted.agent->cfg.net, port_proto(port), port->host_ip, (uint16_t)port->published_port, &got, err) < 0)
			return err_wrap(err, "driver failed programming external connectivity");
		port->published_port = got;
	}
	return 0;
}

static void remove_anonymous(struct run *run, const char *names)
{
	CLEANUP(strlist_finip) struct strlist list = { 0 };
	struct err err;

	if (str_is_empty(names))
		return;
	list = str_split(names, ',');
	for (size_t i = 0; i < list.count; i++)
		if (volumes_remove(run->hosted.agent->cfg.volumes, list.items[i], NULL, NULL, &err) < 0 && err.code != ERR_NOT_FOUND &&
		    err.code != ERR_CONFLICT)
			log_warn("task %s: anonymous volume: %s", run->assignment.task_id, err.text);
}

/* Makes it if it is missing; an anonymous one goes to the list. */
static const struct volume *make_volume(struct run *run, const struct mount *mount, struct buf *anonymous, struct err *err)
{
	const struct volume_options *options = mount ? mount->volume : NULL;
	const struct volume_driver *driver = options ? options->driver : NULL;
	bool is_named = mount && !str_is_empty(mount->source);
	const struct volume *volume;

	if (volumes_create(run->hosted.agent->cfg.volumes, is_named ? mount->source : "", driver ? driver->name : NULL,
			   driver ? &driver->options : NULL, options ? &options->labels : NULL, &volume, err) < 0)
		return NULL;
	if (!is_named)
		buf_printf(anonymous, "%s%s", anonymous->len ? "," : "", volume->name);
	return volume;
}

/* Those of the mounts, then those that only the image wants, for the container that is to have this id. ret_anonymous: their names, for the
 * label, also on failure. */
static int make_volumes(struct run *run, const char *id, const struct image_config *config, struct container_volumes *ret,
			struct buf *ret_anonymous, struct err *err)
{
	const struct container_spec_model *own = &run->own;
	const char *targets[CONTAINER_IMAGE_VOLUMES_MAX];
	size_t count = own->mounts.count + container_plan_anonymous_volumes(own, config, targets, ARRAY_COUNT(targets));
	const char **paths = ARENA_ARRAY(&run->hosted.arena, const char *, count), **names = ARENA_ARRAY(&run->hosted.arena, const char *, count);
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	for (size_t i = 0; i < count; i++) {
		const struct mount *mount = i < own->mounts.count ? &own->mounts.items[i] : NULL;
		const struct volume *volume;

		if (mount && mount->type != MOUNT_VOLUME)
			continue;
		if (!(volume = make_volume(run, mount, ret_anonymous, err)))
			return -1;
		volumes_claim(run->hosted.agent->cfg.volumes, volume->name, id);
		names[i] = arena_strdup(&run->hosted.arena, volume->name);
		paths[i] = arena_strdup(&run->hosted.arena, volumes_path(run->hosted.agent->cfg.volumes, volume->name, &path));
	}
	*ret = (struct container_volumes){ paths, count, names };
	return 0;
}

static const char *host_ports_label(const struct run *run, struct arena *arena)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	for (size_t i = 0; i < run->hosted.port_count; i++)
		if (run->hosted.ports[i].publish_mode == PUBLISH_HOST)
			buf_printf(&out, "%s%u/%s=%u", out.len ? "," : "", (unsigned)run->hosted.ports[i].target_port,
				   net_proto_name(port_proto(&run->hosted.ports[i])), (unsigned)run->hosted.ports[i].published_port);
	return arena_strdup(arena, buf_text(&out));
}

static void add_label(struct run *run, const char *key, const char *value)
{
	if (!str_is_empty(value))
		container_plan_label(&run->hosted.spec, &run->hosted.arena, key, value);
}

const char *agent_host_gateway(const struct agent *agent, char ret_text[IP_TEXT_SIZE])
{
	struct ip gateway = net_describe(agent->cfg.net).gateway;

	return gateway.family ? ip_format(gateway, ret_text) : "";
}

static int plan_container(struct run *run, struct err *err)
{
	struct agent *agent = run->hosted.agent;
	CLEANUP(buf_finip) struct buf anonymous = BUF_INIT;
	struct container_volumes volumes;
	const struct image *image;
	const char *const *layers;
	size_t layer_count;
	char id[HEX_ID_SIZE], gateway[IP_TEXT_SIZE];

	if (image_store_get(agent->cfg.images, run->assignment.spec.container.image, &image, err) < 0 ||
	    image_hold_new(agent->cfg.images, image->id, &run->hosted.hold, err) < 0)
		return -1;
	layers = image_hold_dirs(run->hosted.hold, &layer_count);
	run->hosted.image_id = arena_strdup(&run->hosted.arena, image->id);
	entropy_hex_id(id);
	if (make_volumes(run, id, &image->config, &volumes, &anonymous, err) < 0 ||
	    task_container(&run->assignment, &run->own, id, run->hosted.image_id, &image->config, layers, layer_count, &volumes,
			   agent_host_gateway(agent, gateway), &run->hosted.arena, &run->hosted.spec, err) < 0 ||
	    secret_files_make(agent->secrets, &run->own, &run->assignment.templates, &run->self, &run->hosted.arena, &run->hosted.spec, err) < 0) {
		run->hosted.spec = (struct container_spec){ 0 };
		volumes_disclaim(agent->cfg.volumes, id);
		remove_anonymous(run, buf_text(&anonymous));
		return -1;
	}
	run->hosted.spec.created_wall = clock_wall_ns();
	add_label(run, TASK_LABEL_VOLUMES, arena_strdup(&run->hosted.arena, buf_text(&anonymous)));
	add_label(run, TASK_LABEL_PORTS, host_ports_label(run, &run->hosted.arena));
	hosted_take_container(&run->hosted, id);
	run_learn_health(run);
	return 0;
}

static void created(void *arg, const struct err *failure)
{
	struct run *run = arg;

	if (failure)
		run_release(run);
	else
		hosted_event(&run->hosted, "create", NULL, 0);
	run_answer(run, failure);
}

static void volumes_are_there(void *arg, const struct err *failure)
{
	struct run *run = arg;

	if (failure)
		created(run, failure);
	else
		runtime_create(run->hosted.agent->cfg.runtime, &run->hosted.spec, created, run);
}

static int use_volumes(struct run *run, struct err *err)
{
	const char **names = ARENA_ARRAY(&run->hosted.arena, const char *, run->hosted.spec.mount_count);

	for (size_t i = 0; i < run->hosted.spec.mount_count; i++)
		names[i] = run->hosted.spec.mounts[i].name;
	return volumes_use(run->hosted.agent->cfg.volumes, names, run->hosted.spec.mount_count, run->hosted.container_id, volumes_are_there, run, err);
}

void run_refuse(struct run *run, const struct err *why)
{
	run_release(run);
	run_answer_later(run, why);
}

/* All that has to come from elsewhere is here. */
void run_prepare_on(struct run *run)
{
	struct err err;
	int used;

	if (reserve_ports(run, &err) < 0 || plan_container(run, &err) < 0 || (used = use_volumes(run, &err)) < 0)
		run_refuse(run, &err);
	else if (!used)
		runtime_create(run->hosted.agent->cfg.runtime, &run->hosted.spec, created, run);
}

/* Its image is here. */
static void prepare_now(struct run *run)
{
	if (!run_want_secrets(run))
		run_prepare_on(run);
}

/* ---- an image that is not here ----------------------------------------------------------------------------------- */

/* People see what it waits for. */
static void on_source(void *arg, const char *source)
{
	struct run *run = arg;

	snprintf(run->said, sizeof run->said, "preparing: waits for image %.160s from %.80s", run->assignment.spec.container.image, source);
	run->machine.message = run->said;
	run_report(run);
}

static void pulled(void *arg, const char *id, const struct err *failure)
{
	struct run *run = arg;
	struct err err;

	(void)id;
	run->pull = NULL;
	run->machine.message = "preparing";
	if (!failure) {
		prepare_now(run);
		return;
	}
	/* Docker's daemon keeps the reason for its log */
	err_set(&err, failure->code, "No such image: %.300s: %s", run->assignment.spec.container.image, failure->text);
	run_refuse(run, &err);
}

static int pull_with(struct run *run, const struct image_ref *ref, const char *credentials, struct err *err)
{
	static const struct image_pull_events events = { NULL, on_source, pulled };
	struct registry_auth auth;
	struct image_request request = { .ref = ref, .auth = &auth, .asks_swarm = true };
	int rc;

	if (registry_auth_decode(credentials, &auth, err) < 0)
		return -1;
	log_info("task %s: fetching %.300s", run->assignment.task_id, run->assignment.spec.container.image);
	rc = image_pull_start(run->hosted.agent->cfg.puller, &request, &events, run, &run->pull, err);
	registry_auth_fini(&auth);
	return rc;
}

/* Only managers can open what an assignment says of credentials. */
static int pull_image(struct run *run, const struct image_ref *ref, struct err *err)
{
	const struct agent_config *cfg = &run->hosted.agent->cfg;
	const char *credentials = run->assignment.spec.container.registry_auth;

	if (!seal_text_is_sealed(credentials))
		return pull_with(run, ref, credentials, err);
	run->awaits_credentials = true;
	cfg->want_secret(cfg->arg, run->assignment.task_id, false, run->assignment.task_id);
	return 0;
}

/* What is named by its id is nowhere else. */
static bool can_be_pulled(const char *name, struct image_ref *ret)
{
	struct err ignored;

	if (str_starts(name, "sha256:") || image_ref_parse(name, ret, &ignored) < 0)
		return false;
	image_ref_add_default_tag(ret);
	return true;
}

/* What came of its templates may be nothing that a container can have. */
static int check_templates(const struct run *run, struct err *err)
{
	const char *why;

	if (run->expansion_failure.code) {
		*err = run->expansion_failure;
		return -1;
	}
	if (!expand_is_needed(&run->assignment.spec.container) ||
	    validate_container(&run->own, service_network(&run->assignment.spec) == PREDEFINED_HOST, err) == 0)
		return 0;
	why = str_after(err->text, "rpc error: code = InvalidArgument desc = ");
	if (why)
		memmove(err->text, why, strlen(why) + 1);
	return -1;
}

void run_prepare(struct run *run)
{
	const struct any_array *given = (const void *)&run->own.mounts;
	const char *name = run->assignment.spec.container.image;
	const struct image *image;
	struct image_ref ref;
	struct err err;

	if (run->save_failure.code)
		run_answer_later(run, &run->save_failure);
	else if (check_templates(run, &err) < 0)
		run_refuse(run, &err);
	else if (hosted_check_network(&run->hosted, run->machine.needs_network, &err) < 0 ||
		 hosted_check_binds(given->items, given->count, &err) < 0)
		run_refuse(run, &err);
	else if (image_store_get(run->hosted.agent->cfg.images, name, &image, &err) == 0 || err.code != ERR_NOT_FOUND ||
		 !can_be_pulled(name, &ref))
		prepare_now(run);
	else if (pull_image(run, &ref, &err) < 0)
		run_refuse(run, &err);
}

void run_take_credentials(struct run *run, const char *credentials, const struct err *failure)
{
	struct image_ref ref;
	struct err err;

	run->awaits_credentials = false;
	if (failure)
		run_refuse(run, failure);
	else if (!can_be_pulled(run->assignment.spec.container.image, &ref))
		prepare_now(run);
	else if (pull_with(run, &ref, credentials, &err) < 0)
		run_refuse(run, &err);
}

void run_leave_pull(struct run *run)
{
	if (run->pull)
		image_pull_leave(run->pull);
	run->pull = NULL;
}

void run_cancel(struct run *run)
{
	struct err err;

	if (!run->pull && !run->awaits_secret && !run->awaits_credentials)
		return;         /* it is nearly done */
	err_set(&err, ERR_UNAVAILABLE, run->pull ? "the pull of its image was given up" : "its secrets were waited for no longer");
	run_leave_pull(run);
	run->awaits_secret = run->awaits_credentials = false;
	run_refuse(run, &err);
}

void run_release(struct run *run)
{
	hosted_release_ports(&run->hosted);
	run_drop_secrets(run);
	volumes_release(run->hosted.agent->cfg.volumes, run->hosted.container_id);
	volumes_disclaim(run->hosted.agent->cfg.volumes, run->hosted.container_id);
	remove_anonymous(run, container_label(&run->hosted.spec, TASK_LABEL_VOLUMES));
	image_hold_free(run->hosted.hold);
	run->hosted.hold = NULL;
	hosted_forget_health(&run->hosted);
	hosted_drop_container(&run->hosted);
	run->hosted.image_id = "";
	run->hosted.spec = (struct container_spec){ 0 };
	arena_fini(&run->hosted.arena);
}
