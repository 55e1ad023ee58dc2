#include "dispatch/node_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/str.h"

/* FNV-1a, then a finaliser (Stafford's variant 13 of MurmurHash3's), so that near ids are far apart. */
uint64_t node_session_weight(const char *node_id, const char *manager_id)
{
	const char *const parts[] = { node_id, "/", manager_id };
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < ARRAY_COUNT(parts); i++)
		for (const char *at = parts[i]; *at; at++)
			h = (h ^ (uint8_t)*at) * 0x100000001b3;
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9;
	h = (h ^ (h >> 27)) * 0x94d049bb133111eb;
	return h ^ (h >> 31);
}

void node_session_init(struct node_session *s, const char *node_id, uint64_t seed)
{
	*s = (struct node_session){ .beat_ms = SESSION_BEAT_MS, .slowest_ms = SESSION_WAIT_MAX_MS / SESSION_WAIT_TIMES };
	check(str_copy(s->node_id, sizeof s->node_id, node_id));
	rng_seed(&s->rng, seed);
}

static bool is_liked_more(const struct node_session *s, const struct session_manager *a, const struct session_manager *b)
{
	uint64_t left = node_session_weight(s->node_id, a->node_id), right = node_session_weight(s->node_id, b->node_id);

	return left != right ? left > right : strcmp(a->node_id, b->node_id) > 0;
}

static void insert(const struct node_session *s, struct session_manager *list, size_t *count, const struct manager_at *at)
{
	struct session_manager item = { 0 };
	size_t place = *count;

	if (str_is_empty(at->address) || !str_copy(item.node_id, sizeof item.node_id, at->node_id) ||
	    !str_copy(item.address, sizeof item.address, at->address) || *count == DISPATCH_MANAGERS_MAX)
		return;
	for (size_t i = 0; i < *count; i++)
		if (str_eq(list[i].node_id, item.node_id))
			return;
	for (; place > 0 && is_liked_more(s, &item, &list[place - 1]); place--)
		list[place] = list[place - 1];
	list[place] = item;
	++*count;
}

bool node_session_set_managers(struct node_session *s, const struct manager_ats *managers)
{
	struct session_manager *list = calloc(DISPATCH_MANAGERS_MAX, sizeof *list);
	const struct session_manager *target = node_session_target(s);
	char target_id[ID_SIZE] = "";
	size_t count = 0;
	bool differs;

	check(list);
	if (target)
		str_copy(target_id, sizeof target_id, target->node_id);
	for (size_t i = 0; i < managers->count; i++)
		insert(s, list, &count, &managers->items[i]);
	differs = count != s->count || memcmp(list, s->managers, count * sizeof *list) != 0;
	if (differs && count) {
		memcpy(s->managers, list, count * sizeof *list);
		s->count = count;
		s->next = 0;
		/* whoever we talk to stays the one we talk to */
		for (size_t i = 0; i < count && s->state != SESSION_IDLE; i++)
			if (str_eq(list[i].node_id, target_id))
				s->next = i;
	}
	free(list);
	return differs && count;
}

const struct session_manager *node_session_target(const struct node_session *s)
{
	return s->count ? &s->managers[s->next % s->count] : NULL;
}

msec node_session_wait_ms(const struct node_session *s)
{
	return MIN(MAX(SESSION_WAIT_TIMES * s->slowest_ms, (msec)SESSION_WAIT_MIN_MS), (msec)SESSION_WAIT_MAX_MS);
}

static void add(struct session_out *out, enum session_act act)
{
	check(out->count < SESSION_MAX_ACTS);
	out->acts[out->count++] = act;
}

static void set_timer(struct session_out *out, msec at)
{
	out->timer_ms = at;
	add(out, SESSION_ACT_TIMER);
}

static void dial(struct node_session *s, msec now, struct session_out *out)
{
	if (!s->count)
		return;
	s->state = SESSION_DIALLING;
	s->sequence = 0;
	add(out, SESSION_ACT_DIAL);
	set_timer(out, now + SESSION_OPEN_MS);
}

static msec pause_ms(struct node_session *s)
{
	msec most = SESSION_BACKOFF_MIN_MS;

	for (unsigned i = 1; i < s->rounds && most < SESSION_BACKOFF_MAX_MS; i++)
		most *= 2;
	most = MIN(most, SESSION_BACKOFF_MAX_MS);
	return most / 2 + (msec)rng_below(&s->rng, (uint64_t)most / 2 + 1);
}

/* The next one at once; after the last one a pause. */
static void fail(struct node_session *s, msec now, struct session_out *out)
{
	bool was_proven = s->state == SESSION_UP && now - s->up_since >= SESSION_PROVEN_MS;

	s->state = SESSION_IDLE;
	if (was_proven) {
		s->rounds = 0;
		s->next = s->next % s->count == 0;      /* a favourite that is lost may be silent for long */
	} else {
		s->next++;
	}
	if (s->next >= s->count) {
		s->next = 0;
		s->rounds++;
		set_timer(out, now + pause_ms(s));
	} else {
		set_timer(out, now);            /* not from within: whoever told us is still on the stack */
	}
}

static void timer(struct node_session *s, msec now, struct session_out *out)
{
	switch (s->state) {
	case SESSION_IDLE:
		dial(s, now, out);
		break;
	case SESSION_DIALLING:
	case SESSION_OPENING:
		add(out, SESSION_ACT_CLOSE);
		fail(s, now, out);
		break;
	case SESSION_UP:
		add(out, SESSION_ACT_BEAT);
		if (!s->beats_out++)
			s->beat_at = now;
		set_timer(out, now + s->beat_ms);
		break;
	}
}

void node_session_step(struct node_session *s, const struct session_in *in, struct session_out *out)
{
	*out = (struct session_out){ 0 };
	if (s->is_stopped)
		return;
	switch (in->event) {
	case SESSION_TIMER:
		timer(s, in->now, out);
		break;
	case SESSION_CONNECTED:
		if (s->state != SESSION_DIALLING)
			break;
		s->state = SESSION_OPENING;
		add(out, SESSION_ACT_OPEN);
		break;
	case SESSION_OPENED:
		if (s->state != SESSION_OPENING)
			break;
		s->state = SESSION_UP;
		s->up_since = in->now;
		s->beats_out = 0;
		s->beat_ms = in->value ? (msec)MIN(in->value, 60000) : SESSION_BEAT_MS;
		add(out, SESSION_ACT_TELL_OPEN);
		set_timer(out, in->now + s->beat_ms);
		break;
	case SESSION_BEATEN:
		if (s->state != SESSION_UP || !s->beats_out)
			break;
		s->slowest_ms = MAX(s->slowest_ms * 7 / 8, in->now - s->beat_at);
		s->beats_out--;
		s->beat_at += s->beat_ms;
		break;
	case SESSION_LOST:
		if (s->state != SESSION_IDLE)
			fail(s, in->now, out);
		break;
	case SESSION_ASSIGNED:
		if (s->state == SESSION_IDLE)
			break;
		if (in->value == s->sequence + 1) {
			s->sequence++;
			break;
		}
		add(out, SESSION_ACT_CLOSE);
		fail(s, in->now, out);
		break;
	case SESSION_MANAGERS:
		if (s->state == SESSION_IDLE)
			dial(s, in->now, out);
		break;
	case SESSION_STOP:
		s->is_stopped = true;
		if (s->state != SESSION_IDLE)
			add(out, SESSION_ACT_CLOSE);
		s->state = SESSION_IDLE;
		set_timer(out, 0);
		break;
	}
}
