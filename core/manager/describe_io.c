/* What nodes say of themselves, into the state. The manager that has a node's session goes on comparing the two, with each beat that finds the
 * node's object written since: so a description gets there whatever is lost on its way, and one that came twice, or late, and stands where a newer
 * one of another manager stood, is written over by whomever the node is with. This node is with itself.
 *
 * Of a clock the node cannot say itself whether it is right: the manager of its session compares it with the swarm's, the leader compares
 * those of managers (lead_io.c). */
#include <stdlib.h>
#include <string.h>

#include "base/ip.h"
#include "base/panic.h"
#include "base/str.h"
#include "dispatch/clock_skew.h"
#include "manager/manager_internal.h"
#include "os/clock.h"
#include "os/log.h"

/* Answers take some time: what is less is no news. */
static const nsec clock_step = 10000000000;
enum { HOSTNAME_MAX = 255 };

void describe_tidy_line(char *text, size_t max)
{
	if (!text)
		return;
	if (strlen(text) > max)
		text[max] = 0;
	str_make_line(text);
}

void describe_tidy(struct node_description *description)
{
	describe_tidy_line(description->hostname, HOSTNAME_MAX);
	describe_tidy_line(description->platform.architecture, HOSTNAME_MAX);
	describe_tidy_line(description->platform.os, HOSTNAME_MAX);
	describe_tidy_line(description->engine.version, HOSTNAME_MAX);
}

static void saying_free(struct saying *saying)
{
	if (!saying)
		return;
	shape_fini(&node_description_shape, &saying->description);
	free(saying->address);
	free(saying);
}

static bool is_own(const struct manager *m, const char *node_id)
{
	return str_eq(node_id, m->node_id);
}

/* ---- into the state ---------------------------------------------------------------------------------------------- */

static void told(void *arg, const char *id, uint64_t index UNUSED, const struct err *err)
{
	struct manager *m = arg;
	struct saying *saying = map_get(m->sayings, id);

	if (err)
		log_debug("node %s: what it says of itself: %s", id, err->text);
	if (!saying)
		return;
	saying->is_on_its_way = false;
	saying->compared = 0;
}

static void tell(struct manager *m, const char *node_id, struct saying *saying, const struct node_description *description)
{
	struct ask *ask = ask_new(m, VERB_NODE_DESCRIBE, node_id, told, m);

	shape_copy(&node_description_shape, description, &ask->arena, &ask->verb.description);
	ask->verb.address = arena_strdup(&ask->arena, saying->address);
	ask->saying = saying->number;
	saying->is_on_its_way = true;
	ask_begin(ask);
}

/* "10.0.0.1:41234" is at "10.0.0.1", and at nothing else; what is no address is nowhere, and nothing is written of it. */
static bool is_at(const char *address, const char *host)
{
	char here[256];

	return !*hostport_host(address ? address : "", here) || str_eq(hostport_host(address, here), host);
}

/* On the heap; NULL: none. This host's own clock may have been set since, and until it knows the swarm's it blames nobody. */
static char *clock_trouble(const struct manager *m, const char *node_id, const struct saying *saying, const struct node *node)
{
	nsec clock = saying->clock_at_boot ? saying->clock_at_boot + clock_boot_ns() : 0;

	if (!m->knows_clock)
		return str_is_empty(node->description.clock) ? NULL : str_dup(node->description.clock);
	return clock_skew_sentence(is_own(m, node_id) ? clock_wall_ns() : clock, describe_swarm_clock(m));
}

void describe_look(struct manager *m, const char *node_id)
{
	struct saying *saying = map_get(m->sayings, node_id);
	const struct view_object *object = saying ? view_find(manager_view(m), KIND_NODE, node_id) : NULL;
	CLEANUP(str_freep) char *clock = NULL;
	struct node_description description;
	const struct node *node;

	if (!object || saying->is_on_its_way || object->meta.version == saying->compared)
		return;
	saying->compared = object->meta.version;
	node = object->value;
	description = saying->description;
	description.clock = clock = clock_trouble(m, node_id, saying, node);
	if (str_is_empty(description.tls.trust_root))
		description.tls = node->description.tls;
	if (shape_equal(&node_description_shape, &node->description, &description) && is_at(saying->address, node->status.address))
		return;
	if (clock && !str_eq(clock, node->description.clock))
		log_warn("node %s: %s", node_id, clock);
	tell(m, node_id, saying, &description);
}

void describe_note(struct manager *m, const char *node_id, const struct node_description *description, const char *address, nsec clock)
{
	struct saying *saying = NEW(struct saying);

	shape_copy(&node_description_shape, description, NULL, &saying->description);
	describe_tidy(&saying->description);
	saying->address = str_dup(address);
	saying->clock_at_boot = describe_is_clock(clock) ? clock - clock_boot_ns() : 0;
	saying->number = ++m->saying_number;
	saying_free(map_put(m->sayings, node_id, saying));
	describe_look(m, node_id);
}

void describe_forget(struct manager *m, const char *node_id)
{
	saying_free(map_remove(m->sayings, node_id));
}

bool describe_is_wanted(const struct ask *ask)
{
	const struct manager *m = ask->manager;
	const struct saying *saying = ask->saying ? map_get(m->sayings, ask->verb.id) : NULL;

	if (!ask->saying)
		return true;
	return saying && saying->number == ask->saying && (is_own(m, ask->verb.id) || dispatcher_conn(m->dispatcher, ask->verb.id));
}

void manager_describe_node(struct manager *m, const struct node_description *description, const char *address)
{
	describe_note(m, m->node_id, description, address, 0);
}

void describe_close(struct manager *m)
{
	void *saying;

	for (size_t at = 0; map_next(m->sayings, &at, NULL, &saying);)
		saying_free(saying);
	map_free(m->sayings);
}

/* ---- clocks ------------------------------------------------------------------------------------------------------ */

/* Of another node: nothing that sums of them could not bear. */
bool describe_is_clock(nsec clock)
{
	return clock > 0 && clock < (nsec)1 << 62;
}

nsec describe_swarm_clock(const struct manager *m)
{
	return clock_wall_ns() - m->clock_ahead;
}

bool manager_clock_skew(const struct manager *m, struct buf *out)
{
	return clock_skew_tell(clock_wall_ns(), describe_swarm_clock(m), out);
}

void describe_clock(struct manager *m, nsec swarm_clock)
{
	nsec ahead = clock_wall_ns() - swarm_clock;
	void *saying;

	if (!describe_is_clock(swarm_clock) ||
	    (m->knows_clock && ahead - m->clock_ahead < clock_step && m->clock_ahead - ahead < clock_step))
		return;
	m->knows_clock = true;
	m->clock_ahead = ahead;
	for (size_t at = 0; map_next(m->sayings, &at, NULL, &saying);)
		((struct saying *)saying)->compared = 0;
}
