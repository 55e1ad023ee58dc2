#include "orchestrate/schedule_filter.h"

#include "base/str.h"

static bool is_ready(const struct node *node)
{
	return node->status.state == NODE_READY && node->spec.availability == AVAILABILITY_ACTIVE;
}

/* Reservations, not limits: a node is never promised twice, but may be used more than it has. */
static bool has_resources(const struct service_spec *spec, const struct filter_node *at)
{
	const struct resource_reservations *want = &spec->task.resources.reservations;
	const struct node_resources *all = &at->node->description.resources;

	if (want->nano_cpus == 0 && want->memory_bytes == 0)
		return true;
	return want->nano_cpus <= all->nano_cpus - at->line->nano_cpus &&
	       want->memory_bytes <= all->memory_bytes - at->line->memory_bytes;
}

static const char *common_name(const char *architecture)
{
	if (str_eq(architecture, "x86_64"))
		return "amd64";
	return str_eq(architecture, "aarch64") ? "arm64" : architecture;
}

static bool is_platform(const struct platform *want, const struct platform *is)
{
	return (str_is_empty(want->architecture) ||
		str_eq(common_name(want->architecture), common_name(is->architecture))) &&
	       (str_is_empty(want->os) || str_eq(want->os, is->os));
}

static bool has_platform(const struct service_spec *spec, const struct node *node)
{
	for (size_t i = 0; i < spec->task.placement.platforms.count; i++)
		if (is_platform(&spec->task.placement.platforms.items[i], &node->description.platform))
			return true;
	return spec->task.placement.platforms.count == 0;
}

static bool has_ports(const struct service_spec *spec, const struct ledger_line *line)
{
	for (size_t i = 0; i < spec->endpoint.ports.count; i++) {
		const struct port_config *port = &spec->endpoint.ports.items[i];
		if (port_is_fixed_on_host(port) && ledger_has_port(line, port))
			return false;
	}
	return true;
}

enum filter filter_check(const struct service_spec *spec, const struct constraint_list *constraints,
			 const struct filter_node *at)
{
	if (!is_ready(at->node))
		return FILTER_READY;
	if (!has_resources(spec, at))
		return FILTER_RESOURCE;
	if (!constraint_match(constraints, at->id, at->node))
		return FILTER_CONSTRAINT;
	if (!has_platform(spec, at->node))
		return FILTER_PLATFORM;
	if (!has_ports(spec, at->line))
		return FILTER_HOST_PORT;
	if (spec->task.placement.max_replicas && at->of_service >= spec->task.placement.max_replicas)
		return FILTER_MAX_REPLICAS;
	return FILTER_PASSED;
}

static void add_reason(struct buf *text, enum filter filter, size_t nodes)
{
	static const char *const reasons[FILTER_COUNT] = {
		[FILTER_RESOURCE] = "insufficient resources", [FILTER_CONSTRAINT] = "scheduling constraints not satisfied",
		[FILTER_PLATFORM] = "unsupported platform", [FILTER_HOST_PORT] = "host-mode port already in use",
	};
	const char *plural = nodes == 1 ? "" : "s";

	if (text->len)
		buf_add_str(text, "; ");
	if (filter == FILTER_READY)
		buf_printf(text, "%zu node%s not available for new tasks", nodes, plural);
	else if (filter == FILTER_MAX_REPLICAS)
		buf_add_str(text, "max replicas per node limit exceed");
	else
		buf_printf(text, "%s on %zu node%s", reasons[filter], nodes, plural);
}

const char *filter_explain(const size_t stopped[FILTER_COUNT], struct arena *arena)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	bool told[FILTER_COUNT] = { false };

	for (;;) {
		enum filter most = FILTER_PASSED;
		for (int i = 0; i < FILTER_COUNT; i++)
			if (!told[i] && stopped[i] && (most == FILTER_PASSED || stopped[i] > stopped[most]))
				most = (enum filter)i;
		if (most == FILTER_PASSED)
			break;
		told[most] = true;
		add_reason(&text, most, stopped[most]);
	}
	return arena_strdup(arena, buf_text(&text));
}
