#include "manager/verb_secret.h"

#include <string.h>

#include "base/str.h"
#include "state/apply.h"
#include "test/unit/runner.h"

/* A cluster with nothing in it but what verbs made; each that passes is an entry. */
struct village { struct view *view; struct arena arena; struct gone gone; uint64_t index; struct err err; };

static void open_village(struct village *v)
{
	*v = (struct village){ .view = view_new() };
	arena_init(&v->arena, "village", 16 << 20);
}

static void close_village(struct village *v)
{
	view_free(v->view);
	arena_fini(&v->arena);
}

/* "ok" when it changed something, "same" when there was nothing to change, else the error's words behind desc. */
static const char *say(struct village *v, const struct verb *verb)
{
	static const struct roster roster;
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct overlay *overlay = overlay_new(v->view, &v->arena);
	struct verb_scene scene = { .overlay = overlay, .now_ms = 1000, .roster = &roster, .gone = &v->gone, .seed = 1 };
	struct change_list list;
	struct applied applied;
	int got;

	change_list_init(&list, &v->arena);
	got = verb_check(verb, &scene, &list, &v->err);
	overlay_free(overlay);
	if (got < 0)
		return strstr(v->err.text, "desc = ") ? strstr(v->err.text, "desc = ") + 7 : v->err.text;
	if (list.count == 0)
		return "same";
	change_list_encode(&list, &(struct entry_head){ FORMAT_LEVEL, 1000, 0 }, &bytes);
	EXPECT(state_apply(v->view, ++v->index, 1, bytes.data, bytes.len, &applied, &v->err) == 0);
	gone_note(&v->gone, &applied, v->index);
	applied_fini(&applied);
	return "ok";
}

static char pw[] = "pw", other[] = "PW", s1[] = "s1", s2[] = "s2", web[] = "web", api[] = "api", w1[] = "w1", w2[] = "w2", image[] = "a", x[] = "x";
static uint8_t sealed[] = { 1, 2, 3 };

static struct verb create_verb(char *id, char *name, bool is_config)
{
	return (struct verb){ .kind = VERB_SECRET_CREATE, .id = id, .is_config = is_config, .secret = { .name = name },
			      .sealed = { sealed, sizeof sealed } };
}

TEST(a_secret_s_name_is_taken_once_and_its_id_says_what_is_a_repetition)
{
	struct village v;
	struct verb verb = create_verb(s1, pw, false);

	open_village(&v);
	EXPECT_STR(say(&v, &verb), "ok");
	EXPECT_STR(say(&v, &verb), "same");
	EXPECT_INT(view_secret(v.view, KIND_SECRET, s1)->sealed.count, 3);
	verb = create_verb(s2, other, false);
	EXPECT_STR(say(&v, &verb), "secret PW already exists");
	verb.is_config = true;
	EXPECT_STR(say(&v, &verb), "ok");       /* of the other kind */
	EXPECT_STR(view_by_name(v.view, KIND_CONFIG, "pw")->meta.id, s2);
	close_village(&v);
}

TEST(a_secret_that_was_made_and_removed_meanwhile_is_not_made_again)
{
	struct village v;
	struct verb verb = create_verb(s1, pw, false), config = create_verb(s2, pw, true);
	struct verb remove = { .kind = VERB_SECRET_REMOVE, .id = s1 };

	open_village(&v);
	verb.is_repeat = config.is_repeat = true;
	EXPECT_STR(say(&v, &verb), "ok");
	EXPECT_STR(say(&v, &config), "ok");
	EXPECT_STR(say(&v, &remove), "ok");
	remove = (struct verb){ .kind = VERB_SECRET_REMOVE, .id = s2, .is_config = true };
	EXPECT_STR(say(&v, &remove), "ok");
	EXPECT_STR(say(&v, &verb), "same");
	EXPECT_STR(say(&v, &config), "same");
	EXPECT_INT(view_count(v.view, KIND_SECRET) + view_count(v.view, KIND_CONFIG), 0);
	gone_begin(&v.gone, v.index);
	EXPECT_STR(say(&v, &verb), "a leader was lost meanwhile, and it is not known whether secret s1 was made; look before it is repeated");
	close_village(&v);
}

TEST(only_labels_of_a_secret_change)
{
	struct village v;
	struct verb verb = create_verb(s1, pw, false);
	struct str_pair label = { x, x };

	open_village(&v);
	say(&v, &verb);
	verb = (struct verb){ .kind = VERB_SECRET_UPDATE, .id = s1, .secret = { .name = pw, .labels = { &label, 1 } }, .spec_index = 1 };
	EXPECT_STR(say(&v, &verb), "ok");
	EXPECT_STR(str_map_get(&view_secret(v.view, KIND_SECRET, s1)->spec.labels, x), x);
	EXPECT_INT(view_secret(v.view, KIND_SECRET, s1)->sealed.count, 3);
	EXPECT_STR(say(&v, &verb), "update out of sequence");
	EXPECT_INT(v.err.code, ERR_STALE);
	verb.is_repeat = true;
	EXPECT_STR(say(&v, &verb), "same");
	verb.secret.labels.count = 0;
	EXPECT_STR(say(&v, &verb), "update out of sequence; a leader was lost meanwhile, and it is not known whether this change was made before");
	verb.id = s2;
	EXPECT_STR(say(&v, &verb), "secret s2 not found; a leader was lost meanwhile, and it is not known whether this change was made before");
	verb = (struct verb){ .kind = VERB_SECRET_UPDATE, .id = s1, .secret = { .name = other }, .spec_index = 2 };
	EXPECT_STR(say(&v, &verb), "only updates to Labels are allowed");
	verb.id = s2;
	EXPECT_STR(say(&v, &verb), "secret s2 not found");
	close_village(&v);
}

static struct verb service_verb(char *id, char *name, struct secret_reference *reference)
{
	struct verb verb = { .kind = VERB_SERVICE_CREATE, .id = id, .service = { .name = name, .task.container.image = image } };

	verb.service.task.container.secrets = (struct secret_references){ reference, 1 };
	return verb;
}

TEST(services_find_their_secrets_and_keep_them)
{
	struct village v;
	struct verb verb = create_verb(s1, pw, false), remove = { .kind = VERB_SECRET_REMOVE, .id = s1 };
	struct secret_reference good = { .id = s1, .name = pw }, misnamed = { .id = s1, .name = x }, none = { .id = s2, .name = x };

	open_village(&v);
	say(&v, &verb);
	verb = service_verb(w1, web, &none);
	EXPECT_STR(say(&v, &verb), "secret not found: x");
	verb = service_verb(w1, web, &misnamed);
	EXPECT_STR(say(&v, &verb), "secret not found: x");
	verb.service.task.container.secrets = (struct secret_references){ (struct secret_reference[]){ none, misnamed }, 2 };
	EXPECT_STR(say(&v, &verb), "secrets not found: x, x");
	verb = service_verb(w1, web, &good);
	EXPECT_STR(say(&v, &verb), "ok");
	EXPECT_STR(say(&v, &remove), "secret 'pw' is in use by the following service: web");
	verb = service_verb(w2, api, &good);
	EXPECT_STR(say(&v, &verb), "ok");
	EXPECT_STR(say(&v, &remove), "secret 'pw' is in use by the following services: web, api");
	say(&v, &(struct verb){ .kind = VERB_SERVICE_REMOVE, .id = w1 });
	verb = (struct verb){ .kind = VERB_SERVICE_UPDATE, .id = w2, .service = { .name = api, .task.container.image = image },
			      .spec_index = view_find(v.view, KIND_SERVICE, w2)->meta.spec_index };
	EXPECT_STR(say(&v, &verb), "ok");
	EXPECT_STR(say(&v, &remove), "ok");
	EXPECT(!view_by_name(v.view, KIND_SECRET, "pw"));
	EXPECT_STR(say(&v, &remove), "secret s1 not found");
	remove.is_repeat = true;
	EXPECT_STR(say(&v, &remove), "same");
	close_village(&v);
}
