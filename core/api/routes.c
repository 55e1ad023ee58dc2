/* The whole API on one screen. {} stands for one part of the path, {*} for one or more (image names have slashes). A route without a
 * function is one that Docker has and swarmbox does not have yet: 501, which names it. */
#include <string.h>

#include "api/api_internal.h"
#include "base/str.h"

static const struct route routes[] = {
	{ "GET", "/_ping", api_ping, NEEDS_NOTHING },
	{ "HEAD", "/_ping", api_ping, NEEDS_NOTHING },
	{ "GET", "/version", api_version, NEEDS_NOTHING },
	{ "GET", "/info", api_info, NEEDS_NOTHING },
	{ "GET", "/system/df", api_system_df, NEEDS_NOTHING },
	{ "GET", "/events", api_events, NEEDS_NOTHING },
	
	{ "POST", "/swarm/init", api_swarm_init, NEEDS_NOTHING },
	{ "POST", "/swarm/join", api_swarm_join, NEEDS_NOTHING },
	{ "GET", "/swarm", api_swarm_inspect, NEEDS_MANAGER },
	{ "POST", "/swarm/update", api_swarm_update, NEEDS_MANAGER },
	{ "POST", "/swarm/leave", api_swarm_leave, NEEDS_NOTHING },
	{ "GET", "/swarm/unlockkey", api_swarm_unlock_key, NEEDS_MANAGER },
	{ "POST", "/swarm/unlock", api_swarm_unlock, NEEDS_NOTHING },

	/* ours: Docker has none */
	{ "GET", "/swarmbox/backup", api_backup, NEEDS_MANAGER },
	{ "POST", "/swarmbox/restore", api_restore, NEEDS_NOTHING },

	{ "GET", "/nodes", api_node_list, NEEDS_MANAGER },
	{ "GET", "/nodes/{}", api_node_inspect, NEEDS_MANAGER },
	{ "POST", "/nodes/{}/update", api_node_update, NEEDS_MANAGER },
	{ "DELETE", "/nodes/{}", api_node_remove, NEEDS_MANAGER },

	{ "GET", "/services", api_service_list, NEEDS_MANAGER },
	{ "POST", "/services/create", api_service_create, NEEDS_MANAGER },
	{ "GET", "/services/{}", api_service_inspect, NEEDS_MANAGER },
	{ "POST", "/services/{}/update", api_service_update, NEEDS_MANAGER },
	{ "DELETE", "/services/{}", api_service_remove, NEEDS_MANAGER },
	{ "GET", "/services/{}/logs", api_service_logs, NEEDS_MANAGER },

	{ "GET", "/tasks", api_task_list, NEEDS_MANAGER },
	{ "GET", "/tasks/{}", api_task_inspect, NEEDS_MANAGER },
	{ "GET", "/tasks/{}/logs", api_task_logs, NEEDS_MANAGER },

	{ "GET", "/secrets", api_secret_list, NEEDS_MANAGER },
	{ "POST", "/secrets/create", api_secret_create, NEEDS_MANAGER },
	{ "GET", "/secrets/{}", api_secret_inspect, NEEDS_MANAGER },
	{ "POST", "/secrets/{}/update", api_secret_update, NEEDS_MANAGER },
	{ "DELETE", "/secrets/{}", api_secret_remove, NEEDS_MANAGER },
	{ "GET", "/configs", api_config_list, NEEDS_MANAGER },
	{ "POST", "/configs/create", api_config_create, NEEDS_MANAGER },
	{ "GET", "/configs/{}", api_config_inspect, NEEDS_MANAGER },
	{ "POST", "/configs/{}/update", api_config_update, NEEDS_MANAGER },
	{ "DELETE", "/configs/{}", api_config_remove, NEEDS_MANAGER },

	{ "GET", "/plugins", api_empty_list, NEEDS_NOTHING },
	{ "GET", "/plugins/{*}/json", api_no_plugin, NEEDS_NOTHING },

	{ "GET", "/networks", api_network_list, NEEDS_NOTHING },
	{ "GET", "/networks/{}", api_network_inspect, NEEDS_NOTHING },

	{ "GET", "/volumes", api_volume_list, NEEDS_NOTHING },
	{ "POST", "/volumes/create", api_volume_create, NEEDS_NOTHING },
	{ "POST", "/volumes/prune", api_volume_prune, NEEDS_NOTHING },
	{ "GET", "/volumes/{}", api_volume_inspect, NEEDS_NOTHING },
	{ "DELETE", "/volumes/{}", api_volume_remove, NEEDS_NOTHING },

	{ "GET", "/images/json", api_image_list, NEEDS_NOTHING },
	{ "POST", "/images/create", api_image_create, NEEDS_NOTHING },
	{ "POST", "/images/load", api_image_load, NEEDS_NOTHING },
	{ "POST", "/images/prune", api_image_prune, NEEDS_NOTHING },
	{ "GET", "/images/{*}/history", api_image_history, NEEDS_NOTHING },
	{ "GET", "/images/get", api_image_save_all, NEEDS_NOTHING },
	{ "GET", "/images/{*}/get", api_image_save, NEEDS_NOTHING },
	{ "GET", "/images/{*}/json", api_image_inspect, NEEDS_NOTHING },
	{ "POST", "/images/{*}/tag", api_image_tag, NEEDS_NOTHING },
	{ "DELETE", "/images/{*}", api_image_remove, NEEDS_NOTHING },
	{ "POST", "/auth", api_auth, NEEDS_NOTHING },
	{ "GET", "/distribution/{*}/json", api_distribution, NEEDS_NOTHING },

	{ "GET", "/containers/json", api_container_list, NEEDS_NOTHING },
	{ "GET", "/containers/{}/json", api_container_inspect, NEEDS_CONTAINER },
	{ "GET", "/containers/{}/logs", api_container_logs, NEEDS_CONTAINER },
	{ "POST", "/containers/create", api_container_create, NEEDS_NOTHING },
	{ "POST", "/containers/prune", api_container_prune, NEEDS_NOTHING },
	{ "POST", "/containers/{}/start", api_container_start, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/restart", api_container_restart, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/pause", api_container_pause, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/unpause", api_container_unpause, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/update", api_container_update, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/wait", api_container_wait, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/rename", api_container_rename, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/attach", api_container_attach, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/resize", api_container_resize, NEEDS_CONTAINER },
	{ "GET", "/containers/{}/top", api_container_top, NEEDS_CONTAINER },
	{ "GET", "/containers/{}/stats", api_container_stats, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/exec", api_container_exec, NEEDS_CONTAINER },
	{ "POST", "/exec/{}/start", api_exec_start, NEEDS_EXEC },
	{ "POST", "/exec/{}/resize", api_exec_resize, NEEDS_EXEC },
	{ "GET", "/exec/{}/json", api_exec_inspect, NEEDS_EXEC },
	{ "POST", "/containers/{}/kill", api_container_kill, NEEDS_CONTAINER },
	{ "POST", "/containers/{}/stop", api_container_stop, NEEDS_CONTAINER },
	{ "DELETE", "/containers/{}", api_container_remove, NEEDS_CONTAINER },

	/* not yet */
	{ "POST", "/networks/create", NULL, NEEDS_NOTHING }, { "POST", "/networks/prune", NULL, NEEDS_NOTHING },
	{ "POST", "/networks/{}/connect", NULL, NEEDS_NOTHING }, { "POST", "/networks/{}/disconnect", NULL, NEEDS_NOTHING },
	{ "DELETE", "/networks/{}", NULL, NEEDS_NOTHING },
	{ "PUT", "/volumes/{}", NULL, NEEDS_NOTHING },
	{ "GET", "/images/search", NULL, NEEDS_NOTHING },
	{ "POST", "/images/{*}/push", NULL, NEEDS_NOTHING }, { "POST", "/build", NULL, NEEDS_NOTHING },
	{ "POST", "/build/prune", NULL, NEEDS_NOTHING }, { "POST", "/build/cancel", NULL, NEEDS_NOTHING },
	{ "POST", "/commit", NULL, NEEDS_NOTHING }, { "POST", "/session", NULL, NEEDS_NOTHING },
	{ "POST", "/grpc", NULL, NEEDS_NOTHING },
	{ "GET", "/containers/{}/attach/ws", NULL, NEEDS_NOTHING },
	{ "GET", "/containers/{}/changes", NULL, NEEDS_NOTHING },
	{ "GET", "/containers/{}/export", NULL, NEEDS_NOTHING }, { "GET", "/containers/{}/archive", NULL, NEEDS_NOTHING },
	{ "HEAD", "/containers/{}/archive", NULL, NEEDS_NOTHING }, { "PUT", "/containers/{}/archive", NULL, NEEDS_NOTHING },
	{ "GET", "/plugins/privileges", NULL, NEEDS_NOTHING }, { "POST", "/plugins/pull", NULL, NEEDS_NOTHING },
	{ "POST", "/plugins/create", NULL, NEEDS_NOTHING }, { "POST", "/plugins/{*}/enable", NULL, NEEDS_NOTHING },
	{ "POST", "/plugins/{*}/disable", NULL, NEEDS_NOTHING }, { "DELETE", "/plugins/{*}", NULL, NEEDS_NOTHING },
};

/* The path between what stands before and behind the placeholder, or NULL when the pattern does not fit. */
static const char *match(const char *pattern, const char *path, struct arena *arena)
{
	const char *open = strchr(pattern, '{'), *tail;
	size_t head, tail_length, length = strlen(path);
	bool takes_slashes;

	if (!open)
		return str_eq(pattern, path) ? "" : NULL;
	head = (size_t)(open - pattern);
	takes_slashes = open[1] == '*';
	tail = strchr(open, '}') + 1;
	tail_length = strlen(tail);
	if (length <= head + tail_length || strncmp(pattern, path, head) != 0 || !str_ends(path, tail))
		return NULL;
	if (!takes_slashes && memchr(path + head, '/', length - head - tail_length))
		return NULL;
	return arena_strndup(arena, path + head, length - head - tail_length);
}

const struct route *route_find(const char *method, const char *path, struct arena *arena, const char **ret_name, bool *ret_known)
{
	*ret_known = false;
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		/* a path that stands in the table as it is comes before a pattern: "/containers/prune" names no container */
		const struct route *route = &routes[i];

		if (str_eq(route->path, path) && str_eq(route->method, method)) {
			*ret_name = "";
			*ret_known = true;
			return route->fn ? route : NULL;
		}
	}
	for (size_t i = 0; i < ARRAY_COUNT(routes); i++) {
		const struct route *route = &routes[i];

		if (!str_eq(route->method, method) || !(*ret_name = match(route->path, path, arena)))
			continue;
		*ret_known = true;
		return route->fn ? route : NULL;
	}
	return NULL;
}
