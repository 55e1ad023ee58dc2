/* container.h - a container outside of services: what a person asks for (the body of Docker's create call), and what its host keeps of it.
 *
 * Members stand in the order in which Docker prints them. What no host of ours can do is listed as refused in the tables of container.c,
 * so that it is an error that names the member instead of a silence. The parts that services share are container_parts.h's.
 */
#pragma once
#include "base/id.h"
#include "model/predefined_network.h"
#include "model/service.h"

struct named_nothing { char *name; char unused; };      /* Go's map[string]struct{} */
typedef ARRAY_OF(struct named_nothing) named_nothings;

struct container_config {
	char *hostname, *domainname, *user;
	bool attach_stdin, attach_stdout, attach_stderr;
	named_nothings exposed_ports;   /* "80/tcp" */
	bool tty, open_stdin, stdin_once;
	struct str_array env, cmd;
	struct health_config *health;
	char *image;                    /* as it was asked for */
	named_nothings volumes;         /* targets of anonymous ones */
	char *working_dir;
	struct str_array entrypoint;    /* {""}: none, whatever the image says */
	struct str_map labels;
	char *stop_signal;
	struct opt_i64 stop_timeout_s;  /* -1: for ever */
};

struct port_binding { char *host_ip, *host_port; };     /* port: "", "8080" or a range to choose from */
struct port_bindings { char *port; ARRAY_OF(struct port_binding) bindings; };
enum container_restart {
	CONTAINER_RESTART_UNKNOWN, CONTAINER_RESTART_NO, CONTAINER_RESTART_ON_FAILURE, CONTAINER_RESTART_ALWAYS,
	CONTAINER_RESTART_UNLESS_STOPPED
};
struct container_restart_policy { char *name; int64_t max_retries; };
int container_restart_check(const struct container_restart_policy *policy, struct err *err);
struct device_mapping { char *host_path, *path, *permissions; };

struct host_config {
	struct str_array binds;         /* "source:target[:options]" */
	char *cid_file;                 /* the client's, kept for show */
	struct log_driver log;
	char *network_mode;             /* "", default, bridge, host, none */
	ARRAY_OF(struct port_bindings) port_bindings;
	struct container_restart_policy restart;
	bool auto_remove;
	char *volume_driver;
	struct str_array volumes_from;
	struct str_array cap_add, cap_drop;
	char *cgroupns_mode;
	struct str_array dns, dns_options, dns_search, extra_hosts, group_add;
	char *ipc_mode;
	int64_t oom_score_adj;
	char *pid_mode;
	bool privileged, publish_all_ports, readonly_rootfs;
	struct str_array security_opt;
	struct str_map tmpfs;           /* target -> options */
	char *uts_mode, *userns_mode;
	int64_t shm_size_bytes;
	struct str_map sysctls;
	char *runtime, *isolation;
	int64_t memory_bytes, nano_cpus;
	int64_t cpu_period_us, cpu_quota_us;
	ARRAY_OF(struct device_mapping) devices;
	int64_t memory_swap_bytes;
	struct opt_i64 memory_swappiness;
	struct opt_i64 pids_limit;
	ARRAY_OF(struct ulimit) ulimits;
	ARRAY_OF(struct mount) mounts;
	enum tri init;
};

/* POST /containers/create */
struct container_request {
	struct container_config config;
	struct host_config host;
	uint64_t console_rows, console_columns;
};
int container_request_from_json(yyjson_val *body, struct arena *arena, struct container_request *ret, struct err *err);
/* What makes no sense, in Docker's words, and what Docker would do and we do not, by its name. Looks at nothing but the request. */
int container_request_check(const struct container_request *request, struct err *err);

extern const struct shape container_config_shape, host_config_shape;

/* An anonymous volume of its own. */
struct container_volume { char *target, *name; };
/* What node.db holds of it (NODE_TABLE_CONTAINER; its id is the row's): all that its files cannot tell. */
struct container_row {
	char *id, *name, *image_id;
	struct str_array layers;        /* diff ids, lowest first, to hold them again */
	nsec created_wall;
	struct container_config config; /* merged with the image's */
	struct host_config host;
	uint64_t console_rows, console_columns;
	ARRAY_OF(struct container_volume) volumes;
	ARRAY_OF(struct mount) inherited;       /* by VolumesFrom, as they were at create */
	ARRAY_OF(struct port_config) ports;     /* published, with the host ports chosen when it last ran */
	bool was_started, is_stopped, is_removing, removes_volumes;
	bool is_running;                /* when this was written: an end that came later is news */
	uint64_t restarts;
	int64_t exit_code;
	bool oom_killed;
	char *error;
	nsec started_wall, finished_wall;
};
extern const struct shape container_row_shape;

/* [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
int container_name_check(const char *name, struct err *err);
enum predefined_network container_network_of(const struct host_config *host);    /* of a checked one */
