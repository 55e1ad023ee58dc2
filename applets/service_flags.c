#include "applets/service_flags.h"

#include <string.h>

#include "applets/caps_flag.h"
#include "applets/service_flag.h"
#include "applets/spec_edit.h"
#include "applets/words.h"
#include "base/panic.h"
#include "model/image_ref.h"
#include "model/predefined_network.h"

#define TASK "TaskTemplate."
#define CONTAINER "TaskTemplate.ContainerSpec."
#define LIMITS "TaskTemplate.Resources.Limits."
#define RESERVATIONS "TaskTemplate.Resources.Reservations."
#define RESTART "TaskTemplate.RestartPolicy."
#define PLACEMENT "TaskTemplate.Placement."
#define HEALTH CONTAINER "Healthcheck"
#define LOG "TaskTemplate.LogDriver"

/* --- the table --- */

/* kind, id, letter, name, word for the value, path, help for create (NULL: not there), for
 * update. */
#define SCALARS(X)                                                                                 \
	X(STRING, user, 'u', "user", "string", CONTAINER "User",                                   \
	  "User or uid, and group or gid behind a colon, to run as")                              \
	X(STRING, workdir, 'w', "workdir", "string", CONTAINER "Dir",                              \
	  "Folder of the container to start in")                                                   \
	X(STRING, hostname, 0, "hostname", "string", CONTAINER "Hostname",                         \
	  "Host name inside of the container")                                                     \
	X(WORDS, entrypoint, 0, "entrypoint", "command", CONTAINER "Command",                      \
	  "Command that takes the place of the image's entrypoint")                                \
	X(CPUS, limit_cpu, 0, "limit-cpu", "decimal", LIMITS "NanoCPUs",                           \
	  "Processors a task may use at most, such as 1.5")                                        \
	X(BYTES, limit_memory, 0, "limit-memory", "bytes", LIMITS "MemoryBytes",                   \
	  "Memory a task may use at most, such as 512m")                                           \
	X(INT, limit_pids, 0, "limit-pids", "int", LIMITS "Pids",                                  \
	  "Processes a task may have at most (default 0 = unlimited)")                             \
	X(CPUS, reserve_cpu, 0, "reserve-cpu", "decimal", RESERVATIONS "NanoCPUs",                 \
	  "Processors a node must have left for a task")                                           \
	X(BYTES, reserve_memory, 0, "reserve-memory", "bytes", RESERVATIONS "MemoryBytes",         \
	  "Memory a node must have left for a task")                                               \
	X(STRING, restart_condition, 0, "restart-condition", "string", RESTART "Condition",        \
	  "When an ended task is replaced: \"none\", \"on-failure\" or \"any\" (default \"any\")") \
	X(DURATION, restart_delay, 0, "restart-delay", "duration", RESTART "Delay",                \
	  "Time to wait before a replacement (ns|us|ms|s|m|h) (default 5s)")                       \
	X(UINT, restart_max_attempts, 0, "restart-max-attempts", "uint", RESTART "MaxAttempts",    \
	  "Replacements before giving up (default 0 = no limit)")                                  \
	X(DURATION, restart_window, 0, "restart-window", "duration", RESTART "Window",             \
	  "Time within which replacements are counted (ns|us|ms|s|m|h)")                           \
	X(STRING, stop_signal, 0, "stop-signal", "string", CONTAINER "StopSignal",                 \
	  "Signal that asks a container to end")                                                   \
	X(DURATION, stop_grace_period, 0, "stop-grace-period", "duration",                         \
	  CONTAINER "StopGracePeriod",                                                             \
	  "Time from that signal to the kill (ns|us|ms|s|m|h) (default 10s)")                      \
	X(UINT, max_per_node, 0, "replicas-max-per-node", "uint", PLACEMENT "MaxReplicas",         \
	  "Tasks a node may run at most (default 0 = unlimited)")                                  \
	X(UINT, update_parallelism, 0, "update-parallelism", "uint", "UpdateConfig.Parallelism",   \
	  "Tasks an update replaces at a time, 0 for all (default 1)")                             \
	X(STRING, update_order, 0, "update-order", "string", "UpdateConfig.Order",                 \
	  "Whether an update stops the old task first or starts the new one first: "               \
	  "\"stop-first\", \"start-first\" (default \"stop-first\")")                            \
	X(ENDPOINT, endpoint_mode, 0, "endpoint-mode", "string", "EndpointSpec.Mode",              \
	  "How the service is found: \"vip\", \"dnsrr\" (default \"vip\")")                        \
	X(CHECK, health_cmd, 0, "health-cmd", "string", HEALTH ".Test",                            \
	  "Line for the container's shell that tells by its exit code whether all is well")        \
	X(PERIOD, health_interval, 0, "health-interval", "duration", HEALTH ".Interval",           \
	  "Time from one health check to the next (ms|s|m|h) (default 30s)")                       \
	X(INT, health_retries, 0, "health-retries", "int", HEALTH ".Retries",                      \
	  "Failures in a row that make a task unhealthy (default 3)")                              \
	X(PERIOD, health_start_interval, 0, "health-start-interval", "duration",                   \
	  HEALTH ".StartInterval",                                                                 \
	  "Time between health checks in the start period (ms|s|m|h) (default 5s)")                \
	X(PERIOD, health_start_period, 0, "health-start-period", "duration",                       \
	  HEALTH ".StartPeriod",                                                                   \
	  "Time after the start in which failures do not count (ms|s|m|h) (default 0s)")           \
	X(PERIOD, health_timeout, 0, "health-timeout", "duration", HEALTH ".Timeout",              \
	  "Time after which a check that still runs has failed (ms|s|m|h) (default 30s)")          \
	X(ISOLATION, isolation, 0, "isolation", "string", CONTAINER "Isolation",                   \
	  "\"default\" is the one way of isolating containers on Linux")                           \
	X(INT, oom_score_adj, 0, "oom-score-adj", "int", CONTAINER "OomScoreAdj",                  \
	  "How ready the kernel is to kill it when memory runs out, -1000 to 1000")

/* Those that say yes or no: id, letter, name, path, help. */
#define SWITCHES(X)                                                                                \
	X(init, 0, "init", CONTAINER "Init",                                                       \
	  "Run a small init as first process, which reaps children and hands on signals")          \
	X(read_only, 0, "read-only", CONTAINER "ReadOnly", "Make the container's root read-only")  \
	X(tty, 't', "tty", CONTAINER "TTY", "Give the container a terminal")

/* kind, id, letter and name for create, name for update (-add and -rm are appended), word, path,
 * helps. */
#define LISTS(X)                                                                                   \
	X(ENV, env, 'e', "env", "env", "list", CONTAINER "Env",                                    \
	  "Environment variable, NAME=VALUE or NAME", "Remove an environment variable by its name") \
	X(MAP, label, 'l', "label", "label", "list", "Labels", "Label of the service",             \
	  "Remove a label by its key")                                                             \
	X(MAP, container_label, 0, "container-label", "container-label", "list",                   \
	  CONTAINER "Labels", "Label of the containers", "Remove a container label by its key")    \
	X(MOUNT, mount, 0, "mount", "mount", "mount", CONTAINER "Mounts",                          \
	  "Mount into the container: type=bind (or volume, tmpfs), source=, target=, readonly; "     \
	  "a list with commas and without blanks",                                                 \
	  "Remove a mount by its target")                                                          \
	X(PORT, publish, 'p', "publish", "publish", "port", "EndpointSpec.Ports",                  \
	  "Publish a port: PUBLISHED:TARGET[/udp], or published=,target=,protocol=,mode=host",      \
	  "Remove a published port by its target port")                                            \
	X(SECRET, secret, 0, "secret", "secret", "secret", CONTAINER "Secrets",                    \
	  "Secret as a file below /run/secrets: its name, or source=,target=,uid=,gid=,mode=",     \
	  "Take a secret away by its name")                                                        \
	X(CONFIG, config, 0, "config", "config", "config", CONTAINER "Configs",                    \
	  "Config as a file: its name, or source=,target=,uid=,gid=,mode=",                        \
	  "Take a config away by its name")                                                        \
	X(LIST, constraint, 0, "constraint", "constraint", "list", PLACEMENT "Constraints",        \
	  "Condition that a node must meet, such as node.labels.disk==ssd",                        \
	  "Remove a condition")                                                                    \
	X(ADDRESS, dns, 0, "dns", "dns", "list", CONTAINER "DNSConfig.Nameservers",                \
	  "Name server to ask instead of the host's", "Remove a name server")                      \
	X(ONCE, dns_option, 0, "dns-option", "dns-option", "list", CONTAINER "DNSConfig.Options",  \
	  "Option of the resolver, such as ndots:2", "Remove an option of the resolver")           \
	X(DOMAIN, dns_search, 0, "dns-search", "dns-search", "list", CONTAINER "DNSConfig.Search", \
	  "Domain in which short names are looked for", "Remove a search domain")                  \
	X(ONCE, group, 0, "group", "group", "list", CONTAINER "Groups",                            \
	  "Further group, name or gid, of the first process", "Remove a further group")            \
	X(HOST, host, 0, "host", "host", "list", CONTAINER "Hosts",                                \
	  "Line for /etc/hosts, NAME:ADDRESS",                                                     \
	  "Remove a name, NAME or NAME:ADDRESS, from /etc/hosts")                                  \
	X(NETWORK, network, 0, "network", "network", "network", TASK "Networks",                   \
	  "Network of the tasks: bridge, host or none (default bridge)", "Leave a network")        \
	X(PAIR, sysctl, 0, "sysctl", "sysctl", "list", CONTAINER "Sysctls",                      \
	  "Kernel setting of the container's namespaces, NAME=VALUE", "Remove a kernel setting")   \
	X(ULIMIT, ulimit, 0, "ulimit", "ulimit", "ulimit", CONTAINER "Ulimits",                    \
	  "Limit of each process, NAME=SOFT[:HARD]", "Remove a limit by its name")

#define DEFINE_SCALAR(kind, id, letter, name, type, path, help)                                    \
	static const struct service_flag flag_##id = { FLAG_##kind, path };
#define DEFINE_LIST(kind, id, letter, name, base, type, path, help, rm_help)                       \
	static const struct service_flag flag_##id = { FLAG_##kind, path };
#define DEFINE_SWITCH(id, letter, name, path, help)                                                \
	static const struct service_flag flag_##id = { FLAG_BOOL, path };
SCALARS(DEFINE_SCALAR)
SWITCHES(DEFINE_SWITCH)
LISTS(DEFINE_LIST)
static const struct service_flag flag_image = { FLAG_IMAGE, CONTAINER "Image" };
static const struct service_flag flag_args = { FLAG_WORDS, CONTAINER "Args" };

static int take_set(void *args, const struct option *option, const char *value, struct err *err);
static int take_add(void *args, const struct option *option, const char *value, struct err *err);
static int take_remove(void *args, const struct option *option, const char *value, struct err *err);
static int check_log_opt(void *args, const struct option *option, const char *value, struct err *err);

#define SCALAR_OPTION(kind, id, letter, name, type, path, help)                                    \
	{ OPTION_TAKE, letter, name, type, help, 0, take_set, &flag_##id },
#define SWITCH_OPTION(id, letter, name, path, help)                                                \
	{ OPTION_TAKE_BOOL, letter, name, "", help, 0, take_set, &flag_##id },
#define CREATE_LIST_OPTION(kind, id, letter, name, base, type, path, help, rm_help)                \
	{ OPTION_TAKE, letter, name, type, help, 0, take_add, &flag_##id },
#define UPDATE_LIST_OPTIONS(kind, id, letter, name, base, type, path, help, rm_help)               \
	{ OPTION_TAKE, 0, base "-add", type, help, 0, take_add, &flag_##id },                      \
	{ OPTION_TAKE, 0, base "-rm", "list", rm_help, 0, take_remove, &flag_##id },

#define BOTH_OPTIONS                                                                               \
	OPT_BOOL(struct service_flags, detach, 'd', "detach",                                      \
		 "Return at once, without waiting until all tasks run"),                           \
	OPT_BOOL(struct service_flags, quiet, 'q', "quiet", "Say nothing while waiting"),          \
	OPT_BOOL(struct service_flags, no_resolve_image, 0, "no-resolve-image",                    \
		 "Leave the image's tag as it is, do not pin its digest"),                         \
	OPT_UINT(struct service_flags, replicas, 0, "replicas", "Number of tasks"),               \
	OPT_LIST(struct service_flags, cap_add, 0, "cap-add", "list",                             \
		 "Capability to add, such as NET_ADMIN; ALL for every one"),                       \
	OPT_LIST(struct service_flags, cap_drop, 0, "cap-drop", "list",                           \
		 "Capability to drop, such as CHOWN; ALL for every one"),                          \
	OPT_STRING(struct service_flags, log_driver, 0, "log-driver", "string",                   \
		   "What keeps the output: \"json-file\", \"none\" (default \"json-file\")"),       \
	{ OPTION_LIST, 0, "log-opt", "list", "Option of the log driver, NAME=VALUE: max-size, max-file", \
	  offsetof(struct service_flags, log_opts), check_log_opt, NULL },                         \
	OPT_BOOL(struct service_flags, no_healthcheck, 0, "no-healthcheck",                       \
		 "Run no health check, whatever the image says"),                                  \
	OPT_BOOL(struct service_flags, with_registry_auth, 0, "with-registry-auth",               \
		 "Give the password that `login` keeps for the image's registry to the nodes")

/* Docker's others, so that each is answered by its name. */
#define UNSUPPORTED_BOTH                                                                           \
	OPT_UNSUPPORTED(0, "credential-spec"), OPT_UNSUPPORTED(0, "max-concurrent"),               \
	OPT_UNSUPPORTED(0, "rollback-delay"), OPT_UNSUPPORTED(0, "rollback-failure-action"),       \
	OPT_UNSUPPORTED(0, "rollback-max-failure-ratio"), OPT_UNSUPPORTED(0, "rollback-monitor"),  \
	OPT_UNSUPPORTED(0, "rollback-order"), OPT_UNSUPPORTED(0, "rollback-parallelism"),          \
	OPT_UNSUPPORTED(0, "update-delay"), OPT_UNSUPPORTED(0, "update-failure-action"),           \
	OPT_UNSUPPORTED(0, "update-max-failure-ratio"), OPT_UNSUPPORTED(0, "update-monitor")
#define ADD_AND_RM(name) OPT_UNSUPPORTED(0, name "-add"), OPT_UNSUPPORTED(0, name "-rm")

const struct option service_create_options[] = {
	SCALARS(SCALAR_OPTION)
	SWITCHES(SWITCH_OPTION)
	LISTS(CREATE_LIST_OPTION)
	BOTH_OPTIONS,
	OPT_LIST(struct service_flags, env_files, 0, "env-file", "list",
		 "File with environment variables, one a line"),
	OPT_STRING(struct service_flags, mode, 0, "mode", "string",
		   "\"replicated\" or \"global\": one task on each node (default \"replicated\")"),
	OPT_STRING(struct service_flags, name, 0, "name", "string", "Name of the service"),
	UNSUPPORTED_BOTH,
	OPT_UNSUPPORTED(0, "generic-resource"), OPT_UNSUPPORTED(0, "placement-pref"),
	OPT_END
};

const struct option service_update_options[] = {
	SCALARS(SCALAR_OPTION)
	SWITCHES(SWITCH_OPTION)
	LISTS(UPDATE_LIST_OPTIONS)
	BOTH_OPTIONS,
	{ OPTION_TAKE, 0, "args", "command", "Arguments of the command", 0, take_set, &flag_args },
	{ OPTION_TAKE, 0, "image", "string", "Image to run", 0, take_set, &flag_image },
	OPT_BOOL(struct service_flags, force, 0, "force", "Replace the tasks even if nothing changed"),
	UNSUPPORTED_BOTH,
	ADD_AND_RM("generic-resource"), ADD_AND_RM("placement-pref"), OPT_UNSUPPORTED(0, "rollback"),
	OPT_END
};

/* --- values: checked when read, with a document to throw away --- */

int service_flags_image(const char *text, char *ret_image, size_t size, struct err *err)
{
	struct image_ref ref;
	struct err ignored;
	char familiar[IMAGE_REF_TEXT_SIZE];

	/* What is no name is the agent's to refuse, as it would be to another client. */
	if (image_ref_parse(text, &ref, &ignored) == 0) {
		image_ref_add_default_tag(&ref);
		text = image_ref_format_familiar(&ref, familiar);
	}
	if (!str_copy(ret_image, size, text))
		return err_set(err, ERR_INVALID, "image name is too long");
	return 0;
}

static int take(struct service_flags *flags, const struct service_flag *flag, char verb,
		const char *value, struct err *err)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);

	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	int result = flags->count < SERVICE_FLAGS_MAX ? service_flag_apply(flag, verb, value, doc, err) :
		     err_set(err, ERR_INVALID, "more than %d flags", SERVICE_FLAGS_MAX);
	if (result == 0)
		flags->uses[flags->count++] = (struct service_flag_use){ flag, verb, value };
	yyjson_mut_doc_free(doc);
	return result;
}

static int take_set(void *args, const struct option *option, const char *value, struct err *err)
{
	return take(args, option->data, '=', value, err);
}

static int take_add(void *args, const struct option *option, const char *value, struct err *err)
{
	return take(args, option->data, '+', value, err);
}

static int take_remove(void *args, const struct option *option, const char *value, struct err *err)
{
	return take(args, option->data, '-', value, err);
}

static int check_log_opt(void *args UNUSED, const struct option *option UNUSED, const char *value,
			 struct err *err)
{
	if (value[0] == '=' || value[0] == '\0')
		return err_set(err, ERR_INVALID, "invalid environment variable: %s", value);
	return 0;
}

/* --- the whole --- */

static bool has_health_flag(const struct service_flags *flags)
{
	for (size_t i = 0; i < flags->count; i++)
		if (str_starts(flags->uses[i].flag->path, HEALTH "."))
			return true;
	return false;
}

/* A check that is changed is no longer switched off. */
static void wake_health(const struct service_flags *flags, yyjson_mut_doc *doc)
{
	yyjson_mut_val *test = spec_find(doc, HEALTH ".Test");

	if (has_health_flag(flags) && str_eq(yyjson_mut_get_str(yyjson_mut_arr_get(test, 0)), "NONE"))
		spec_remove(doc, HEALTH, "Test");
}

static int set_no_health(const struct service_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	if (!flags->no_healthcheck)
		return 0;
	if (has_health_flag(flags))
		return err_set(err, ERR_INVALID, "--no-healthcheck conflicts with --health-* options");
	spec_set(doc, HEALTH, yyjson_mut_obj(doc));
	yyjson_mut_arr_add_str(doc, spec_array(doc, HEALTH ".Test"), "NONE");
	return 0;
}

/* Options alone are those of the driver the service has; a driver starts without the old one's. */
static void set_log(const struct service_flags *flags, yyjson_mut_doc *doc)
{
	bool names_driver = !str_is_empty(flags->log_driver);

	if (!names_driver && !flags->log_opts.count)
		return;
	if (names_driver)
		spec_set_str(doc, LOG ".Name", flags->log_driver);
	else if (!spec_find(doc, LOG ".Name"))
		spec_set_str(doc, LOG ".Name", "json-file");
	spec_set(doc, LOG ".Options", yyjson_mut_obj(doc));
	for (size_t i = 0; i < flags->log_opts.count; i++)
		service_flag_apply(&(struct service_flag){ FLAG_PAIR, LOG ".Options" }, '+',
				   flags->log_opts.items[i], doc, NULL);
}

static bool has_network(yyjson_mut_doc *doc, const char *id)
{
	yyjson_mut_val *item;
	yyjson_mut_arr_iter iter;

	yyjson_mut_arr_iter_init(spec_find(doc, TASK "Networks"), &iter);
	while ((item = yyjson_mut_arr_iter_next(&iter)))
		if (str_eq(yyjson_mut_get_str(yyjson_mut_obj_get(item, "Target")), id))
			return true;
	return false;
}

/* Leaving one that is not joined is fine, leaving one that does not exist is a slip. */
static int check_networks(const struct service_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	for (size_t i = 0; i < flags->count; i++) {
		const struct service_flag_use *use = &flags->uses[i];

		if (use->flag == &flag_network && use->verb == '-' &&
		    predefined_network_find(use->value) < 0 && !has_network(doc, use->value))
			return err_set(err, ERR_NOT_FOUND, "network %s not found", use->value);
	}
	return 0;
}

/* Removals first, so that --x-rm a --x-add a is a change in whatever order they are written. */
static int apply_all(const struct service_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < flags->count; i++) {
			const struct service_flag_use *use = &flags->uses[i];

			if (round == 0 && use->verb == '+' &&
			    service_flag_make_room(use->flag, use->value, doc, err) < 0)
				return -1;
			if ((use->verb == '-') == (round == 0) &&
			    service_flag_apply(use->flag, use->verb, use->value, doc, err) < 0)
				return -1;
		}
	return 0;
}

static int set_mode(const struct service_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	const char *mode = flags->mode ? flags->mode : "replicated";

	if (str_eq(mode, "replicated-job") || str_eq(mode, "global-job"))
		return err_set(err, ERR_UNSUPPORTED, "--mode %s is not supported by swarmbox yet", mode);
	if (str_eq(mode, "global")) {
		if (flags->replicas.given)
			return err_set(err, ERR_INVALID, "replicas can only be used with replicated or "
				       "replicated-job mode");
		if (yyjson_mut_get_uint(spec_find(doc, PLACEMENT "MaxReplicas")) > 0)
			return err_set(err, ERR_INVALID, "replicas-max-per-node can only be used with "
				       "replicated or replicated-job mode");
		spec_object(doc, "Mode.Global");
		return 0;
	}
	if (!str_eq(mode, "replicated"))
		return err_set(err, ERR_INVALID,
			       "Unknown mode: %s, only replicated and global supported", mode);
	spec_object(doc, "Mode.Replicated");
	if (flags->replicas.given)
		spec_set_uint(doc, "Mode.Replicated.Replicas", flags->replicas.value);
	return 0;
}

static int read_env_files(const struct service_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	struct strlist words = {0};
	int result = 0;

	for (size_t i = 0; i < flags->env_files.count && result == 0; i++)
		result = words_env_file(flags->env_files.items[i], &words, err);
	for (size_t i = 0; i < words.count && result == 0; i++)
		result = service_flag_apply(&flag_env, '+', words.items[i], doc, err);
	strlist_fini(&words);
	return result;
}

int service_flags_create(const struct service_flags *flags, char *const *args, yyjson_mut_doc *doc,
			 struct err *err)
{
	char image[IMAGE_REF_TEXT_SIZE];

	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	if (flags->name)
		spec_set_str(doc, "Name", flags->name);
	spec_object(doc, "Labels");
	if (service_flags_image(args[0], image, sizeof(image), err) < 0)
		return -1;
	spec_set_str(doc, CONTAINER "Image", image);
	for (args++; *args; args++)
		yyjson_mut_arr_add_strcpy(doc, spec_array(doc, CONTAINER "Args"), *args);
	spec_set(doc, CONTAINER "Init", yyjson_mut_bool(doc, false));
	spec_object(doc, CONTAINER "DNSConfig");
	spec_object(doc, TASK "Resources.Limits");
	spec_object(doc, TASK "Resources.Reservations");
	spec_object(doc, TASK "Placement");
	spec_set_uint(doc, TASK "ForceUpdate", 0);
	spec_set_str(doc, "EndpointSpec.Mode", "vip");
	if (read_env_files(flags, doc, err) < 0 || apply_all(flags, doc, err) < 0 ||
	    set_no_health(flags, doc, err) < 0)
		return -1;
	caps_flag_create(&flags->cap_add, &flags->cap_drop, doc, spec_object(doc, TASK "ContainerSpec"));
	set_log(flags, doc);
	return set_mode(flags, doc, err);
}

int service_flags_update(const struct service_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	if (check_networks(flags, doc, err) < 0)
		return -1;
	wake_health(flags, doc);
	if (apply_all(flags, doc, err) < 0 || set_no_health(flags, doc, err) < 0)
		return -1;
	if (flags->cap_add.count || flags->cap_drop.count)
		caps_flag_update(&flags->cap_add, &flags->cap_drop, doc,
				 spec_object(doc, TASK "ContainerSpec"));
	set_log(flags, doc);
	if (flags->replicas.given && !spec_find(doc, "Mode.Replicated"))
		return err_set(err, ERR_INVALID,
			       "replicas can only be used with replicated or replicated-job mode");
	if (flags->replicas.given)
		spec_set_uint(doc, "Mode.Replicated.Replicas", flags->replicas.value);
	if (flags->force)
		spec_set_uint(doc, TASK "ForceUpdate",
			      yyjson_mut_get_uint(spec_find(doc, TASK "ForceUpdate")) + 1);
	return 0;
}
