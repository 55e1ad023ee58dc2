/* The key of the cluster, as this manager holds it, and the lock on its file (autolock): what a manager cannot open after a start waits for
 * `swarm unlock`; from then on the file follows the unlock key that the state says. */
#include <string.h>

#include "node/node_internal.h"
#include "os/log.h"
#include "pki/cluster_key_io.h"

enum { LOCK_AGAIN_MS = 5000 };

static int save(struct host *host, const struct seal_key *lock, struct err *err)
{
	struct swarm *swarm = &host->swarm;

	if (cluster_key_save(host->settings->data_root, &swarm->key, lock, err) < 0)
		return -1;
	swarm->has_key = true;
	swarm->has_lock = lock != NULL;
	if (lock)
		swarm->lock = *lock;
	return 0;
}

int swarm_make_cluster_key(struct host *host, struct err *err)
{
	seal_key_new(&host->swarm.key);
	return save(host, NULL, err);
}

static int take(const struct bytes *bytes, struct seal_key *ret, struct err *err)
{
	if (bytes->count != SEAL_KEY_SIZE)
		return err_set(err, ERR_INVALID, "the cluster's key has %zu bytes instead of %d", bytes->count, SEAL_KEY_SIZE);
	memcpy(ret->bytes, bytes->items, SEAL_KEY_SIZE);
	return 0;
}

int swarm_take_cluster_key(struct host *host, const struct bytes *key, const struct bytes *lock, struct err *err)
{
	struct seal_key own = { { 0 } };
	int rc;

	if (key->count == 0)
		return 0;
	if (take(key, &host->swarm.key, err) < 0 || (lock->count && take(lock, &own, err) < 0))
		return -1;
	rc = save(host, lock->count ? &own : NULL, err);
	seal_key_forget(&own);
	return rc;
}

int swarm_load_cluster_key(struct host *host, const struct seal_key *lock, struct err *err)
{
	struct swarm *swarm = &host->swarm;

	swarm->has_key = cluster_key_load(host->settings->data_root, lock, &swarm->key, err) == 0;
	if (!swarm->has_key)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	swarm->has_lock = lock != NULL;
	if (lock)
		swarm->lock = *lock;
	return 0;
}

void swarm_drop_cluster_key(struct host *host)
{
	struct swarm *swarm = &host->swarm;

	seal_key_forget(&swarm->key);
	seal_key_forget(&swarm->lock);
	swarm->has_key = swarm->has_lock = swarm->is_locked = false;
}

void swarm_end_manager(struct host *host)
{
	struct err err;

	swarm_drop_cluster_key(host);
	if (store_cluster_wipe(host->store, &err) < 0)
		log_error("swarm: the state of the cluster stays on the disk: %s", err.text);
	if (cluster_key_remove(host->settings->data_root, &err) < 0)
		log_error("swarm: the cluster's key stays on the disk: %s", err.text);
}

/* ---- following --------------------------------------------------------------------------------------------------- */

/* The node's own key is sealed with the cluster's before that is locked, and plain again only after it is not, so that a kill in between
 * leaves nothing that does not open; another lock concerns the cluster's key alone. */
static int change_lock(struct host *host, const struct seal_key *lock, struct err *err)
{
	if (lock && !host->swarm.identity.is_sealed && swarm_save_identity(host, &host->swarm.key, err) < 0)
		return -1;
	if (save(host, lock, err) < 0)
		return -1;
	return !lock && host->swarm.identity.is_sealed ? swarm_save_identity(host, NULL, err) : 0;
}

/* Both files: after a failure, or a kill, in between they do not agree. */
static bool has_lock(const struct swarm *swarm, const struct seal_key *lock)
{
	if (swarm->has_lock != (lock != NULL) || swarm->identity.is_sealed != swarm->has_lock)
		return false;
	return !lock || memcmp(lock, &swarm->lock, sizeof *lock) == 0;
}

void swarm_follow_lock(struct host *host)
{
	struct swarm *swarm = &host->swarm;
	struct manager *manager = swarm_manager(host);
	struct seal_key lock = { { 0 } };
	struct err err;
	int is_wanted;

	if (!manager || !swarm->has_key || !manager_is_current(manager) || !cert_name_is_manager(&swarm->identity.facts.name))
		return;
	is_wanted = manager_lock(manager, &lock, &err);
	if (is_wanted >= 0 && has_lock(swarm, is_wanted ? &lock : NULL))
		return;
	if (is_wanted < 0 || change_lock(host, is_wanted ? &lock : NULL, &err) < 0) {
		log_error("swarm: this manager's keys do not follow the unlock key yet: %s", err.text);
		timer_set_in(&swarm->post_again, LOCK_AGAIN_MS);
	} else {
		log_info("swarm: this manager's keys are %s", is_wanted ? "locked with the unlock key that is now in force" : "not locked");
	}
	seal_key_forget(&lock);
}
