#include <string.h>

#include "applets/cli.h"
#include "applets/service_cmds.h"
#include "applets/spec_edit.h"
#include "applets/swarm_cmds.h"
#include "applets/swarm_restore.h"
#include "applets/usage.h"
#include "base/ip.h"
#include "base/str.h"
#include "base/units.h"
#include "client/call.h"
#include "client/dig.h"

/* ---- how to join ------------------------------------------------------------------------------ */

/* For a worker, a manager. */
static int print_join_command(struct cli *cli, const char *node_id, bool as_manager, struct err *err)
{
	struct call *call = cli_call(cli, err);
	yyjson_doc *node = NULL, *swarm = NULL;
	int result = call_get(call, &node, err, "/nodes/%s", node_id);

	if (result == 0)
		result = call_get(call, &swarm, err, "/swarm");
	const char *address = dig_str(yyjson_doc_get_root(node), "ManagerStatus.Addr");
	if (result == 0 && *address)
		cli_printf("To add a %s to this swarm, run the following command:\n\n    %s swarm join --token %s %s\n\n",
			   as_manager ? "manager" : "worker", cli->program,
			   dig_str(yyjson_doc_get_root(swarm),
				   as_manager ? "JoinTokens.Manager" : "JoinTokens.Worker"), address);
	yyjson_doc_free(node);
	yyjson_doc_free(swarm);
	return result;
}

/* ---- init ------------------------------------------------------------------------------------- */

struct swarm_init_args {
	const char *advertise_addr, *availability, *listen_addr, *data_path_addr, *restore;
	struct option_uint data_path_port, pool_mask;
	struct strlist pools;
	bool autolock, force_new_cluster;
	struct option_int task_history_limit, cert_expiry;
};

/* As Go's net.ParseCIDR reads it. */
static int take_pool(void *args UNUSED, const struct option *option UNUSED, const char *value, struct err *err)
{
	struct cidr pool;

	if (strchr(value, '/') && cidr_parse(value, &pool) == 0)
		return 0;
	return err_set(err, ERR_INVALID, "invalid string being converted to CIDR: %s", value);
}

static const struct option swarm_init_options[] = {
	OPT_STRING(struct swarm_init_args, advertise_addr, 0, "advertise-addr", "string",
		   "Address by which other nodes reach this one: IP or interface, and port behind a colon"),
	OPT_BOOL(struct swarm_init_args, autolock, 0, "autolock", "Lock the keys of managers: one that restarts must be unlocked"),
	OPT_STRING(struct swarm_init_args, availability, 0, "availability", "string",
		   "Whether this node takes tasks: \"active\", \"pause\", \"drain\" (default \"active\")"),
	SWARM_OPT_EXPIRY(struct swarm_init_args),
	OPT_STRING(struct swarm_init_args, listen_addr, 0, "listen-addr", "node-addr",
		   "Address to listen on for other nodes (default 0.0.0.0:2377)"),
	OPT_INT(struct swarm_init_args, task_history_limit, 0, "task-history-limit",
		"Ended tasks kept of each slot (default 5)"),
	OPT_STRING(struct swarm_init_args, data_path_addr, 0, "data-path-addr", "string",
		   "Address or interface for the traffic between containers (default the advertised one)"),
	OPT_UINT(struct swarm_init_args, data_path_port, 0, "data-path-port",
		 "Port for the traffic between containers, 1024 - 49151 (default 4789)"),
	{ OPTION_LIST, 0, "default-addr-pool", "ipNetSlice", "Subnets out of which networks get theirs (default [])",
	  OPTION_AT(struct swarm_init_args, pools, struct strlist), take_pool, NULL },
	OPT_UINT(struct swarm_init_args, pool_mask, 0, "default-addr-pool-mask-length",
		 "Length of the mask of a network's subnet (default 24)"),
	OPT_UNSUPPORTED(0, "dispatcher-heartbeat"),
	OPT_UNSUPPORTED(0, "external-ca"),
	OPT_BOOL(struct swarm_init_args, force_new_cluster, 0, "force-new-cluster",
		 "Go on with this node as the only manager: for a swarm that has lost its majority for good"),
	OPT_UNSUPPORTED(0, "max-snapshots"),
	OPT_STRING(struct swarm_init_args, restore, 0, "restore", "file",
		   "Begin with the state in this backup, - for the standard input; needs --force-new-cluster"),
	OPT_UNSUPPORTED(0, "snapshot-interval"),
	OPT_END
};

static int check_availability(const char *availability, struct err *err)
{
	static const char *const known[] = { "active", "pause", "drain" };

	for (size_t i = 0; availability && i < ARRAY_COUNT(known); i++)
		if (str_eq_nocase(availability, known[i]))
			return 0;
	return !availability ? 0 :
	       err_set(err, ERR_INVALID, "invalid availability \"%s\", only active, pause and drain "
		       "are supported", availability);
}

static void fill_request(yyjson_mut_doc *doc, const struct swarm_init_args *args)
{
	yyjson_mut_val *root = yyjson_mut_obj(doc), *spec, *list;

	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_strcpy(doc, root, "ListenAddr",
				  args->listen_addr ? args->listen_addr : "0.0.0.0:2377");
	yyjson_mut_obj_add_strcpy(doc, root, "AdvertiseAddr",
				  args->advertise_addr ? args->advertise_addr : "");
	yyjson_mut_obj_add_strcpy(doc, root, "Availability",
				  args->availability ? args->availability : "");
	yyjson_mut_obj_add_bool(doc, root, "AutoLockManagers", args->autolock);
	yyjson_mut_obj_add_strcpy(doc, root, "DataPathAddr", args->data_path_addr ? args->data_path_addr : "");
	yyjson_mut_obj_add_uint(doc, root, "DataPathPort", args->data_path_port.value);
	yyjson_mut_obj_add_uint(doc, root, "SubnetSize", args->pool_mask.given ? args->pool_mask.value : 24);
	yyjson_mut_obj_add_bool(doc, root, "ForceNewCluster", args->force_new_cluster);
	list = yyjson_mut_obj_add_arr(doc, root, "DefaultAddrPool");
	for (size_t i = 0; i < args->pools.count; i++)
		yyjson_mut_arr_add_strcpy(doc, list, args->pools.items[i]);
	spec = yyjson_mut_obj_add_obj(doc, root, "Spec");
	yyjson_mut_obj_add_obj(doc, spec, "Labels");
	swarm_spec_int(&args->task_history_limit, "Spec.Orchestration.TaskHistoryRetentionLimit", doc);
	swarm_spec_int(&args->cert_expiry, "Spec.CAConfig.NodeCertExpiry", doc);
}

static int check_restore(const struct swarm_init_args *args, struct err *err)
{
	if (!args->restore)
		return 0;
	if (!args->force_new_cluster)
		return err_set(err, ERR_INVALID, "--restore needs --force-new-cluster: the managers of before are none of the swarm that it makes");
	if (args->pools.count || args->pool_mask.given || args->data_path_port.given || args->task_history_limit.given || args->autolock || args->cert_expiry.given)
		return err_set(err, ERR_INVALID, "--restore brings the settings of the swarm along: change them with `swarm update` behind it");
	return 0;
}

static int found(struct call *call, const struct swarm_init_args *args, yyjson_doc **ret, struct err *err)
{
	yyjson_mut_doc *doc;
	int result;

	if (check_availability(args->availability, err) < 0 || check_restore(args, err) < 0)
		return -1;
	if (args->restore)
		return swarm_restore(call, args->restore, args->listen_addr, args->advertise_addr, args->data_path_addr, args->availability,
				     ret, err);
	doc = yyjson_mut_doc_new(NULL);
	fill_request(doc, args);
	result = call_post(call, doc, ret, err, "/swarm/init");
	yyjson_mut_doc_free(doc);
	return result;
}

static int swarm_init(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct swarm_init_args *init = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_doc *reply = NULL;
	int result = call ? found(call, init, &reply, &err) : -1;

	if (result < 0) {
		if (strstr(err.text, "could not choose an IP address to advertise") ||
		    strstr(err.text, "could not find the system's IP address"))
			cli_warn("%s - specify one with --advertise-addr", err.text);
		else
			cli_fail(&err);
		return EXIT_FAILED;
	}
	const char *id = yyjson_get_str(yyjson_doc_get_root(reply));
	cli_printf("Swarm initialized: current node (%s) is now a manager.\n\n", id ? id : "");
	result = print_join_command(cli, id ? id : "", false, &err);
	yyjson_doc_free(reply);
	if (result < 0)
		return cli_fail(&err);
	cli_printf("To add a manager to this swarm, run '%s swarm join-token manager' and follow the instructions.\n\n",
		   cli->program);
	if (init->autolock && swarm_lock_print(cli, call, &err) < 0)
		return cli_fail(&err);
	return EXIT_OK;
}

/* ---- join ------------------------------------------------------------------------------------- */

struct swarm_join_args { const char *advertise_addr, *availability, *listen_addr, *token, *data_path_addr; };

static const struct option swarm_join_options[] = {
	OPT_STRING(struct swarm_join_args, advertise_addr, 0, "advertise-addr", "string",
		   "Address by which other nodes reach this one: IP or interface, and port behind a colon"),
	OPT_STRING(struct swarm_join_args, availability, 0, "availability", "string",
		   "Whether this node takes tasks: \"active\", \"pause\", \"drain\" (default \"active\")"),
	OPT_STRING(struct swarm_join_args, listen_addr, 0, "listen-addr", "node-addr",
		   "Address to listen on for other nodes (default 0.0.0.0:2377)"),
	OPT_STRING(struct swarm_join_args, token, 0, "token", "string", "What lets this node in"),
	OPT_STRING(struct swarm_join_args, data_path_addr, 0, "data-path-addr", "string",
		   "Address or interface for the traffic between containers (default the advertised one)"),
	OPT_END
};

static void add_str(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *value)
{
	yyjson_mut_obj_add_strcpy(doc, object, key, value ? value : "");
}

static yyjson_mut_doc *join_request(const struct swarm_join_args *args, char **remotes)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *list;

	yyjson_mut_doc_set_root(doc, root);
	add_str(doc, root, "ListenAddr", args->listen_addr ? args->listen_addr : "0.0.0.0:2377");
	add_str(doc, root, "AdvertiseAddr", args->advertise_addr);
	add_str(doc, root, "DataPathAddr", args->data_path_addr);
	list = yyjson_mut_obj_add_arr(doc, root, "RemoteAddrs");
	for (; *remotes; remotes++)
		yyjson_mut_arr_add_strcpy(doc, list, *remotes);
	add_str(doc, root, "JoinToken", args->token);
	add_str(doc, root, "Availability", args->availability);
	return doc;
}

static int swarm_join(struct cli *cli, const void *args, char **operands)
{
	const struct swarm_join_args *join = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_mut_doc *doc = join_request(join, operands);
	yyjson_doc *info = NULL;
	int result = call ? check_availability(join->availability, &err) : -1;

	if (result == 0)
		result = call_post(call, doc, NULL, &err, "/swarm/join");
	yyjson_mut_doc_free(doc);
	if (result == 0)
		result = call_get(call, &info, &err, "/info");
	if (result < 0)
		return cli_fail(&err);
	cli_printf("This node joined a swarm as a %s.\n",
		   dig_bool(yyjson_doc_get_root(info), "Swarm.ControlAvailable") ? "manager" : "worker");
	yyjson_doc_free(info);
	return EXIT_OK;
}

/* ---- join-token ------------------------------------------------------------------------------- */

struct swarm_token_args { bool quiet, rotate; };

static const struct option swarm_token_options[] = {
	OPT_BOOL(struct swarm_token_args, quiet, 'q', "quiet", "Only print the token"),
	OPT_BOOL(struct swarm_token_args, rotate, 0, "rotate", "Make a new token; the old one lets nobody in any more"),
	OPT_END
};

static int rotate_token(struct call *call, bool as_manager, struct err *err)
{
	yyjson_mut_doc *spec = yyjson_mut_doc_new(NULL);
	yyjson_doc *swarm = NULL;
	int result = call_get(call, &swarm, err, "/swarm");

	if (result == 0)
		result = swarm_post_spec(call, yyjson_doc_get_root(swarm), spec,
				   as_manager ? "&rotateManagerToken=true" : "&rotateWorkerToken=true", err);
	yyjson_doc_free(swarm);
	yyjson_mut_doc_free(spec);
	return result;
}

static int print_token(struct cli *cli, struct call *call, bool as_manager, bool quiet, struct err *err)
{
	yyjson_doc *swarm = NULL, *info = NULL;
	int result = call_get(call, &swarm, err, "/swarm");

	if (result == 0 && quiet)
		cli_printf("%s\n", dig_str(yyjson_doc_get_root(swarm), as_manager ? "JoinTokens.Manager" : "JoinTokens.Worker"));
	else if (result == 0 && (result = call_get(call, &info, err, "/info")) == 0)
		result = print_join_command(cli, dig_str(yyjson_doc_get_root(info), "Swarm.NodeID"), as_manager, err);
	yyjson_doc_free(swarm);
	yyjson_doc_free(info);
	return result;
}

static int swarm_join_token(struct cli *cli, const void *args, char **operands)
{
	const struct swarm_token_args *token = args;
	bool as_manager = str_eq(operands[0], "manager");
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int result = call ? 0 : -1;

	if (result == 0 && !as_manager && !str_eq(operands[0], "worker"))
		result = err_set(&err, ERR_INVALID, "unknown role %s", operands[0]);
	if (result == 0 && token->rotate) {
		result = rotate_token(call, as_manager, &err);
		if (result == 0 && !token->quiet)
			cli_printf("Successfully rotated %s join token.\n\n", operands[0]);
	}
	if (result == 0)
		result = print_token(cli, call, as_manager, token->quiet, &err);
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}

/* ---- update ----------------------------------------------------------------------------------- */

struct swarm_update_args { const char *autolock; struct option_int task_history_limit, cert_expiry; };

static int take_autolock(void *args, const struct option *option UNUSED, const char *value, struct err *err UNUSED)
{
	((struct swarm_update_args *)args)->autolock = value;
	return 0;
}

static const struct option swarm_update_options[] = {
	{ OPTION_TAKE_BOOL, 0, "autolock", "", "Lock the keys of managers: one that restarts must be unlocked (true|false)", 0, take_autolock,
	  NULL },
	SWARM_OPT_EXPIRY(struct swarm_update_args),
	OPT_INT(struct swarm_update_args, task_history_limit, 0, "task-history-limit",
		"Ended tasks kept of each slot (default 5)"),
	OPT_UNSUPPORTED(0, "dispatcher-heartbeat"),
	OPT_UNSUPPORTED(0, "external-ca"),
	OPT_UNSUPPORTED(0, "max-snapshots"),
	OPT_UNSUPPORTED(0, "snapshot-interval"),
	OPT_END
};

static void edit_spec(const struct swarm_update_args *args, yyjson_mut_doc *spec)
{
	swarm_spec_int(&args->task_history_limit, "Orchestration.TaskHistoryRetentionLimit", spec);
	swarm_spec_int(&args->cert_expiry, "CAConfig.NodeCertExpiry", spec);
	if (args->autolock)
		spec_set(spec, "EncryptionConfig.AutoLockManagers", yyjson_mut_bool(spec, str_eq(args->autolock, "true")));
}

/* Docker's answer to an update of nothing. */
static int show_help(const struct cli *cli)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	usage_command(cli->program, cli->path, cli->command, &out);
	cli_print_buf(&out);
	return EXIT_OK;
}

static int swarm_update(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct swarm_update_args *update = args;
	struct err err = {0};
	yyjson_doc *swarm = NULL;

	if (!update->autolock && !update->task_history_limit.given && !update->cert_expiry.given)
		return show_help(cli);
	struct call *call = cli_call(cli, &err);
	yyjson_mut_doc *spec = yyjson_mut_doc_new(NULL);
	int result = call ? call_get(call, &swarm, &err, "/swarm") : -1;

	if (result == 0) {
		yyjson_mut_doc_set_root(spec, yyjson_val_mut_copy(spec, dig(yyjson_doc_get_root(swarm), "Spec")));
		edit_spec(update, spec);
		result = swarm_post_spec(call, yyjson_doc_get_root(swarm), spec, "", &err);
	}
	bool is_locked_now = result == 0 && update->autolock && str_eq(update->autolock, "true") &&
			     !dig_bool(yyjson_doc_get_root(swarm), "Spec.EncryptionConfig.AutoLockManagers");
	yyjson_doc_free(swarm);
	yyjson_mut_doc_free(spec);
	if (result == 0)
		cli_printf("Swarm updated.\n");
	if (is_locked_now)
		result = swarm_lock_print(cli, call, &err);
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}

/* ---- leave ------------------------------------------------------------------------------------ */

struct swarm_leave_args { bool force; };

static const struct option swarm_leave_options[] = {
	OPT_BOOL(struct swarm_leave_args, force, 'f', "force",
		 "Leave even where the swarm loses its managers, and with the last one its state"),
	OPT_END
};

static int swarm_leave(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct swarm_leave_args *leave = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	if (!call || call_post(call, NULL, NULL, &err, "/swarm/leave%s", leave->force ? "?force=1" : "") < 0)
		return cli_fail(&err);
	cli_printf("Node left the swarm.\n");
	return EXIT_OK;
}

static const struct command swarm_commands[] = {
	{ .name = "ca", .usage = "[OPTIONS]", .help = "Show or replace the root certificate of the swarm",
	  .options = swarm_ca_options, .args_size = sizeof(struct swarm_ca_args), .run = swarm_ca },
	{ .name = "init", .spellings = "swarm init, init", .usage = "[OPTIONS]",
	  .help = "Make a swarm of this host", .options = swarm_init_options,
	  .args_size = sizeof(struct swarm_init_args), .run = swarm_init },
	{ .name = "join", .spellings = "swarm join, join", .usage = "[OPTIONS] HOST:PORT [HOST:PORT...]",
	  .help = "Join a swarm, by any of its managers", .options = swarm_join_options, .min = 1,
	  .max = COMMAND_MANY, .args_size = sizeof(struct swarm_join_args), .run = swarm_join },
	{ .name = "join-token", .spellings = "swarm join-token, join-token", .usage = "[OPTIONS] (worker|manager)",
	  .help = "Show how nodes join", .options = swarm_token_options, .min = 1, .max = 1,
	  .args_size = sizeof(struct swarm_token_args), .run = swarm_join_token },
	{ .name = "leave", .spellings = "swarm leave, leave", .usage = "[OPTIONS]",
	  .help = "Leave the swarm", .options = swarm_leave_options,
	  .args_size = sizeof(struct swarm_leave_args), .run = swarm_leave },
	{ .name = "unlock", .usage = "", .help = "Unlock this manager", .run = swarm_lock_open },
	{ .name = "unlock-key", .usage = "[OPTIONS]", .help = "Show or replace the key that unlocks managers",
	  .options = swarm_lock_key_options, .args_size = sizeof(struct swarm_lock_key_args), .run = swarm_lock_key },
	{ .name = "update", .usage = "[OPTIONS]", .help = "Change the settings of the swarm",
	  .options = swarm_update_options, .args_size = sizeof(struct swarm_update_args),
	  .run = swarm_update },
	{ .name = NULL },
};

const struct command swarm_command = {
	.name = "swarm", .help = "Manage the swarm", .commands = swarm_commands,
};
