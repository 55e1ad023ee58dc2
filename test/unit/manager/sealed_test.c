#include "manager/sealed.h"

#include <string.h>

#include "base/str.h"
#include "manager/verb.h"
#include "pki/ca.h"
#include "state/apply.h"
#include "test/unit/runner.h"

static const struct seal_key key = { { 3 } };
struct town { struct view *view; struct arena arena; uint64_t index; struct err err; };

static void apply(struct town *town, const struct change_list *list)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct applied applied;

	change_list_encode(list, &(struct entry_head){ FORMAT_LEVEL, 1000, 0 }, &bytes);
	EXPECT_INT(state_apply(town->view, ++town->index, 1, bytes.data, bytes.len, &applied, &town->err), 0);
	applied_fini(&applied);
}

static void add_version(struct town *town, struct change_list *list, const char *id, const char *auth)
{
	struct service_version *version = change_create(list, KIND_SERVICE_VERSION, id, FIELD_BIT(SERVICE_VERSION_SERVICE) |
							FIELD_BIT(SERVICE_VERSION_NUMBER) | FIELD_BIT(SERVICE_VERSION_SPEC));

	version->service_id = arena_strdup(&town->arena, "s");
	version->version = 1 + (uint64_t)(id[strlen(id) - 1] - '0');
	version->spec.name = arena_strdup(&town->arena, "web");
	version->spec.task.container.registry_auth = arena_strdup(&town->arena, auth);
}

/* As a version of before left it. */
static void town_open(struct town *town)
{
	struct change_list list;
	struct cluster *cluster;

	*town = (struct town){ .view = view_new() };
	arena_init(&town->arena, "town", 16 << 20);
	change_list_init(&list, &town->arena);
	cluster = change_create(&list, KIND_CLUSTER, "c", FIELD_BIT(CLUSTER_ROOT_KEY) | FIELD_BIT(CLUSTER_TOKENS));
	cluster->root_key = arena_strdup(&town->arena, "PEM of the root");
	cluster->tokens = (struct join_tokens){ arena_strdup(&town->arena, "SWMTKN-w"), arena_strdup(&town->arena, "SWMTKN-m") };
	for (unsigned i = 0; i < 5; i++)
		add_version(town, &list, arena_printf(&town->arena, "s.%u", i), i % 2 ? "cGFzc3dvcmQ" : "");
	apply(town, &list);
}

static void town_close(struct town *town)
{
	view_free(town->view);
	arena_fini(&town->arena);
}

static bool opens_as(const char *purpose, const char *text, const char *want)
{
	CLEANUP(seal_wipe) struct buf out = BUF_INIT;
	struct err err;

	return seal_text_is_sealed(text) && seal_text_open(&key, purpose, text, &out, &err) == 0 && str_eq(buf_text(&out), want);
}

static bool mend(struct town *town, size_t max)
{
	struct change_list list;
	bool more;

	change_list_init(&list, &town->arena);
	more = sealed_mend(town->view, &key, max, &list);
	EXPECT(list.count <= max);
	if (list.count)
		apply(town, &list);
	return more;
}

TEST(sealed_rows_of_before_are_mended_a_few_at_a_time_and_then_left_alone)
{
	const struct view_object *object;
	struct town town;

	town_open(&town);
	EXPECT(mend(&town, 1));
	EXPECT(opens_as(SEALED_ROOT_KEY, view_cluster(town.view)->root_key, "PEM of the root"));
	EXPECT(opens_as(SEALED_WORKER_TOKEN, view_cluster(town.view)->tokens.worker, "SWMTKN-w"));
	EXPECT(opens_as(SEALED_MANAGER_TOKEN, view_cluster(town.view)->tokens.manager, "SWMTKN-m"));
	EXPECT(mend(&town, 1) && mend(&town, 1));
	EXPECT(!mend(&town, 1) && !mend(&town, 100));
	for (size_t at = 0; (object = view_next(town.view, KIND_SERVICE_VERSION, &at));) {
		const struct service_version *version = VIEW_VALUE(service_version, object);
		const char *auth = version->spec.task.container.registry_auth;

		EXPECT_STR(version->spec.name, "web");
		EXPECT(version->version % 2 ? str_is_empty(auth) : opens_as(SEALED_REGISTRY_AUTH, auth, "cGFzc3dvcmQ"));
	}
	town_close(&town);
}

TEST(sealed_nothing_is_mended_without_a_key)
{
	struct change_list list;
	struct town town;

	town_open(&town);
	change_list_init(&list, &town.arena);
	EXPECT(!sealed_mend(town.view, NULL, 100, &list));
	EXPECT_INT(list.count, 0);
	town_close(&town);
}

TEST(sealed_credentials_keep_their_text_while_they_are_the_same)
{
	struct arena arena;
	struct err err;
	char *first, *same, *other, *passed_on, *none, *plain;

	arena_init(&arena, "auth", 1 << 20);
	EXPECT_INT(sealed_registry_auth(&key, NULL, "YW5uOnB3", &arena, &first, &err), 0);
	EXPECT(opens_as(SEALED_REGISTRY_AUTH, first, "YW5uOnB3"));
	EXPECT_INT(sealed_registry_auth(&key, first, "YW5uOnB3", &arena, &same, &err), 0);
	EXPECT_STR(same, first);
	EXPECT_INT(sealed_registry_auth(&key, first, "YW5uOm5ldw", &arena, &other, &err), 0);
	EXPECT(opens_as(SEALED_REGISTRY_AUTH, other, "YW5uOm5ldw"));
	/* those of the spec that is or was are handed on sealed */
	EXPECT_INT(sealed_registry_auth(&key, first, other, &arena, &passed_on, &err), 0);
	EXPECT_STR(passed_on, other);
	EXPECT_INT(sealed_registry_auth(&key, first, "", &arena, &none, &err), 0);
	EXPECT_STR(none, "");
	EXPECT_INT(sealed_registry_auth(NULL, NULL, "YW5uOnB3", &arena, &plain, &err), 0);
	EXPECT_STR(plain, "YW5uOnB3");
	arena_fini(&arena);
}

TEST(sealed_tokens_and_unlock_keys_never_stand_anywhere_plainly)
{
	struct change_list list;
	struct join_tokens tokens;
	struct ca_root root;
	struct arena arena;
	struct err err;
	char *lock, *again;

	arena_init(&arena, "tokens", 1 << 20);
	change_list_init(&list, &arena);
	EXPECT_INT(ca_root_new(1000000000000000000, &root, &err), 0);
	EXPECT_INT(sealed_tokens_new(&key, buf_text(&root.cert_pem), &arena, &tokens, &err), 0);
	EXPECT(seal_text_is_sealed(tokens.worker) && seal_text_is_sealed(tokens.manager));
	EXPECT_INT(sealed_unlock_key_new(&key, &arena, &lock, &err), 0);
	EXPECT(seal_text_is_sealed(lock));
	EXPECT_INT(sealed_unlock_key_new(&key, &arena, &again, &err), 0);
	EXPECT(!str_eq(lock, again));
	ca_root_fini(&root);
	arena_fini(&arena);
}

TEST(sealed_join_tokens_let_in_who_has_them)
{
	static char id[] = "n1", good[] = "SWMTKN-w", bad[] = "SWMTKN-x";
	struct verb join = { .kind = VERB_NODE_JOIN, .id = id, .token = good };
	struct change_list list;
	struct town town;

	town_open(&town);
	while (mend(&town, 100))
		;
	struct overlay *overlay = overlay_new(town.view, &town.arena);
	struct verb_scene scene = { .overlay = overlay, .key = &key };
	change_list_init(&list, &town.arena);
	EXPECT_INT(verb_check(&join, &scene, &list, &town.err), 0);
	EXPECT_INT(list.count, 1);
	join.token = bad;
	EXPECT_INT(verb_check(&join, &scene, &list, &town.err), -1);
	EXPECT_STR(town.err.text, "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster");
	join.token = good;
	scene.key = NULL;               /* a leader that has not got it yet */
	EXPECT_INT(verb_check(&join, &scene, &list, &town.err), -1);
	EXPECT_INT(town.err.code, ERR_UNAVAILABLE);
	overlay_free(overlay);
	town_close(&town);
}
