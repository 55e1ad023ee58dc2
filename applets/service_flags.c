#include "applets/service_flags.h"

#include <string.h>

#include "applets/mount_flag.h"
#include "applets/port_flag.h"
#include "applets/spec_edit.h"
#include "applets/words.h"
#include "base/panic.h"
#include "base/units.h"
#include "model/image_ref.h"

#define TASK "TaskTemplate."
#define CONTAINER "TaskTemplate.ContainerSpec."
#define LIMITS "TaskTemplate.Resources.Limits."
#define RESERVATIONS "TaskTemplate.Resources.Reservations."
#define RESTART "TaskTemplate.RestartPolicy."
#define PLACEMENT "TaskTemplate.Placement."

enum service_flag_kind {
	FLAG_STRING, FLAG_IMAGE, FLAG_WORDS, FLAG_UINT, FLAG_BYTES, FLAG_CPUS, FLAG_DURATION,
	FLAG_MAP, FLAG_ENV, FLAG_LIST, FLAG_MOUNT, FLAG_PORT,
};
struct service_flag { enum service_flag_kind kind; const char *path; };

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
	X(UINT, limit_pids, 0, "limit-pids", "int", LIMITS "Pids",                                 \
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
	  "\"stop-first\", \"start-first\" (default \"stop-first\")")

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
	X(LIST, constraint, 0, "constraint", "constraint", "list", PLACEMENT "Constraints",        \
	  "Condition that a node must meet, such as node.labels.disk==ssd",                        \
	  "Remove a condition")

#define DEFINE_SCALAR(kind, id, letter, name, type, path, help)                                    \
	static const struct service_flag flag_##id = { FLAG_##kind, path };
#define DEFINE_LIST(kind, id, letter, name, base, type, path, help, rm_help)                       \
	static const struct service_flag flag_##id = { FLAG_##kind, path };
SCALARS(DEFINE_SCALAR)
LISTS(DEFINE_LIST)
static const struct service_flag flag_image = { FLAG_IMAGE, CONTAINER "Image" };
static const struct service_flag flag_args = { FLAG_WORDS, CONTAINER "Args" };

static int take_set(void *args, const struct option *option, const char *value, struct err *err);
static int take_add(void *args, const struct option *option, const char *value, struct err *err);
static int take_remove(void *args, const struct option *option, const char *value, struct err *err);

#define SCALAR_OPTION(kind, id, letter, name, type, path, help)                                    \
	{ OPTION_TAKE, letter, name, type, help, 0, take_set, &flag_##id },
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
	OPT_UINT(struct service_flags, replicas, 0, "replicas", "Number of tasks")

/* Docker's others, so that each is answered by its name. */
#define UNSUPPORTED_BOTH                                                                           \
	OPT_UNSUPPORTED(0, "cap-add"), OPT_UNSUPPORTED(0, "cap-drop"),                             \
	OPT_UNSUPPORTED(0, "credential-spec"), OPT_UNSUPPORTED(0, "endpoint-mode"),                \
	OPT_UNSUPPORTED(0, "health-cmd"), OPT_UNSUPPORTED(0, "health-interval"),                   \
	OPT_UNSUPPORTED(0, "health-retries"), OPT_UNSUPPORTED(0, "health-start-interval"),         \
	OPT_UNSUPPORTED(0, "health-start-period"), OPT_UNSUPPORTED(0, "health-timeout"),           \
	OPT_UNSUPPORTED(0, "init"), OPT_UNSUPPORTED(0, "isolation"),                               \
	OPT_UNSUPPORTED(0, "log-driver"), OPT_UNSUPPORTED(0, "log-opt"),                           \
	OPT_UNSUPPORTED(0, "max-concurrent"), OPT_UNSUPPORTED(0, "no-healthcheck"),                \
	OPT_UNSUPPORTED(0, "oom-score-adj"), OPT_UNSUPPORTED(0, "read-only"),                      \
	OPT_UNSUPPORTED(0, "rollback-delay"), OPT_UNSUPPORTED(0, "rollback-failure-action"),       \
	OPT_UNSUPPORTED(0, "rollback-max-failure-ratio"), OPT_UNSUPPORTED(0, "rollback-monitor"),  \
	OPT_UNSUPPORTED(0, "rollback-order"), OPT_UNSUPPORTED(0, "rollback-parallelism"),          \
	OPT_UNSUPPORTED('t', "tty"), OPT_UNSUPPORTED(0, "update-delay"),                           \
	OPT_UNSUPPORTED(0, "update-failure-action"),                                               \
	OPT_UNSUPPORTED(0, "update-max-failure-ratio"), OPT_UNSUPPORTED(0, "update-monitor"),      \
	OPT_UNSUPPORTED(0, "with-registry-auth")
#define ADD_AND_RM(name) OPT_UNSUPPORTED(0, name "-add"), OPT_UNSUPPORTED(0, name "-rm")

const struct option service_create_options[] = {
	SCALARS(SCALAR_OPTION)
	LISTS(CREATE_LIST_OPTION)
	BOTH_OPTIONS,
	OPT_LIST(struct service_flags, env_files, 0, "env-file", "list",
		 "File with environment variables, one a line"),
	OPT_STRING(struct service_flags, mode, 0, "mode", "string",
		   "\"replicated\" or \"global\": one task on each node (default \"replicated\")"),
	OPT_STRING(struct service_flags, name, 0, "name", "string", "Name of the service"),
	UNSUPPORTED_BOTH,
	OPT_UNSUPPORTED(0, "config"), OPT_UNSUPPORTED(0, "dns"), OPT_UNSUPPORTED(0, "dns-option"),
	OPT_UNSUPPORTED(0, "dns-search"), OPT_UNSUPPORTED(0, "generic-resource"),
	OPT_UNSUPPORTED(0, "group"), OPT_UNSUPPORTED(0, "host"), OPT_UNSUPPORTED(0, "network"),
	OPT_UNSUPPORTED(0, "placement-pref"), OPT_UNSUPPORTED(0, "secret"),
	OPT_UNSUPPORTED(0, "sysctl"), OPT_UNSUPPORTED(0, "ulimit"),
	OPT_END
};

const struct option service_update_options[] = {
	SCALARS(SCALAR_OPTION)
	LISTS(UPDATE_LIST_OPTIONS)
	BOTH_OPTIONS,
	{ OPTION_TAKE, 0, "args", "command", "Arguments of the command", 0, take_set, &flag_args },
	{ OPTION_TAKE, 0, "image", "string", "Image to run", 0, take_set, &flag_image },
	OPT_BOOL(struct service_flags, force, 0, "force", "Replace the tasks even if nothing changed"),
	UNSUPPORTED_BOTH,
	ADD_AND_RM("config"), ADD_AND_RM("dns"), ADD_AND_RM("dns-option"), ADD_AND_RM("dns-search"),
	ADD_AND_RM("generic-resource"), ADD_AND_RM("group"), ADD_AND_RM("host"),
	ADD_AND_RM("network"), ADD_AND_RM("placement-pref"), OPT_UNSUPPORTED(0, "rollback"),
	ADD_AND_RM("secret"), ADD_AND_RM("sysctl"), ADD_AND_RM("ulimit"),
	OPT_END
};

/* --- values: checked when read, with a document to throw away --- */

int service_flags_image(const char *text, char *ret_image, size_t size, struct err *err)
{
	struct image_ref ref;
	char familiar[IMAGE_REF_TEXT_SIZE];

	if (image_ref_parse(text, &ref, err) < 0)
		return -1;
	image_ref_add_default_tag(&ref);
	if (!str_copy(ret_image, size, image_ref_format_familiar(&ref, familiar)))
		return err_set(err, ERR_INVALID, "image name is too long");
	return 0;
}

static int number_of(enum service_flag_kind kind, const char *value, int64_t *ret, struct err *err)
{
	uint64_t number;

	switch (kind) {
	case FLAG_BYTES:
		return units_parse_bytes(value, ret, err);
	case FLAG_CPUS:
		return units_parse_cpus(value, ret, err);
	case FLAG_DURATION:
		return units_parse_duration(value, ret, err);
	default:
		if (str_to_u64(value, &number) < 0 || number > INT64_MAX)
			return err_set(err, ERR_INVALID,
				       "strconv.ParseUint: parsing \"%s\": invalid syntax", value);
		*ret = (int64_t)number;
		return 0;
	}
}

static int set_scalar(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
		      struct err *err)
{
	struct strlist words = {0};
	char image[IMAGE_REF_TEXT_SIZE];
	int64_t number = 0;

	switch (flag->kind) {
	case FLAG_STRING:
		spec_set_str(doc, flag->path, value);
		return 0;
	case FLAG_IMAGE:
		if (service_flags_image(value, image, sizeof(image), err) < 0)
			return -1;
		spec_set_str(doc, flag->path, image);
		return 0;
	case FLAG_WORDS:
		if (words_split(value, &words, err) < 0) {
			strlist_fini(&words);
			return -1;
		}
		spec_set(doc, flag->path, yyjson_mut_arr(doc));
		for (size_t i = 0; i < words.count; i++)
			yyjson_mut_arr_add_strcpy(doc, spec_array(doc, flag->path), words.items[i]);
		strlist_fini(&words);
		return 0;
	default:
		if (number_of(flag->kind, value, &number, err) < 0)
			return -1;
		spec_set(doc, flag->path, yyjson_mut_sint(doc, number));
		return 0;
	}
}

static bool has_same_key(yyjson_mut_val *element, const void *arg)
{
	const char *old = yyjson_mut_get_str(element), *fresh = arg;
	size_t length = strcspn(fresh, "=");

	return old && strncmp(old, fresh, length) == 0 && (old[length] == '=' || old[length] == '\0');
}

static bool has_target(yyjson_mut_val *element, const void *arg)
{
	return str_eq(yyjson_mut_get_str(yyjson_mut_obj_get(element, "Target")), arg);
}

static bool is_text(yyjson_mut_val *element, const void *arg)
{
	return str_eq(yyjson_mut_get_str(element), arg);
}

struct port_key { unsigned target; const char *protocol; };

static bool is_port(yyjson_mut_val *element, const void *arg)
{
	const struct port_key *key = arg;
	const char *protocol = yyjson_mut_get_str(yyjson_mut_obj_get(element, "Protocol"));

	return yyjson_mut_get_uint(yyjson_mut_obj_get(element, "TargetPort")) == key->target &&
	       str_eq(protocol ? protocol : "tcp", key->protocol);
}

static void add_env(yyjson_mut_doc *doc, const char *path, const char *word)
{
	spec_filter(doc, path, has_same_key, word);
	yyjson_mut_arr_add_strcpy(doc, spec_array(doc, path), word);
}

static int add_map(yyjson_mut_doc *doc, const char *path, const char *pair, struct err *err)
{
	size_t length = strcspn(pair, "=");
	char *key = str_printf("%.*s", (int)length, pair);
	int result = 0;

	if (length == 0 || strpbrk(key, " \t"))
		result = err_set(err, ERR_INVALID, length ? "label '%s' contains whitespaces" :
							    "invalid label '%s': empty name",
				 length ? key : pair);
	else
		spec_put(doc, path, key, pair[length] ? pair + length + 1 : "");
	str_freep(&key);
	return result;
}

static int add_mount(yyjson_mut_doc *doc, const char *path, const char *value, struct err *err)
{
	yyjson_mut_val *mount;

	if (mount_flag_parse(value, doc, &mount, err) < 0)
		return -1;
	spec_filter(doc, path, has_target, yyjson_mut_get_str(yyjson_mut_obj_get(mount, "Target")));
	yyjson_mut_arr_append(spec_array(doc, path), mount);
	return 0;
}

static bool is_same_port(yyjson_mut_val *element, const void *arg)
{
	return yyjson_mut_equals(element, (yyjson_mut_val *)arg);
}

static int add_ports(yyjson_mut_doc *doc, const char *path, const char *value, struct err *err)
{
	yyjson_mut_val *fresh = yyjson_mut_arr(doc), *port;

	if (port_flag_parse(value, doc, fresh, err) < 0)
		return -1;
	while ((port = yyjson_mut_arr_remove_first(fresh))) {
		spec_filter(doc, path, is_same_port, port);
		yyjson_mut_arr_append(spec_array(doc, path), port);
	}
	return 0;
}

static int add_to_list(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
		       struct err *err)
{
	struct strlist words = {0};

	switch (flag->kind) {
	case FLAG_MAP:
		return add_map(doc, flag->path, value, err);
	case FLAG_ENV:
		if (value[0] == '=' || value[0] == '\0')
			return err_set(err, ERR_INVALID, "invalid environment variable: %s", value);
		words_env(value, &words);
		add_env(doc, flag->path, words.items[0]);
		strlist_fini(&words);
		return 0;
	case FLAG_MOUNT:
		return add_mount(doc, flag->path, value, err);
	case FLAG_PORT:
		return add_ports(doc, flag->path, value, err);
	default:
		yyjson_mut_arr_add_strcpy(doc, spec_array(doc, flag->path), value);
		return 0;
	}
}

static int remove_from_list(const struct service_flag *flag, const char *value, yyjson_mut_doc *doc,
			    struct err *err)
{
	struct port_key port;

	switch (flag->kind) {
	case FLAG_MAP:
		spec_remove(doc, flag->path, value);
		return 0;
	case FLAG_ENV:
		spec_filter(doc, flag->path, has_same_key, value);
		return 0;
	case FLAG_MOUNT:
		spec_filter(doc, flag->path, has_target, value);
		return 0;
	case FLAG_PORT:
		if (port_flag_parse_target(value, &port.target, &port.protocol, err) < 0)
			return -1;
		spec_filter(doc, flag->path, is_port, &port);
		return 0;
	default:
		spec_filter(doc, flag->path, is_text, value);
		return 0;
	}
}

static int apply(const struct service_flag_use *use, yyjson_mut_doc *doc, struct err *err)
{
	if (use->verb == '=')
		return set_scalar(use->flag, use->value, doc, err);
	if (use->verb == '+')
		return add_to_list(use->flag, use->value, doc, err);
	return remove_from_list(use->flag, use->value, doc, err);
}

static int take(struct service_flags *flags, const struct service_flag *flag, char verb,
		const char *value, struct err *err)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	struct service_flag_use use = { flag, verb, value };

	yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
	int result = flags->count < SERVICE_FLAGS_MAX ? apply(&use, doc, err) :
		     err_set(err, ERR_INVALID, "more than %d flags", SERVICE_FLAGS_MAX);
	if (result == 0)
		flags->uses[flags->count++] = use;
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

/* --- the whole --- */

/* Removals first, so that --x-rm a --x-add a is a change in whatever order they are written. */
static int apply_all(const struct service_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < flags->count; i++)
			if ((flags->uses[i].verb == '-') == (round == 0) &&
			    apply(&flags->uses[i], doc, err) < 0)
				return -1;
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
		add_env(doc, CONTAINER "Env", words.items[i]);
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
	if (read_env_files(flags, doc, err) < 0 || apply_all(flags, doc, err) < 0)
		return -1;
	return set_mode(flags, doc, err);
}

int service_flags_update(const struct service_flags *flags, yyjson_mut_doc *doc, struct err *err)
{
	if (apply_all(flags, doc, err) < 0)
		return -1;
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
