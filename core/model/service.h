/* service.h - what a user asks for: ServiceSpec and everything inside it, and the service object of the cluster.
 *
 * Members stand in the order in which Docker prints them. What this version cannot do yet is listed as refused in the tables of
 * service.c, so that it is an error that names the member instead of a silence.
 */
#pragma once
#include "base/id.h"
#include "base/ip.h"
#include "model/container_parts.h"
#include "model/predefined_network.h"
#include "model/secret.h"

enum isolation { ISOLATION_DEFAULT, ISOLATION_PROCESS, ISOLATION_HYPERV };
struct container_spec_model {
	char *image;                    /* familiar form, with tag, perhaps @sha256:… */
	struct str_map labels;
	struct str_array command, args; /* entrypoint, cmd */
	char *hostname;
	struct str_array env;           /* K=V, or K: unset */
	char *dir, *user;
	struct str_array groups;
	struct privileges *privileges;
	enum tri init;
	char *stop_signal;
	bool tty, open_stdin, read_only;
	ARRAY_OF(struct mount) mounts;
	struct opt_u64 stop_grace_ns;
	struct health_config *health;
	struct str_array hosts;         /* as in hosts(5): "address name alias…"; the address may be "host-gateway" */
	struct dns_config dns;
	struct secret_references secrets, configs;
	int isolation;                  /* enum isolation */
	struct str_map sysctls;
	struct str_array cap_add, cap_drop;
	ARRAY_OF(struct ulimit) ulimits;
	int64_t oom_score_adj;
	char *registry_auth;            /* for whoever pulls the image, as X-Registry-Auth has it, sealed; never told to anybody */
};

struct resource_limits { int64_t nano_cpus, memory_bytes, pids; };
struct resource_reservations { int64_t nano_cpus, memory_bytes; };
struct resources { struct resource_limits limits; struct resource_reservations reservations; };

enum restart_condition { RESTART_UNSET, RESTART_NONE, RESTART_ON_FAILURE, RESTART_ANY };
struct restart_policy {
	int condition;
	struct opt_u64 delay_ns, max_attempts, window_ns;
};

struct platform { char *architecture, *os; };
struct placement {
	struct str_array constraints;
	uint64_t max_replicas;
	ARRAY_OF(struct platform) platforms;
};

enum runtime_kind { RUNTIME_UNSET, RUNTIME_CONTAINER };
/* target: an id; normalizing turns the names of predefined networks into theirs. */
struct network_attachment { char *target; struct str_array aliases; struct str_map driver_options; };
struct task_spec {
	struct container_spec_model container;
	struct resources resources;
	struct restart_policy *restart;
	struct placement placement;
	ARRAY_OF(struct network_attachment) networks;
	struct log_driver *log;
	uint64_t force_update;
	int runtime;
};

enum update_order { UPDATE_ORDER_UNSET, UPDATE_STOP_FIRST, UPDATE_START_FIRST };
enum failure_action { FAILURE_UNSET, FAILURE_PAUSE, FAILURE_CONTINUE, FAILURE_ROLLBACK };
struct update_config {
	uint64_t parallelism;           /* 0: all at once */
	int64_t delay_ns;
	int failure_action;
	int64_t monitor_ns;
	double max_failure_ratio;
	int order;
};

enum endpoint_mode { ENDPOINT_UNSET, ENDPOINT_VIP, ENDPOINT_DNSRR };
enum port_protocol { PROTOCOL_UNSET, PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_SCTP };
enum publish_mode { PUBLISH_UNSET, PUBLISH_INGRESS, PUBLISH_HOST };
struct port_config {
	char *name;
	int protocol;
	uint64_t target_port, published_port;
	int publish_mode;
	struct ip host_ip;              /* only there, family 0: everywhere. Of containers that people made; not in its shape */
};
struct endpoint_spec { int mode; ARRAY_OF(struct port_config) ports; };

struct replicated { struct opt_u64 replicas; };
struct global_mode { char unused; };
struct service_mode { struct replicated *replicated; struct global_mode *global; };

struct service_spec {
	char *name;
	struct str_map labels;
	struct task_spec task;
	struct service_mode mode;
	struct update_config *update;
	struct update_config *rollback;
	struct endpoint_spec endpoint;
};

enum update_state { UPDATE_NONE, UPDATE_UPDATING, UPDATE_PAUSED, UPDATE_COMPLETED };
struct update_status {
	int state;
	nsec started_wall, completed_wall;
	char *message;
};

/* The object. Its spec is not in it: view_service_spec(view, service->id, service->spec_version) is the current one, so that a spec is
 * stored once however many tasks were made from it. */
struct service {
	uint64_t spec_version;          /* current; counts from 1 */
	uint64_t previous_version;      /* what an update replaced; 0 when there is none */
	uint64_t template_version;      /* the spec version in which the task template or the endpoint last changed: a task made
	                                 * from an older one is outdated */
	ARRAY_OF(struct port_config) ports;     /* allocated, one for each of the spec's */
	struct update_status update;
};
enum { SERVICE_SPEC_VERSION = 1, SERVICE_PREVIOUS_VERSION, SERVICE_TEMPLATE_VERSION, SERVICE_PORTS, SERVICE_UPDATE };

/* A version of a spec; its id is "<service id>.<version>". */
struct service_version { char *service_id; uint64_t version; struct service_spec spec; };
enum { SERVICE_VERSION_SERVICE = 1, SERVICE_VERSION_NUMBER, SERVICE_VERSION_SPEC };
#define SERVICE_VERSION_ID_SIZE (ID_SIZE + 22)
const char *service_version_id(const char *service_id, uint64_t version, char ret_id[SERVICE_VERSION_ID_SIZE]);

extern const struct shape service_spec_shape, task_spec_shape, container_spec_model_shape, endpoint_spec_shape, port_config_shape,
	resources_shape, restart_policy_shape, placement_shape, update_config_shape, update_status_shape,
	service_shape, service_version_shape, platform_shape;

/* Where its tasks live: what it names, else the bridge. */
enum predefined_network service_network(const struct task_spec *task);
bool service_is_global(const struct service_spec *spec);
uint64_t service_replicas(const struct service_spec *spec);     /* 0 for global */
/* Do tasks made from the old spec have to be replaced? Labels of the service, replicas and update settings replace nothing; placement
 * alone replaces only tasks whose node does not fit it any more, which is the orchestrator's to see. Both specs normalized. */
bool service_template_changed(const struct service_spec *old, const struct service_spec *new);
