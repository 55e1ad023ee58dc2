/* swarmbox agent: the daemon of a host, and the systemd unit that keeps it running. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "applets/agent_unit.h"
#include "applets/applets.h"
#include "applets/cli.h"
#include "base/version.h"
#include "compose/flat_yaml.h"
#include "image/registry_hosts.h"
#include "node/node.h"
#include "os/file.h"
#include "os/log.h"
#include "os/notify.h"

struct agent_args {
	const char *data_root, *run_root, *cgroup_parent, *listen_addr, *advertise_addr, *log_level, *config;
	struct strlist hosts, labels, insecure_registries, registry_mirrors;
	bool stop_containers, install, purge;
};

static const struct option agent_options[] = {
	OPT_STRING(struct agent_args, advertise_addr, 0, "advertise-addr", "string", "Address or interface that other nodes use for this one"),
	OPT_STRING(struct agent_args, cgroup_parent, 0, "cgroup-parent", "string", "Directory of the containers' cgroups (default \"swarmbox\")"),
	OPT_STRING(struct agent_args, config, 0, "config", "file", "YAML file whose keys are the names of these options"),
	OPT_STRING(struct agent_args, data_root, 0, "data-root", "dir", "What must be kept (default \"/var/lib/swarmbox\")"),
	OPT_LIST(struct agent_args, hosts, 'H', "host", "list", "Socket to listen on (default \"unix://RUN-ROOT/swarmbox.sock\")"),
	OPT_LIST(struct agent_args, insecure_registries, 0, "insecure-registry", "list", "Registry or network that may do without TLS, or without a known authority"),
	OPT_BOOL(struct agent_args, install, 0, "install", "Write and enable a systemd unit with these options"),
	OPT_LIST(struct agent_args, labels, 0, "label", "list", "Label of this host, key=value"),
	OPT_STRING(struct agent_args, listen_addr, 0, "listen-addr", "string", "Address for other nodes (default \"0.0.0.0:2377\")"),
	OPT_STRING(struct agent_args, log_level, 0, "log-level", "string", "error, warn, info or debug (default \"info\")"),
	OPT_BOOL(struct agent_args, purge, 0, "purge", "Remove everything an agent with these roots has made, volumes and images too"),
	OPT_LIST(struct agent_args, registry_mirrors, 0, "registry-mirror", "list", "Address that is asked before Docker's registry"),
	OPT_STRING(struct agent_args, run_root, 0, "run-root", "dir", "What goes with a reboot (default \"/run/swarmbox\")"),
	OPT_BOOL(struct agent_args, stop_containers, 0, "stop-containers", "A clean stop ends the containers too"),
	OPT_END
};

/* ---- the configuration file: fills what no flag has set ----------------------------------------------------------- */

static int take_word(const struct flat_item *item, const char **field, struct strlist *kept, struct err *err)
{
	if (item->values.count != 1)
		return err_set(err, ERR_INVALID, "line %u: '%s' takes one word", item->line, item->name);
	if (!*field) {
		strlist_add(kept, item->values.items[0]);
		*field = kept->items[kept->count - 1];
	}
	return 0;
}

static int take_list(const struct flat_item *item, struct strlist *field, bool given, struct err *err)
{
	(void)err;
	for (size_t i = 0; i < item->values.count && !given; i++)
		strlist_add(field, item->values.items[i]);
	return 0;
}

static int take_bool(const struct flat_item *item, bool *field, struct err *err)
{
	if (item->values.count == 1 && str_eq(item->values.items[0], "true"))
		*field = true;
	else if (item->values.count != 1 || !str_eq(item->values.items[0], "false"))
		return err_set(err, ERR_INVALID, "line %u: '%s' is true or false", item->line, item->name);
	return 0;
}

static int take_item(const struct flat_item *item, struct agent_args *args, const struct agent_args *flags, struct strlist *kept,
		     struct err *err)
{
	struct { const char *name, **field; } words[] = {
		{ "advertise-addr", &args->advertise_addr }, { "cgroup-parent", &args->cgroup_parent }, { "data-root", &args->data_root },
		{ "listen-addr", &args->listen_addr }, { "log-level", &args->log_level }, { "run-root", &args->run_root },
	};

	for (size_t i = 0; i < ARRAY_COUNT(words); i++)
		if (str_eq(item->name, words[i].name))
			return take_word(item, words[i].field, kept, err);
	if (str_eq(item->name, "host"))
		return take_list(item, &args->hosts, flags->hosts.count, err);
	if (str_eq(item->name, "label"))
		return take_list(item, &args->labels, flags->labels.count, err);
	if (str_eq(item->name, "insecure-registry"))
		return take_list(item, &args->insecure_registries, flags->insecure_registries.count, err);
	if (str_eq(item->name, "registry-mirror"))
		return take_list(item, &args->registry_mirrors, flags->registry_mirrors.count, err);
	if (str_eq(item->name, "stop-containers"))
		return take_bool(item, &args->stop_containers, err);
	return err_set(err, ERR_INVALID, "line %u: unknown key '%.100s'", item->line, item->name);
}

static int read_config(struct agent_args *args, const struct agent_args *flags, struct strlist *kept, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct flat_yaml yaml;
	int rc = 0;

	if (!args->config)
		return 0;
	if (file_read(args->config, FLAT_YAML_BYTES_MAX, &text, err) < 0)
		return -1;
	if (flat_yaml_parse(buf_text(&text), text.len, &yaml, err) < 0)
		return err_wrap(err, "%s", args->config);
	for (size_t i = 0; i < yaml.count && rc == 0; i++)
		rc = take_item(&yaml.items[i], args, flags, kept, err);
	flat_yaml_fini(&yaml);
	return rc < 0 ? err_wrap(err, "%s", args->config) : 0;
}

/* ---- from words to settings -------------------------------------------------------------------------------------- */

static int absolute(const char *option, const char *path, struct err *err)
{
	return path[0] == '/' ? 0 : err_set(err, ERR_INVALID, "--%s: '%s' must be an absolute path", option, path);
}

static int take_labels(const struct strlist *labels, struct arena *arena, struct str_map *ret, struct err *err)
{
	ret->items = ARENA_ARRAY(arena, struct str_pair, labels->count);
	ret->count = labels->count;
	for (size_t i = 0; i < labels->count; i++) {
		const char *text = labels->items[i], *equals = strchr(text, '=');

		if (!equals || equals == text)
			return err_set(err, ERR_INVALID, "--label: '%s' is not key=value", text);
		ret->items[i].key = arena_strndup(arena, text, (size_t)(equals - text));
		ret->items[i].value = arena_strdup(arena, equals + 1);
	}
	return 0;
}

static int take_sockets(const struct agent_args *args, const struct node_settings *settings, struct arena *arena, struct str_array *ret,
			struct err *err)
{
	const char *path;

	ret->items = ARENA_ARRAY(arena, char *, args->hosts.count + 1);
	for (size_t i = 0; i < args->hosts.count; i++) {
		if (cli_socket_path(args->hosts.items[i], &path, err) < 0)
			return -1;
		ret->items[ret->count++] = arena_strdup(arena, path);
	}
	if (ret->count == 0)
		ret->items[ret->count++] = arena_printf(arena, "%s/swarmbox.sock", settings->run_root);
	return 0;
}

static void take_words(const struct strlist *words, struct arena *arena, struct str_array *ret)
{
	ret->items = ARENA_ARRAY(arena, char *, words->count + 1);
	for (size_t i = 0; i < words->count; i++)
		ret->items[ret->count++] = arena_strdup(arena, words->items[i]);
}

/* Checked now, so that nothing is found wrong when the first image is asked for. */
static int take_registries(const struct agent_args *args, struct arena *arena, struct node_settings *ret, struct err *err)
{
	struct registry_hosts hosts = { 0 };
	int rc = 0;

	for (size_t i = 0; i < args->insecure_registries.count && rc == 0; i++)
		rc = registry_hosts_add_insecure(&hosts, args->insecure_registries.items[i], err) < 0 ? err_wrap(err, "--insecure-registry") : 0;
	for (size_t i = 0; i < args->registry_mirrors.count && rc == 0; i++)
		rc = registry_hosts_add_mirror(&hosts, args->registry_mirrors.items[i], err) < 0 ? err_wrap(err, "--registry-mirror") : 0;
	registry_hosts_fini(&hosts);
	take_words(&args->insecure_registries, arena, &ret->insecure_registries);
	take_words(&args->registry_mirrors, arena, &ret->registry_mirrors);
	return rc;
}

static int settings_of(const struct agent_args *args, struct arena *arena, struct node_settings *ret, struct err *err)
{
	enum log_level level = LOG_LEVEL_INFO;

	*ret = (struct node_settings){
		.data_root = args->data_root ? args->data_root : "/var/lib/swarmbox", .run_root = args->run_root ? args->run_root : "/run/swarmbox",
		.cgroup_parent = args->cgroup_parent, .listen_addr = args->listen_addr, .advertise_addr = args->advertise_addr,
		.stop_containers = args->stop_containers, .purge = args->purge, .version = version_text(), .build = version_build(),
	};
	if (args->log_level && log_level_parse(args->log_level, &level) < 0)
		return err_set(err, ERR_INVALID, "--log-level: '%s' is none of error, warn, info, debug", args->log_level);
	log_set_level(level);
	if (absolute("data-root", ret->data_root, err) < 0 || absolute("run-root", ret->run_root, err) < 0 ||
	    take_labels(&args->labels, arena, &ret->labels, err) < 0 || take_registries(args, arena, ret, err) < 0)
		return -1;
	return take_sockets(args, ret, arena, &ret->sockets, err);
}

enum { SETTINGS_BYTES_MAX = 4 << 20 };

static int run_agent(struct cli *cli, const void *given, char **operands)
{
	const struct agent_args *flags = given;
	struct agent_args args = *flags;
	CLEANUP(strlist_finip) struct strlist kept = { 0 };
	struct node_settings settings;
	struct arena arena;
	struct err err;
	int rc;

	(void)operands;
	/* "swarmbox -H X agent" means the same as "swarmbox agent -H X" */
	if (cli->host && args.hosts.count == 0)
		strlist_add(&args.hosts, cli->host);
	arena_init(&arena, "settings", SETTINGS_BYTES_MAX);
	log_set_journal(notify_is_under_systemd());
	rc = read_config(&args, flags, &kept, &err) < 0 || settings_of(&args, &arena, &settings, &err) < 0 ? -1 : 0;
	if (rc == 0)
		rc = args.install ? agent_unit_install(&settings, args.config, &err) : node_run(&settings, &err);
	if (args.hosts.items != flags->hosts.items)
		strlist_fini(&args.hosts);
	if (args.labels.items != flags->labels.items)
		strlist_fini(&args.labels);
	if (args.insecure_registries.items != flags->insecure_registries.items)
		strlist_fini(&args.insecure_registries);
	if (args.registry_mirrors.items != flags->registry_mirrors.items)
		strlist_fini(&args.registry_mirrors);
	arena_fini(&arena);
	return rc < 0 ? cli_fail(&err) : EXIT_OK;
}

const struct command agent_command = {
	.name = "agent", .usage = "[OPTIONS]", .help = "Run the agent of this host", .options = agent_options, .max = 0,
	.args_size = sizeof(struct agent_args), .run = run_agent,
};
