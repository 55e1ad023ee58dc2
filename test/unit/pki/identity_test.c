#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "pki/identity_internal.h"
#include "test/unit/pki/pki_help.h"
#include "test/unit/runner.h"

/* Two certificates of one node, and a folder that is not there yet. */
struct place { char base[64], dir[80]; struct test_ca ca; struct identity before, after; };

static void take(struct identity *identity, const struct test_ca *ca, bool is_manager)
{
	struct test_node node;
	struct err err;

	test_node_init(&node, ca, TEST_NODE, is_manager, TEST_CLUSTER, new_year_2026, 90 * test_day);
	*identity = (struct identity){ .chain_pem = node.chain, .key_pem = node.key };
	buf_add_str(&identity->roots_pem, buf_text(&ca->root.cert_pem));
	EXPECT_INT(cert_read(buf_text(&node.chain), &identity->facts, &err), 0);
}

static void place_init(struct place *place)
{
	snprintf(place->base, sizeof(place->base), "/tmp/identity.XXXXXX");
	check(runner_folder(place->base));
	snprintf(place->dir, sizeof(place->dir), "%s/certificates", place->base);
	test_ca_init(&place->ca);
	take(&place->before, &place->ca, false);
	take(&place->after, &place->ca, true);
}

static void place_fini(struct place *place)
{
	struct err err;

	EXPECT_INT(dir_remove_tree(place->base, &err), 0);
	identity_fini(&place->before);
	identity_fini(&place->after);
	test_ca_fini(&place->ca);
}

static char *file_of(const struct place *place, const char *name)
{
	return path_join(place->dir, name);
}

static void expect_same(const struct identity *got, const struct identity *want)
{
	EXPECT_STR(buf_text(&got->roots_pem), buf_text(&want->roots_pem));
	EXPECT_STR(buf_text(&got->chain_pem), buf_text(&want->chain_pem));
	EXPECT_STR(buf_text(&got->key_pem), buf_text(&want->key_pem));
	EXPECT_STR(got->facts.name.role, want->facts.name.role);
}

static void expect_loads(const struct place *place, const struct seal_key *lock, const struct identity *want)
{
	struct identity got = { 0 };
	struct err err = { 0 };

	EXPECT_INT(identity_load(place->dir, lock, &got, &err), 0);
	EXPECT_STR(err.text, "");
	expect_same(&got, want);
	EXPECT(got.is_sealed == (lock != NULL));
	identity_fini(&got);
}

static int load_error(const struct place *place, const struct seal_key *lock, struct err *err)
{
	struct identity got = { 0 };
	int rc = identity_load(place->dir, lock, &got, err);

	EXPECT(!got.key_pem.len);
	identity_fini(&got);
	return rc < 0 ? (int)err->code : 0;
}

TEST(identity_is_saved_secretly_loaded_and_removed)
{
	static const char *const names[] = { "swarm-root-ca.crt", "swarm-node.crt", "swarm-node.key" };
	struct place place = { 0 };
	struct err err = { 0 };
	struct stat st;

	place_init(&place);
	EXPECT_INT(load_error(&place, NULL, &err), ERR_NOT_FOUND);
	EXPECT_INT(identity_remove(place.dir, &err), 0);
	EXPECT_INT(identity_save(place.dir, &place.before, NULL, &err), 0);
	for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
		char *path = file_of(&place, names[i]);
		EXPECT_INT(stat(path, &st), 0);
		EXPECT_INT(st.st_mode & 07777, 0600);
		free(path);
	}
	expect_loads(&place, NULL, &place.before);
	EXPECT_INT(identity_remove(place.dir, &err), 0);
	EXPECT_INT(load_error(&place, NULL, &err), ERR_NOT_FOUND);
	place_fini(&place);
}

TEST(identity_is_the_old_or_the_new_one_whenever_a_save_is_killed)
{
	struct seal_key lock;

	seal_key_new(&lock);
	for (unsigned steps = 0; steps <= IDENTITY_STEPS; steps++)
		for (int is_locked = 0; is_locked <= 1; is_locked++) {
			const struct seal_key *with = is_locked ? &lock : NULL;
			struct place place = { 0 };
			struct err err = { 0 };

			place_init(&place);
			EXPECT_INT(identity_save(place.dir, &place.before, with, &err), 0);
			EXPECT_INT(identity_save_some(place.dir, &place.after, with, steps, &err), 0);
			expect_loads(&place, with, steps < 3 ? &place.before : &place.after);
			expect_loads(&place, with, steps < 3 ? &place.before : &place.after);
			/* nothing is left over, and the next save goes through */
			char *next = file_of(&place, "swarm-node.key.next");
			EXPECT(!file_exists(next));
			free(next);
			EXPECT_INT(identity_save(place.dir, &place.after, with, &err), 0);
			expect_loads(&place, with, &place.after);
			place_fini(&place);
		}
}

TEST(identity_of_which_the_first_save_was_killed_is_none)
{
	for (unsigned steps = 0; steps < 3; steps++) {
		struct place place = { 0 };
		struct err err = { 0 };

		place_init(&place);
		EXPECT_INT(identity_save_some(place.dir, &place.before, NULL, steps, &err), 0);
		EXPECT_INT(load_error(&place, NULL, &err), ERR_NOT_FOUND);
		EXPECT_INT(identity_remove(place.dir, &err), 0);
		place_fini(&place);
	}
}

TEST(identity_is_locked_opened_by_its_key_alone_and_unlocked_for_good)
{
	struct place place = { 0 };
	struct seal_key lock, other;
	struct identity got = { 0 };
	struct buf text = BUF_INIT;
	struct err err = { 0 };

	place_init(&place);
	seal_key_new(&lock);
	seal_key_new(&other);
	EXPECT_INT(identity_save(place.dir, &place.before, NULL, &err), 0);
	EXPECT_INT(identity_save(place.dir, &place.before, &lock, &err), 0);
	char *path = file_of(&place, "swarm-node.key");
	EXPECT_INT(file_read(path, 10000, &text, &err), 0);
	EXPECT(!strstr(buf_text(&text), "PRIVATE KEY"));
	free(path);
	buf_fini(&text);

	EXPECT_INT(identity_load(place.dir, NULL, &got, &err), -1);
	EXPECT_INT(err.code, ERR_UNAVAILABLE);
	EXPECT_STR(err.text, "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"docker swarm unlock\" to unlock it.");
	EXPECT_STR(got.facts.name.node_id, TEST_NODE);
	EXPECT_INT(got.key_pem.len, 0);
	identity_fini(&got);
	EXPECT_INT(load_error(&place, &other, &err), ERR_UNAUTHORIZED);
	EXPECT_STR(err.text, "swarm could not be unlocked: invalid key provided");
	err = (struct err){ 0 };
	expect_loads(&place, &lock, &place.before);
	/* another lock, killed in the middle: both open what they closed */
	EXPECT_INT(identity_save_some(place.dir, &place.before, &other, 1, &err), 0);
	expect_loads(&place, &lock, &place.before);
	EXPECT_INT(identity_save_some(place.dir, &place.before, &other, 3, &err), 0);
	expect_loads(&place, &other, &place.before);
	/* and none any more */
	EXPECT_INT(identity_save(place.dir, &place.before, NULL, &err), 0);
	expect_loads(&place, NULL, &place.before);
	place_fini(&place);
}

TEST(identity_that_is_damaged_is_said_by_file)
{
	static const char *const names[] = { "swarm-root-ca.crt", "swarm-node.crt", "swarm-node.key" };

	for (size_t i = 0; i < ARRAY_COUNT(names); i++)
		for (int is_missing = 0; is_missing <= 1; is_missing++) {
			struct place place = { 0 };
			struct err err = { 0 };

			if (i == 1 && is_missing)
				continue;        /* no identity, see above */
			place_init(&place);
			EXPECT_INT(identity_save(place.dir, &place.before, NULL, &err), 0);
			char *path = file_of(&place, names[i]);
			if (is_missing)
				EXPECT_INT(remove(path), 0);
			else
				EXPECT_INT(file_write_atomic(path, "rot", 3, 0600, &err), 0);
			EXPECT_INT(load_error(&place, NULL, &err), ERR_INVALID);
			EXPECT(strstr(err.text, place.dir));
			free(path);
			place_fini(&place);
		}
}

TEST(identity_of_another_key_or_cluster_is_not_saved_nor_loaded)
{
	struct place place = { 0 }, other = { 0 };
	struct err err = { 0 };

	place_init(&place);
	place_init(&other);
	EXPECT_INT(identity_save(place.dir, &place.before, NULL, &err), 0);
	struct buf key = place.before.key_pem;
	place.before.key_pem = place.after.key_pem;
	EXPECT_INT(identity_save(place.dir, &place.before, NULL, &err), -1);
	EXPECT_STR(err.text, "identity: key and certificate do not belong together");
	place.before.key_pem = key;
	err = (struct err){ 0 };
	expect_loads(&place, NULL, &place.before);
	EXPECT_INT(identity_save_roots(place.dir, buf_text(&other.ca.root.cert_pem), &err), 0);
	EXPECT_INT(load_error(&place, NULL, &err), ERR_INVALID);
	EXPECT(strstr(err.text, "signed by none of the roots of this cluster"));
	place_fini(&other);
	place_fini(&place);
}
