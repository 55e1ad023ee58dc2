#include "api/api_internal.h"
#include "base/str.h"
#include "test/unit/runner.h"

enum { ARENA_MAX = 1 << 20 };

static const struct { const char *method, *path; api_fn *fn; const char *name; enum route_need need; } served[] = {
	{ "GET", "/_ping", api_ping, "", NEEDS_NOTHING },
	{ "HEAD", "/_ping", api_ping, "", NEEDS_NOTHING },
	{ "GET", "/version", api_version, "", NEEDS_NOTHING },
	{ "GET", "/info", api_info, "", NEEDS_NOTHING },
	{ "GET", "/events", api_events, "", NEEDS_NOTHING },
	{ "POST", "/swarm/init", api_swarm_init, "", NEEDS_NOTHING },
	{ "GET", "/swarm", api_swarm_inspect, "", NEEDS_MANAGER },
	{ "POST", "/swarm/leave", api_swarm_leave, "", NEEDS_NOTHING },
	{ "GET", "/nodes", api_node_list, "", NEEDS_MANAGER },
	{ "GET", "/nodes/self", api_node_inspect, "self", NEEDS_MANAGER },
	{ "POST", "/nodes/n1/update", api_node_update, "n1", NEEDS_MANAGER },
	{ "DELETE", "/nodes/n1", api_node_remove, "n1", NEEDS_MANAGER },
	{ "GET", "/services", api_service_list, "", NEEDS_MANAGER },
	{ "POST", "/services/create", api_service_create, "", NEEDS_MANAGER },
	{ "GET", "/services/create", api_service_inspect, "create", NEEDS_MANAGER },
	{ "GET", "/services/web", api_service_inspect, "web", NEEDS_MANAGER },
	{ "POST", "/services/web/update", api_service_update, "web", NEEDS_MANAGER },
	{ "DELETE", "/services/web", api_service_remove, "web", NEEDS_MANAGER },
	{ "GET", "/services/web/logs", api_service_logs, "web", NEEDS_MANAGER },
	{ "GET", "/tasks", api_task_list, "", NEEDS_MANAGER },
	{ "GET", "/tasks/web.1.abc", api_task_inspect, "web.1.abc", NEEDS_MANAGER },
	{ "GET", "/tasks/t1/logs", api_task_logs, "t1", NEEDS_MANAGER },
	{ "GET", "/secrets", api_secret_list, "", NEEDS_MANAGER },
	{ "POST", "/secrets/create", api_secret_create, "", NEEDS_MANAGER },
	{ "GET", "/secrets/a", api_secret_inspect, "a", NEEDS_MANAGER },
	{ "POST", "/secrets/a/update", api_secret_update, "a", NEEDS_MANAGER },
	{ "DELETE", "/secrets/a", api_secret_remove, "a", NEEDS_MANAGER },
	{ "GET", "/configs", api_config_list, "", NEEDS_MANAGER },
	{ "POST", "/configs/create", api_config_create, "", NEEDS_MANAGER },
	{ "GET", "/configs/a", api_config_inspect, "a", NEEDS_MANAGER },
	{ "POST", "/configs/a/update", api_config_update, "a", NEEDS_MANAGER },
	{ "DELETE", "/configs/a", api_config_remove, "a", NEEDS_MANAGER },
	{ "GET", "/plugins", api_empty_list, "", NEEDS_NOTHING },
	{ "GET", "/plugins/vieux/sshfs:latest/json", api_no_plugin, "vieux/sshfs:latest", NEEDS_NOTHING },
	{ "GET", "/networks", api_network_list, "", NEEDS_NOTHING },
	{ "GET", "/networks/ingress", api_network_inspect, "ingress", NEEDS_NOTHING },
	{ "GET", "/volumes", api_volume_list, "", NEEDS_NOTHING },
	{ "POST", "/volumes/create", api_volume_create, "", NEEDS_NOTHING },
	{ "GET", "/volumes/data", api_volume_inspect, "data", NEEDS_NOTHING },
	{ "DELETE", "/volumes/data", api_volume_remove, "data", NEEDS_NOTHING },
	{ "POST", "/volumes/prune", api_volume_prune, "", NEEDS_NOTHING },
	{ "GET", "/images/json", api_image_list, "", NEEDS_NOTHING },
	{ "POST", "/images/create", api_image_create, "", NEEDS_NOTHING },
	{ "GET", "/images/alpine/json", api_image_inspect, "alpine", NEEDS_NOTHING },
	{ "GET", "/images/reg.example:5000/a/b:1/json", api_image_inspect, "reg.example:5000/a/b:1", NEEDS_NOTHING },
	{ "GET", "/images/a/json/json", api_image_inspect, "a/json", NEEDS_NOTHING },
	{ "POST", "/images/a/b/tag", api_image_tag, "a/b", NEEDS_NOTHING },
	{ "POST", "/images/load", api_image_load, "", NEEDS_NOTHING },
	{ "GET", "/images/get", api_image_save_all, "", NEEDS_NOTHING },
	{ "GET", "/images/a/b/get", api_image_save, "a/b", NEEDS_NOTHING },
	{ "GET", "/images/a/b/history", api_image_history, "a/b", NEEDS_NOTHING },
	{ "POST", "/images/prune", api_image_prune, "", NEEDS_NOTHING },
	{ "DELETE", "/images/a/b@sha256:00", api_image_remove, "a/b@sha256:00", NEEDS_NOTHING },
	{ "GET", "/swarm/unlockkey", api_swarm_unlock_key, "", NEEDS_MANAGER },
	{ "POST", "/swarm/unlock", api_swarm_unlock, "", NEEDS_NOTHING },
	{ "GET", "/distribution/a/b:1/json", api_distribution, "a/b:1", NEEDS_NOTHING },
	{ "GET", "/containers/json", api_container_list, "", NEEDS_NOTHING },
	{ "GET", "/containers/c1/json", api_container_inspect, "c1", NEEDS_CONTAINER },
	{ "GET", "/containers/c1/logs", api_container_logs, "c1", NEEDS_CONTAINER },
	{ "POST", "/containers/create", api_container_create, "", NEEDS_NOTHING },
	{ "POST", "/containers/prune", api_container_prune, "", NEEDS_NOTHING },
	{ "POST", "/containers/prune/start", api_container_start, "prune", NEEDS_CONTAINER },
	{ "POST", "/containers/c1/pause", api_container_pause, "c1", NEEDS_CONTAINER },
	{ "POST", "/containers/c1/unpause", api_container_unpause, "c1", NEEDS_CONTAINER },
	{ "POST", "/containers/c1/update", api_container_update, "c1", NEEDS_CONTAINER },
	{ "POST", "/containers/c1/wait", api_container_wait, "c1", NEEDS_CONTAINER },
	{ "POST", "/containers/c1/kill", api_container_kill, "c1", NEEDS_CONTAINER },
	{ "POST", "/containers/c1/stop", api_container_stop, "c1", NEEDS_CONTAINER },
	{ "DELETE", "/containers/c1", api_container_remove, "c1", NEEDS_CONTAINER },
};

TEST(route_find_knows_every_route_that_is_served)
{
	for (size_t i = 0; i < ARRAY_COUNT(served); i++) {
		const struct route *route;
		const char *name = NULL;
		struct arena arena;
		bool known;

		arena_init(&arena, "test", ARENA_MAX);
		route = route_find(served[i].method, served[i].path, &arena, &name, &known);
		EXPECT_STR(route && known ? served[i].path : "", served[i].path);
		EXPECT(route && route->fn == served[i].fn);
		EXPECT(route && route->need == served[i].need);
		EXPECT_STR(name, served[i].name);
		arena_fini(&arena);
	}
}

static bool is_known(const char *method, const char *path)
{
	const char *name = NULL;
	struct arena arena;
	bool known;

	arena_init(&arena, "test", ARENA_MAX);
	EXPECT(!route_find(method, path, &arena, &name, &known));
	arena_fini(&arena);
	return known;
}

TEST(route_find_tells_what_docker_has_and_swarmbox_has_not)
{
	EXPECT(is_known("POST", "/images/a/b/push"));
	EXPECT(is_known("POST", "/networks/create"));
	EXPECT(is_known("POST", "/networks/prune"));
	EXPECT(is_known("DELETE", "/networks/web"));
	EXPECT(is_known("POST", "/commit"));
	EXPECT(is_known("PUT", "/containers/c1/archive"));
	EXPECT(is_known("POST", "/images/a/b/push"));
	EXPECT(is_known("POST", "/build"));
	EXPECT(is_known("DELETE", "/plugins/a/b"));
}

TEST(route_find_does_not_know_what_nobody_has)
{
	EXPECT(!is_known("GET", "/"));
	EXPECT(!is_known("GET", ""));
	EXPECT(!is_known("GET", "/service"));
	EXPECT(!is_known("GET", "/services/"));
	EXPECT(!is_known("GET", "/services/a/b"));
	EXPECT(!is_known("GET", "/services/web/logs/"));
	EXPECT(!is_known("PATCH", "/services/web"));
	EXPECT(!is_known("get", "/services"));
	EXPECT(!is_known("DELETE", "/swarm"));
	EXPECT(!is_known("GET", "/containers//json"));
	EXPECT(!is_known("GET", "/images//json"));
}
