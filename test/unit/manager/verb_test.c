#include "manager/verb.h"

#include <string.h>

#include "base/str.h"
#include "dispatch/dispatch_msg.h"
#include "state/apply.h"
#include "test/unit/runner.h"

/* A cluster of one manager "m" and one worker "w", and whatever verbs add to it. Each verb that passes is an entry. */
struct town { struct view *view; struct arena arena; struct roster roster; struct gone gone; uint64_t index; struct err err; };

static void apply(struct town *town, const struct change_list *list)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct applied applied;

	change_list_encode(list, &(struct entry_head){ FORMAT_LEVEL, 1000, 0 }, &bytes);
	EXPECT(state_apply(town->view, ++town->index, 1, bytes.data, bytes.len, &applied, &town->err) == 0);
	gone_note(&town->gone, &applied, town->index);
	applied_fini(&applied);
}

static void add_node(struct change_list *list, const char *id, int role, int state)
{
	struct node *node = change_create(list, KIND_NODE, id, FIELD_BIT(NODE_SPEC) | FIELD_BIT(NODE_STATUS));

	node->spec.role = role;
	node->status.state = state;
}

static void add_manager(struct town *town, const char *id)
{
	struct roster_member *member = &town->roster.items[town->roster.count++];
	struct change_list list;

	*member = (struct roster_member){ .raft_id = town->roster.count, .votes = true, .is_reachable = true };
	str_copy(member->node_id, sizeof member->node_id, id);
	change_list_init(&list, &town->arena);
	add_node(&list, id, ROLE_MANAGER, NODE_READY);
	apply(town, &list);
}

static char wtoken[] = "SWMTKN-1-d-w", mtoken[] = "SWMTKN-1-d-m", image[] = "a";

static void open_town(struct town *town)
{
	struct change_list list;
	struct cluster *cluster;

	*town = (struct town){ .view = view_new(), .roster = { .count = 1, .items = { { "m", 1, true, true, true } } } };
	arena_init(&town->arena, "town", 16 << 20);
	change_list_init(&list, &town->arena);
	cluster = change_create(&list, KIND_CLUSTER, "c", FIELD_BIT(CLUSTER_TOKENS) | FIELD_BIT(CLUSTER_SPEC));
	cluster->tokens = (struct join_tokens){ wtoken, mtoken };
	add_node(&list, "m", ROLE_MANAGER, NODE_READY);
	add_node(&list, "w", ROLE_WORKER, NODE_READY);
	apply(town, &list);
}

static void close_town(struct town *town)
{
	view_free(town->view);
	arena_fini(&town->arena);
}

/* "ok" when it changed something, "same" when there was nothing to change, else the error. As it comes over the wire, into an entry that
 * has something already. */
static const char *say_behind(struct town *town, const struct change_list *before, const struct verb *said)
{
	CLEANUP(buf_finip) struct buf wire = BUF_INIT;
	struct overlay *overlay = overlay_new(town->view, &town->arena);
	struct verb_scene scene = { .overlay = overlay, .now_ms = 1000, .roster = &town->roster, .gone = &town->gone, .seed = 1 };
	struct change_list list;
	struct verb verb;
	int got;

	change_list_init(&list, &town->arena);
	town->err = (struct err){ 0 };
	dispatch_write(&verb_shape, said, &wire);
	EXPECT(dispatch_read(&verb_shape, wire.data, wire.len, &town->arena, &verb, &town->err) == 0);
	if (before)
		EXPECT(overlay_add(overlay, before, 0, &town->err) == 0);
	got = verb_check(&verb, &scene, &list, &town->err);
	overlay_free(overlay);
	if (got < 0)
		return town->err.text;
	if (list.count)
		apply(town, &list);
	return list.count ? "ok" : "same";
}

static const char *say(struct town *town, const struct verb *verb)
{
	return say_behind(town, NULL, verb);
}

static uint64_t index_of(struct town *town, enum kind kind, const char *id)
{
	const struct view_object *object = view_find(town->view, kind, id);
	return object ? object->meta.spec_index : 0;
}

static struct verb service(enum verb_kind kind, const char *id, char *name)
{
	struct verb verb = { .kind = kind, .id = (char *)(uintptr_t)id };

	verb.service.name = name;
	verb.service.task.container.image = image;
	return verb;
}

TEST(a_service_that_is_brought_twice_is_made_once)
{
	static char web[] = "web";
	struct verb create = service(VERB_SERVICE_CREATE, "s1", web), other = service(VERB_SERVICE_CREATE, "s2", web);
	struct town town;

	open_town(&town);
	EXPECT_STR(say(&town, &create), "ok");
	create.is_repeat = true;
	EXPECT_STR(say(&town, &create), "same");
	EXPECT_STR(say(&town, &other), "rpc error: code = AlreadyExists desc = name conflicts with an existing object: service web already "
		   "exists");
	EXPECT_INT(view_count(town.view, KIND_SERVICE), 1);
	close_town(&town);
}

TEST(what_was_made_and_removed_meanwhile_is_not_made_again)
{
	static char web[] = "web", token[] = "SWMTKN-1-d-w";
	struct verb create = service(VERB_SERVICE_CREATE, "s1", web), gone = { .kind = VERB_SERVICE_REMOVE, .id = create.id };
	struct verb join = { .kind = VERB_NODE_JOIN, .id = (char *)(uintptr_t)"n", .token = token };
	struct verb leave = { .kind = VERB_NODE_REMOVE, .id = join.id, .force = true };
	struct town town;

	open_town(&town);
	create.since = join.since = town.index;
	create.is_repeat = join.is_repeat = true;
	EXPECT_STR(say(&town, &create), "ok");
	EXPECT_STR(say(&town, &join), "ok");
	EXPECT_STR(say(&town, &gone), "ok");
	EXPECT_STR(say(&town, &leave), "ok");
	EXPECT_STR(say(&town, &create), "same");
	EXPECT_STR(say(&town, &join), "same");
	EXPECT_INT(view_count(town.view, KIND_SERVICE), 0);
	close_town(&town);
}

TEST(what_goes_in_this_very_entry_is_not_made_again_behind_it)
{
	static char web[] = "web";
	struct verb create = service(VERB_SERVICE_CREATE, "s1", web);
	struct change_list removal;
	struct town town;

	open_town(&town);
	create.since = town.index;
	EXPECT_STR(say(&town, &create), "ok");
	create.is_repeat = true;
	change_list_init(&removal, &town.arena);
	change_remove(&removal, KIND_SERVICE, "s1");
	EXPECT_STR(say_behind(&town, &removal, &create), "same");
	close_town(&town);
}

TEST(whoever_does_not_know_what_was_removed_makes_nothing_that_is_brought_again)
{
	static char web[] = "web", token[] = "SWMTKN-1-d-w";
	struct verb create = service(VERB_SERVICE_CREATE, "s1", web);
	struct verb join = { .kind = VERB_NODE_JOIN, .id = (char *)(uintptr_t)"n", .token = token };
	struct town town;

	open_town(&town);
	create.since = join.since = town.index - 1;
	create.is_repeat = join.is_repeat = true;
	gone_begin(&town.gone, town.index);
	EXPECT_STR(say(&town, &create), "a leader was lost meanwhile, and it is not known whether service s1 was made; look before it is "
		   "repeated");
	EXPECT_INT(town.err.code, ERR_UNAVAILABLE);
	EXPECT_STR(say(&town, &join), "a leader was lost meanwhile, and it is not known whether node n was made; look before it is repeated");
	/* whoever brings it has seen as much meanwhile */
	create.since = join.since = town.index;
	EXPECT_STR(say(&town, &create), "ok");
	EXPECT_STR(say(&town, &join), "ok");
	close_town(&town);
}

TEST(a_join_that_is_brought_again_is_not_refused_for_a_token_that_was_changed_meanwhile)
{
	static char token[] = "SWMTKN-1-d-w", next[] = "SWMTKN-1-d-x";
	struct verb join = { .kind = VERB_NODE_JOIN, .id = (char *)(uintptr_t)"n", .token = token };
	struct town town;

	open_town(&town);
	EXPECT_STR(say(&town, &join), "ok");
	join.token = next;
	EXPECT(strstr(say(&town, &join), "token"));
	join.is_repeat = true;
	EXPECT_STR(say(&town, &join), "same");
	close_town(&town);
}

TEST(that_a_repetition_was_not_made_says_nothing_of_the_first_time)
{
	static const char not_made[] = "another manager began to lead meanwhile: the change was not made, try again";
	struct verb verb = { .kind = VERB_SERVICE_CREATE };
	struct err err;

	err_set(&err, ERR_UNAVAILABLE, "%s", not_made);
	verb_failed_again(&verb, &err);
	EXPECT_STR(err.text, not_made);
	verb.is_repeat = true;
	verb_failed_again(&verb, &err);
	EXPECT_STR(err.text, "a leader was lost meanwhile, and it is not known whether this change was made; look before it is repeated");
	EXPECT_INT(err.code, ERR_UNAVAILABLE);
	err_set(&err, ERR_CONFLICT, "name conflicts");
	verb_failed_again(&verb, &err);
	EXPECT_STR(err.text, "name conflicts");
}

TEST(an_update_that_is_brought_twice_is_no_conflict_and_another_one_is)
{
	static char web[] = "web", b[] = "b", c[] = "c";
	struct verb create = service(VERB_SERVICE_CREATE, "s1", web), update = service(VERB_SERVICE_UPDATE, "s1", web);
	struct verb remove = { .kind = VERB_SERVICE_REMOVE, .id = create.id };
	struct town town;

	open_town(&town);
	EXPECT_STR(say(&town, &create), "ok");
	update.spec_index = index_of(&town, KIND_SERVICE, "s1");
	update.service.task.container.image = b;
	EXPECT_STR(say(&town, &update), "ok");
	EXPECT_STR(say(&town, &update), "rpc error: code = Unknown desc = update out of sequence");
	update.is_repeat = true;
	EXPECT_STR(say(&town, &update), "same");
	/* what the first time has put there may have been overwritten since */
	update.service.task.container.image = c;
	EXPECT_STR(say(&town, &update), "rpc error: code = Unknown desc = update out of sequence; a leader was lost meanwhile, and it is not "
		   "known whether this change was made before");
	EXPECT_STR(say(&town, &remove), "ok");
	EXPECT_STR(say(&town, &update), "service s1 not found; a leader was lost meanwhile, and it is not known whether this change was made "
		   "before");
	update.is_repeat = false;
	EXPECT_STR(say(&town, &update), "service s1 not found");
	close_town(&town);
}

/* Whoever asked when the other's was there already would have been refused; a leader that was lost on the way does not change that. */
TEST(an_update_does_not_take_for_its_own_what_stood_there_before_it_was_asked_for)
{
	static char web[] = "web", b[] = "b";
	struct verb create = service(VERB_SERVICE_CREATE, "s1", web), other = service(VERB_SERVICE_UPDATE, "s1", web), update;
	struct town town;

	open_town(&town);
	EXPECT_STR(say(&town, &create), "ok");
	other.spec_index = index_of(&town, KIND_SERVICE, "s1");
	other.since = town.index;
	other.service.task.container.image = b;
	EXPECT_STR(say(&town, &other), "ok");
	update = other;
	update.since = town.index;
	update.is_repeat = other.is_repeat = true;
	EXPECT_STR(say(&town, &other), "same");
	EXPECT_STR(say(&town, &update), "rpc error: code = Unknown desc = update out of sequence");
	close_town(&town);
}

TEST(a_removal_that_is_brought_twice_succeeds)
{
	static char web[] = "web";
	struct verb create = service(VERB_SERVICE_CREATE, "s1", web), gone = { .kind = VERB_SERVICE_REMOVE, .id = create.id };
	struct town town;

	open_town(&town);
	EXPECT_STR(say(&town, &create), "ok");
	EXPECT_STR(say(&town, &gone), "ok");
	EXPECT_STR(say(&town, &gone), "service s1 not found");
	gone.is_repeat = true;
	EXPECT_STR(say(&town, &gone), "same");
	close_town(&town);
}

TEST(the_token_decides_what_a_node_becomes)
{
	static char id[] = "n1", address[] = "10.0.0.9:2377", bad[] = "SWMTKN-1-d-x", host[] = "h";
	struct verb join = { .kind = VERB_NODE_JOIN, .id = id, .token = bad, .address = address };
	const struct node *node;
	struct town town;

	open_town(&town);
	join.description.hostname = host;
	EXPECT_STR(say(&town, &join), "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster");
	join.token = NULL;
	EXPECT_STR(say(&town, &join), "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster");
	join.token = wtoken;
	join.node.role = ROLE_MANAGER;                  /* what it says itself does not count */
	join.node.availability = AVAILABILITY_DRAIN;
	EXPECT_STR(say(&town, &join), "ok");
	node = view_node(town.view, "n1");
	EXPECT_INT(node->spec.role, ROLE_WORKER);
	EXPECT_INT(node->spec.availability, AVAILABILITY_DRAIN);
	EXPECT_INT(node->status.state, NODE_UNKNOWN);
	EXPECT_STR(node->status.address, "10.0.0.9");
	EXPECT_STR(say(&town, &join), "same");
	join.id = (char[]){ "n2" };
	join.token = mtoken;
	EXPECT_STR(say(&town, &join), "ok");
	EXPECT_INT(view_node(town.view, "n2")->spec.role, ROLE_MANAGER);
	close_town(&town);
}

TEST(a_token_is_no_good_behind_its_rotation_in_the_same_entry)
{
	static char id[] = "n1", fresh[] = "SWMTKN-1-d-new";
	struct verb join = { .kind = VERB_NODE_JOIN, .id = id, .token = wtoken };
	struct change_list rotation;
	struct cluster *cluster;
	struct town town;

	open_town(&town);
	change_list_init(&rotation, &town.arena);
	cluster = change_update(&rotation, KIND_CLUSTER, "c", FIELD_BIT(CLUSTER_TOKENS));
	cluster->tokens = (struct join_tokens){ fresh, mtoken };
	EXPECT_STR(say_behind(&town, &rotation, &join), "rpc error: code = InvalidArgument desc = A valid join token is necessary to join this cluster");
	join.token = fresh;
	EXPECT_STR(say_behind(&town, &rotation, &join), "ok");
	close_town(&town);
}

TEST(tokens_are_rotated_apart_and_a_repetition_does_not_rotate_again)
{
	static char id[] = "c", fresh[] = "SWMTKN-1-d-new";
	struct verb rotate = { .kind = VERB_CLUSTER_UPDATE, .id = id, .rotate_worker = true, .worker_token = fresh };
	struct town town;

	open_town(&town);
	rotate.spec_index = index_of(&town, KIND_CLUSTER, "c");
	EXPECT_STR(say(&town, &rotate), "ok");
	EXPECT_STR(view_cluster(town.view)->tokens.worker, fresh);
	EXPECT_STR(view_cluster(town.view)->tokens.manager, mtoken);
	EXPECT_STR(say(&town, &rotate), "rpc error: code = Unknown desc = update out of sequence");
	rotate.is_repeat = true;
	EXPECT_STR(say(&town, &rotate), "same");
	close_town(&town);
}

/* The spec is as it was, and still nothing is done: it stands in the tokens. */
TEST(a_rotation_that_was_lost_is_not_done_because_somebody_else_has_rotated_another)
{
	static char id[] = "c", fresh[] = "SWMTKN-1-d-new", key[] = "sealed:1", root[] = "a root";
	static const char doubt[] = "rpc error: code = Unknown desc = update out of sequence; a leader was lost meanwhile, and it is not known "
				    "whether this change was made before";
	struct verb other = { .kind = VERB_CLUSTER_UPDATE, .id = id, .rotate_manager = true, .manager_token = fresh };
	struct verb worker = { .kind = VERB_CLUSTER_UPDATE, .id = id, .rotate_worker = true, .worker_token = fresh, .is_repeat = true };
	struct verb unlock = { .kind = VERB_CLUSTER_UPDATE, .id = id, .rotate_unlock_key = true, .unlock_key = key, .is_repeat = true };
	struct verb trust = { .kind = VERB_CLUSTER_UPDATE, .id = id, .rotation.tls.trust_root = root, .is_repeat = true };
	struct town town;

	open_town(&town);
	other.cluster.encryption.auto_lock = worker.cluster.encryption.auto_lock = unlock.cluster.encryption.auto_lock =
		trust.cluster.encryption.auto_lock = true;
	other.unlock_key = fresh;
	other.spec_index = worker.spec_index = unlock.spec_index = trust.spec_index = index_of(&town, KIND_CLUSTER, "c");
	EXPECT_STR(say(&town, &other), "ok");
	EXPECT_STR(say(&town, &worker), doubt);
	EXPECT_STR(say(&town, &unlock), doubt);
	EXPECT_STR(say(&town, &trust), doubt);
	other.is_repeat = true;
	EXPECT_STR(say(&town, &other), "same");
	close_town(&town);
}

TEST(an_unlock_key_comes_with_autolock_is_rotated_and_goes_with_it)
{
	static char id[] = "c", first[] = "sealed:1", second[] = "sealed:2";
	struct verb update = { .kind = VERB_CLUSTER_UPDATE, .id = id, .cluster.encryption.auto_lock = true };
	const struct { bool locks, rotates; char *brought; const char *answer, *is; } steps[] = {
		{ false, true, first, "ok", "" },                       /* there is none to rotate */
		{ true, false, NULL, "no new unlock key came along", "" },
		{ true, false, first, "ok", first },
		{ true, false, second, "ok", first },
		{ true, true, second, "ok", second },
		{ false, false, first, "ok", "" },
	};
	struct town town;

	open_town(&town);
	for (size_t i = 0; i < ARRAY_COUNT(steps); i++) {
		update.spec_index = index_of(&town, KIND_CLUSTER, "c");
		update.cluster.encryption.auto_lock = steps[i].locks;
		update.rotate_unlock_key = steps[i].rotates;
		update.unlock_key = steps[i].brought;
		EXPECT_STR(say(&town, &update), steps[i].answer);
		const char *is = view_cluster(town.view)->unlock_key;
		EXPECT_STR(is ? is : "", steps[i].is);
	}
	close_town(&town);
}

TEST(a_node_is_removed_when_it_is_down_and_no_manager)
{
	static char w[] = "w", m[] = "m";
	struct verb gone = { .kind = VERB_NODE_REMOVE, .id = w };
	struct town town;

	open_town(&town);
	EXPECT_STR(say(&town, &gone), "rpc error: code = FailedPrecondition desc = node w is not down and can't be removed");
	gone.id = m;
	gone.force = true;
	EXPECT_STR(say(&town, &gone), "rpc error: code = FailedPrecondition desc = node m is a cluster manager and is a member of the raft "
		   "cluster. It must be demoted to worker before removal");
	gone.id = w;
	EXPECT_STR(say(&town, &gone), "ok");
	EXPECT(!view_node(town.view, "w"));
	EXPECT_STR(say(&town, &gone), "node w not found");
	close_town(&town);
}

TEST(a_role_is_taken_away_only_while_a_quorum_stays)
{
	static char m[] = "m";
	struct verb update = { .kind = VERB_NODE_UPDATE, .id = m }, leave = { .kind = VERB_NODE_DEMOTE, .id = m };
	struct town town;

	open_town(&town);
	update.spec_index = index_of(&town, KIND_NODE, "m");
	EXPECT_STR(say(&town, &update), "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm");
	EXPECT_STR(say(&town, &leave), "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm");
	add_manager(&town, "n");
	EXPECT_STR(say(&town, &update), "ok");
	EXPECT_INT(view_node(town.view, "m")->spec.role, ROLE_WORKER);
	EXPECT_STR(say(&town, &leave), "same");
	close_town(&town);
}

/* It takes a moment until raft has let go of one. */
TEST(not_all_managers_are_sent_away_before_the_first_has_gone)
{
	static char m[] = "m", n[] = "n";
	struct verb first = { .kind = VERB_NODE_DEMOTE, .id = m }, second = { .kind = VERB_NODE_DEMOTE, .id = n };
	struct verb update = { .kind = VERB_NODE_UPDATE, .id = n };
	struct town town;

	open_town(&town);
	add_manager(&town, n);
	EXPECT_STR(say(&town, &first), "ok");
	update.spec_index = index_of(&town, KIND_NODE, n);
	EXPECT_STR(say(&town, &second), "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm");
	EXPECT_STR(say(&town, &update), "rpc error: code = FailedPrecondition desc = attempting to demote the last manager of the swarm");
	add_manager(&town, "o");
	EXPECT_STR(say(&town, &second), "ok");
	close_town(&town);
}

TEST(an_address_of_version_six_is_told_without_its_brackets)
{
	static char w[] = "w", token[] = "SWMTKN-1-d-w", address[] = "[fd00::7]:2377", bare[] = "fd00::8", nonsense[] = "fd00::9:2377:x";
	struct verb describe = { .kind = VERB_NODE_DESCRIBE, .id = w, .address = address };
	struct verb join = { .kind = VERB_NODE_JOIN, .id = (char[]){ "j" }, .token = token, .address = address };
	struct town town;

	open_town(&town);
	EXPECT_STR(say(&town, &describe), "ok");
	EXPECT_STR(view_node(town.view, "w")->status.address, "fd00::7");
	describe.address = bare;
	EXPECT_STR(say(&town, &describe), "ok");
	EXPECT_STR(view_node(town.view, "w")->status.address, "fd00::8");
	describe.address = nonsense;
	EXPECT_STR(say(&town, &describe), "same");
	EXPECT_STR(say(&town, &join), "ok");
	EXPECT_STR(view_node(town.view, "j")->status.address, "fd00::7");
	close_town(&town);
}

TEST(a_description_is_written_only_when_it_differs)
{
	static char w[] = "w", host[] = "h", address[] = "10.0.0.7:1234";
	struct verb describe = { .kind = VERB_NODE_DESCRIBE, .id = w, .address = address };
	struct town town;

	open_town(&town);
	describe.description.hostname = host;
	EXPECT_STR(say(&town, &describe), "ok");
	EXPECT_STR(view_node(town.view, "w")->status.address, "10.0.0.7");
	EXPECT_INT(view_node(town.view, "w")->status.state, NODE_READY);
	EXPECT_STR(say(&town, &describe), "same");
	describe.id = (char[]){ "x" };
	EXPECT_STR(say(&town, &describe), "node x not found");
	describe.kind = VERB_NONE;
	EXPECT_STR(say(&town, &describe), "this version of swarmbox knows no such verb");
	close_town(&town);
}
