#include "manager/control.h"

#include "base/str.h"
#include "manager/manager_internal.h"
#include "model/defaults.h"
#include "model/validate.h"
#include "os/entropy.h"

/* A service that is to be created may come without a name: one is invented for it. */
static int validate_new(const struct service_spec *spec, struct err *err)
{
	struct service_spec named = *spec;
	char any[] = "any";

	if (str_is_empty(named.name))
		named.name = any;
	return validate_service_spec(&named, err);
}

static void take_service(struct ask *ask, const struct service_spec *spec)
{
	shape_copy(&service_spec_shape, spec, &ask->arena, &ask->verb.service);
	service_spec_normalize(&ask->verb.service, &ask->arena);
}

void control_service_create(struct manager *m, const struct service_spec *spec, control_done_fn *done, void *arg)
{
	char id[ID_SIZE];
	struct ask *ask;
	struct err err;

	entropy_id(id);
	ask = ask_new(m, VERB_SERVICE_CREATE, id, done, arg);
	take_service(ask, spec);
	if (validate_new(&ask->verb.service, &err) < 0)
		ask_refuse(ask, &err);
	else
		ask_begin(ask);
}

void control_service_update(struct manager *m, const char *service_id, uint64_t spec_index, const struct service_spec *spec,
			    control_done_fn *done, void *arg)
{
	struct ask *ask = ask_new(m, VERB_SERVICE_UPDATE, service_id, done, arg);
	struct err err;

	ask->verb.spec_index = spec_index;
	take_service(ask, spec);
	if (validate_service_spec(&ask->verb.service, &err) < 0)
		ask_refuse(ask, &err);
	else
		ask_begin(ask);
}

void control_service_remove(struct manager *m, const char *service_id, control_done_fn *done, void *arg)
{
	ask_begin(ask_new(m, VERB_SERVICE_REMOVE, service_id, done, arg));
}

void control_node_update(struct manager *m, const char *node_id, uint64_t spec_index, const struct node_spec *spec, control_done_fn *done,
			 void *arg)
{
	struct ask *ask = ask_new(m, VERB_NODE_UPDATE, node_id, done, arg);

	ask->verb.spec_index = spec_index;
	shape_copy(&node_spec_shape, spec, &ask->arena, &ask->verb.node);
	ask_begin(ask);
}

void control_node_remove(struct manager *m, const char *node_id, bool force, control_done_fn *done, void *arg)
{
	struct ask *ask = ask_new(m, VERB_NODE_REMOVE, node_id, done, arg);

	ask->verb.force = force;
	ask_begin(ask);
}
