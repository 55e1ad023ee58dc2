#include <string.h>

#include "api/api_internal.h"
#include "base/ip.h"
#include "base/str.h"
#include "pki/unlock_key.h"

enum { DEFAULT_SUBNET_SIZE = 24, SUBNET_SIZE_MAX = 29, DEFAULT_DATA_PORT = 4789, DATA_PORT_MIN = 1024, DATA_PORT_MAX = 49151 };

/* The members of POST /swarm/init's body. */
struct init_body {
	char *listen_addr, *advertise_addr, *data_path_addr;
	uint64_t data_path_port;
	bool force_new_cluster, auto_lock;
	struct cluster_spec spec;
	int availability;
	struct str_array pools;
	uint64_t subnet_size;
};
static const int64_t CERT_EXPIRY_MIN_NS = 3600000000000;
const char *const api_availabilities[] = { "active", "pause", "drain", NULL };
static const struct field init_fields[] = {
	F(1, STR, init_body, listen_addr, "ListenAddr", 0),
	F(2, STR, init_body, advertise_addr, "AdvertiseAddr", 0),
	F(3, STR, init_body, data_path_addr, "DataPathAddr", 0),
	F(4, U64, init_body, data_path_port, "DataPathPort", 0),
	F(5, BOOL, init_body, force_new_cluster, "ForceNewCluster", 0),
	{ 6, FIELD_STRUCT, 0, offsetof(struct init_body, spec), "Spec", &cluster_spec_shape, NULL, NULL },
	F(7, BOOL, init_body, auto_lock, "AutoLockManagers", 0),
	F_ENUM_SAID(8, init_body, availability, "Availability", 0, api_availabilities, "invalid Availability:"),
	F(9, STR_LIST, init_body, pools, "DefaultAddrPool", 0),
	F(10, U64, init_body, subnet_size, "SubnetSize", 0),
};
static const struct shape init_shape = SHAPE(init_body, init_fields);

/* No pool is Docker's own, 10.0.0.0/8, and told as none. */
static int check_pools(struct init_body *body, struct err *err)
{
	if (body->subnet_size == 0)
		body->subnet_size = DEFAULT_SUBNET_SIZE;
	if (body->subnet_size > SUBNET_SIZE_MAX)
		return err_set(err, ERR_INVALID, "subnet size is out of range: %llu", (unsigned long long)body->subnet_size);
	for (size_t i = 0; i < body->pools.count; i++) {
		struct cidr pool;

		if (cidr_parse(body->pools.items[i], &pool) < 0)
			return err_set(err, ERR_INVALID, "invalid CIDR address: %.100s", body->pools.items[i]);
		if (pool.prefix > body->subnet_size)
			return err_set(err, ERR_INVALID, "invalid CIDR: %s. Subnet size is too large: subnets of /%llu do not fit",
				       body->pools.items[i], (unsigned long long)body->subnet_size);
	}
	return 0;
}

/* swarmkit's words are told with others in front by who founds a swarm. */
static int check_spec(const struct cluster_spec *spec, const char *in_front, struct err *err)
{
	if (!str_is_empty(spec->name) && !str_eq(spec->name, "default"))
		return err_set(err, ERR_INVALID, "swarm spec must be named \"default\"");
	if (spec->ca.cert_expiry_ns && spec->ca.cert_expiry_ns < CERT_EXPIRY_MIN_NS)
		return err_set(err, ERR_INVALID, "%srpc error: code = InvalidArgument desc = minimum certificate expiry time is: 1h0m0s", in_front);
	return 0;
}

static int check_settings(const struct cluster_spec *spec, struct arena *arena, struct err *err)
{
	struct cluster_spec usual = { 0 }, wanted = *spec;

	cluster_spec_defaults(&usual, arena);
	cluster_spec_defaults(&wanted, arena);
	return control_cluster_is_supported(&usual, &wanted, err);
}

static int check_body(struct init_body *body, struct arena *arena, struct err *err)
{
	if (check_spec(&body->spec, "error updating cluster settings: ", err) < 0 || check_settings(&body->spec, arena, err) < 0)
		return -1;
	if (!str_is_empty(body->spec.ca.signing_cert) || !str_is_empty(body->spec.ca.signing_key))
		return err_set(err, ERR_UNSUPPORTED, "Spec.CAConfig.SigningCACert is not supported by swarmbox at init: replace the root afterwards");
	if (body->data_path_port == 0)
		body->data_path_port = DEFAULT_DATA_PORT;
	if (body->data_path_port < DATA_PORT_MIN || body->data_path_port > DATA_PORT_MAX)
		return err_set(err, ERR_INVALID, "Datapath port number is not in valid range (1024-49151) : %llu",
			       (unsigned long long)body->data_path_port);
	body->spec.encryption.auto_lock = body->spec.encryption.auto_lock || body->auto_lock;
	return check_pools(body, err);
}

void api_done_init(void *arg, const char *node_id, const struct err *err)
{
	struct http_request *req = arg;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	if (err) {
		http_reply_error(req, err);
		return;
	}
	buf_printf(&out, "\"%s\"\n", node_id);
	http_reply_json(req, 200, out.data, out.len);
}

static void init(struct api *api, struct http_request *req, yyjson_val *json, const char *name)
{
	struct init_body body;
	struct err err;

	(void)name;
	if (shape_from_json(&init_shape, json, http_arena(req), &body, &err) < 0 || check_body(&body, http_arena(req), &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	api->host.swarm_init(api->host.arg, &(struct api_swarm_init){
		.listen_addr = body.listen_addr, .advertise_addr = body.advertise_addr, .data_path_addr = body.data_path_addr,
		.data_path_port = body.data_path_port, .force_new_cluster = body.force_new_cluster, .spec = &body.spec,
		.availability = body.availability, .address_pools = (const char *const *)body.pools.items, .pool_count = body.pools.count,
		.subnet_size = body.subnet_size }, api_done_init, req);
}

void api_swarm_init(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, init);
}

void api_swarm_inspect(struct api *api, struct http_request *req, const char *name)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *cluster = shape_cluster(api, doc, true);

	(void)name;
	if (cluster) {
		api_reply_doc(req, 200, doc, cluster);
		return;
	}
	yyjson_mut_doc_free(doc);
	http_reply_message(req, 503, "This node is being made a swarm manager: try again in a moment");
}

/* ---- join -------------------------------------------------------------------------------------------------------- */

struct join_body {
	char *listen_addr, *advertise_addr, *data_path_addr, *token;
	struct str_array remotes;
	int availability;
};
static const struct field join_fields[] = {
	F(1, STR, join_body, listen_addr, "ListenAddr", 0),
	F(2, STR, join_body, advertise_addr, "AdvertiseAddr", 0),
	F(3, STR, join_body, data_path_addr, "DataPathAddr", 0),
	F(4, STR, join_body, token, "JoinToken", 0),
	F(5, STR_LIST, join_body, remotes, "RemoteAddrs", 0),
	F_ENUM_SAID(6, join_body, availability, "Availability", 0, api_availabilities, "invalid Availability:"),
};
static const struct shape join_shape = SHAPE(join_body, join_fields);
enum { REMOTES_MAX = 32 };

static int check_join(const struct join_body *body, struct err *err)
{
	if (body->remotes.count == 0)
		return err_set(err, ERR_INVALID, "at least 1 RemoteAddr is required to join");
	if (body->remotes.count > REMOTES_MAX)
		return err_set(err, ERR_INVALID, "%zu RemoteAddrs: at most %d are allowed", body->remotes.count, REMOTES_MAX);
	return 0;
}

static void done_ok(void *arg, const char *node_id, const struct err *err)
{
	api_done_ok(arg, node_id, 0, err);
}

static void join(struct api *api, struct http_request *req, yyjson_val *json, const char *name)
{
	struct join_body body;
	struct err err;

	(void)name;
	if (shape_from_json(&join_shape, json, http_arena(req), &body, &err) < 0 || check_join(&body, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	api->host.swarm_join(api->host.arg, &(struct api_swarm_join){
		.listen_addr = body.listen_addr, .advertise_addr = body.advertise_addr, .data_path_addr = body.data_path_addr, .token = body.token ? body.token : "",
		.remotes = (const char *const *)body.remotes.items, .remote_count = body.remotes.count,
		.availability = body.availability }, done_ok, req);
}

void api_swarm_join(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, join);
}

/* ---- update ------------------------------------------------------------------------------------------------------ */

static void update(struct api *api, struct http_request *req, yyjson_val *json, const char *name)
{
	struct manager *manager = api->host.manager(api->host.arg);
	struct cluster_spec spec;
	uint64_t version;
	struct err err;

	(void)name;
	if (api_query_version(req, &version) < 0)
		return;
	if (!manager)
		api_no_manager(api, &err);
	else if (shape_from_json(&cluster_spec_shape, json, http_arena(req), &spec, &err) == 0 && check_spec(&spec, "", &err) == 0) {
		control_cluster_update(manager, version, &spec, (struct control_rotate){
			http_query_is_true(req, "rotateWorkerToken"), http_query_is_true(req, "rotateManagerToken"),
			http_query_is_true(req, "rotateManagerUnlockKey") }, api_done_ok, req);
		return;
	}
	http_reply_error(req, &err);
}

void api_swarm_update(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, update);
}

/* ---- autolock ---------------------------------------------------------------------------------------------------- */

void api_swarm_unlock_key(struct api *api, struct http_request *req, const char *name UNUSED)
{
	CLEANUP(seal_wipe) struct buf out = BUF_INIT;
	char text[UNLOCK_KEY_SIZE] = "";
	struct seal_key lock;
	struct err err;
	int is_locked = manager_lock(api->host.manager(api->host.arg), &lock, &err);

	if (is_locked < 0) {
		http_reply_error(req, &err);
		return;
	}
	if (is_locked) {
		unlock_key_format(&lock, text);
		seal_key_forget(&lock);
	}
	buf_printf(&out, "{\"UnlockKey\":\"%s\"}\n", text);
	explicit_bzero(text, sizeof text);
	http_reply_json(req, 200, out.data, out.len);
}

struct unlock_body { char *key; };
static const struct field unlock_fields[] = { F(1, STR, unlock_body, key, "UnlockKey", 0) };
static const struct shape unlock_shape = SHAPE(unlock_body, unlock_fields);

static void unlock(struct api *api, struct http_request *req, yyjson_val *json, const char *name UNUSED)
{
	struct unlock_body body;
	struct seal_key lock;
	struct err err;
	int rc = -1;

	if (!str_eq(api_swarm_facts(api).state, "locked")) {
		if (api->host.manager(api->host.arg))
			err_set(&err, ERR_CONFLICT, "swarm is not locked");
		else
			api_no_manager(api, &err);
	} else if (shape_from_json(&unlock_shape, json, http_arena(req), &body, &err) == 0 &&
		   unlock_key_parse(body.key ? body.key : "", &lock, &err) == 0) {
		rc = api->host.swarm_unlock(api->host.arg, &lock, &err);
		if (body.key)
			explicit_bzero(body.key, strlen(body.key));
		seal_key_forget(&lock);
	}
	if (rc < 0)
		http_reply_error(req, &err);
	else
		http_reply_empty(req, 200);
}

void api_swarm_unlock(struct api *api, struct http_request *req, const char *name)
{
	api_with_body(api, req, name, unlock);
}

/* ---- leave ------------------------------------------------------------------------------------------------------- */

void api_swarm_leave(struct api *api, struct http_request *req, const char *name)
{
	(void)name;
	api->host.swarm_leave(api->host.arg, http_query_is_true(req, "force"), done_ok, req);
}
