#include <string.h>

#include "api/api_internal.h"
#include "base/str.h"

void api_ping(struct api *api, struct http_request *req, const char *name)
{
	bool is_manager = api->host.manager(api->host.arg) != NULL;
	struct api_swarm_facts facts = api_swarm_facts(api);
	bool is_active = str_eq(facts.state, "active");

	(void)name;
	http_reply_header(req, "Swarm", !is_active ? facts.state : is_manager ? "active/manager" : "active/worker");
	http_reply_header(req, "Cache-Control", "no-cache, no-store, must-revalidate");
	http_reply_header(req, "Pragma", "no-cache");
	http_reply(req, 200, "text/plain; charset=utf-8", "OK", str_eq(http_method(req), "HEAD") ? 0 : 2);
}

/* Go's names for what uname calls x86_64. */
static const char *go_arch(const char *machine)
{
	static const struct { const char *machine, *arch; } names[] = {
		{ "x86_64", "amd64" }, { "aarch64", "arm64" }, { "armv7l", "arm" }, { "riscv64", "riscv64" },
	};

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		if (str_eq(names[i].machine, machine))
			return names[i].arch;
	return machine;
}

static void add_versions(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct api_facts *facts)
{
	api_add_str(doc, object, "ApiVersion", API_VERSION);
	api_add_str(doc, object, "MinAPIVersion", API_VERSION_MIN);
	api_add_str(doc, object, "GitCommit", facts->build);
	api_add_str(doc, object, "GoVersion", "");
	api_add_str(doc, object, "Os", facts->os_type);
	api_add_str(doc, object, "Arch", go_arch(facts->architecture));
	api_add_str(doc, object, "KernelVersion", facts->kernel);
	api_add_str(doc, object, "BuildTime", "");
}

void api_version(struct api *api, struct http_request *req, const char *name)
{
	const struct api_facts *facts = api->host.facts;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *components, *engine, *details;

	(void)name;
	api_add_str(doc, yyjson_mut_obj_add_obj(doc, root, "Platform"), "Name", "swarmbox");
	components = yyjson_mut_obj_add_arr(doc, root, "Components");
	engine = yyjson_mut_arr_add_obj(doc, components);
	api_add_str(doc, engine, "Name", "Engine");
	api_add_str(doc, engine, "Version", facts->version);
	details = yyjson_mut_obj_add_obj(doc, engine, "Details");
	add_versions(doc, details, facts);
	api_add_str(doc, details, "Experimental", "false");
	api_add_str(doc, root, "Version", facts->version);
	add_versions(doc, root, facts);
	yyjson_mut_obj_add_false(doc, root, "Experimental");
	api_reply_doc(req, 200, doc, root);
}

static void add_list(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const char *const *items)
{
	yyjson_mut_val *list = yyjson_mut_obj_add_arr(doc, object, key);

	for (size_t i = 0; items[i]; i++)
		yyjson_mut_arr_add_str(doc, list, items[i]);
}

static uint64_t manager_count(const struct view *view)
{
	const struct view_object *object;
	uint64_t count = 0;

	for (size_t at = 0; (object = view_next(view, KIND_NODE, &at));)
		count += VIEW_VALUE(node, object)->manager != NULL;
	return count;
}

/* Docker's words. */
static const char two_managers[] = "WARNING: Running Swarm in a two-manager configuration. This configuration provides\n"
				   "         no fault tolerance, and poses a high risk to lose control over the cluster.\n"
				   "         Refer to https://docs.docker.com/engine/swarm/admin_guide/ to configure the\n"
				   "         Swarm for fault-tolerance.";

static void add_swarm(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *swarm = yyjson_mut_obj_add_obj(doc, root, "Swarm"), *managers, *cluster;
	struct manager *manager = api->host.manager(api->host.arg);
	struct api_swarm_facts facts = api_swarm_facts(api);

	api_add_str(doc, swarm, "NodeID", facts.node_id);
	api_add_str(doc, swarm, "NodeAddr", facts.address);
	api_add_str(doc, swarm, "LocalNodeState", facts.state);
	yyjson_mut_obj_add_bool(doc, swarm, "ControlAvailable", manager != NULL);
	api_add_str(doc, swarm, "Error", str_is_empty(facts.error) && manager && manager_staleness(manager) && !manager_has_leader(manager) ? "rpc error: code = Unknown desc = " MANAGER_LEADERLESS : facts.error);
	if (!facts.managers.count) {
		yyjson_mut_obj_add_null(doc, swarm, "RemoteManagers");
	} else {
		managers = yyjson_mut_obj_add_arr(doc, swarm, "RemoteManagers");
		for (size_t i = 0; i < facts.managers.count; i++) {
			yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, managers);

			api_add_str(doc, item, "NodeID", facts.managers.items[i].node_id);
			api_add_str(doc, item, "Addr", facts.managers.items[i].address);
		}
	}
	if (!manager)
		return;
	yyjson_mut_obj_add_uint(doc, swarm, "Nodes", view_count(manager_view(manager), KIND_NODE));
	yyjson_mut_obj_add_uint(doc, swarm, "Managers", manager_count(manager_view(manager)));
	cluster = shape_cluster(api, doc, false);
	if (cluster)
		yyjson_mut_obj_add_val(doc, swarm, "Cluster", cluster);
	if (manager_count(manager_view(manager)) == 2)
		yyjson_mut_arr_add_str(doc, yyjson_mut_obj_add_arr(doc, swarm, "Warnings"), two_managers);
}

static void add_counts(struct api *api, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	struct agent_container container;
	uint64_t running = 0, paused = 0, all = 0;

	for (size_t at = 0; agent_next_container(api->host.agent, &at, &container); all++) {
		paused += container.info.is_paused;
		running += container.info.state == RUNTIME_RUNNING && !container.info.is_paused;
	}
	yyjson_mut_obj_add_uint(doc, root, "Containers", all);
	yyjson_mut_obj_add_uint(doc, root, "ContainersRunning", running);
	yyjson_mut_obj_add_uint(doc, root, "ContainersPaused", paused);
	yyjson_mut_obj_add_uint(doc, root, "ContainersStopped", all - running - paused);
	yyjson_mut_obj_add_uint(doc, root, "Images", image_store_count(api->host.images));
}

static void add_plugins(yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *plugins = yyjson_mut_obj_add_obj(doc, root, "Plugins");

	add_list(doc, plugins, "Volume", (const char *const[]){ "local", NULL });
	add_list(doc, plugins, "Network", (const char *const[]){ "bridge", "host", "null", NULL });
	yyjson_mut_obj_add_null(doc, plugins, "Authorization");
	add_list(doc, plugins, "Log", (const char *const[]){ "json-file", "none", NULL });
}

static void add_warnings(struct api *api, const struct runtime_facts *runtime, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *warnings = yyjson_mut_obj_add_arr(doc, root, "Warnings");
	const struct manager *manager = api->host.manager(api->host.arg);
	struct api_swarm_facts facts = api_swarm_facts(api);
	struct err err;

	if (!str_is_empty(facts.clock_trouble)) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;
		buf_printf(&text, "WARNING: This host's clock %s the swarm's", facts.clock_trouble);
		yyjson_mut_arr_add_strcpy(doc, warnings, buf_text(&text));
	}
	if (!runtime->has_memory)
		yyjson_mut_arr_add_str(doc, warnings, "WARNING: No memory limit support");
	if (!runtime->limits_swap)
		yyjson_mut_arr_add_str(doc, warnings, "WARNING: No swap limit support");
	if (!runtime->has_cpu)
		yyjson_mut_arr_add_str(doc, warnings, "WARNING: No cpu cfs quota support");
	if (!runtime->has_pids)
		yyjson_mut_arr_add_str(doc, warnings, "WARNING: No pids limit support");
	if (net_can(api->host.net, NET_ATTACH, &err) < 0 || net_can(api->host.net, NET_PUBLISH, &err) < 0) {
		CLEANUP(buf_finip) struct buf text = BUF_INIT;
		buf_printf(&text, "WARNING: %s", err.text);
		yyjson_mut_arr_add_strcpy(doc, warnings, buf_text(&text));
	}
	if (manager && manager_count(manager_view(manager)) == 2)
		yyjson_mut_arr_add_str(doc, warnings, two_managers);
}

static void add_index(yyjson_mut_doc *doc, yyjson_mut_val *configs, const char *name, yyjson_mut_val *mirrors, bool is_secure)
{
	yyjson_mut_val *index = yyjson_mut_obj(doc);

	yyjson_mut_obj_add(configs, yyjson_mut_strcpy(doc, name), index);
	api_add_str(doc, index, "Name", name);
	yyjson_mut_obj_add_val(doc, index, "Mirrors", mirrors);
	yyjson_mut_obj_add_bool(doc, index, "Secure", is_secure);
	yyjson_mut_obj_add_bool(doc, index, "Official", is_secure);
}

static yyjson_mut_val *mirrors_of(const struct api_facts *facts, yyjson_mut_doc *doc)
{
	yyjson_mut_val *mirrors = yyjson_mut_arr(doc);

	for (size_t i = 0; i < facts->registry_mirrors->count; i++) {
		const char *mirror = facts->registry_mirrors->items[i];
		CLEANUP(buf_finip) struct buf text = BUF_INIT;

		/* dockerd tells them with a slash at the end, however they were given */
		buf_printf(&text, "%s%s", mirror, str_ends(mirror, "/") ? "" : "/");
		yyjson_mut_arr_add_strcpy(doc, mirrors, buf_text(&text));
	}
	return mirrors;
}

static void add_registries(const struct api_facts *facts, yyjson_mut_doc *doc, yyjson_mut_val *root)
{
	yyjson_mut_val *part = yyjson_mut_obj_add_obj(doc, root, "RegistryConfig");
	yyjson_mut_val *nets = yyjson_mut_obj_add_arr(doc, part, "InsecureRegistryCIDRs"), *configs = yyjson_mut_obj_add_obj(doc, part, "IndexConfigs");
	struct cidr net;

	yyjson_mut_arr_add_str(doc, nets, "::1/128");
	yyjson_mut_arr_add_str(doc, nets, "127.0.0.0/8");
	for (size_t i = 0; i < facts->insecure_registries->count; i++) {
		const char *text = facts->insecure_registries->items[i];

		if (cidr_parse(text, &net) == 0)
			yyjson_mut_arr_add_strcpy(doc, nets, text);
		else
			add_index(doc, configs, text, yyjson_mut_arr(doc), false);
	}
	add_index(doc, configs, "docker.io", mirrors_of(facts, doc), true);
	yyjson_mut_obj_add_val(doc, part, "Mirrors", mirrors_of(facts, doc));
}

void api_info(struct api *api, struct http_request *req, const char *name)
{
	const struct api_facts *facts = api->host.facts;
	struct runtime_facts runtime;
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *part;
	struct err err;

	(void)name;
	runtime_facts(api->host.runtime, &runtime);
	api_add_str(doc, root, "ID", facts->engine_id);
	add_counts(api, doc, root);
	api_add_str(doc, root, "Driver", runtime.storage_driver);
	yyjson_mut_obj_add_arr(doc, root, "DriverStatus");
	add_plugins(doc, root);
	yyjson_mut_obj_add_bool(doc, root, "MemoryLimit", runtime.has_memory);
	yyjson_mut_obj_add_bool(doc, root, "SwapLimit", runtime.limits_swap);
	yyjson_mut_obj_add_bool(doc, root, "CpuCfsPeriod", runtime.has_cpu);
	yyjson_mut_obj_add_bool(doc, root, "CpuCfsQuota", runtime.has_cpu);
	yyjson_mut_obj_add_bool(doc, root, "CPUShares", false);
	yyjson_mut_obj_add_bool(doc, root, "PidsLimit", runtime.has_pids);
	/* it is turned on with the first container that needs it */
	yyjson_mut_obj_add_bool(doc, root, "IPv4Forwarding", net_can(api->host.net, NET_ATTACH, &err) == 0);
	yyjson_mut_obj_add_bool(doc, root, "Debug", false);
	yyjson_mut_obj_add_bool(doc, root, "OomKillDisable", false);
	api_add_str(doc, root, "LoggingDriver", "json-file");
	api_add_str(doc, root, "CgroupDriver", "cgroupfs");
	api_add_str(doc, root, "CgroupVersion", runtime.cgroup_version == 2 ? "2" : "1");
	api_add_str(doc, root, "KernelVersion", facts->kernel);
	api_add_str(doc, root, "OperatingSystem", facts->os);
	api_add_str(doc, root, "OSVersion", facts->os_version);
	api_add_str(doc, root, "OSType", facts->os_type);
	api_add_str(doc, root, "Architecture", facts->architecture);
	api_add_str(doc, root, "IndexServerAddress", "");
	add_registries(facts, doc, root);
	yyjson_mut_obj_add_int(doc, root, "NCPU", facts->cpu_count);
	yyjson_mut_obj_add_int(doc, root, "MemTotal", facts->memory_bytes);
	yyjson_mut_obj_add_null(doc, root, "GenericResources");
	api_add_str(doc, root, "DockerRootDir", facts->data_root);
	api_add_str(doc, root, "Name", facts->name);
	part = yyjson_mut_obj_add_arr(doc, root, "Labels");
	for (size_t i = 0; i < facts->labels->count; i++) {
		CLEANUP(buf_finip) struct buf label = BUF_INIT;
		buf_printf(&label, "%s=%s", facts->labels->items[i].key, facts->labels->items[i].value ? facts->labels->items[i].value : "");
		yyjson_mut_arr_add_strcpy(doc, part, buf_text(&label));
	}
	yyjson_mut_obj_add_false(doc, root, "ExperimentalBuild");
	api_add_str(doc, root, "ServerVersion", facts->version);
	part = yyjson_mut_obj_add_obj(doc, root, "Runtimes");
	api_add_str(doc, yyjson_mut_obj_add_obj(doc, part, "swarmbox"), "path", "swarmbox");
	api_add_str(doc, root, "DefaultRuntime", "swarmbox");
	add_swarm(api, doc, root);
	yyjson_mut_obj_add_true(doc, root, "LiveRestoreEnabled");
	if (runtime.has_seccomp)
		add_list(doc, root, "SecurityOptions", (const char *const[]){ "name=seccomp,profile=builtin", NULL });
	add_warnings(api, &runtime, doc, root);
	api_reply_doc(req, 200, doc, root);
}

void api_empty_list(struct api *api, struct http_request *req, const char *name)
{
	(void)api;
	(void)name;
	http_reply_json(req, 200, "[]\n", 3);
}

void api_no_plugin(struct api *api, struct http_request *req, const char *name)
{
	(void)api;
	http_reply_message(req, 404, "plugin \"%s\" not found", name);
}
