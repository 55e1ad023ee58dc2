#include "model/validate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "model/constraint.h"
#include "model/expand.h"
#include "model/log_settings.h"
#include "model/predefined_network.h"
#include "model/validate_container.h"

#define REFUSED "rpc error: code = InvalidArgument desc = "

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* ^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$ */
static bool is_dns_name(const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < length; i++)
		if (!is_alnum(name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	return length > 0 && is_alnum(name[0]) && is_alnum(name[length - 1]);
}

int validate_name(const char *name, struct err *err)
{
	if (str_is_empty(name))
		return err_set(err, ERR_INVALID, REFUSED "meta: name must be provided");
	if (!is_dns_name(name))
		return err_set(err, ERR_INVALID, REFUSED "name must be valid as a DNS name component");
	if (strlen(name) > VALIDATE_NAME_MAX)
		return err_set(err, ERR_INVALID, REFUSED "name must be 63 characters or fewer");
	return 0;
}

static int check_labels(const struct str_map *labels, const char *where, struct err *err)
{
	for (size_t i = 0; i < labels->count; i++)
		if (str_is_empty(labels->items[i].key))
			return err_set(err, ERR_INVALID, REFUSED "%s: a label has no name", where);
	return 0;
}

/* The shortest digits that read back as the same number: Go's %g. */
static const char *format_number(double value, char ret_text[40])
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(ret_text, 40, "%.*g", digits, value);
		if (strtod(ret_text, NULL) == value)
			break;
	}
	return ret_text;
}

static int check_amounts(int64_t nano_cpus, int64_t memory_bytes, struct err *err)
{
	char text[40];

	if (nano_cpus != 0 && nano_cpus < 1000000)
		return err_set(err, ERR_INVALID, REFUSED "invalid cpu value %s: Must be at least 0.001",
			       format_number((double)nano_cpus / 1e9, text));
	if (memory_bytes != 0 && memory_bytes < 4 << 20)
		return err_set(err, ERR_INVALID, REFUSED "invalid memory value %lld: Must be at least 4MiB",
			       (long long)memory_bytes);
	return 0;
}

static int check_resources(const struct resources *resources, struct err *err)
{
	if (check_amounts(resources->limits.nano_cpus, resources->limits.memory_bytes, err) < 0)
		return -1;
	if (resources->limits.pids < -1)        /* 0 and -1: no limit */
		return err_set(err, ERR_INVALID, REFUSED "invalid pids limit %lld: must be -1 or more",
			       (long long)resources->limits.pids);
	return check_amounts(resources->reservations.nano_cpus, resources->reservations.memory_bytes, err);
}

static int check_restart(const struct restart_policy *policy, struct err *err)
{
	if (!policy)
		return 0;
	if (policy->delay_ns.value > INT64_MAX)
		return err_set(err, ERR_INVALID, REFUSED "TaskSpec: restart-delay cannot be negative");
	if (policy->window_ns.value > INT64_MAX)
		return err_set(err, ERR_INVALID, REFUSED "TaskSpec: restart-window cannot be negative");
	return 0;
}

static int check_placement(const struct service_spec *spec, struct err *err)
{
	struct constraint_list list;
	struct arena arena;
	struct err reason;

	if (spec->task.placement.max_replicas && service_is_global(spec))
		return err_set(err, ERR_INVALID, "replicas-max-per-node can only be used with replicated or replicated-job mode");
	arena_init(&arena, "constraints", 64 << 20);
	int rc = constraint_parse(&spec->task.placement.constraints, &arena, &list, &reason);
	arena_fini(&arena);
	if (rc < 0)
		return err_set(err, ERR_INVALID, "rpc error: code = Unknown desc = %.900s", reason.text);
	return 0;
}

static int check_mode(const struct service_spec *spec, struct err *err)
{
	uint64_t replicas = service_replicas(spec);

	if (spec->mode.global && spec->mode.replicated)
		return err_set(err, ERR_INVALID, "must specify only one service mode");
	if (replicas > INT64_MAX)
		return err_set(err, ERR_INVALID, REFUSED "Number of replicas must be non-negative");
	if (replicas > VALIDATE_REPLICAS_MAX)
		return err_set(err, ERR_INVALID, REFUSED "Number of replicas must be at most %d, not %llu",
			       VALIDATE_REPLICAS_MAX, (unsigned long long)replicas);
	return 0;
}

static int unsupported(const char *config, const char *member, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "%s.%s is not supported by swarmbox yet", config, member);
}

/* docker's client fills the whole structure when one flag is given: Docker's own defaults pass. */
static int check_update(const struct update_config *update, const char *config, struct err *err)
{
	if (!update)
		return 0;
	if (update->delay_ns < 0)
		return err_set(err, ERR_INVALID, REFUSED "TaskSpec: update-delay cannot be negative");
	if (update->monitor_ns < 0)
		return err_set(err, ERR_INVALID, REFUSED "TaskSpec: update-monitor cannot be negative");
	if (!(update->max_failure_ratio >= 0 && update->max_failure_ratio <= 1))
		return err_set(err, ERR_INVALID, REFUSED "TaskSpec: update-maxfailureratio cannot be less than 0 or bigger "
			       "than 1");
	if (update->delay_ns != 0)
		return unsupported(config, "Delay", err);
	if (update->failure_action != FAILURE_UNSET && update->failure_action != FAILURE_PAUSE)
		return unsupported(config, "FailureAction", err);
	if (update->monitor_ns != 0 && update->monitor_ns != 5000000000)
		return unsupported(config, "Monitor", err);
	if (update->max_failure_ratio > 0)
		return unsupported(config, "MaxFailureRatio", err);
	return 0;
}

static bool is_same_published(const struct port_config *a, const struct port_config *b)
{
	int a_protocol = a->protocol == PROTOCOL_UNSET ? PROTOCOL_TCP : a->protocol;
	int b_protocol = b->protocol == PROTOCOL_UNSET ? PROTOCOL_TCP : b->protocol;

	return a->published_port != 0 && a->published_port == b->published_port && a_protocol == b_protocol;
}

static int check_port(const struct endpoint_spec *endpoint, size_t at, struct err *err)
{
	const struct port_config *port = &endpoint->ports.items[at];

	if (port->target_port < 1 || port->target_port > 65535)
		return err_set(err, ERR_INVALID, REFUSED "EndpointSpec: invalid target port %llu: must be 1 to 65535",
			       (unsigned long long)port->target_port);
	if (port->published_port > 65535)
		return err_set(err, ERR_INVALID, REFUSED "EndpointSpec: invalid published port %llu: must be at most 65535",
			       (unsigned long long)port->published_port);
	if (port->name && strlen(port->name) > VALIDATE_NAME_MAX)
		return err_set(err, ERR_INVALID, REFUSED "EndpointSpec: port name '%.80s' is longer than %d characters",
			       port->name, VALIDATE_NAME_MAX);
	if (endpoint->mode == ENDPOINT_DNSRR && port->publish_mode != PUBLISH_HOST)
		return err_set(err, ERR_INVALID, REFUSED "EndpointSpec: port published with ingress mode can't be used with "
			       "dnsrr mode");
	for (size_t i = 0; i < at; i++)
		if (is_same_published(&endpoint->ports.items[i], port))
			return err_set(err, ERR_INVALID, REFUSED "EndpointSpec: duplicate published ports provided");
	return 0;
}

static int check_endpoint(const struct endpoint_spec *endpoint, struct err *err)
{
	if (endpoint->ports.count > VALIDATE_LIST_MAX)
		return err_set(err, ERR_INVALID, REFUSED "EndpointSpec: %zu ports, at most %d are allowed",
			       endpoint->ports.count, VALIDATE_LIST_MAX);
	for (size_t i = 0; i < endpoint->ports.count; i++)
		if (check_port(endpoint, i, err) < 0)
			return -1;
	return 0;
}

/* One of the predefined ones: a container has one network as long as there are no others. */
static int check_networks(const struct task_spec *task, struct err *err)
{
	const struct network_attachment *network = task->networks.items;

	if (!task->networks.count)
		return 0;
	if (predefined_network_find(network->target) < 0)
		return err_set(err, ERR_NOT_FOUND, "network %.200s not found", network->target ? network->target : "");
	if (task->networks.count > 1)
		return err_set(err, ERR_UNSUPPORTED, "more than one network of a service is not supported by swarmbox yet");
	if (network->aliases.count)
		return err_set(err, ERR_INVALID, "network-scoped alias is supported only for containers in user defined networks");
	if (network->driver_options.count)
		return err_set(err, ERR_UNSUPPORTED, "TaskTemplate.Networks.DriverOpts is not supported by swarmbox yet");
	return 0;
}

/* On the host's network a port is where the container opens it; a host-mode one that says so keeps tasks apart when they are placed. */
static int check_ports_on_network(const struct service_spec *spec, struct err *err)
{
	enum predefined_network network = service_network(&spec->task);

	for (size_t i = 0; i < spec->endpoint.ports.count && network != PREDEFINED_BRIDGE; i++) {
		const struct port_config *port = &spec->endpoint.ports.items[i];

		if (network == PREDEFINED_NONE)
			return err_set(err, ERR_INVALID, "port %llu cannot be published: the service has no network",
				       (unsigned long long)port->target_port);
		if (port->publish_mode != PUBLISH_HOST || port->published_port != port->target_port)
			return err_set(err, ERR_INVALID, "port %llu cannot be published: the service is on the host's network, where it "
				       "opens its ports itself", (unsigned long long)port->target_port);
	}
	return 0;
}

static int check_log(const struct log_driver *log, struct err *err)
{
	struct log_settings ignored;

	return log_settings_read(log, &ignored, err);
}

/* As a task of it will see it, as far as that is known before there is one. */
static int check_container(const struct service_spec *spec, struct err *err)
{
	const struct expand_task task = { "serviceid", spec->name, &spec->labels, "nodeid", "nodeHostname", "architecture", "os", "taskid", 1 };
	struct container_spec_model expanded;
	struct arena arena;
	struct err reason;
	int rc;

	arena_init(&arena, "templates", 64 << 20);
	if (expand_container(&task, &spec->task.container, &arena, &expanded, &reason) < 0)
		rc = err_set(err, ERR_INVALID, REFUSED "%.900s", reason.text);
	else
		rc = validate_container(&expanded, service_network(&spec->task) == PREDEFINED_HOST, err);
	arena_fini(&arena);
	return rc;
}

int validate_service_spec(const struct service_spec *spec, struct err *err)
{
	if (validate_name(spec->name, err) < 0 || check_labels(&spec->labels, "Labels", err) < 0)
		return -1;
	if (check_resources(&spec->task.resources, err) < 0 || check_restart(spec->task.restart, err) < 0)
		return -1;
	if (check_networks(&spec->task, err) < 0 || check_log(spec->task.log, err) < 0)
		return -1;
	if (check_placement(spec, err) < 0 || check_container(spec, err) < 0)
		return -1;
	if (check_mode(spec, err) < 0 || check_update(spec->update, "UpdateConfig", err) < 0)
		return -1;
	if (check_update(spec->rollback, "RollbackConfig", err) < 0)
		return -1;
	return check_endpoint(&spec->endpoint, err) < 0 ? -1 : check_ports_on_network(spec, err);
}

int validate_node_spec(const struct node_spec *spec, struct err *err)
{
	if (!str_is_empty(spec->name) && validate_name(spec->name, err) < 0)
		return -1;
	return check_labels(&spec->labels, "Labels", err);
}
