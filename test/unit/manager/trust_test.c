#include "manager/trust.h"

#include "manager/sealed.h"

#include "base/str.h"
#include "manager/verb.h"
#include "pki/join_token.h"
#include "state/apply.h"
#include "test/unit/runner.h"

/* A cluster with a root certificate of its own and two nodes, "m" and "w", whose certificates are signed with it. */
static const struct seal_key cluster_key = { { 7 } };
struct town { struct view *view; struct arena arena; struct roster roster; uint64_t index; struct err err; };
static const nsec wall = 1767225600000000000;

static void apply(struct town *town, const struct change_list *list)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct applied applied;

	change_list_encode(list, &(struct entry_head){ FORMAT_LEVEL, 1000, 0 }, &bytes);
	EXPECT(state_apply(town->view, ++town->index, 1, bytes.data, bytes.len, &applied, &town->err) == 0);
	applied_fini(&applied);
}

static void add_node(struct town *town, struct change_list *list, const struct cluster *cluster, const char *id)
{
	struct node *node = change_create(list, KIND_NODE, id, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_DESCRIPTION));

	node->spec.role = ROLE_WORKER;
	node->description.tls = trust_info(cluster, &town->arena);
}

static void town_open(struct town *town)
{
	struct change_list list;
	struct cluster *cluster;
	struct ca_root root;

	*town = (struct town){ .view = view_new(), .roster = { .count = 1, .items = { { "m", 1, true, true, true } } } };
	arena_init(&town->arena, "town", 16 << 20);
	change_list_init(&list, &town->arena);
	EXPECT_INT(ca_root_new(wall, &root, &town->err), 0);
	cluster = change_create(&list, KIND_CLUSTER, "c", FIELD_BIT(CLUSTER_TLS) | FIELD_BIT(CLUSTER_ROOT_KEY) | FIELD_BIT(CLUSTER_TOKENS));
	cluster->tls = (struct tls_info){ arena_strdup(&town->arena, buf_text(&root.cert_pem)), arena_strdup(&town->arena, buf_text(&root.subject)),
					  arena_strdup(&town->arena, buf_text(&root.public_key)) };
	cluster->root_key = arena_strdup(&town->arena, buf_text(&root.key_pem));
	cluster->tokens = (struct join_tokens){ arena_strdup(&town->arena, "w"), arena_strdup(&town->arena, "m") };
	ca_root_fini(&root);
	add_node(town, &list, cluster, "m");
	add_node(town, &list, cluster, "w");
	apply(town, &list);
}

static void town_close(struct town *town)
{
	view_free(town->view);
	arena_fini(&town->arena);
}

static const char *say(struct town *town, const struct verb *verb)
{
	struct overlay *overlay = overlay_new(town->view, &town->arena);
	struct verb_scene scene = { .overlay = overlay, .now_ms = 1000, .roster = &town->roster, .seed = 1 };
	struct change_list list;
	int got;

	change_list_init(&list, &town->arena);
	town->err = (struct err){ 0 };
	got = verb_check(verb, &scene, &list, &town->err);
	overlay_free(overlay);
	if (got < 0)
		return town->err.text;
	if (list.count)
		apply(town, &list);
	return list.count ? "ok" : "same";
}

static struct verb rotation_of(struct town *town)
{
	const struct cluster *cluster = view_cluster(town->view);
	struct verb verb = { .kind = VERB_CLUSTER_UPDATE, .id = arena_strdup(&town->arena, "c"),
			     .spec_index = view_cluster_object(town->view)->meta.spec_index, .cluster = cluster->spec };

	verb.cluster.ca.force_rotate++;
	EXPECT_INT(trust_offer(cluster, &cluster_key, wall, NULL, &town->arena, &verb.rotation, &town->err), 0);
	return verb;
}

/* Whom it signs with; its key is kept, too. */
static struct ca_signer signer_of(struct town *town)
{
	CLEANUP(seal_wipe) struct buf pem = BUF_INIT;
	struct ca_signer signer = { 0 };

	EXPECT_INT(trust_signer(view_cluster(town->view), &cluster_key, &pem, &signer, &town->err), 0);
	signer.key_pem = arena_strdup(&town->arena, signer.key_pem);
	return signer;
}

/* The node has renewed, and says so. */
static const char *renewed(struct town *town, const char *id)
{
	struct verb verb = { .kind = VERB_NODE_DESCRIBE, .id = arena_strdup(&town->arena, id) };

	verb.description.tls = trust_info(view_cluster(town->view), &town->arena);
	return say(town, &verb);
}

static bool must_renew(struct town *town, const char *id)
{
	return trust_must_renew(view_cluster(town->view), view_node(town->view, id));
}

static size_t finish(struct town *town)
{
	struct change_list list;

	change_list_init(&list, &town->arena);
	trust_finish(town->view, &list);
	if (list.count)
		apply(town, &list);
	return list.count;
}

TEST(trust_in_a_new_root_spreads_node_by_node_and_then_the_old_one_is_forgotten)
{
	struct town town;
	char digest[CA_DIGEST_SIZE], named[CA_DIGEST_SIZE];

	town_open(&town);
	const char *old = arena_strdup(&town.arena, view_cluster(town.view)->tls.trust_root);
	EXPECT(!must_renew(&town, "m") && !must_renew(&town, "w") && !trust_is_replaced(view_cluster(town.view)));
	EXPECT_INT(finish(&town), 0);

	struct verb verb = rotation_of(&town);
	EXPECT_STR(say(&town, &verb), "ok");
	const struct cluster *cluster = view_cluster(town.view);
	EXPECT(trust_is_replaced(cluster));
	EXPECT(must_renew(&town, "m") && must_renew(&town, "w"));
	EXPECT_STR(cluster->tls.trust_root, old);
	EXPECT_STR(signer_of(&town).cert_pem, verb.rotation.tls.trust_root);
	EXPECT_STR(signer_of(&town).cross_pem, verb.rotation.cross);
	EXPECT_STR(trust_roots(cluster, &town.arena), arena_printf(&town.arena, "%s%s", old, verb.rotation.tls.trust_root));
	EXPECT_INT(finish(&town), 0);

	EXPECT_STR(renewed(&town, "m"), "ok");
	EXPECT(!must_renew(&town, "m") && must_renew(&town, "w"));
	EXPECT_INT(finish(&town), 0);
	EXPECT_STR(renewed(&town, "w"), "ok");
	EXPECT_INT(finish(&town), 1);

	cluster = view_cluster(town.view);
	EXPECT(!trust_is_replaced(cluster));
	EXPECT_STR(cluster->tls.trust_root, verb.rotation.tls.trust_root);
	EXPECT_STR(trust_roots(cluster, &town.arena), verb.rotation.tls.trust_root);
	EXPECT_STR(view_cluster(town.view)->root_key, verb.rotation.key);
	EXPECT(!signer_of(&town).cross_pem);
	EXPECT_INT(ca_digest(cluster->tls.trust_root, digest, &town.err), 0);
	CLEANUP(buf_finip) struct buf token = BUF_INIT;
	EXPECT_INT(seal_text_open(&cluster_key, SEALED_MANAGER_TOKEN, cluster->tokens.manager, &token, &town.err), 0);
	EXPECT_INT(join_token_parse(buf_text(&token), named, &town.err), 0);
	EXPECT_STR(named, digest);
	EXPECT(!str_eq(cluster->tokens.manager, cluster->tokens.worker));
	/* once more, to forget the old one */
	EXPECT(must_renew(&town, "m") && must_renew(&town, "w"));
	EXPECT_STR(renewed(&town, "m"), "ok");
	EXPECT(!must_renew(&town, "m") && must_renew(&town, "w"));
	EXPECT_INT(finish(&town), 0);
	town_close(&town);
}

TEST(trust_is_replaced_once_at_a_time_and_only_by_what_the_root_in_force_vouches_for)
{
	struct town town;

	town_open(&town);
	struct verb first = rotation_of(&town), second = rotation_of(&town), bare = first;
	bare.rotation = (struct root_rotation){ 0 };
	EXPECT_STR(say(&town, &bare), "no new root certificate came along");
	EXPECT_STR(say(&town, &first), "ok");
	EXPECT_STR(say(&town, &second), "rpc error: code = Unknown desc = update out of sequence");
	second.spec_index = view_cluster_object(town.view)->meta.spec_index;
	second.cluster.ca.force_rotate++;
	EXPECT_STR(say(&town, &second), "the root certificate is being replaced already: wait until all nodes have certificates of the new one");
	/* brought again, for whoever brought it did not learn that it was done */
	first.is_repeat = true;
	EXPECT_STR(say(&town, &first), "same");
	town_close(&town);
}

TEST(trust_replacement_waits_for_nodes_that_are_down_until_they_are_removed)
{
	struct town town;

	town_open(&town);
	struct verb verb = rotation_of(&town);
	EXPECT_STR(say(&town, &verb), "ok");
	EXPECT_STR(renewed(&town, "m"), "ok");
	EXPECT_INT(finish(&town), 0);
	struct verb removal = { .kind = VERB_NODE_REMOVE, .id = arena_strdup(&town.arena, "w"), .force = true };
	EXPECT_STR(say(&town, &removal), "ok");
	EXPECT_INT(finish(&town), 1);
	town_close(&town);
}

static const char *bring(struct town *town, const char *cert_pem, const char *key_pem, nsec at)
{
	struct verb verb = { .kind = VERB_CLUSTER_UPDATE, .id = arena_strdup(&town->arena, "c"),
			     .spec_index = view_cluster_object(town->view)->meta.spec_index, .cluster = view_cluster(town->view)->spec };

	verb.cluster.ca.force_rotate++;
	town->err = (struct err){ 0 };
	if (trust_offer(view_cluster(town->view), &cluster_key, at, &(struct trust_brought){ cert_pem, key_pem }, &town->arena, &verb.rotation,
			&town->err) < 0)
		return town->err.text;
	return say(town, &verb);
}

/* As a file from another system brings it. */
static char *with_crlf(struct town *town, const char *pem)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	buf_add_str(&out, "subject=/CN=swarm-ca\r\n");
	for (; *pem; pem++)
		buf_add(&out, *pem == '\n' ? "\r\n" : pem, *pem == '\n' ? 2 : 1);
	return arena_strdup(&town->arena, buf_text(&out));
}

TEST(trust_takes_a_root_that_somebody_brings_if_it_is_fit_to_be_one)
{
	struct town town;
	struct ca_root root, other;

	town_open(&town);
	EXPECT_INT(ca_root_new(wall, &root, &town.err), 0);
	EXPECT_INT(ca_root_new(wall, &other, &town.err), 0);
	EXPECT_STR(bring(&town, "nonsense", buf_text(&root.key_pem), wall), "root certificate: X509 - The CRT/CRL/CSR format is invalid, e.g. different type expected");
	EXPECT_STR(bring(&town, buf_text(&other.cert_pem), buf_text(&root.key_pem), wall), "root certificate: its key is another one");
	EXPECT_STR(bring(&town, buf_text(&root.cert_pem), buf_text(&root.key_pem), wall + 19 * 366 * (nsec)86400000000000), "CA certificate expires too soon");
	EXPECT_STR(bring(&town, view_cluster(town.view)->tls.trust_root, view_cluster(town.view)->root_key, wall), "Cannot update to a cert with an identical key");
	EXPECT_STR(bring(&town, with_crlf(&town, buf_text(&root.cert_pem)), with_crlf(&town, buf_text(&root.key_pem)), wall), "ok");
	EXPECT(trust_is_replaced(view_cluster(town.view)));
	EXPECT_STR(view_cluster(town.view)->rotation.tls.trust_root, buf_text(&root.cert_pem));
	EXPECT_STR(renewed(&town, "m"), "ok");
	EXPECT_STR(renewed(&town, "w"), "ok");
	EXPECT_INT(finish(&town), 1);
	EXPECT(!trust_is_replaced(view_cluster(town.view)));
	ca_root_fini(&other);
	ca_root_fini(&root);
	town_close(&town);
}

TEST(trust_offer_makes_certificates_that_old_and_new_nodes_accept)
{
	CLEANUP(buf_finip) struct buf request = BUF_INIT;
	CLEANUP(buf_finip) struct buf chain = BUF_INIT;
	CLEANUP(buf_finip) struct buf key = BUF_INIT;
	struct cert_name name;
	struct cert_facts facts;
	struct town town;

	town_open(&town);
	struct verb verb = rotation_of(&town);
	EXPECT_STR(say(&town, &verb), "ok");
	const struct cluster *cluster = view_cluster(town.view);
	struct ca_signer signer = signer_of(&town);
	EXPECT(cert_name_make("nodenodenodenodenodenoden", true, "clusterclusterclusterclus", &name));
	EXPECT_INT(cert_key_new(&key, &town.err), 0);
	EXPECT_INT(cert_request_new(buf_text(&key), NULL, &request, &town.err), 0);
	EXPECT_INT(ca_sign(&signer, buf_text(&request), &name, wall, 86400000000000, &chain, &town.err), 0);
	EXPECT_INT(cert_verify(cluster->tls.trust_root, buf_text(&chain), 0, &facts, &town.err), 0);
	EXPECT_INT(cert_verify(cluster->rotation.tls.trust_root, buf_text(&chain), 0, &facts, &town.err), 0);
	town_close(&town);
}
