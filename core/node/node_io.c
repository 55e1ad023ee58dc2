#include "node/node.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/sha256.h"
#include "base/str.h"
#include "node/host_facts_io.h"
#include "node/node_internal.h"
#include "os/entropy.h"
#include "os/file.h"
#include "os/log.h"
#include "os/notify.h"
#include "runtime/privileges_io.h"
#include "store/node_tables.h"

#define DEFAULT_DATA_ROOT "/var/lib/swarmbox"
enum { WORK_THREADS = 3, SOCKET_MODE = 0660, HOST_ARENA_MAX = 16 << 20 };

/* ---- before anything is changed ---------------------------------------------------------------------------------- */

static int check_host(const struct node_settings *settings, struct err *err)
{
	if (geteuid() != 0)
		return err_set(err, ERR_DENIED, "agent: it must run as root, since it makes containers");
	if (!file_exists("/proc/self/ns/mnt") || !file_exists("/proc/self/ns/pid"))
		return err_set(err, ERR_UNSUPPORTED, "agent: this kernel has no mount or pid namespaces, or /proc is not mounted");
	if (dir_make(settings->data_root, 0711, err) < 0)
		return err_wrap(err, "agent: data root");
	if (access(settings->data_root, W_OK) < 0)
		return err_sys(err, "agent: data root '%s' is not writable", settings->data_root);
	if (dir_make(settings->run_root, 0711, err) < 0)
		return err_wrap(err, "agent: run root");
	return 0;
}

static int lock_data_root(struct host *host, struct err *err)
{
	CLEANUP(str_freep) char *path = path_join(host->settings->data_root, "lock");
	struct err cause;

	if (file_lock(path, &host->lock_fd, &cause) == 0)
		return 0;
	if (cause.code != ERR_CONFLICT)
		return err_set(err, cause.code, "%s", cause.text);
	return err_set(err, ERR_CONFLICT, "another agent runs on data root '%s' (%s): stop it, or give this one its own --data-root and "
		       "--run-root", host->settings->data_root, cause.text);
}

/* Agents with different data roots may share a network namespace and the cgroup file system: what they make there carries a tag. */
static void choose_tag(struct host *host)
{
	char digest[SHA256_HEX_SIZE];

	if (str_eq(host->settings->data_root, DEFAULT_DATA_ROOT))
		return;
	sha256_hex(host->settings->data_root, strlen(host->settings->data_root), digest);
	snprintf(host->tag, sizeof host->tag, "%.8s", digest);
}

/* ---- node.db's settings ------------------------------------------------------------------------------------------ */

int node_set(struct host *host, const char *setting, const char *value, struct err *err)
{
	struct store_row row = { .table = NODE_TABLE_SETTING, .id = setting, .bytes = value, .size = value ? strlen(value) : 0 };
	return store_node_write(host->store, &row, 1, NULL, NULL, err);
}

static int take_setting(void *arg, unsigned table, const char *id, const void *bytes, size_t size, struct err *err)
{
	struct host *host = arg;
	CLEANUP(buf_finip) struct buf value = BUF_INIT;
	bool fits = true;

	(void)table;
	buf_add(&value, bytes, size);
	if (str_eq(id, "node_id"))
		fits = str_copy(host->node_id, sizeof host->node_id, buf_text(&value));
	else if (str_eq(id, "engine_id"))
		fits = str_copy(host->engine_id, sizeof host->engine_id, buf_text(&value));
	else
		swarm_take_setting(host, id, buf_text(&value));
	return fits ? 0 : err_set(err, ERR_IO, "node.db: setting '%s' is damaged", id);
}

static int load_settings(struct host *host, struct err *err)
{
	if (store_node_load(host->store, NODE_TABLE_SETTING, take_setting, host, err) < 0)
		return -1;
	if (host->engine_id[0])
		return 0;
	entropy_id(host->engine_id);
	return node_set(host, "engine_id", host->engine_id, err);
}

/* ---- the rooms --------------------------------------------------------------------------------------------------- */

static bool find_image_user(void *arg, const char *image_id, bool running_only, char ret_container[65])
{
	struct host *host = arg;
	struct agent_container container;

	for (size_t at = 0; host->agent && agent_next_container(host->agent, &at, &container);)
		if (str_eq(container.image_id, image_id) && (!running_only || container.info.state == RUNTIME_RUNNING)) {
			str_copy(ret_container, 65, container.info.id);
			return true;
		}
	return false;
}

static void on_image(void *arg, const char *action, const char *image_id, const char *name)
{
	struct host *host = arg;

	if (host->api)
		api_on_image(host->api, action, image_id, name);
	give_look(host);
}

static void on_volume(void *arg, const char *action, const char *name, const struct container_pair *extra, size_t extra_count)
{
	struct host *host = arg;

	if (host->api)
		api_on_volume(host->api, action, name, extra, extra_count);
}

static void on_status(void *arg, const struct task_status *status)
{
	struct host *host = arg;

	swarm_report(host, status);
}

static void on_container(void *arg, const char *action, const char *container_id, const struct container_spec *spec,
			 const struct container_pair *extra, size_t extra_count)
{
	struct host *host = arg;

	if (host->api)
		api_on_container(host->api, action, container_id, spec, extra, extra_count);
}

static void on_container_exit(void *arg, const struct runtime_exit *end)
{
	struct host *host = arg;

	if (host->agent)
		agent_on_exit(host->agent, end);
}

static int open_runtime(struct host *host, struct err *err)
{
	struct runtime_config config = {
		.loop = host->loop, .work = host->work, .data_root = host->settings->data_root, .run_root = host->settings->run_root,
		.cgroup_parent = host->settings->cgroup_parent, .on_exit = on_container_exit, .arg = host,
	};

	if (str_is_empty(config.cgroup_parent))
		config.cgroup_parent = host->tag[0] ? arena_printf(&host->arena, "swarmbox-%s", host->tag) : "swarmbox";
	host->facts.cgroup_parent = config.cgroup_parent;
	return runtime_open(&config, &host->runtime, err);
}

static int open_net(struct host *host, struct err *err)
{
	struct net_config config = {
		.loop = host->loop, .work = host->work, .instance = host->tag[0] ? host->tag : "0",
		.bridge = host->tag[0] ? arena_printf(&host->arena, "sbx%s", host->tag) : "swarmbox0",
	};
	return net_open(&config, &host->net, err);
}

static int open_images(struct host *host, struct err *err)
{
	struct image_store_options options = {
		.loop = host->loop, .work = host->work, .dir = arena_printf(&host->arena, "%s/images", host->settings->data_root),
		.self = arena_printf(&host->arena, "%s/self", host->settings->run_root),
		.hooks = { find_image_user, on_image, host },
	};
	return image_store_open(&options, &host->images, err);
}

/* Also in small letters, as Docker's daemon takes them. */
static const char *environment(const char *name)
{
	const char *value = getenv(name);
	char small[32];
	size_t i = 0;

	for (; name[i] && i < sizeof small - 1; i++)
		small[i] = name[i] >= 'A' && name[i] <= 'Z' ? (char)(name[i] + 'a' - 'A') : name[i];
	small[i] = 0;
	return !str_is_empty(value) ? value : getenv(small);
}

static void open_puller(struct host *host)
{
	static const char *const certs_dirs[] = { "/etc/swarmbox/certs.d", "/etc/docker/certs.d" };
	struct image_puller_options options = {
		.loop = host->loop, .store = host->images, .self = arena_printf(&host->arena, "%s/self", host->settings->run_root),
		.insecure = host->settings->insecure_registries, .mirrors = host->settings->registry_mirrors,
		.certs_dirs = { (char **)(uintptr_t)certs_dirs, ARRAY_COUNT(certs_dirs) }, .ca_file = getenv("SSL_CERT_FILE"),
		.http_proxy = environment("HTTP_PROXY"), .https_proxy = environment("HTTPS_PROXY"), .no_proxy = environment("NO_PROXY"),
		.user_agent = arena_printf(&host->arena, "swarmbox/%s (linux)", host->settings->version),
	};

	host->puller = image_puller_new(&options);
	seek_open(host);
	give_open(host);
}

static int open_rooms(struct host *host, struct err *err)
{
	struct store_options store = { .data_root = host->settings->data_root, .node_tables = node_tables,
				       .node_table_count = NODE_TABLE_COUNT };

	if (store_open(&store, host->loop, &host->store, err) < 0 || load_settings(host, err) < 0)
		return -1;
	host->facts.engine_id = host->engine_id;
	if (open_runtime(host, err) < 0 || open_images(host, err) < 0 || open_net(host, err) < 0)
		return -1;
	open_puller(host);
	if (volumes_open(host->store, host->work, arena_printf(&host->arena, "%s/volumes", host->settings->data_root), &host->volumes, err) < 0)
		return -1;
	volumes_watch(host->volumes, on_volume, host);
	return 0;
}

/* ---- the API ----------------------------------------------------------------------------------------------------- */

/* One that fetches its state anew shows nothing until it has it. */
static struct manager *current_manager(void *arg)
{
	const struct host *host = arg;

	return host->swarm.is_mending ? NULL : swarm_manager(host);
}

static const char *current_node_id(void *arg) { return ((struct host *)arg)->node_id; }

static void on_request(void *api, struct http_request *req)
{
	log_debug("api: %s %.500s", http_method(req), http_path(req));
	api_handle(api, req);
}

static void on_inner_request(void *api, struct http_request *req)
{
	log_debug("api: from a manager: %s %.500s", http_method(req), http_path(req));
	api_handle_inner(api, req);
}

/* Before the swarm, whose managers may ask at once. */
static void open_inner_api(struct host *host)
{
	const struct api_host api = {
		.loop = host->loop, .work = host->work, .agent = host->agent, .runtime = host->runtime, .images = host->images,
		.puller = host->puller, .net = host->net, .volumes = host->volumes, .facts = &host->facts, .manager = current_manager, .node_id = current_node_id,
		.swarm_facts = swarm_facts, .swarm_init = swarm_init, .swarm_join = swarm_join, .swarm_leave = swarm_leave,
		.swarm_unlock = swarm_unlock, .arg = host,
	};
	struct http_config inner;

	host->api = api_new(&api);
	inner = *api_http_config(host->api);
	inner.is_once = true;
	host->inner = http_server_new(host->loop, &inner, on_inner_request, host->api);
}

static int open_api(struct host *host, struct err *err)
{
	const struct str_array *sockets = &host->settings->sockets;

	host->server = http_server_new(host->loop, api_http_config(host->api), on_request, host->api);
	for (size_t i = 0; i < sockets->count; i++) {
		if (host->listener_count == SOCKETS_MAX)
			return err_set(err, ERR_INVALID, "agent: at most %d sockets (-H) are allowed", SOCKETS_MAX);
		if (listen_unix(host->loop, sockets->items[i], SOCKET_MODE, -1, http_server_accept, host->server,
				&host->listeners[host->listener_count], err) < 0)
			return -1;
		host->listener_count++;
	}
	return 0;
}

/* ---- start, stop ------------------------------------------------------------------------------------------------- */

void node_fail(struct host *host, const struct err *err)
{
	host->failure = *err;
	loop_stop(host->loop);
}

/* The last step of the start: what runs is adopted, so the cluster may speak and people may ask. */
static void agent_is_ready(void *arg, const struct err *failure)
{
	struct host *host = arg;
	struct err err;

	if (failure) {
		node_fail(host, failure);
		return;
	}
	if (host->settings->purge) {
		purge_begin(host);
		return;
	}
	open_inner_api(host);
	if (swarm_open(host, &err) < 0 || open_api(host, &err) < 0) {
		node_fail(host, &err);
		return;
	}
	log_info("agent: ready, version %s, %s", host->settings->version, host->node_id[0] ? "in a swarm" : "in no swarm");
	notify_state("READY=1");
}

static void stop_now(void *arg)
{
	loop_stop(((struct host *)arg)->loop);
}

/* Once; a second signal does not wait for it. */
static void gone(void *arg)
{
	struct host *host = arg;

	if (host->is_gone)
		return;
	host->is_gone = true;
	if (!host->settings->stop_containers || !host->agent) {
		loop_stop(host->loop);
		return;
	}
	swarm_close(host);
	agent_stop_all(host->agent, AGENT_STOP, stop_now, host);
}

static void on_signal(void *arg, int number)
{
	struct host *host = arg;

	if (host->is_stopping) {
		log_warn("agent: %s again: stopping without waiting", signal_name(number));
		loop_stop(host->loop);
		return;
	}
	host->is_stopping = true;
	notify_state("STOPPING=1");
	log_info("agent: %s: stopping%s", signal_name(number), host->settings->stop_containers ? ", containers too" : "; containers run on");
	for (size_t i = 0; i < host->listener_count; i++)
		listen_free(host->listeners[i]);
	host->listener_count = 0;
	goodbye_say(host, gone);
}

/* A loaded host kills its containers first. Shims and containers get scores of their own. */
static void protect_from_oom(void)
{
	struct err err;

	if (file_poke("/proc/self/oom_score_adj", "-900", &err) < 0)
		log_warn("agent: %s: the kernel may end it when memory is short", err.text);
}

/* Keys and secrets pass through it. Without the capability a limit holds, and what goes over it would be an allocation that fails. */
static void protect_from_swap(void)
{
	if (!privileges_have(CAP_IPC_LOCK) || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		log_warn("agent: it may not lock its memory (CAP_IPC_LOCK): if this host swaps, keys and secrets in it may come to a disk");
}

static int start(struct host *host, struct err *err)
{
	static const int numbers[] = { SIGTERM, SIGINT };
	struct agent_config config;

	protect_from_oom();
	protect_from_swap();
	host->loop = loop_new();
	host->signals = signals_new(host->loop, numbers, ARRAY_COUNT(numbers), on_signal, host);
	signal(SIGPIPE, SIG_IGN);
	host->work = work_new(host->loop, WORK_THREADS);
	host_facts(&host->arena, &host->facts);
	host->facts.version = host->settings->version;
	host->facts.build = host->settings->build;
	host->facts.data_root = host->settings->data_root;
	host->facts.labels = &host->settings->labels;
	host->facts.insecure_registries = &host->settings->insecure_registries;
	host->facts.registry_mirrors = &host->settings->registry_mirrors;
	if (open_rooms(host, err) < 0)
		return -1;
	config = (struct agent_config){
		.loop = host->loop, .work = host->work, .store = host->store, .runtime = host->runtime, .images = host->images,
		.puller = host->puller, .net = host->net, .volumes = host->volumes, .run_root = host->settings->run_root,
		.hostname = host->facts.name, .architecture = host->facts.architecture, .os = "linux",
		.on_status = on_status, .on_event = on_container, .want_secret = swarm_want_secret, .is_alone = swarm_is_alone, .arg = host,
	};
	return agent_open(&config, agent_is_ready, host, &host->agent, err);
}

static void stop(struct host *host)
{
	host->is_gone = true;
	for (size_t i = 0; i < host->listener_count; i++)
		listen_free(host->listeners[i]);
	swarm_close(host);
	give_close(host);
	http_server_free(host->server);
	http_server_free(host->inner);
	if (host->api)
		api_free(host->api);
	agent_close(host->agent);
	image_puller_close(host->puller);
	net_close(host->net);
	runtime_close(host->runtime);
	work_free(host->work);
	image_store_close(host->images);
	volumes_close(host->volumes);
	if (host->store)
		store_close(host->store);
	if (host->signals)
		signals_free(host->signals);
	if (host->loop)
		loop_free(host->loop);
	fd_closep(&host->lock_fd);
	arena_fini(&host->arena);
	arena_fini(&host->swarm.managers_arena);
}

int node_run(const struct node_settings *settings, struct err *err)
{
	struct host host = { .settings = settings, .lock_fd = -1 };
	int rc;

	umask(0077);
	arena_init(&host.arena, "node", HOST_ARENA_MAX);
	arena_init(&host.swarm.managers_arena, "managers", MANAGERS_BYTES_MAX);
	choose_tag(&host);
	list_init(&host.swarm.wishes);  /* a task that is taken up again may have one before there is a swarm */
	rc = check_host(settings, err) < 0 || lock_data_root(&host, err) < 0 || start(&host, err) < 0 ? -1 : 0;
	if (rc == 0) {
		loop_run(host.loop);
		if (host.failure.code) {
			*err = host.failure;
			rc = -1;
		}
	}
	stop(&host);
	if (rc == 0 && settings->purge)
		rc = purge_files(settings, err);
	return rc;
}
