#include "model/task.h"

#include <inttypes.h>

#include "base/panic.h"

static const char *const states[] = {
	"new", "allocated", "pending", "assigned", "accepted", "preparing", "ready", "starting", "running",
	"complete", "shutdown", "failed", "rejected", "remove", "orphaned", NULL
};
_Static_assert(ARRAY_COUNT(states) == TASK_STATE_COUNT + 1, "a name for each state");

const char *task_state_name(enum task_state state)
{
	check(state >= 0 && state < TASK_STATE_COUNT);
	return states[state];
}

static const struct field task_fields[] = {
	F(TASK_SERVICE, STR, task, service_id, "ServiceID", 0),
	F(TASK_SPEC_VERSION, U64, task, spec_version, "SpecVersion", 0),
	F(TASK_SLOT, U64, task, slot, "Slot", 0),
	F(TASK_NODE, STR, task, node_id, "NodeID", 0),
	F_ENUM(TASK_DESIRED, task, desired, "DesiredState", 0, states),
	F_ENUM(TASK_STATE, task, state, "State", 0, states),
	F(TASK_STATUS_WALL, STAMP, task, status_wall, "Timestamp", 0),
	F(TASK_STATE_MS, I64, task, state_ms, "StateTime", 0),
	F(TASK_CREATED_MS, I64, task, created_ms, "CreatedTime", 0),
	F(TASK_MESSAGE, STR, task, message, "Message", 0),
	F(TASK_ERROR, STR, task, error, "Err", 0),
	F(TASK_CONTAINER, STR, task, container_id, "ContainerID", 0),
	F(TASK_PID, I64, task, pid, "PID", 0),
	F(TASK_EXIT_CODE, I64, task, exit_code, "ExitCode", 0),
	F(TASK_START_AFTER, I64, task, start_after_ms, "StartAfter", 0),
	F_OF(TASK_HOST_PORTS, LIST, task, host_ports, "Ports", 0, port_config_shape),
	F(TASK_ADDRESS, STR, task, address, "Address", 0),
	F(TASK_UPDATE_VERSION, U64, task, update_version, "UpdateVersion", 0),
};
const struct shape task_shape = SHAPE(task, task_fields);

static const struct field slot_restart_fields[] = { F(1, I64, slot_restart, at_ms, "At", 0) };
static const struct shape slot_restart_shape = SHAPE(slot_restart, slot_restart_fields);

static const struct field slot_fields[] = {
	F(SLOT_SERVICE, STR, slot, service_id, "ServiceID", 0),
	F(SLOT_SPEC_VERSION, U64, slot, spec_version, "SpecVersion", 0),
	F(SLOT_ATTEMPTS, U64, slot, attempts, "Attempts", 0),
	F_OF(SLOT_RESTARTS, LIST, slot, restarts, "Restarts", 0, slot_restart_shape),
};
const struct shape slot_shape = SHAPE(slot, slot_fields);

static const struct field task_status_fields[] = {
	F(1, STR, task_status, task_id, "TaskID", 0),
	F_ENUM(2, task_status, state, "State", 0, states),
	F(3, STAMP, task_status, wall, "Timestamp", 0),
	F(4, STR, task_status, message, "Message", 0),
	F(5, STR, task_status, error, "Err", 0),
	F(6, STR, task_status, container_id, "ContainerID", 0),
	F(7, STR, task_status, address, "Address", 0),
	F(8, I64, task_status, pid, "PID", 0),
	F(9, I64, task_status, exit_code, "ExitCode", 0),
	F_OF(10, LIST, task_status, host_ports, "Ports", 0, port_config_shape),
};
const struct shape task_status_shape = SHAPE(task_status, task_status_fields);

static const struct field assignment_fields[] = {
	F(1, STR, assignment, task_id, "TaskID", 0),
	F(2, STR, assignment, service_id, "ServiceID", 0),
	F(3, STR, assignment, service_name, "ServiceName", 0),
	F(4, STR, assignment, node_id, "NodeID", 0),
	F(5, STR, assignment, node_hostname, "NodeHostname", 0),
	F(6, U64, assignment, slot, "Slot", 0),
	F_ENUM(7, assignment, desired, "DesiredState", 0, states),
	F(8, STR_MAP, assignment, service_labels, "ServiceLabels", 0),
	F_OF(9, STRUCT, assignment, spec, "Spec", 0, task_spec_shape),
	F_OF(10, STRUCT, assignment, endpoint, "Endpoint", 0, endpoint_spec_shape),
	F(11, STR_LIST, assignment, templates, "Templates", 0),
};
const struct shape assignment_shape = SHAPE(assignment, assignment_fields);

void task_name(const char *service_name, uint64_t slot, const char *node_id, const char *task_id, struct buf *out)
{
	if (slot)
		buf_printf(out, "%s.%" PRIu64 ".%s", service_name, slot, task_id);
	else
		buf_printf(out, "%s.%s.%s", service_name, node_id ? node_id : "", task_id);
}
