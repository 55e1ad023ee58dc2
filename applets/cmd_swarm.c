#include <string.h>

#include "applets/cli.h"
#include "base/str.h"
#include "client/call.h"

struct swarm_init_args {
	const char *advertise_addr, *availability, *listen_addr;
	struct option_uint task_history_limit;
};

static const struct option swarm_init_options[] = {
	OPT_STRING(struct swarm_init_args, advertise_addr, 0, "advertise-addr", "string",
		   "Address by which other nodes reach this one: IP or interface, and port behind a colon"),
	OPT_STRING(struct swarm_init_args, availability, 0, "availability", "string",
		   "Whether this node takes tasks: \"active\", \"pause\", \"drain\" (default \"active\")"),
	OPT_STRING(struct swarm_init_args, listen_addr, 0, "listen-addr", "node-addr",
		   "Address to listen on for other nodes (default 0.0.0.0:2377)"),
	OPT_UINT(struct swarm_init_args, task_history_limit, 0, "task-history-limit",
		 "Ended tasks kept of each slot (default 5)"),
	OPT_UNSUPPORTED(0, "autolock"),
	OPT_UNSUPPORTED(0, "cert-expiry"),
	OPT_UNSUPPORTED(0, "data-path-addr"),
	OPT_UNSUPPORTED(0, "data-path-port"),
	OPT_UNSUPPORTED(0, "default-addr-pool"),
	OPT_UNSUPPORTED(0, "default-addr-pool-mask-length"),
	OPT_UNSUPPORTED(0, "dispatcher-heartbeat"),
	OPT_UNSUPPORTED(0, "external-ca"),
	OPT_UNSUPPORTED(0, "force-new-cluster"),
	OPT_UNSUPPORTED(0, "max-snapshots"),
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
	yyjson_mut_val *root = yyjson_mut_obj(doc), *spec;

	yyjson_mut_doc_set_root(doc, root);
	yyjson_mut_obj_add_strcpy(doc, root, "ListenAddr",
				  args->listen_addr ? args->listen_addr : "0.0.0.0:2377");
	yyjson_mut_obj_add_strcpy(doc, root, "AdvertiseAddr",
				  args->advertise_addr ? args->advertise_addr : "");
	yyjson_mut_obj_add_strcpy(doc, root, "Availability",
				  args->availability ? args->availability : "");
	spec = yyjson_mut_obj_add_obj(doc, root, "Spec");
	yyjson_mut_obj_add_obj(doc, spec, "Labels");
	if (args->task_history_limit.given)
		yyjson_mut_obj_add_uint(doc, yyjson_mut_obj_add_obj(doc, spec, "Orchestration"),
					"TaskHistoryRetentionLimit", args->task_history_limit.value);
}

static int swarm_init(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct swarm_init_args *init = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_doc *reply = NULL;
	int result = call ? check_availability(init->availability, &err) : -1;

	fill_request(doc, init);
	if (result == 0)
		result = call_post(call, doc, &reply, &err, "/swarm/init");
	yyjson_mut_doc_free(doc);
	if (result < 0) {
		if (strstr(err.text, "could not choose an IP address to advertise") ||
		    strstr(err.text, "could not find the system's IP address"))
			cli_warn("%s - specify one with --advertise-addr", err.text);
		else
			cli_fail(&err);
		return EXIT_FAILED;
	}
	const char *id = yyjson_get_str(yyjson_doc_get_root(reply));
	cli_printf("Swarm initialized: current node (%s) is now a manager.\n", id ? id : "");
	yyjson_doc_free(reply);
	return EXIT_OK;
}

struct swarm_leave_args { bool force; };

static const struct option swarm_leave_options[] = {
	OPT_BOOL(struct swarm_leave_args, force, 'f', "force",
		 "Leave even as the last manager: all services and their state are lost"),
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
	{ .name = "init", .spellings = "swarm init, init", .usage = "[OPTIONS]",
	  .help = "Make a swarm of this host", .options = swarm_init_options,
	  .args_size = sizeof(struct swarm_init_args), .run = swarm_init },
	{ .name = "leave", .spellings = "swarm leave, leave", .usage = "[OPTIONS]",
	  .help = "Leave the swarm", .options = swarm_leave_options,
	  .args_size = sizeof(struct swarm_leave_args), .run = swarm_leave },
	{ .name = NULL },
};

const struct command swarm_command = {
	.name = "swarm", .help = "Manage the swarm", .commands = swarm_commands,
};
