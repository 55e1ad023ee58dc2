#include "orchestrate/allocate_port.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"

enum { PORTS = 65536, PROTOCOLS = PROTOCOL_SCTP + 1 };
enum { PORT_BYTES = 100 };      /* of one port in a change: numbers, and a name of at most 63 characters */
struct port_space { uint8_t taken[PROTOCOLS][PORTS / 8]; };

static const char *const protocol_names[PROTOCOLS] = { "tcp", "tcp", "udp", "sctp" };

static bool is_ingress(const struct port_config *port)
{
	return port->publish_mode != PUBLISH_HOST;
}

static int protocol_of(const struct port_config *port)
{
	return port->protocol == PROTOCOL_UNSET ? PROTOCOL_TCP : port->protocol;
}

static bool is_taken(const struct port_space *space, int protocol, uint64_t port)
{
	return space->taken[protocol][port / 8] >> (port % 8) & 1;
}

static void set_taken(struct port_space *space, const struct port_config *port, bool taken)
{
	uint8_t *byte;

	if (!is_ingress(port) || port->published_port == 0 || port->published_port >= PORTS)
		return;
	byte = &space->taken[protocol_of(port)][port->published_port / 8];
	if (taken)
		*byte |= (uint8_t)(1 << port->published_port % 8);
	else
		*byte &= (uint8_t)~(1 << port->published_port % 8);
}

static void mark_all(struct port_space *space, const struct service *service, bool taken)
{
	for (size_t i = 0; service && i < service->ports.count; i++)
		set_taken(space, &service->ports.items[i], taken);
}

/* What the view's services have, but for those that this call gave others. */
static struct port_space *space_of(struct draft *draft)
{
	const struct view_object *object;

	if (draft->port_space)
		return draft->port_space;
	draft->port_space = ARENA_NEW(draft->arena, struct port_space);
	for (size_t at = 0; (object = view_next(draft->view, KIND_SERVICE, &at));)
		mark_all(draft->port_space, object->value, true);
	for (size_t i = 0; i < draft->count; i++)
		if (draft->services[i]->object.edited)
			mark_all(draft->port_space, draft->services[i]->object.before, false);
	for (size_t i = 0; i < draft->count; i++)
		if (draft->services[i]->object.edited)
			mark_all(draft->port_space, draft->services[i]->service, true);
	return draft->port_space;
}

static bool is_same_target(const struct port_config *a, const struct port_config *b)
{
	return str_eq(a->name, b->name) && protocol_of(a) == protocol_of(b) && a->target_port == b->target_port;
}

/* The number that an unnumbered port got before. Each is given once: a target may be published twice. */
static uint64_t previous_number(const struct service *service, const struct port_config *port, bool *used)
{
	for (size_t i = 0; i < service->ports.count; i++) {
		const struct port_config *old = &service->ports.items[i];
		if (used[i] || !is_ingress(old) || !is_same_target(old, port))
			continue;
		used[i] = true;
		return old->published_port;
	}
	return 0;
}

static uint64_t first_free(const struct port_space *space, int protocol)
{
	for (uint64_t port = DYNAMIC_PORT_FIRST; port <= DYNAMIC_PORT_LAST; port++)
		if (!is_taken(space, protocol, port))
			return port;
	return 0;
}

/* A number that the spec names; used: which of the service's old numbers are spoken for. NULL, or why not. */
static const char *take_named(struct draft *draft, struct port_space *space, const struct service *service,
			      const struct port_config *port, bool *used)
{
	if (is_taken(space, protocol_of(port), port->published_port))
		return arena_printf(draft->arena, "port '%" PRIu64 "' is already in use", port->published_port);
	set_taken(space, port, true);
	for (size_t i = 0; i < service->ports.count; i++) {
		const struct port_config *old = &service->ports.items[i];
		used[i] |= is_ingress(old) && is_same_target(old, port) && old->published_port == port->published_port;
	}
	return NULL;
}

/* The number it had, or the first free one. */
static const char *take_any(struct draft *draft, struct port_space *space, const struct service *service,
			    struct port_config *port, bool *used)
{
	int protocol = protocol_of(port);
	uint64_t number = previous_number(service, port, used);

	if (number == 0 || is_taken(space, protocol, number))
		number = first_free(space, protocol);
	if (number == 0)
		return arena_printf(draft->arena, "no free port from %d to %d (%s)", DYNAMIC_PORT_FIRST, DYNAMIC_PORT_LAST,
				    protocol_names[protocol]);
	port->published_port = number;
	set_taken(space, port, true);
	return NULL;
}

/* Named numbers first, so that nothing found for the others collides with them. */
static const char *choose(struct draft *draft, struct port_space *space, const struct service *service,
			  struct port_config *ports, size_t count)
{
	bool *used = ARENA_ARRAY(draft->arena, bool, service->ports.count);
	bool *is_named = ARENA_ARRAY(draft->arena, bool, count);
	const char *why = NULL;

	for (size_t i = 0; i < count && !why; i++) {
		is_named[i] = ports[i].published_port != 0;
		if (is_ingress(&ports[i]) && is_named[i])
			why = take_named(draft, space, service, &ports[i], used);
	}
	for (size_t i = 0; i < count && !why; i++)
		if (is_ingress(&ports[i]) && !is_named[i])
			why = take_any(draft, space, service, &ports[i], used);
	return why;
}

/* Does each allocated port answer to the one asked for at the same place? */
static bool is_allocated(const struct draft_service *service)
{
	const struct service *has = service->service;

	if (has->ports.count != service->spec->endpoint.ports.count)
		return false;
	for (size_t i = 0; i < has->ports.count; i++) {
		const struct port_config *want = &service->spec->endpoint.ports.items[i], *got = &has->ports.items[i];
		bool is_number_right = want->published_port == got->published_port ||
				       (want->published_port == 0 && is_ingress(want) && got->published_port != 0);
		if (!is_same_target(want, got) || is_ingress(want) != is_ingress(got) || !is_number_right)
			return false;
	}
	return true;
}

void allocate_service_ports(struct draft *draft, struct draft_service *service)
{
	struct port_space *space;
	struct port_config *ports;
	size_t count = service->spec->endpoint.ports.count;

	if (is_allocated(service))
		return;
	if (!draft_has_room_for(draft, 1, count * PORT_BYTES)) {
		service->port_error = "";
		draft_put_off(service);
		return;
	}
	space = space_of(draft);
	ports = ARENA_ARRAY(draft->arena, struct port_config, count);
	for (size_t i = 0; i < count; i++)
		ports[i] = service->spec->endpoint.ports.items[i];
	mark_all(space, service->service, false);
	service->port_error = choose(draft, space, service->service, ports, count);
	if (service->port_error) {
		draft->port_space = NULL;               /* half filled: made anew when next needed */
		return;
	}
	struct service *edited = draft_edit_service(draft, service);
	draft_charge(draft, count * PORT_BYTES);
	edited->ports.items = ports;
	edited->ports.count = count;
}

static void refuse_task(struct draft *draft, struct draft_service *service, struct draft_task *task)
{
	service->is_waiting = true;
	if (str_is_empty(service->port_error) || str_eq(task->task->error, service->port_error))
		return;
	if (draft_has_room(draft, 1))
		draft_set_state(draft, task, TASK_NEW, task->task->message, service->port_error);
	else
		draft_put_off(service);
}

void allocate_tasks(struct draft *draft, struct draft_service *service)
{
	for (size_t i = 0; i < service->count; i++) {
		struct draft_task *task = service->tasks[i];

		if (task->task->state != TASK_NEW || !task_is_wanted(task->task))
			continue;
		if (service->port_error)
			refuse_task(draft, service, task);
		else if (task->object.is_counted || draft_has_room(draft, 1))
			draft_set_state(draft, task, TASK_PENDING, "pending task scheduling", NULL);
		else
			draft_put_off(service);
	}
}
