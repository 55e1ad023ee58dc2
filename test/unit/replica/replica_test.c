#include "replica/replica.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/log.h"
#include "replica/replica_internal.h"
#include "test/sim/vfs_fault.h"
#include "test/unit/runner.h"

/* A replica on a disk in memory. What it tells is counted; slots are the simplest nouns. */
struct asked {
	char id[32];
	size_t count; /* changes to make */
	bool refuses;
	bool is_done;
	uint64_t index;
	bool has_failed;
	struct err err;
};

static struct err err;
static struct loop *loop;
static struct store *store;
static struct vfs_fault *disk;
static struct replica *replica;
static unsigned entries, events, leaderships, losses, stops, done_count, failed_count;
static bool is_leader;
static struct err stop_reason;
static size_t own_wanted; /* changes that compose_first makes next */
static size_t own_made;
static struct buf told; /* ids of the last entry's events */
static struct replica *close_on_done;

static void compose_first(void *arg UNUSED, const struct view *view UNUSED,
			  struct replica_time time, size_t max, struct change_list *out)
{
	char id[32];

	EXPECT(time.now_ms >= 0 && time.wall > 0);
	for (; own_wanted > 0 && out->count < max; own_wanted--) {
		snprintf(id, sizeof(id), "own%zu", own_made++);
		change_create(out, KIND_SLOT, id, FIELD_BIT(SLOT_ATTEMPTS));
	}
}

static void on_lost(void *arg UNUSED)
{
	losses++;
}

static void on_applied(void *arg UNUSED, const struct applied *applied)
{
	entries += applied->event_count > 0;
	events += (unsigned)applied->event_count;
	buf_clear(&told);
	for (size_t i = 0; i < applied->event_count && i < 20; i++)
		buf_printf(&told, "%s ", applied->events[i].id);
	if (own_wanted > 0)
		replica_kick(replica);
}

static void on_leader(void *arg UNUSED, bool leads)
{
	EXPECT(leads != is_leader);
	is_leader = leads;
	leaderships += leads;
}

static void on_stopped(void *arg UNUSED, const struct err *e)
{
	stops++;
	stop_reason = *e;
}

static void on_replaced(void *arg UNUSED)
{
}

static const struct replica_hooks hooks = {
	.compose_first = compose_first, .on_lost = on_lost,	.on_applied = on_applied,
	.on_replaced = on_replaced,	.on_leader = on_leader, .on_stopped = on_stopped,
};

/* Runs the loop until the counter has come so far; false after a minute. */
static bool wait_for(const unsigned *counter, unsigned value)
{
	msec until = clock_boot_ms() + 60000;

	while (*counter < value && clock_boot_ms() < until)
		loop_run_once(loop, 50);
	return *counter >= value;
}

static bool wait_for_leader(void)
{
	msec until = clock_boot_ms() + 60000;

	while (!replica_is_leader(replica) && clock_boot_ms() < until)
		loop_run_once(loop, 50);
	return replica_is_leader(replica);
}

static int open_store(void)
{
	static const char *const tables[] = { "setting" };
	struct store_options options = { "/disk", "bad", tables, 1 };

	return store_open(&options, loop, &store, &err);
}

static int open_replica(void)
{
	is_leader = false;
	return replica_open(loop, store, "node1", &hooks, &replica, &err);
}

static void begin(void)
{
	log_set_level(LOG_LEVEL_ERROR); /* the warnings are wanted, not to be read */
	loop = loop_new();
	disk = vfs_fault_new("bad", 1);
	if (open_store() < 0 || replica_bootstrap(store, "cluster1", "node1", &err) < 0 ||
	    open_replica() < 0)
		panic("%s", err.text);
	EXPECT(wait_for(&leaderships, 1));
}

static void shut(void)
{
	replica_close(replica);
	replica = NULL;
	store_close(store);
	store = NULL;
}

static void reopen(void)
{
	unsigned before = leaderships;

	if (open_store() < 0 || open_replica() < 0)
		panic("%s", err.text);
	EXPECT(wait_for(&leaderships, before + 1));
}

static void end(void)
{
	shut();
	vfs_fault_free(disk);
	loop_free(loop);
	buf_fini(&told);
}

static int make_slots(void *arg, const struct overlay *overlay UNUSED, struct replica_time time,
		      struct change_list *out, struct err *e)
{
	struct asked *asked = arg;
	char id[64];

	EXPECT(time.now_ms >= 0);
	if (asked->refuses)
		return err_set(e, ERR_DENIED, "%s: no", asked->id);
	for (size_t i = 0; i < asked->count; i++) {
		snprintf(id, sizeof(id), i ? "%s.%zu" : "%s", asked->id, i);
		struct slot *slot = change_create(out, KIND_SLOT, id, FIELD_BIT(SLOT_ATTEMPTS));
		slot->attempts = i + 1;
	}
	return 0;
}

static void on_done(void *arg, uint64_t index, const struct err *e)
{
	struct asked *asked = arg;

	EXPECT(!asked->is_done);
	asked->is_done = true;
	asked->index = index;
	asked->has_failed = e != NULL;
	if (e)
		asked->err = *e;
	done_count += e == NULL;
	failed_count += e != NULL;
	if (close_on_done) {
		struct replica *closing = close_on_done;
		close_on_done = NULL;
		replica = NULL;
		replica_close(closing);
	}
}

static struct asked ask_for(const char *id, size_t count)
{
	struct asked asked = { .count = count };

	str_copy(asked.id, sizeof(asked.id), id);
	return asked;
}

static void ask(struct asked *asked)
{
	replica_request(replica, REPLICA_REQUEST, make_slots, on_done, asked);
}

static bool has(const char *id)
{
	return view_find(replica_view(replica), KIND_SLOT, id) != NULL;
}

TEST(replica_leads_alone_and_says_so_from_the_loop)
{
	loop = loop_new();
	disk = vfs_fault_new("bad", 1);
	EXPECT_INT(open_store(), 0);
	EXPECT(!replica_exists(store));
	EXPECT_INT(replica_open(loop, store, "node1", &hooks, &replica, &err), -1);
	shut();
	vfs_fault_free(disk);
	loop_free(loop);

	begin();
	EXPECT(replica_exists(store));
	EXPECT(replica_is_leader(replica));
	EXPECT_STR(replica_cluster_id(replica), "cluster1");
	EXPECT_INT(view_index(replica_view(replica)), 2);
	EXPECT_INT(replica_bootstrap(store, "cluster2", "node1", &err), -1);
	EXPECT_INT(err.code, ERR_CONFLICT);
	end();
}

TEST(replica_applies_and_then_answers)
{
	struct asked one = ask_for("one", 1);

	begin();
	ask(&one);
	EXPECT(!one.is_done);
	EXPECT(wait_for(&done_count, 1));
	EXPECT(has("one"));
	EXPECT_INT(one.index, 3);
	EXPECT_INT(entries, 1);
	EXPECT_STR(buf_text(&told), "one ");
	end();
}

TEST(replica_puts_requests_that_wait_into_one_entry_and_refuses_the_second_of_a_name)
{
	struct asked a = ask_for("a", 1), b = ask_for("b", 2), again = ask_for("a", 1),
		     no = ask_for("no", 1);

	begin();
	no.refuses = true;
	ask(&a);
	ask(&b);
	ask(&again);
	ask(&no);
	EXPECT(wait_for(&done_count, 2));
	EXPECT_INT(entries, 1);
	EXPECT_INT(failed_count, 2);
	EXPECT_INT(again.err.code, ERR_CONFLICT);
	EXPECT_STR(no.err.text, "no: no");
	EXPECT_INT(a.index, b.index);
	EXPECT(has("a") && has("b") && has("b.1") && !has("no"));
	end();
}

TEST(replica_puts_its_own_changes_first_then_reports_then_requests)
{
	struct asked request = ask_for("request", 1), report = ask_for("report", 1);

	begin();
	ask(&request);
	replica_request(replica, REPLICA_STATUS, make_slots, on_done, &report);
	own_wanted = 2;
	EXPECT(wait_for(&done_count, 2));
	EXPECT_INT(entries, 1);
	EXPECT_STR(buf_text(&told), "own0 own1 report request ");
	end();
}

TEST(replica_starves_no_lane)
{
	struct asked reports[20], request = ask_for("request", 1);

	begin();
	own_wanted = 5000;
	for (size_t i = 0; i < ARRAY_COUNT(reports); i++) {
		char id[32];
		snprintf(id, sizeof(id), "report%zu", i);
		reports[i] = ask_for(id, PROPOSE_REQUEST_MAX);
		replica_request(replica, REPLICA_STATUS, make_slots, on_done, &reports[i]);
	}
	ask(&request);
	EXPECT(wait_for(&done_count, 21));
	EXPECT_INT(reports[0].index, request.index);
	EXPECT_INT(reports[1].index, request.index + 1);
	/* one beside 500 of our own in each of ten entries, then two */
	EXPECT_INT(reports[19].index, request.index + 14);
	end();
}

TEST(replica_answers_at_once_who_asks_for_nothing_new)
{
	struct asked nothing = ask_for("nothing", 0);

	begin();
	ask(&nothing);
	EXPECT(wait_for(&done_count, 1));
	EXPECT_INT(nothing.index, 2);
	EXPECT_INT(entries, 0);
	end();
}

TEST(replica_refuses_a_request_that_is_too_large)
{
	struct asked large = ask_for("large", PROPOSE_REQUEST_MAX + 1),
		     fits = ask_for("fits", PROPOSE_REQUEST_MAX);

	begin();
	ask(&large);
	ask(&fits);
	EXPECT(wait_for(&done_count, 1));
	EXPECT_INT(large.err.code, ERR_INVALID);
	EXPECT_STR(large.err.text, "251 changes at once; at most 250 are allowed");
	EXPECT(!fits.has_failed);
	end();
}

TEST(replica_refuses_when_too_many_wait)
{
	struct asked *many = NEW_ARRAY(struct asked, REPLICA_QUEUE_MAX + 1);

	begin();
	for (size_t i = 0; i <= REPLICA_QUEUE_MAX; i++) {
		char id[32];
		snprintf(id, sizeof(id), "r%zu", i);
		many[i] = ask_for(id, 1);
		ask(&many[i]);
	}
	EXPECT(wait_for(&failed_count, 1));
	EXPECT_INT(many[REPLICA_QUEUE_MAX].err.code, ERR_EXHAUSTED);
	EXPECT(wait_for(&done_count, REPLICA_QUEUE_MAX));
	EXPECT(entries >= REPLICA_QUEUE_MAX / CHANGES_MAX && entries < 20);
	end();
	free(many);
}

TEST(replica_comes_back_with_everything_and_with_its_time)
{
	struct asked one = ask_for("one", 3), two = ask_for("two", 1);

	begin();
	ask(&one);
	EXPECT(wait_for(&done_count, 1));
	uint64_t sum = view_sum(replica_view(replica));
	uint64_t index = view_index(replica_view(replica));
	msec now = view_now(
		replica_view(replica)); /* what passed after the last entry is not counted */
	shut();
	EXPECT_INT(open_store(), 0);
	entries = 0;
	EXPECT_INT(open_replica(), 0);
	EXPECT(has("one.2")); /* before anything was written and before the loop runs */
	EXPECT(view_sum(replica_view(replica)) == sum);
	EXPECT_INT(view_index(replica_view(replica)), index);
	EXPECT_INT(entries, 0); /* what was applied before is no news */
	EXPECT(replica_now(replica) >= now);
	EXPECT(!is_leader);
	ask(&two);
	EXPECT(wait_for(&done_count, 2));
	EXPECT_INT(two.index, index + 2);
	end();
}

TEST(replica_replays_its_log_after_a_power_loss)
{
	struct asked one = ask_for("one", 1);

	begin();
	ask(&one);
	EXPECT(wait_for(&done_count, 1));
	vfs_fault_unplug_in(disk, 1);
	shut();
	vfs_fault_power_loss(disk);
	EXPECT_INT(open_store(), 0);
	EXPECT_INT(open_replica(), 0);
	EXPECT(has("one"));
	end();
}

/* Until state.db is on the disk, and the log cut behind it. */
static bool checkpoint(void)
{
	store_state_checkpoint(store);
	for (msec until = clock_boot_ms() + 60000;
	     raft_status(replica->raft).first == 1 && clock_boot_ms() < until;)
		loop_run_once(loop, 50);
	return raft_status(replica->raft).first > 1;
}

TEST(replica_cuts_its_log_below_what_the_state_holds)
{
	struct asked one = ask_for("one", 1), two = ask_for("two", 1);
	struct store_loaded loaded;
	struct store_cluster_options options = { 0 };

	begin();
	ask(&one);
	EXPECT(wait_for(&done_count, 1));
	EXPECT(checkpoint());
	ask(&two);
	EXPECT(wait_for(&done_count, 2));
	shut();
	EXPECT_INT(open_store(), 0);
	EXPECT_INT(store_cluster_open(store, &options, &loaded, &err), 0);
	EXPECT(loaded.log.entry_count > 0);
	EXPECT(loaded.log.entries[0].index > 1);
	store_loaded_fini(&loaded);
	store_close(store);
	store = NULL;
	reopen();
	EXPECT(has("one") && has("two"));
	end();
}

TEST(replica_refuses_changes_while_the_disk_is_full_and_goes_on_afterwards)
{
	struct asked before = ask_for("before", 1), full = ask_for("full", 1),
		     more = ask_for("more", 1), after = ask_for("after", 1);

	begin();
	ask(&before);
	EXPECT(wait_for(&done_count, 1));
	vfs_fault_set_capacity(disk, 1);
	own_wanted = 1;
	ask(&full);
	EXPECT(wait_for(&failed_count, 1));
	EXPECT_STR(full.err.text, "cannot write raft.db: the disk is full");
	EXPECT_INT(losses, 1);
	ask(&more);
	EXPECT(wait_for(&failed_count, 2));
	EXPECT(!is_leader && !replica_is_leader(replica));
	EXPECT(has("before")); /* reads go on */
	msec now = replica_now(replica);

	uint64_t acts = vfs_fault_acts(disk);
	for (msec until = clock_boot_ms() + 300; clock_boot_ms() < until;)
		loop_run_once(loop, 50);
	EXPECT(vfs_fault_acts(disk) - acts < 100); /* it does not hammer a disk that is full */

	vfs_fault_set_capacity(disk, 0);
	EXPECT(wait_for(&leaderships, 2));
	EXPECT(replica_now(replica) >= now);
	ask(&after);
	EXPECT(wait_for(&done_count, 2));
	EXPECT(has("before") && has("after") && !has("more"));
	EXPECT_INT(stops, 0);
	end();
}

TEST(replica_opens_on_a_full_disk_and_shows_everything)
{
	struct asked one = ask_for("one", 1);

	begin();
	EXPECT(checkpoint());
	ask(&one);
	EXPECT(wait_for(&done_count, 1));
	vfs_fault_unplug_in(disk, 1);
	shut();
	vfs_fault_power_loss(disk);
	vfs_fault_set_capacity(disk, 1);
	EXPECT_INT(open_store(), 0);
	EXPECT_INT(open_replica(), 0);
	EXPECT(has("one"));
	struct asked full = ask_for("full", 1);
	ask(&full);
	EXPECT(wait_for(&failed_count, 1));
	vfs_fault_set_capacity(disk, 0);
	EXPECT(wait_for(&leaderships, 2));
	EXPECT(has("one"));
	end();
}

/* And a change that was refused is not made later: a sync may fail when the bytes are there. */
TEST(replica_goes_on_after_any_one_write_or_sync_failed)
{
	CLEANUP(strlist_finip) struct strlist refused = { 0 };

	begin();
	for (uint64_t nth = 1; nth < 24; nth++) {
		struct asked some[6];
		EXPECT(wait_for_leader());
		unsigned settled = done_count + failed_count;
		if (nth % 2)
			vfs_fault_fail_write_in(disk, nth / 2 + 1);
		else
			vfs_fault_fail_sync_in(disk, nth / 2);
		for (unsigned i = 0; i < ARRAY_COUNT(some); i++) {
			char id[32];
			snprintf(id, sizeof(id), "n%u.%u", (unsigned)nth, i);
			some[i] = ask_for(id, 1);
			ask(&some[i]);
			msec until = clock_boot_ms() + 60000;
			while (!some[i].is_done && clock_boot_ms() < until)
				loop_run_once(loop, 50);
			EXPECT(some[i].is_done);
			EXPECT(some[i].has_failed || has(id));
			if (some[i].has_failed && !strstr(some[i].err.text, "not known"))
				strlist_add(&refused, id);
		}
		EXPECT_INT(done_count + failed_count, settled + ARRAY_COUNT(some));
	}
	vfs_fault_fail_write_in(disk, 0);
	vfs_fault_fail_sync_in(disk, 0);
	EXPECT(failed_count > 0 && done_count > 30);
	EXPECT_INT(stops, 0);
	EXPECT(wait_for_leader());      /* a change of which nothing is known may yet be made */
	uint64_t sum = view_sum(replica_view(replica));
	shut();
	reopen();
	EXPECT(view_sum(replica_view(replica)) == sum);
	EXPECT(refused.count > 0);
	for (size_t i = 0; i < refused.count; i++)
		EXPECT(!has(refused.items[i]));
	end();
}

/* Power goes at some act of the disk while changes are made; true while it went before their end. */
static bool survives(uint64_t unplug_in)
{
	struct asked some[8];
	size_t count = 0;

	leaderships = done_count = failed_count = 0;
	begin();
	vfs_fault_unplug_in(disk, unplug_in);
	for (; count < ARRAY_COUNT(some) && failed_count == 0; count++) {
		char id[32];
		snprintf(id, sizeof(id), "s%zu", count);
		some[count] = ask_for(id, 2);
		ask(&some[count]);
		if (count == 4)
			store_state_checkpoint(store);
		msec until = clock_boot_ms() + 60000;
		while (!some[count].is_done && clock_boot_ms() < until)
			loop_run_once(loop, 50);
	}
	shut();
	vfs_fault_power_loss(disk);
	reopen();
	for (size_t i = 0; i < count; i++) {
		char second[40];
		snprintf(second, sizeof(second), "s%zu.1", i);
		EXPECT(some[i].has_failed || has(some[i].id));
		EXPECT_INT(has(some[i].id), has(second)); /* whole or not at all */
	}
	bool was_cut = failed_count > 0;
	end();
	told = (struct buf)BUF_INIT;
	return was_cut;
}

TEST_TIMEOUT(replica_keeps_every_answered_change_when_the_power_goes_at_any_act, 600)
{
	uint64_t unplug_in = 1;

	while (survives(unplug_in))
		unplug_in++;
	EXPECT(unplug_in > 20);
}

TEST(replica_answers_who_waits_when_it_is_closed)
{
	struct asked waiting = ask_for("waiting", 1);

	begin();
	vfs_fault_hold(disk, true);
	ask(&waiting);
	loop_run_once(loop, 10);
	EXPECT(!waiting.is_done);
	vfs_fault_hold(disk, false);
	shut();
	EXPECT(waiting.is_done && waiting.has_failed);
	EXPECT_INT(waiting.err.code, ERR_UNAVAILABLE);
	EXPECT_INT(open_store(), 0);
	EXPECT_INT(open_replica(), 0);
	end();
}

TEST(replica_may_be_closed_by_an_answer)
{
	struct asked first = ask_for("first", 1), second = ask_for("second", 1);

	begin();
	ask(&first);
	ask(&second);
	close_on_done = replica;
	EXPECT(wait_for(&done_count, 2));
	EXPECT(first.is_done && second.is_done);
	EXPECT(replica == NULL);
	EXPECT_INT(store_cluster_wipe(store, &err), 0);
	EXPECT(!replica_exists(store));
	end();
}

TEST(replica_may_be_closed_by_a_refusal)
{
	struct asked no = ask_for("no", 1), wants = ask_for("wants", 1);

	begin();
	no.refuses = true;
	ask(&no);
	ask(&wants);
	close_on_done = replica;
	EXPECT(wait_for(&failed_count, 2));
	EXPECT(no.is_done && wants.is_done && replica == NULL);
	end();
}

static void append_raw(uint64_t index, const void *bytes, size_t size)
{
	struct store_loaded loaded;
	struct store_cluster_options options = { 0 };

	EXPECT_INT(store_cluster_open(store, &options, &loaded, &err), 0);
	struct store_entry entry = { index, loaded.log.hard.term, 1, 0, bytes, size };
	struct store_append append = { loaded.log.hard, false, &entry, 1 };
	EXPECT_INT(store_log_append(store, &append, NULL, NULL, &err), 0);
	store_loaded_fini(&loaded);
	store_cluster_close(store);
}

TEST(replica_does_not_open_on_an_entry_of_a_newer_version)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct arena arena;
	struct change_list list;

	arena_init(&arena, "test", 1 << 20);
	change_list_init(&list, &arena);
	change_list_encode(&list, &(struct entry_head){ .format_level = FORMAT_LEVEL + 1 }, &bytes);
	begin();
	replica_close(replica);
	append_raw(3, bytes.data, bytes.len);
	EXPECT_INT(open_replica(), -1);
	EXPECT_INT(err.code, ERR_UNSUPPORTED);
	EXPECT_STR(err.text, "log entry 3: entry: format level 3 is newer than this version's 2");
	replica = NULL;
	end();
	arena_fini(&arena);
}

TEST(replica_does_not_open_the_log_of_another_node)
{
	begin();
	replica_close(replica);
	EXPECT_INT(replica_open(loop, store, "node2", &hooks, &replica, &err), -1);
	EXPECT_STR(err.text, "raft.db belongs to node node1, this is node node2");
	replica = NULL;
	end();
}
