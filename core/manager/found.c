/* The first entry of a cluster: the cluster object and the node that founded it. And a copy of all that came of it. */
#include <stdlib.h>

#include "base/ip.h"
#include "base/panic.h"
#include "base/str.h"
#include "manager/backup.h"
#include "manager/manager_internal.h"
#include "manager/sealed.h"
#include "os/clock.h"
#include "pki/ca.h"

struct founding {
	struct arena arena;
	struct manager *manager;
	struct cluster cluster;
	struct node node;
	replica_done_fn *done;
	void *arg;
};
enum { FOUNDING_BYTES_MAX = 16 << 20 };

static int make_trust(struct founding *f, nsec wall, struct err *err)
{
	const struct seal_key *key = manager_key(f->manager);
	struct ca_root root;
	int rc;

	if (ca_root_new(wall, &root, err) < 0)
		return -1;
	f->cluster.tls.trust_root = arena_strdup(&f->arena, buf_text(&root.cert_pem));
	f->cluster.tls.issuer_subject = arena_strdup(&f->arena, buf_text(&root.subject));
	f->cluster.tls.issuer_public_key = arena_strdup(&f->arena, buf_text(&root.public_key));
	rc = sealed_close(key, SEALED_ROOT_KEY, buf_text(&root.key_pem), &f->arena, &f->cluster.root_key, err);
	ca_root_fini(&root);
	if (rc < 0 || sealed_tokens_new(key, f->cluster.tls.trust_root, &f->arena, &f->cluster.tokens, err) < 0)
		return -1;
	return f->cluster.spec.encryption.auto_lock ? sealed_unlock_key_new(key, &f->arena, &f->cluster.unlock_key, err) : 0;
}

static void describe_cluster(struct founding *f, const struct manager_init *init)
{
	struct cluster *cluster = &f->cluster;

	shape_copy(&cluster_spec_shape, init->spec, &f->arena, &cluster->spec);
	cluster_spec_defaults(&cluster->spec, &f->arena);
	cluster->address_pools.items = ARENA_ARRAY(&f->arena, char *, init->pool_count);
	for (size_t i = 0; i < init->pool_count; i++)
		cluster->address_pools.items[i] = arena_strdup(&f->arena, init->address_pools[i]);
	cluster->address_pools.count = init->pool_count;
	cluster->subnet_size = init->subnet_size;
	cluster->data_path_port = init->data_path_port;
}

static void describe_node(struct founding *f, const struct manager_init *init)
{
	struct node *node = &f->node;
	char host[256];

	node->spec.role = ROLE_MANAGER;
	node->spec.availability = init->availability;
	shape_copy(&node_description_shape, init->description, &f->arena, &node->description);
	node->description.tls = f->cluster.tls;
	node->status.state = NODE_READY;
	node->status.address = arena_strdup(&f->arena, hostport_host(init->advertise_addr, host));
	node->manager = ARENA_NEW(&f->arena, struct manager_status);
	node->manager->leader = true;
	node->manager->reachability = REACHABILITY_REACHABLE;
	node->manager->address = arena_strdup(&f->arena, init->advertise_addr);
}

static int check_founding(void *arg, const struct overlay *overlay, struct replica_time time, struct change_list *out, struct err *err)
{
	struct founding *f = arg;
	const uint64_t all = UINT64_MAX << 1;
	struct cluster *cluster;
	struct node *node;

	if (view_cluster(overlay_view(overlay)))
		return err_set(err, ERR_CONFLICT, "This node is already part of a swarm.");
	if (make_trust(f, time.wall, err) < 0)
		return -1;
	f->node.description.tls = f->cluster.tls;
	f->node.status_ms = time.now_ms;
	cluster = change_create(out, KIND_CLUSTER, replica_cluster_id(f->manager->replica), all & (FIELD_BIT(CLUSTER_UNLOCK_KEY + 1) - 1));
	shape_copy(&cluster_shape, &f->cluster, out->arena, cluster);
	node = change_create(out, KIND_NODE, f->manager->node_id, all & (FIELD_BIT(NODE_STATUS_MS + 1) - 1));
	shape_copy(&node_shape, &f->node, out->arena, node);
	return 0;
}

static void founded(void *arg, uint64_t index, const struct err *err)
{
	struct founding *f = arg;

	f->done(f->arg, index, err);
	arena_fini(&f->arena);
	free(f);
}

void manager_found(struct manager *m, const struct manager_init *init, replica_done_fn *done, void *arg)
{
	struct founding *f = NEW(struct founding);

	arena_init(&f->arena, "found a cluster", FOUNDING_BYTES_MAX);
	f->manager = m;
	f->done = done;
	f->arg = arg;
	describe_cluster(f, init);
	describe_node(f, init);
	replica_request(m->replica, REPLICA_REQUEST, check_founding, founded, f);
}

bool manager_is_founded(const struct manager *m)
{
	return view_cluster(replica_view(m->replica)) != NULL;
}

/* ---- a copy of all of it ----------------------------------------------------------------------------------------- */

static int wrap_key(const struct manager *m, struct buf *out, struct err *err)
{
	struct seal_key lock;
	int is_locked, got;

	if (!m->has_seal)
		return err_set(err, ERR_UNAVAILABLE, "this manager has not been given the key of the swarm: ask another one for a backup");
	is_locked = manager_lock(m, &lock, err);
	got = is_locked < 0 ? -1 : backup_wrap_key(&m->seal, is_locked ? &lock : NULL, out, err);
	seal_key_forget(&lock);
	return got;
}

int manager_backup(const struct manager *m, struct buf *out, struct err *err)
{
	CLEANUP(seal_wipe) struct buf snapshot = BUF_INIT, key = BUF_INIT;
	struct backup backup = { .wall = clock_wall_ns() };

	if (wrap_key(m, &key, err) < 0)
		return -1;
	str_copy(backup.cluster_id, sizeof backup.cluster_id, manager_cluster_id(m));
	if (replica_save(m->replica, &snapshot, err) < 0)
		return -1;
	backup.key = key.data;
	backup.key_size = key.len;
	backup.snapshot = snapshot.data;
	backup.snapshot_size = snapshot.len;
	backup_encode(&backup, out);
	return 0;
}
