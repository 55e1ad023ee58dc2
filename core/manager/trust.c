#include "manager/trust.h"

#include "base/panic.h"
#include "base/str.h"
#include "manager/sealed.h"

static const nsec year_ns = 365 * 24 * 3600 * (nsec)1000000000;

bool trust_is_replaced(const struct cluster *cluster)
{
	return !str_is_empty(cluster->rotation.tls.trust_root);
}

/* The root that signs, as TLSInfo tells it. */
static const struct tls_info *issuer(const struct cluster *cluster)
{
	return trust_is_replaced(cluster) ? &cluster->rotation.tls : &cluster->tls;
}

int trust_signer(const struct cluster *cluster, const struct seal_key *key, struct buf *ret_key_pem, struct ca_signer *ret, struct err *err)
{
	bool is_new = trust_is_replaced(cluster);

	if (seal_text_open(key, SEALED_ROOT_KEY, is_new ? cluster->rotation.key : cluster->root_key, ret_key_pem, err) < 0)
		return -1;
	*ret = (struct ca_signer){ issuer(cluster)->trust_root, buf_text(ret_key_pem), is_new ? cluster->rotation.cross : NULL };
	return 0;
}

char *trust_roots(const struct cluster *cluster, struct arena *arena)
{
	return arena_printf(arena, "%s%s", cluster->tls.trust_root, trust_is_replaced(cluster) ? cluster->rotation.tls.trust_root : "");
}

static bool accepts_exactly(const char *said, const struct cluster *cluster)
{
	const char *rest = str_after(said ? said : "", cluster->tls.trust_root);

	return rest && str_eq(rest, cluster->rotation.tls.trust_root);
}

struct tls_info trust_info(const struct cluster *cluster, struct arena *arena)
{
	struct tls_info info = *issuer(cluster);

	info.trust_root = trust_roots(cluster, arena);
	return info;
}

bool trust_must_renew(const struct cluster *cluster, const struct node *node)
{
	const struct tls_info *has = &node->description.tls;

	return !str_eq(has->issuer_public_key, issuer(cluster)->issuer_public_key) ||
	       !str_eq(has->issuer_subject, issuer(cluster)->issuer_subject) || !accepts_exactly(has->trust_root, cluster);
}

int trust_check_offer(const struct cluster *cluster, const struct root_rotation *offer, struct err *err)
{
	if (trust_is_replaced(cluster))
		return err_set(err, ERR_CONFLICT, "the root certificate is being replaced already: wait until all nodes have certificates of the new one");
	if (str_is_empty(offer->tls.trust_root) || str_is_empty(offer->key) || str_is_empty(offer->cross))
		return err_set(err, ERR_INVALID, "no new root certificate came along");
	return 0;
}

void trust_finish(const struct view *view, struct change_list *out)
{
	const struct view_object *node, *object = view_cluster_object(view);
	const struct cluster *old = view_cluster(view);
	struct cluster *cluster;

	if (!old || !trust_is_replaced(old))
		return;
	for (size_t at = 0; (node = view_next(view, KIND_NODE, &at));)
		if (trust_must_renew(old, VIEW_VALUE(node, node)))
			return;
	cluster = change_update(out, KIND_CLUSTER, object->meta.id,
				FIELD_BIT(CLUSTER_TLS) | FIELD_BIT(CLUSTER_ROOT_KEY) | FIELD_BIT(CLUSTER_TOKENS) | FIELD_BIT(CLUSTER_ROTATION));
	cluster->tls = old->rotation.tls;
	cluster->root_key = old->rotation.key;
	cluster->tokens = old->rotation.tokens;
}

static int offer(const struct cluster *cluster, const struct seal_key *key, nsec wall, struct ca_root *root, struct arena *arena,
		 struct root_rotation *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf cross = BUF_INIT;
	CLEANUP(seal_wipe) struct buf key_pem = BUF_INIT;
	struct ca_signer old;

	if (trust_signer(cluster, key, &key_pem, &old, err) < 0 || ca_cross_sign(&old, buf_text(&root->cert_pem), wall, &cross, err) < 0)
		return -1;
	ret->tls = (struct tls_info){ arena_strdup(arena, buf_text(&root->cert_pem)), arena_strdup(arena, buf_text(&root->subject)),
				      arena_strdup(arena, buf_text(&root->public_key)) };
	ret->cross = arena_strdup(arena, buf_text(&cross));
	if (sealed_close(key, SEALED_ROOT_KEY, buf_text(&root->key_pem), arena, &ret->key, err) < 0)
		return -1;
	return sealed_tokens_new(key, ret->tls.trust_root, arena, &ret->tokens, err);
}

/* A name or a key that something on the way cannot bear shows now, not at the nodes: one certificate is signed as theirs will be, and
 * read by who knows the new root and by who knows the old one alone. */
static int check_signs(const struct cluster *cluster, const struct ca_root *root, const struct root_rotation *offer, nsec wall, struct err *err)
{
	CLEANUP(seal_wipe) struct buf key = BUF_INIT;
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	CLEANUP(buf_finip) struct buf chain = BUF_INIT;
	struct ca_signer signer = { offer->tls.trust_root, buf_text(&root->key_pem), offer->cross };
	struct cert_facts facts;
	struct cert_name name;

	check(cert_name_make("aaaaaaaaaaaaaaaaaaaaaaaaa", false, "aaaaaaaaaaaaaaaaaaaaaaaaa", &name));
	if (cert_key_new(&key, err) < 0 || cert_request_new(buf_text(&key), &name, &request, err) < 0 ||
	    ca_sign(&signer, buf_text(&request), &name, wall, year_ns, &chain, err) < 0 ||
	    cert_verify(offer->tls.trust_root, buf_text(&chain), wall, &facts, err) < 0 ||
	    cert_verify(cluster->tls.trust_root, buf_text(&chain), wall, &facts, err) < 0)
		return err_wrap(err, "the desired CA certificate cannot sign for the nodes");
	return 0;
}

static int check_brought(const struct cluster *cluster, const struct ca_root *root, nsec wall, struct err *err)
{
	if (root->not_after < wall + year_ns)
		return err_set(err, ERR_INVALID, "CA certificate expires too soon");
	if (str_eq(buf_text(&root->public_key), cluster->tls.issuer_public_key))
		return err_set(err, ERR_INVALID, "Cannot update to a cert with an identical key");
	return 0;
}

static int bring(const struct cluster *cluster, const struct seal_key *key, nsec wall, const struct trust_brought *brought, struct arena *arena,
		 struct root_rotation *ret, struct err *err)
{
	struct ca_root root;
	int rc = -1;

	if (ca_root_take(brought->cert_pem, brought->key_pem, &root, err) < 0)
		return -1;
	if (check_brought(cluster, &root, wall, err) == 0 && offer(cluster, key, wall, &root, arena, ret, err) == 0)
		rc = check_signs(cluster, &root, ret, wall, err);
	ca_root_fini(&root);
	return rc;
}

int trust_offer(const struct cluster *cluster, const struct seal_key *key, nsec wall, const struct trust_brought *brought, struct arena *arena,
		struct root_rotation *ret, struct err *err)
{
	struct ca_root root;
	int rc;

	if (brought)
		return bring(cluster, key, wall, brought, arena, ret, err);
	if (ca_root_new(wall, &root, err) < 0)
		return -1;
	rc = offer(cluster, key, wall, &root, arena, ret, err);
	ca_root_fini(&root);
	return rc;
}
