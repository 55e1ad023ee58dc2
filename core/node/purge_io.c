/* agent --purge: the host as it was before the first agent with these roots was started. */
#include <errno.h>
#include <unistd.h>

#include "agent/secret_files_io.h"
#include "base/panic.h"
#include "base/str.h"
#include "node/node_internal.h"
#include "os/file.h"
#include "os/log.h"
#include "volume/volumes_io.h"

static void net_is_gone(void *arg, const struct err *failure)
{
	struct host *host = arg;

	if (failure)
		node_fail(host, failure);
	else
		loop_stop(host->loop);
}

static void tasks_are_gone(void *arg)
{
	struct host *host = arg;
	struct err err;

	if (store_cluster_wipe(host->store, &err) < 0)
		node_fail(host, &err);
	else
		net_purge(host->net, net_is_gone, host);
}

void purge_begin(struct host *host)
{
	agent_stop_all(host->agent, AGENT_PURGE, tasks_are_gone, host);
}

/* Our own names only: a root may hold what is not ours, and then stays. */
static bool is_ours(const char *name)
{
	static const char *const ours[] = { "containers", "images", "volumes", "certificates", "shims", "secrets", "lock", "self", "swarmbox.sock", NULL };

	for (size_t i = 0; ours[i]; i++)
		if (str_eq(ours[i], name))
			return true;
	return str_starts(name, "raft.db") || str_starts(name, "state.db") || str_starts(name, "node.db");
}

static int purge_root(const char *root, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };

	if (dir_list(root, &names, err) < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	for (size_t i = 0; i < names.count; i++) {
		CLEANUP(str_freep) char *path = path_join(root, names.items[i]);

		if (is_ours(names.items[i]) && dir_remove_tree(path, err) < 0)
			return -1;
	}
	if (rmdir(root) < 0 && errno != ENOENT)
		log_warn("purge: '%s' holds more than swarmbox has put there, and stays", root);
	return 0;
}

int purge_files(const struct node_settings *settings, struct err *err)
{
	CLEANUP(str_freep) char *volumes = path_join(settings->data_root, "volumes");

	/* what is mounted there is somebody else's */
	if (volumes_unmount_all(volumes, err) < 0)
		return err_wrap(err, "purge");
	if (secret_files_purge(settings->run_root, err) < 0 || purge_root(settings->run_root, err) < 0 || purge_root(settings->data_root, err) < 0)
		return err_wrap(err, "purge");
	return 0;
}
