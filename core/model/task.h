/* task.h - one attempt to run one container for a service: never moved, never restarted; a replacement is a new task.
 *
 * State only grows (a Lamport clock, swarm-semantics); desired state is written by managers only, state by the node once assigned.
 */
#pragma once
#include "model/service.h"

enum task_state {       /* in order; the names are Docker's */
	TASK_NEW, TASK_ALLOCATED, TASK_PENDING, TASK_ASSIGNED, TASK_ACCEPTED, TASK_PREPARING, TASK_READY, TASK_STARTING, TASK_RUNNING,
	TASK_COMPLETE, TASK_SHUTDOWN, TASK_FAILED, TASK_REJECTED, TASK_REMOVE, TASK_ORPHANED,
	TASK_STATE_COUNT
};
const char *task_state_name(enum task_state state);

struct task {
	char *service_id;
	uint64_t spec_version;          /* of service_version; the template it was made from */
	uint64_t slot;                  /* 0 for global */
	char *node_id;                  /* "" until scheduled */
	int desired;                    /* enum task_state: ready, running, shutdown, remove (complete for jobs) */
	int state;
	nsec status_wall;               /* when the state was entered, the reporter's wall clock: shown only */
	msec state_ms;                  /* when the leader wrote it, cluster time: decides delays, windows, history */
	msec created_ms;                /* cluster time of creation */
	char *message, *error;
	char *container_id;
	int64_t pid, exit_code;
	msec start_after_ms;            /* restart delay: desired becomes running at this cluster time; 0: none */
	ARRAY_OF(struct port_config) host_ports;        /* what the node bound for host-mode ports */
	char *address;                  /* the node-local address of the container, shown in NetworksAttachments */
	uint64_t update_version;        /* the service's spec version whose update made this task in place of an older one; 0: nobody's */
};
enum {
	TASK_SERVICE = 1, TASK_SPEC_VERSION, TASK_SLOT, TASK_NODE, TASK_DESIRED, TASK_STATE, TASK_STATUS_WALL, TASK_STATE_MS,
	TASK_CREATED_MS, TASK_MESSAGE, TASK_ERROR, TASK_CONTAINER, TASK_PID, TASK_EXIT_CODE, TASK_START_AFTER, TASK_HOST_PORTS,
	TASK_ADDRESS, TASK_UPDATE_VERSION,
};
extern const struct shape task_shape;

/* "service.slot.id", for a global task "service.node.id": the container's name and what people see. */
void task_name(const char *service_name, uint64_t slot, const char *node_id, const char *task_id, struct buf *out);
static inline bool task_is_done(const struct task *task) { return task->state > TASK_RUNNING; }
static inline bool task_is_wanted(const struct task *task) { return task->desired <= TASK_RUNNING; }

struct slot_restart { msec at_ms; };
/* Restart history of one slot (or node, for a global service), so that a new leader goes on counting. id: "<service>.<slot or node>". */
struct slot {
	char *service_id;
	uint64_t spec_version;          /* attempts count per version */
	uint64_t attempts;
	ARRAY_OF(struct slot_restart) restarts;         /* those inside the policy's window, oldest first; bounded by max attempts */
};
enum { SLOT_SERVICE = 1, SLOT_SPEC_VERSION, SLOT_ATTEMPTS, SLOT_RESTARTS };
extern const struct shape slot_shape;

/* What a node reports about a task; travels from agent to manager. */
struct task_status {
	char *task_id;
	int state;
	nsec wall;
	char *message, *error, *container_id, *address;
	int64_t pid, exit_code;
	ARRAY_OF(struct port_config) host_ports;
};
extern const struct shape task_status_shape;

/* All a node needs to run a task, without asking back: sent by a manager, kept in node.db before it is acted on. */
struct assignment {
	char *task_id, *service_id, *service_name, *node_id, *node_hostname;
	uint64_t slot;
	int desired;
	struct str_map service_labels;
	struct task_spec spec;
	struct endpoint_spec endpoint;  /* the ports as allocated */
	struct str_array templates;     /* ids of its secrets and configs whose bytes are templates */
};
extern const struct shape assignment_shape;
