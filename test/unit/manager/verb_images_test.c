#include "manager/verb_images.h"

#include <string.h>

#include "base/str.h"
#include "state/apply.h"
#include "test/unit/runner.h"

static char m1[] = "m1", m2[] = "m2", w1[] = "w1", aa[] = "aa", bb[] = "bb", web[] = "web:1", old_web[] = "web:0", amd[] = "linux/amd64";

struct town { struct view *view; struct arena arena; uint64_t index; msec now; struct err err; };

static void commit(struct town *t, const struct change_list *list)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct applied applied;

	change_list_encode(list, &(struct entry_head){ FORMAT_LEVEL, t->now, 0 }, &bytes);
	EXPECT(state_apply(t->view, ++t->index, 1, bytes.data, bytes.len, &applied, &t->err) == 0);
	applied_fini(&applied);
}

static void add_node(struct change_list *list, const char *id, int role)
{
	struct node *node = change_create(list, KIND_NODE, id, FIELD_BIT(NODE_SPEC));

	node->spec.role = role;
}

static void found(struct town *t)
{
	struct change_list list;

	*t = (struct town){ .view = view_new(), .now = 1000 };
	arena_init(&t->arena, "town", 16 << 20);
	change_list_init(&list, &t->arena);
	add_node(&list, m1, ROLE_MANAGER);
	add_node(&list, m2, ROLE_MANAGER);
	add_node(&list, w1, ROLE_WORKER);
	commit(t, &list);
}

static void leave(struct town *t)
{
	view_free(t->view);
	arena_fini(&t->arena);
}

/* How many changes it came to, or -1. */
static int say(struct town *t, const struct verb *verb)
{
	static const struct roster roster;
	struct overlay *overlay = overlay_new(t->view, &t->arena);
	struct verb_scene scene = { .overlay = overlay, .now_ms = t->now, .roster = &roster, .seed = 1 };
	struct change_list list;

	change_list_init(&list, &t->arena);
	int got = verb_check(verb, &scene, &list, &t->err);
	overlay_free(overlay);
	if (got < 0)
		return -1;
	if (list.count)
		commit(t, &list);
	return (int)list.count;
}

static int tell(struct town *t, char *node_id, struct image_copy *items, size_t count)
{
	return say(t, &(struct verb){ .kind = VERB_IMAGES, .id = node_id, .images = { items, count } });
}

static const struct image_copy *copy_of(struct town *t, const char *node_id, const char *manifest)
{
	char id[ID_SIZE];
	const struct view_object *object;

	image_copy_id(node_id, manifest, id);
	EXPECT(id_is_valid(id));
	object = view_find(t->view, KIND_IMAGE_COPY, id);
	return object ? object->value : NULL;
}

TEST(a_manager_tells_all_it_has_and_only_what_differs_is_written)
{
	struct image_name names[] = { { web, 0 }, { old_web, 0 } };
	char *digests[] = { aa };
	struct image_copy one = { .manifest = aa, .platform = amd, .digests = { digests, 1 }, .names = { names, 1 } };
	struct image_copy two[] = { one, { .manifest = bb, .platform = amd } };
	struct town t;

	found(&t);
	EXPECT_INT(tell(&t, m1, &one, 1), 1);
	EXPECT_INT(tell(&t, m1, &one, 1), 0);
	EXPECT_INT((int)copy_of(&t, m1, aa)->names.items[0].since_ms, 1000);
	EXPECT_STR(copy_of(&t, m1, aa)->node_id, m1);
	t.now = 2000;
	two[0].names.count = 2;
	EXPECT(!images_are_told(t.view, m1, two, 2));
	EXPECT_INT(tell(&t, m1, two, 2), 2);
	EXPECT(images_are_told(t.view, m1, two, 2));
	/* a name that it had is as old as it was */
	EXPECT_INT((int)copy_of(&t, m1, aa)->names.items[0].since_ms, 1000);
	EXPECT_INT((int)copy_of(&t, m1, aa)->names.items[1].since_ms, 2000);
	/* what another manager has is no business of this one */
	EXPECT_INT(tell(&t, m2, &one, 1), 1);
	EXPECT_INT(tell(&t, m1, two + 1, 1), 1);
	EXPECT(!copy_of(&t, m1, aa) && copy_of(&t, m1, bb) && copy_of(&t, m2, aa));
	EXPECT(!images_are_told(t.view, m1, two, 2) && images_are_told(t.view, m1, two + 1, 1));
	leave(&t);
}

TEST(only_managers_tell_of_images_and_a_node_that_goes_takes_its_words_along)
{
	struct image_copy one = { .manifest = aa }, twice[] = { one, one };
	struct town t;

	found(&t);
	EXPECT_INT(tell(&t, w1, &one, 1), -1);
	EXPECT_STR(t.err.text, "node w1 is no manager");
	EXPECT_INT(tell(&t, m1, twice, 2), -1);
	EXPECT_INT(tell(&t, m1, &one, 1), 1);
	EXPECT_INT(tell(&t, m2, &one, 1), 1);
	EXPECT_INT(say(&t, &(struct verb){ .kind = VERB_NODE_REMOVE, .id = m1, .force = true }), 2);
	EXPECT(!copy_of(&t, m1, aa) && copy_of(&t, m2, aa));
	leave(&t);
}
