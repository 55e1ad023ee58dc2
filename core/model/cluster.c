#include "model/cluster.h"

#include "base/str.h"

static const struct field orchestration_fields[] = {
	F(1, OPT_U64, orchestration_config, task_history, "TaskHistoryRetentionLimit", 0),
};
static const struct shape orchestration_shape = SHAPE(orchestration_config, orchestration_fields);

static const struct field raft_fields[] = {
	F(1, U64, raft_config, snapshot_interval, "SnapshotInterval", 0),
	F(2, OPT_U64, raft_config, keep_old_snapshots, "KeepOldSnapshots", 0),
	F(3, U64, raft_config, slow_follower_entries, "LogEntriesForSlowFollowers", 0),
	F(4, I64, raft_config, election_tick, "ElectionTick", FIELD_ALWAYS),
	F(5, I64, raft_config, heartbeat_tick, "HeartbeatTick", FIELD_ALWAYS),
};
static const struct shape raft_shape = SHAPE(raft_config, raft_fields);

static const struct field dispatcher_fields[] = { F(1, I64, dispatcher_config, heartbeat_ns, "HeartbeatPeriod", 0) };
static const struct shape dispatcher_shape = SHAPE(dispatcher_config, dispatcher_fields);

static const struct field ca_fields[] = {
	F(1, I64, ca_config, cert_expiry_ns, "NodeCertExpiry", 0),
	F_REFUSED("ExternalCAs"),
	F(2, U64, ca_config, force_rotate, "ForceRotate", 0),
	F(3, STR, ca_config, signing_cert, "SigningCACert", 0),
	F(4, STR, ca_config, signing_key, "SigningCAKey", 0),
};
static const struct shape ca_shape = SHAPE(ca_config, ca_fields);

static const struct field defaults_fields[] = { F_REFUSED("LogDriver") };
static const struct shape defaults_shape = SHAPE(task_defaults, defaults_fields);

static const struct field encryption_fields[] = { F(1, BOOL, encryption_config, auto_lock, "AutoLockManagers", FIELD_ALWAYS) };
static const struct shape encryption_shape = SHAPE(encryption_config, encryption_fields);

static const struct field spec_fields[] = {
	F(1, STR, cluster_spec, name, "Name", 0),
	F(2, STR_MAP, cluster_spec, labels, "Labels", FIELD_ALWAYS),
	F_OF(3, STRUCT, cluster_spec, orchestration, "Orchestration", FIELD_ALWAYS, orchestration_shape),
	F_OF(4, STRUCT, cluster_spec, raft, "Raft", FIELD_ALWAYS, raft_shape),
	F_OF(5, STRUCT, cluster_spec, dispatcher, "Dispatcher", FIELD_ALWAYS, dispatcher_shape),
	F_OF(6, STRUCT, cluster_spec, ca, "CAConfig", FIELD_ALWAYS, ca_shape),
	F_OF(7, STRUCT, cluster_spec, defaults, "TaskDefaults", FIELD_ALWAYS, defaults_shape),
	F_OF(8, STRUCT, cluster_spec, encryption, "EncryptionConfig", FIELD_ALWAYS, encryption_shape),
};
const struct shape cluster_spec_shape = SHAPE(cluster_spec, spec_fields);

static const struct field token_fields[] = {
	F(1, STR, join_tokens, worker, "Worker", FIELD_ALWAYS),
	F(2, STR, join_tokens, manager, "Manager", FIELD_ALWAYS),
};
const struct shape join_tokens_shape = SHAPE(join_tokens, token_fields);

static const struct field tls_fields[] = {
	F(1, STR, tls_info, trust_root, "TrustRoot", FIELD_ALWAYS),
	F(2, STR, tls_info, issuer_subject, "CertIssuerSubject", FIELD_ALWAYS),
	F(3, STR, tls_info, issuer_public_key, "CertIssuerPublicKey", FIELD_ALWAYS),
};
static const struct shape tls_shape = SHAPE(tls_info, tls_fields);

static const struct field rotation_fields[] = {
	F_OF(1, STRUCT, root_rotation, tls, "TLSInfo", 0, tls_shape),
	F(2, STR, root_rotation, key, "Key", 0),
	F(3, STR, root_rotation, cross, "Cross", 0),
	F_OF(4, STRUCT, root_rotation, tokens, "JoinTokens", 0, join_tokens_shape),
};
const struct shape root_rotation_shape = SHAPE(root_rotation, rotation_fields);

static const struct field cluster_fields[] = {
	F_OF(CLUSTER_SPEC, STRUCT, cluster, spec, "Spec", FIELD_ALWAYS | FIELD_SPEC, cluster_spec_shape),
	F_OF(CLUSTER_TLS, STRUCT, cluster, tls, "TLSInfo", FIELD_ALWAYS, tls_shape),
	F(CLUSTER_POOLS, STR_LIST, cluster, address_pools, "DefaultAddrPool", FIELD_ALWAYS),
	F(CLUSTER_SUBNET_SIZE, U64, cluster, subnet_size, "SubnetSize", FIELD_ALWAYS),
	F(CLUSTER_DATA_PORT, U64, cluster, data_path_port, "DataPathPort", FIELD_ALWAYS),
	F_OF(CLUSTER_TOKENS, STRUCT, cluster, tokens, "JoinTokens", FIELD_HIDDEN | FIELD_SPEC, join_tokens_shape),
	F(CLUSTER_ROOT_KEY, STR, cluster, root_key, "RootKey", FIELD_HIDDEN),
	F_OF(CLUSTER_ROTATION, STRUCT, cluster, rotation, "Rotation", FIELD_HIDDEN, root_rotation_shape),
	F(CLUSTER_UNLOCK_KEY, STR, cluster, unlock_key, "UnlockKey", FIELD_HIDDEN | FIELD_SPEC),
	F(CLUSTER_GENERATION, U64, cluster, generation, "Generation", FIELD_HIDDEN),
};
const struct shape cluster_shape = SHAPE(cluster, cluster_fields);

static void default_i64(int64_t *value, int64_t def)
{
	if (*value == 0)
		*value = def;
}

static void default_u64(uint64_t *value, uint64_t def)
{
	if (*value == 0)
		*value = def;
}

static void default_opt(struct opt_u64 *value, uint64_t def)
{
	if (!value->is_set)
		*value = (struct opt_u64){ true, def };
}

void cluster_spec_defaults(struct cluster_spec *spec, struct arena *arena)
{
	if (str_is_empty(spec->name))
		spec->name = arena_strdup(arena, "default");
	default_opt(&spec->orchestration.task_history, 5);
	default_u64(&spec->raft.snapshot_interval, 10000);
	default_opt(&spec->raft.keep_old_snapshots, 0);
	default_u64(&spec->raft.slow_follower_entries, 500);
	default_i64(&spec->raft.election_tick, 10);
	default_i64(&spec->raft.heartbeat_tick, 1);
	default_i64(&spec->dispatcher.heartbeat_ns, 5000000000);
	default_i64(&spec->ca.cert_expiry_ns, 7776000000000000);
}
