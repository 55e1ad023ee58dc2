/* A cluster goes on with this node alone: a manager that has lost the majority (init --force-new-cluster), or a host that has a backup. */
#include "base/panic.h"
#include "base/str.h"
#include "manager/backup.h"
#include "manager/refound.h"
#include "node/address_io.h"
#include "node/node_internal.h"
#include "os/entropy.h"
#include "os/log.h"

enum { LEAD_MS = 15000, LOOK_MS = 10 };

static int compose(void *arg, const struct view *view, msec now_ms, struct change_list *out, struct err *err)
{
	return refound_compose(arg, view, now_ms, out, err);
}

/* ---- until it leads ---------------------------------------------------------------------------------------------- */

static void look(void *arg)
{
	struct changing *changing = arg;
	struct host *host = changing->host;
	struct err err;

	if (swarm_manager(host) && manager_is_current(host->swarm.manager)) {
		log_warn("swarm: made anew with this node, %s, as its only manager; the others of before are workers, and down", host->node_id);
		change_end(host, NULL);
	} else if (loop_now(host->loop) < changing->give_up_at) {
		timer_set_in(&changing->deadline, LOOK_MS);
	} else {
		err_set(&err, ERR_UNAVAILABLE, "the swarm is made anew, but this manager does not lead it yet: see the agent's log");
		change_end(host, &err);
	}
}

static void wait_for_lead(struct host *host)
{
	struct changing *changing = host->swarm.changing;

	changing->give_up_at = loop_now(host->loop) + LEAD_MS;
	timer_init(&changing->deadline, host->loop, look, changing);
	timer_set_in(&changing->deadline, 0);
}

/* ---- of what is on the disk -------------------------------------------------------------------------------------- */

/* The address of before will do if nobody says another, and it is this host's still. */
static int choose_reach(const struct host *host, const struct api_swarm_init *init, struct reach *ret, struct err *err)
{
	const struct swarm *swarm = &host->swarm;
	const char *listen = str_is_empty(init->listen_addr) ? swarm->listen : init->listen_addr;
	const char *advertise = init->advertise_addr;

	if (str_is_empty(advertise) && str_is_empty(host->settings->advertise_addr) && address_is_here(swarm->advertise))
		advertise = swarm->advertise;
	return reach_choose(host, listen, advertise, init->data_path_addr, true, ret, err);
}

static int check_force(const struct host *host, const struct api_swarm_init *init, struct err *err)
{
	const struct cluster *cluster = swarm_manager(host) ? view_cluster(manager_view(host->swarm.manager)) : NULL;
	static const struct cluster_spec nothing;

	if (!cluster)
		return err_set(err, ERR_UNAVAILABLE, "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to connect "
			       "this node to swarm and try again.");
	if (!shape_equal(&cluster_spec_shape, init->spec, &nothing) || init->pool_count)
		return err_set(err, ERR_UNSUPPORTED, "--force-new-cluster keeps the settings of the swarm: change them with `swarm update` behind it");
	return 0;
}

static int force(struct host *host, const struct api_swarm_init *init, struct err *err)
{
	struct refound wanted = { .node_id = host->node_id, .availability = init->availability };
	struct reach reach;
	struct err ignored;

	if (choose_reach(host, init, &reach, err) < 0)
		return -1;
	wanted.address = reach.advertise;
	swarm_close_manager(host);
	swarm_close_client(host);
	if (replica_refound(host->store, host->node_id, compose, &wanted, err) < 0) {
		if (swarm_go_on(host, true, &ignored) < 0)
			node_fail(host, &ignored);
		return -1;
	}
	return reach_set(host, &reach, err) < 0 ? -1 : swarm_go_on(host, true, err);
}

/* ---- of a backup ------------------------------------------------------------------------------------------------- */

static int check_restore(const struct host *host, const struct api_swarm_init *init, struct backup *ret, struct err *err)
{
	if (host->node_id[0])
		return err_set(err, ERR_UNAVAILABLE, "This node is already part of a swarm. Use \"docker swarm leave\" to leave this swarm and "
			       "join another one.");
	return backup_decode(init->backup, init->backup_size, ret, err);
}

static int take_key(struct host *host, const struct backup *backup, const struct seal_key *lock, struct err *err)
{
	struct seal_key key;
	bool is_locked;
	int got = backup_open_key(backup, lock, &key, &is_locked, err);

	if (got == 0)
		got = swarm_take_cluster_key(host, &(struct bytes){ key.bytes, SEAL_KEY_SIZE },
					     &(struct bytes){ is_locked ? (uint8_t *)(uintptr_t)lock->bytes : NULL, is_locked ? SEAL_KEY_SIZE : 0 }, err);
	seal_key_forget(&key);
	return got;
}

static int write_restored(struct host *host, const struct backup *backup, const struct refound *wanted, const struct reach *reach, struct err *err)
{
	if (node_set(host, "node_id", host->node_id, err) < 0 || reach_set(host, reach, err) < 0)
		return -1;
	return replica_restore(host->store, backup->snapshot, backup->snapshot_size, host->node_id, compose, (void *)(uintptr_t)wanted, err);
}

static int restore(struct host *host, const struct api_swarm_init *init, const struct backup *backup, struct err *err)
{
	struct refound wanted = { .node_id = host->node_id, .availability = init->availability };
	struct node_description description;
	struct reach reach;
	struct arena arena;
	int got;

	if (reach_choose(host, init->listen_addr, init->advertise_addr, init->data_path_addr, true, &reach, err) < 0 ||
	    take_key(host, backup, init->unlock_key, err) < 0)
		return -1;
	entropy_id(host->node_id);
	arena_init(&arena, "description", DESCRIPTION_BYTES_MAX);
	swarm_describe(host, &arena, &description);
	wanted.description = &description;
	wanted.address = reach.advertise;
	got = write_restored(host, backup, &wanted, &reach, err);
	arena_fini(&arena);
	return got < 0 ? -1 : swarm_go_on(host, false, err);
}

static void undo_restore(struct host *host)
{
	struct err err;

	swarm_close_manager(host);
	if (store_cluster_wipe(host->store, &err) < 0 || swarm_forget(host, &err) < 0)
		log_error("undo of a failed restore: %s", err.text);
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

void refound(struct host *host, const struct api_swarm_init *init, api_swarm_done_fn *done, void *arg)
{
	struct backup backup = { .wall = 0 };
	struct err err;
	int got = 0;

	if (change_may_begin(host))
		got = init->backup ? check_restore(host, init, &backup, &err) : check_force(host, init, &err);
	if (got < 0) {
		change_refuse(host, done, arg, &err);
		return;
	}
	if (change_begin(host, done, arg)) {
		got = init->backup ? restore(host, init, &backup, &err) : force(host, init, &err);
		if (got == 0) {
			wait_for_lead(host);
		} else {
			if (init->backup)
				undo_restore(host);
			change_drop(host);
			change_refuse(host, done, arg, &err);
		}
	}
}
