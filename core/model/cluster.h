/* cluster.h - the one object that says what cluster this is: its settings, join tokens, trust root. */
#pragma once
#include "model/fields.h"
#include "model/node_info.h"

struct orchestration_config { struct opt_u64 task_history; };
struct raft_config { uint64_t snapshot_interval; struct opt_u64 keep_old_snapshots; uint64_t slow_follower_entries; int64_t election_tick, heartbeat_tick; };
struct dispatcher_config { int64_t heartbeat_ns; };
struct ca_config {
	int64_t cert_expiry_ns;
	uint64_t force_rotate;
	char *signing_cert, *signing_key;       /* PEM, of a request alone: never in the state */
};
struct task_defaults { char unused; };
struct encryption_config { bool auto_lock; };
struct cluster_spec {
	char *name;
	struct str_map labels;
	struct orchestration_config orchestration;
	struct raft_config raft;
	struct dispatcher_config dispatcher;
	struct ca_config ca;
	struct task_defaults defaults;
	struct encryption_config encryption;
};
/* Tokens, keys and the unlock key are sealed with the cluster's key (manager/sealed.h). */
struct join_tokens { char *worker, *manager; };
/* The root certificate that takes the place of the one in force, and what comes with it; empty strings while none does. */
struct root_rotation {
	struct tls_info tls;            /* what the cluster's will be */
	char *key, *cross;              /* PEM; cross: the new root's key signed by the old root */
	struct join_tokens tokens;
};
struct cluster {
	struct cluster_spec spec;
	struct tls_info tls;
	struct str_array address_pools;
	uint64_t subnet_size, data_path_port;
	struct join_tokens tokens;
	char *root_key;                 /* PEM; never printed */
	struct root_rotation rotation;
	char *unlock_key;               /* "SWMKEY-1-…" of an autolocked cluster, else "" */
	uint64_t generation;            /* how often it went on without its members: who knows of a higher one is the cluster */
};
enum { CLUSTER_SPEC = 1, CLUSTER_TLS, CLUSTER_POOLS, CLUSTER_SUBNET_SIZE, CLUSTER_DATA_PORT, CLUSTER_TOKENS, CLUSTER_ROOT_KEY, CLUSTER_ROTATION,
       CLUSTER_UNLOCK_KEY, CLUSTER_GENERATION = 16 };
extern const struct shape cluster_spec_shape, cluster_shape, join_tokens_shape, root_rotation_shape;

/* Fills what Docker's daemon fills when the field was not given (engine-api 4.2). */
void cluster_spec_defaults(struct cluster_spec *spec, struct arena *arena);
