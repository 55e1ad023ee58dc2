#include "agent/health.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

/* A life in words: "timer" comes when it is due, "+500" lets time pass, the rest is what happens. Each word's acts up to a bar. */
static struct health_in event_of(const char *word, msec now)
{
	struct health_in in = { .now = now, .wall = now * 1000000, .text = "" };

	if (str_eq(word, "start") || str_eq(word, "resume")) {
		in.event = HEALTH_START;
		in.was_healthy = word[0] == 'r';
	} else if (str_eq(word, "on")) {
		in.event = HEALTH_RESUME;
	} else if (str_eq(word, "timer")) {
		in.event = HEALTH_TIMER;
	} else if (str_eq(word, "began")) {
		in.event = HEALTH_PROBE_BEGAN;
	} else if (str_eq(word, "lost")) {
		in.event = HEALTH_PROBE_FAILED;
		in.text = "no such program";
	} else if (str_eq(word, "skipped")) {
		in.event = HEALTH_PROBE_SKIPPED;
	} else if (str_eq(word, "stop")) {
		in.event = HEALTH_STOP;
	} else {
		in.event = HEALTH_PROBE_ENDED;
		in.exit_code = str_eq(word, "ok") ? 0 : 1;
		in.text = str_eq(word, "ok") ? "fine" : "refused\n";
	}
	return in;
}

static void tell(const struct health *health, const struct health_out *out, struct buf *text)
{
	static const char *const names[] = { "probe", "kill", "timer", "tell" };

	for (unsigned i = 0; i < out->count; i++) {
		buf_printf(text, " %s", names[out->acts[i]]);
		if (out->acts[i] == HEALTH_ACT_TIMER)
			buf_printf(text, "=%lld", (long long)health->timer_ms);
		if (out->acts[i] == HEALTH_ACT_TELL)
			buf_printf(text, "=%s", health_status_name(health->status));
	}
	buf_add_str(text, " |");
}

static void play(struct health *health, const char *script, struct buf *text)
{
	char copy[512], *save = NULL;
	msec now = 1000;

	snprintf(copy, sizeof copy, "%s", script);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		struct health_out out;

		if (word[0] == '+') {
			now += strtoll(word + 1, NULL, 10);
			continue;
		}
		if (str_eq(word, "timer") && health->timer_ms)
			now = health->timer_ms;
		struct health_in in = event_of(word, now);
		health_step(health, &in, &out);
		tell(health, &out, text);
	}
	buf_printf(text, " %s %lld", health_status_name(health->status), (long long)health->streak);
}

static char *check_line[] = { (char[]){ "CMD-SHELL" }, (char[]){ "true" } };

/* interval 10 s, timeout 2 s, three in a row */
static struct health_config plain(void)
{
	return (struct health_config){ .test = { check_line, 2 }, .interval_ns = 10000000000, .timeout_ns = 2000000000 };
}

static void expect(struct health_config config, const char *script, const char *want)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct health health;

	health_init(&health, &config);
	play(&health, script, &text);
	EXPECT_STR(buf_text(&text), want);
	health_fini(&health);
}

TEST(health_one_success_makes_healthy_and_checks_go_on)
{
	expect(plain(), "start timer began +500 ok timer",
	       " timer=11000 | probe timer=41000 | timer=13000 | tell=healthy timer=21500 | probe timer=51500 | healthy 0");
}

TEST(health_three_failures_in_a_row_make_unhealthy_and_a_success_healthy_again)
{
	expect(plain(), "start timer began bad timer began bad timer began bad",
	       " timer=11000 | probe timer=41000 | timer=13000 | timer=21000 | probe timer=51000 | timer=23000 | timer=31000 |"
	       " probe timer=61000 | timer=33000 | tell=unhealthy timer=41000 | unhealthy 3");
	expect(plain(), "start timer began bad timer began bad timer began ok timer began bad",
	       " timer=11000 | probe timer=41000 | timer=13000 | timer=21000 | probe timer=51000 | timer=23000 | timer=31000 |"
	       " probe timer=61000 | timer=33000 | tell=healthy timer=41000 | probe timer=71000 | timer=43000 | timer=51000 | healthy 1");
	expect(plain(), "start timer bad timer bad timer bad timer bad timer ok",
	       " timer=11000 | probe timer=41000 | timer=21000 | probe timer=51000 | timer=31000 | probe timer=61000 |"
	       " tell=unhealthy timer=41000 | probe timer=71000 | timer=51000 | probe timer=81000 | tell=healthy timer=61000 | healthy 0");
}

TEST(health_failures_in_the_start_period_do_not_count)
{
	struct health_config config = plain();

	config.start_period_ns = 25000000000;
	config.start_interval_ns = 10000000000;
	config.retries = 1;
	expect(config, "start timer bad timer bad timer bad",
	       " timer=11000 | probe timer=41000 | timer=21000 | probe timer=51000 | timer=31000 | probe timer=61000 |"
	       " tell=unhealthy timer=41000 | unhealthy 1");
	/* healthy in it: from now on each failure counts, and the interval is the ordinary one */
	config.start_interval_ns = 1000000000;
	expect(config, "start timer ok timer bad",
	       " timer=2000 | probe timer=32000 | tell=healthy timer=12000 | probe timer=42000 | tell=unhealthy timer=22000 | unhealthy 1");
}

TEST(health_the_start_interval_is_five_seconds_unless_said)
{
	struct health_config config = plain();

	config.start_period_ns = 60000000000;
	expect(config, "start timer bad", " timer=6000 | probe timer=36000 | timer=11000 | starting 0");
}

TEST(health_a_check_that_takes_too_long_is_killed_and_has_failed)
{
	struct health_config config = plain();
	struct health health;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	config.retries = 1;
	health_init(&health, &config);
	play(&health, "start timer began timer bad", &text);
	EXPECT_STR(buf_text(&text), " timer=11000 | probe timer=41000 | timer=13000 | kill | tell=unhealthy timer=23000 | unhealthy 1");
	EXPECT_INT(health.log_count, 1);
	EXPECT_INT(health.log[0].exit_code, -1);
	EXPECT_STR(health.log[0].output, "Health check exceeded timeout (2s): refused\n");
	EXPECT_INT(health.log[0].start_wall, 11000000000);
	EXPECT_INT(health.log[0].end_wall, 13000000000);
	health_fini(&health);
}

TEST(health_a_check_that_cannot_be_run_has_failed)
{
	struct health_config config = plain();
	struct health health;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	config.retries = 2;
	health_init(&health, &config);
	play(&health, "start timer lost timer timer bad", &text);      /* the second does not even begin */
	EXPECT_STR(buf_text(&text), " timer=11000 | probe timer=41000 | timer=21000 | probe timer=51000 | kill |"
		   " tell=unhealthy timer=61000 | unhealthy 2");
	EXPECT_STR(health.log[0].output, "no such program");
	EXPECT_STR(health.log[1].output, "timed out starting health check");
	EXPECT_INT(health.log[1].exit_code, -1);
	health_fini(&health);
}

TEST(health_a_check_that_is_left_out_says_nothing_and_the_next_one_comes)
{
	struct health_config config = plain();
	struct health health;
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	config.retries = 1;
	health_init(&health, &config);
	play(&health, "start timer skipped timer began timer skipped timer ok skipped", &text);
	EXPECT_STR(buf_text(&text), " timer=11000 | probe timer=41000 | timer=21000 | probe timer=51000 | timer=23000 | kill | timer=33000 |"
		   " probe timer=63000 | tell=healthy timer=43000 | | healthy 0");
	EXPECT_INT(health.log_count, 1);
	health_fini(&health);
	/* a failure counts with those before it */
	config.retries = 2;
	expect(config, "start timer bad timer skipped timer bad",
	       " timer=11000 | probe timer=41000 | timer=21000 | probe timer=51000 | timer=31000 | probe timer=61000 |"
	       " tell=unhealthy timer=41000 | unhealthy 2");
}

TEST(health_stops_with_its_container_and_says_nothing_more)
{
	expect(plain(), "start stop timer ok", " timer=11000 | timer=0 | | | starting 0");
	expect(plain(), "start timer began stop bad", " timer=11000 | probe timer=41000 | timer=13000 | kill timer=0 | | starting 0");
	expect(plain(), "start timer ok stop start", " timer=11000 | probe timer=41000 | tell=healthy timer=21000 | timer=0 | timer=21000 |"
	       " starting 0");
}

TEST(health_of_a_resumed_container_goes_on)
{
	expect(plain(), "resume timer bad", " timer=11000 | probe timer=41000 | timer=21000 | healthy 1");
}

TEST(health_of_a_container_that_stood_still_goes_on_from_what_is_known)
{
	expect(plain(), "start timer ok stop +5000 on timer bad on", " timer=11000 | probe timer=41000 | tell=healthy timer=21000 | timer=0 |"
	       " timer=26000 | probe timer=56000 | timer=36000 | | healthy 1");
}

TEST(health_without_a_check_does_nothing)
{
	char *none[] = { (char[]){ "NONE" } };

	expect((struct health_config){ 0 }, "start stop on", " | | | none 0");
	expect((struct health_config){ .test = { none, 1 } }, "start stop", " | | none 0");
	EXPECT(!health_is_on(&(struct health_config){ .test = { none, 1 } }));
}

TEST(health_keeps_the_last_five_results)
{
	struct health_config config = plain();
	struct health health;
	CLEANUP(buf_finip) struct buf text = BUF_INIT, words = BUF_INIT;

	health_init(&health, &config);
	play(&health, "start timer ok timer bad timer ok timer bad timer ok timer bad timer bad", &text);
	EXPECT_INT(health.log_count, 5);
	for (unsigned i = 0; i < 5; i++)
		EXPECT_INT(health.log[i].exit_code, "01011"[i] - '0');
	EXPECT_INT(health.log[0].start_wall, 31000000000);
	health_last_words(&health, 100, &words);
	EXPECT_STR(buf_text(&words), "refused");
	buf_clear(&words);
	health_last_words(&health, 3, &words);
	EXPECT_STR(buf_text(&words), "ref");
	health_fini(&health);
}

TEST(health_takes_from_the_image_what_the_user_leaves_out)
{
	struct health_config image = { .test = { check_line, 2 }, .interval_ns = 1, .timeout_ns = 2, .start_period_ns = 3,
				       .start_interval_ns = 4, .retries = 5 };
	struct health_config own = { .interval_ns = 10, .retries = 50 }, got;
	char *none[] = { (char[]){ "NONE" } };

	got = health_merge(&own, &image);
	EXPECT(got.test.count == 2 && got.interval_ns == 10 && got.timeout_ns == 2 && got.start_period_ns == 3);
	EXPECT(got.start_interval_ns == 4 && got.retries == 50);
	EXPECT_INT(health_merge(NULL, &image).retries, 5);
	EXPECT_INT(health_merge(&own, NULL).test.count, 0);
	own.test = (struct str_array){ none, 1 };
	got = health_merge(&own, &image);
	EXPECT(!health_is_on(&got));
	EXPECT_INT(health_times(&(struct health_config){ .interval_ns = 1 }).interval, 1);
	EXPECT_INT(health_times(&(struct health_config){ 0 }).timeout, 30000);
}

TEST(health_reads_output_out_of_frames_however_they_are_cut)
{
	static const uint8_t frames[] = "\1\0\0\0\0\0\0\2ab\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\3cde";

	for (size_t piece = 1; piece < sizeof frames; piece++) {
		struct health_output output = { .text = BUF_INIT };

		for (size_t at = 0; at < sizeof frames - 1; at += piece)
			health_output_take(&output, frames + at, MIN(piece, sizeof frames - 1 - at));
		EXPECT_STR(buf_text(&output.text), "abcde");
		buf_fini(&output.text);
	}
}

TEST(health_cuts_long_output)
{
	static const uint8_t header[] = { 1, 0, 0, 0, 0, 0, 0x20, 0 };
	struct health_output output = { .text = BUF_INIT };
	char many[0x1000];

	memset(many, 'x', sizeof many);
	health_output_take(&output, header, sizeof header);
	health_output_take(&output, many, sizeof many);
	EXPECT_INT(output.text.len, 4096);
	health_output_take(&output, many, sizeof many);
	EXPECT_INT(output.text.len, 4099);
	EXPECT(str_ends(buf_text(&output.text), "x..."));
	buf_fini(&output.text);
}
