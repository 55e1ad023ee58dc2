/* /events: what happens on this host and in the cluster, as it happens, and the last few of it. */
#include <stdlib.h>
#include <string.h>

#include "agent/task_container.h"
#include "api/api_internal.h"
#include "base/list.h"
#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "model/json.h"
#include "os/clock.h"

enum { EVENTS_KEPT = 256, SUBSCRIBERS_MAX = 64, EVENT_ARENA_MAX = 1 << 20 };

/* One event, kept with what filters ask for. */
struct event {
	nsec wall;
	const char *type, *scope;       /* constants */
	const char *name;               /* among the attributes */
	char *action, *id, *from;
	struct str_map attributes;
	char *line;             /* its JSON and a newline; NULL: nobody has asked for it yet */
};
struct subscriber {
	struct list node;
	struct event_log *log;
	struct http_request *req;
	struct arena arena;
	struct filters filters;
	nsec until_wall;        /* 0: for ever */
	struct timer timer;
};
struct event_log {
	struct loop *loop;
	struct event ring[EVENTS_KEPT];
	size_t first, count;
	struct list subscribers;
	size_t subscriber_count;
};

static const struct field event_fields[] = { F(1, STR_MAP, event, attributes, "Attributes", FIELD_ALWAYS) };
static const struct shape event_shape = SHAPE(event, event_fields);

struct event_log *event_log_new(struct loop *loop)
{
	struct event_log *log = NEW(struct event_log);

	log->loop = loop;
	list_init(&log->subscribers);
	return log;
}

static void event_fini(struct event *event)
{
	free(event->action);
	free(event->id);
	free(event->from);
	free(event->line);
	shape_fini(&event_shape, event);
}

static void subscriber_free(struct subscriber *subscriber)
{
	timer_cancel(&subscriber->timer);
	list_remove(&subscriber->node);
	subscriber->log->subscriber_count--;
	arena_fini(&subscriber->arena);
	free(subscriber);
}

/* The server is freed first, so no request is left to be finished here. */
void event_log_free(struct event_log *log)
{
	if (!log)
		return;
	LIST_EACH(item, &log->subscribers)
		subscriber_free(CONTAINER_OF(item, struct subscriber, node));
	for (size_t i = 0; i < log->count; i++)
		event_fini(&log->ring[(log->first + i) % EVENTS_KEPT]);
	free(log);
}

/* ---- who wants what ---------------------------------------------------------------------------------------------- */

static const char *const filter_keys[] = {
	"config", "container", "daemon", "event", "image", "label", "network", "node", "plugin", "scope", "secret", "service", "type",
	"volume", NULL
};

/* container=web: the start of an id or a name. As with Docker, of whatever type the event is: service=web brings the events of its
 * containers too, whose names begin with the service's. */
static bool matches_object(const struct filters *filters, const struct event *event)
{
	static const char *const types[] = { "config", "container", "image", "network", "node", "secret", "service", "volume", NULL };

	for (size_t i = 0; types[i]; i++) {
		const struct str_array *values = filters_get(filters, types[i]);
		bool found = false;

		for (size_t j = 0; values && j < values->count; j++)
			found = found || str_starts(event->id, values->items[j]) || str_starts(event->name, values->items[j]);
		if (values && !found)
			return false;
	}
	return true;
}

/* What stands behind the colon of "health_status: healthy" need not be said. */
static bool matches_action(const struct filters *filters, const char *action)
{
	CLEANUP(buf_finip) struct buf first = BUF_INIT;

	buf_add(&first, action, strcspn(action, ":"));
	return filters_exact(filters, "event", action) || filters_exact(filters, "event", buf_text(&first));
}

static bool matches(const struct filters *filters, const struct event *event)
{
	return filters_exact(filters, "type", event->type) && matches_action(filters, event->action) &&
	       filters_exact(filters, "scope", event->scope) && filters_labels(filters, "label", &event->attributes) &&
	       !filters_get(filters, "plugin") && !filters_get(filters, "daemon") && matches_object(filters, event);
}

static char *print(const struct event *event)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *actor;
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	if (str_eq(event->type, "container") || str_eq(event->type, "image")) {
		api_add_str(doc, root, "status", event->action);
		api_add_str(doc, root, "id", event->id);
		if (event->from)
			api_add_str(doc, root, "from", event->from);
	}
	api_add_str(doc, root, "Type", event->type);
	api_add_str(doc, root, "Action", event->action);
	actor = yyjson_mut_obj_add_obj(doc, root, "Actor");
	api_add_str(doc, actor, "ID", event->id);
	yyjson_mut_obj_add_val(doc, actor, "Attributes", yyjson_mut_obj_get(shape_to_json(&event_shape, event, doc), "Attributes"));
	api_add_str(doc, root, "scope", event->scope);
	yyjson_mut_obj_add_int(doc, root, "time", event->wall / 1000000000);
	yyjson_mut_obj_add_int(doc, root, "timeNano", event->wall);
	json_write(doc, root, 0, &out);
	buf_add_char(&out, '\n');
	return buf_take(&out);
}

/* False when the subscriber is no more: a reader so slow that its queue is full loses the stream, and sees that it broke off. */
static bool deliver(struct subscriber *subscriber, struct event *event)
{
	if (!matches(&subscriber->filters, event))
		return true;
	if (!event->line)
		event->line = print(event);
	if (http_reply_write(subscriber->req, event->line, strlen(event->line)))
		return true;
	http_on_gone(subscriber->req, NULL, NULL);
	http_reply_abort(subscriber->req);
	subscriber_free(subscriber);
	return false;
}

/* ---- taking one in ----------------------------------------------------------------------------------------------- */

static int pair_order(const void *a, const void *b)
{
	return strcmp(((const struct str_pair *)a)->key, ((const struct str_pair *)b)->key);
}

static void take(struct event_log *log, const char *type, const char *action, const char *id, const char *scope, const char *from,
		 struct str_pair *attributes, size_t count)
{
	struct event *event, given = { .wall = clock_wall_ns(), .attributes = { attributes, count } };

	if (log->count == EVENTS_KEPT) {
		event_fini(&log->ring[log->first]);
		log->first = (log->first + 1) % EVENTS_KEPT;
		log->count--;
	}
	event = &log->ring[(log->first + log->count++) % EVENTS_KEPT];
	qsort(attributes, count, sizeof *attributes, pair_order);
	shape_copy(&event_shape, &given, NULL, event);
	event->wall = given.wall;
	event->type = type;
	event->scope = scope;
	event->action = str_dup(action);
	event->id = str_dup(id);
	event->from = str_dup(from);
	event->name = str_map_get(&event->attributes, "name");
	event->line = NULL;
	LIST_EACH(item, &log->subscribers)
		deliver(CONTAINER_OF(item, struct subscriber, node), event);
}

static struct str_pair pair(const char *key, const char *value)
{
	return (struct str_pair){ (char *)(uintptr_t)key, (char *)(uintptr_t)(value ? value : "") };
}

void api_on_container(struct api *api, const char *action, const char *container_id, const struct container_spec *spec,
		      const struct container_pair *extra, size_t extra_count)
{
	struct str_pair *attributes = NEW_ARRAY(struct str_pair, spec->labels.count + 2 + extra_count);
	size_t count = 0;

	for (size_t i = 0; i < spec->labels.count; i++)
		if (!task_label_is_inner(spec->labels.items[i].key))
			attributes[count++] = pair(spec->labels.items[i].key, spec->labels.items[i].value);
	attributes[count++] = pair("image", spec->image);
	attributes[count++] = pair("name", spec->name);
	for (size_t i = 0; i < extra_count; i++)
		attributes[count++] = pair(extra[i].key, extra[i].value);
	if (str_eq(action, "start"))
		log_streams_on_start(api, container_id, spec);
	take(api->events, "container", action, container_id, "local", spec->image, attributes, count);
	free(attributes);
}

/* An image that goes is found by none of its names any more: then its id is all that is told. */
void api_on_image(struct api *api, const char *action, const char *image_id, const char *name)
{
	const struct image *image;
	struct str_pair *attributes;
	size_t count = 0, label_count;
	CLEANUP(buf_finip) struct buf id = BUF_INIT;
	struct err err;

	label_count = image_store_get(api->host.images, image_id, &image, &err) == 0 ? image->config.labels.count : 0;
	attributes = NEW_ARRAY(struct str_pair, label_count + 1);
	for (size_t i = 0; i < label_count; i++)
		attributes[count++] = pair(image->config.labels.items[i].name, image->config.labels.items[i].value);
	buf_printf(&id, "sha256:%s", image_id);
	attributes[count++] = pair("name", str_eq(name, image_id) ? buf_text(&id) : name);
	take(api->events, "image", action, buf_text(&id), "local", NULL, attributes, count);
	free(attributes);
}

void api_on_volume(struct api *api, const char *action, const char *name, const struct container_pair *extra, size_t extra_count)
{
	struct str_pair attributes[8] = { pair("driver", "local") };
	size_t count = 1;

	for (size_t i = 0; i < extra_count && count < ARRAY_COUNT(attributes); i++)
		attributes[count++] = pair(extra[i].key, extra[i].value);
	take(api->events, "volume", action, name, "local", NULL, attributes, count);
}

static const char *const actions[] = { [CHANGE_CREATE] = "create", [CHANGE_UPDATE] = "update", [CHANGE_REMOVE] = "remove" };

static void on_service(struct api *api, const struct view *view, const struct state_event *event)
{
	const struct service *before = event->before, *after = event->after;
	const struct service_spec *old = before ? view_service_spec(view, event->id, before->spec_version) : NULL;
	const struct service_spec *new = after ? view_service_spec(view, event->id, after->spec_version) : NULL;
	struct str_pair attributes[7];
	char replicas[2][24];
	size_t count = 0;

	/* what only the orchestrator writes (allocated ports) is nobody's event */
	if (event->op == CHANGE_UPDATE && !(event->mask & (FIELD_BIT(SERVICE_SPEC_VERSION) | FIELD_BIT(SERVICE_UPDATE))))
		return;
	attributes[count++] = pair("name", new ? new->name : old ? old->name : "");
	if (event->op == CHANGE_UPDATE && old && new && service_replicas(old) != service_replicas(new)) {
		snprintf(replicas[0], sizeof replicas[0], "%llu", (unsigned long long)service_replicas(old));
		snprintf(replicas[1], sizeof replicas[1], "%llu", (unsigned long long)service_replicas(new));
		attributes[count++] = pair("replicas.old", replicas[0]);
		attributes[count++] = pair("replicas.new", replicas[1]);
	}
	if (event->op == CHANGE_UPDATE && old && new && !str_eq(old->task.container.image, new->task.container.image)) {
		attributes[count++] = pair("image.old", old->task.container.image);
		attributes[count++] = pair("image.new", new->task.container.image);
	}
	if (event->op == CHANGE_UPDATE && before && after && before->update.state != after->update.state) {
		static const char *const states[] = { "", "updating", "paused", "completed" };
		attributes[count++] = pair("updatestate.new", states[after->update.state]);
	}
	take(api->events, "service", actions[event->op], event->id, "swarm", NULL, attributes, count);
}

static void on_node(struct api *api, const struct state_event *event)
{
	static const char *const availabilities[] = { "active", "pause", "drain" };
	const struct node *before = event->before, *after = event->after;
	struct str_pair attributes[3];
	size_t count = 0;

	attributes[count++] = pair("name", (after ? after : before)->description.hostname);
	if (before && after && before->spec.availability != after->spec.availability) {
		attributes[count++] = pair("availability.old", availabilities[before->spec.availability]);
		attributes[count++] = pair("availability.new", availabilities[after->spec.availability]);
	}
	take(api->events, "node", actions[event->op], event->id, "swarm", NULL, attributes, count);
}

/* Of a change of labels Docker tells too. */
static void on_secret(struct api *api, const struct state_event *event)
{
	const struct secret *secret = event->after ? event->after : event->before;
	struct str_pair attributes[] = { pair("name", secret->spec.name) };

	take(api->events, kind_name(event->kind), actions[event->op], event->id, "swarm", NULL, attributes, 1);
}

void api_on_applied(struct api *api, const struct applied *applied)
{
	const struct view *view = api->host.manager(api->host.arg) ? api_view(api) : NULL;

	log_streams_on_applied(api, applied);
	for (size_t i = 0; view && i < applied->event_count; i++) {
		const struct state_event *event = &applied->events[i];

		if (event->op != CHANGE_REMOVE && !event->after)
			continue;       /* came and went in one entry */
		if (event->kind == KIND_SERVICE)
			on_service(api, view, event);
		else if (event->kind == KIND_NODE)
			on_node(api, event);
		else if (event->kind == KIND_SECRET || event->kind == KIND_CONFIG)
			on_secret(api, event);
	}
}

/* ---- the stream -------------------------------------------------------------------------------------------------- */

static void gone(void *arg)
{
	struct subscriber *subscriber = arg;

	http_reply_end(subscriber->req);
	subscriber_free(subscriber);
}

static void time_is_up(void *arg)
{
	struct subscriber *subscriber = arg;

	http_on_gone(subscriber->req, NULL, NULL);
	gone(subscriber);
}

/* False when the subscriber was lost meanwhile. */
static bool replay(struct event_log *log, struct subscriber *subscriber, nsec since, nsec until)
{
	for (size_t i = 0; i < log->count; i++) {
		struct event *event = &log->ring[(log->first + i) % EVENTS_KEPT];

		if (event->wall < since || (until && event->wall > until))
			continue;
		if (!deliver(subscriber, event))
			return false;
	}
	return true;
}

static void subscribe(struct api *api, struct http_request *req, struct subscriber *subscriber, nsec since, nsec until)
{
	nsec now = clock_wall_ns();

	subscriber->log = api->events;
	subscriber->req = req;
	subscriber->until_wall = until;
	timer_init(&subscriber->timer, api->host.loop, time_is_up, subscriber);
	list_add_last(&api->events->subscribers, &subscriber->node);
	api->events->subscriber_count++;
	http_reply_begin(req, 200, "application/json");
	http_on_gone(req, gone, subscriber);
	if (since && !replay(api->events, subscriber, since, until))
		return;
	if (until)
		timer_set_in(&subscriber->timer, until > now ? (until - now) / 1000000 : 0);
}

void api_events(struct api *api, struct http_request *req, const char *name)
{
	struct subscriber *subscriber = NEW(struct subscriber);
	nsec since, until;
	struct err err;

	(void)name;
	arena_init(&subscriber->arena, "events", EVENT_ARENA_MAX);
	if (api_parse_moment(http_query(req, "since"), &since) < 0)
		err_set(&err, ERR_INVALID, "invalid value for 'since': '%.60s' is no time", http_query(req, "since"));
	else if (api_parse_moment(http_query(req, "until"), &until) < 0)
		err_set(&err, ERR_INVALID, "invalid value for 'until': '%.60s' is no time", http_query(req, "until"));
	else if (since && until && since > until)
		err_set(&err, ERR_INVALID, "`since` time (%s) cannot be after `until` time (%s)", http_query(req, "since"),
			http_query(req, "until"));
	else if (api->events->subscriber_count == SUBSCRIBERS_MAX)
		err_set(&err, ERR_EXHAUSTED, "%d clients follow the events already: end one of them", SUBSCRIBERS_MAX);
	else if (filters_parse(http_query(req, "filters"), filter_keys, &subscriber->arena, &subscriber->filters, &err) == 0) {
		subscribe(api, req, subscriber, since, until);
		return;
	}
	arena_fini(&subscriber->arena);
	free(subscriber);
	http_reply_error(req, &err);
}
