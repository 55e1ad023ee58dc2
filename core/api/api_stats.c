/* What a container's processes are and use: GET /containers/x/top and /stats. */
#include <stdlib.h>

#include "api/api_internal.h"
#include "base/panic.h"
#include "base/str.h"
#include "base/units.h"
#include "runtime/process_table.h"

enum { STATS_EVERY_MS = 1000, FORMAT_ARENA_BYTES = 1 << 20 };

/* ---- top --------------------------------------------------------------------------------------------------------- */

static void reply_top(void *arg, const struct runtime_top *top, const struct err *failure)
{
	struct http_request *req = arg;
	yyjson_mut_val *root, *rows, *row;
	yyjson_mut_doc *doc;
	size_t columns;

	if (failure) {
		http_reply_error(req, failure);
		return;
	}
	columns = top->format->count;
	doc = yyjson_mut_doc_new(NULL);
	root = yyjson_mut_obj(doc);
	row = yyjson_mut_obj_add_arr(doc, root, "Titles");
	for (size_t i = 0; i < columns; i++)
		yyjson_mut_arr_add_strcpy(doc, row, top->format->columns[i].title);
	rows = yyjson_mut_obj_add_arr(doc, root, "Processes");
	for (size_t i = 0; i < top->row_count; i++) {
		row = yyjson_mut_arr_add_arr(doc, rows);
		for (size_t k = 0; k < columns; k++)
			yyjson_mut_arr_add_strcpy(doc, row, top->cells[i * columns + k]);
	}
	api_reply_doc(req, 200, doc, root);
}

void api_container_top(struct api *api, struct http_request *req, const char *name)
{
	struct agent_container container;
	struct process_format format;
	struct arena arena;
	struct err err;

	arena_init(&arena, "ps options", FORMAT_ARENA_BYTES);
	if (process_format_parse(http_query(req, "ps_args"), &arena, &format, &err) < 0)
		http_reply_error(req, &err);
	else if (agent_find_container(api->host.agent, name, &container, &err) < 0)
		http_reply_error(req, &err);
	else if (container.status != SOLO_RUNNING)
		http_reply_message(req, 409, "container %s is not running", container.info.id);
	else {
		agent_tell_event(api->host.agent, container.info.id, "top", NULL, 0);
		runtime_top(api->host.runtime, container.info.id, &format, reply_top, req);
	}
	arena_fini(&arena);
}

/* ---- stats, as JSON ---------------------------------------------------------------------------------------------- */

static void add_count(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, uint64_t count)
{
	yyjson_mut_obj_add_uint(doc, object, key, count);
}

static void add_cpu(yyjson_mut_doc *doc, yyjson_mut_val *object, const char *key, const struct runtime_stats *stats)
{
	yyjson_mut_val *cpu = yyjson_mut_obj_add_obj(doc, object, key), *usage, *throttling;

	usage = yyjson_mut_obj_add_obj(doc, cpu, "cpu_usage");
	add_count(doc, usage, "total_usage", stats->cpu_ns);
	add_count(doc, usage, "usage_in_kernelmode", stats->cpu_system_ns);
	add_count(doc, usage, "usage_in_usermode", stats->cpu_user_ns);
	if (stats->host_cpu_ns) {
		add_count(doc, cpu, "system_cpu_usage", stats->host_cpu_ns);
		add_count(doc, cpu, "online_cpus", stats->host_cpus);
	}
	throttling = yyjson_mut_obj_add_obj(doc, cpu, "throttling_data");
	add_count(doc, throttling, "periods", stats->cpu_periods);
	add_count(doc, throttling, "throttled_periods", stats->cpu_throttled_periods);
	add_count(doc, throttling, "throttled_time", stats->cpu_throttled_ns);
}

/* The client subtracts what the page cache can give back, and looks for it by the cgroups' version. */
static void add_memory(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct runtime_stats *stats, int cgroup_version)
{
	yyjson_mut_val *memory = yyjson_mut_obj_add_obj(doc, object, "memory_stats"), *details;

	if (!stats->host_cpu_ns)
		return;
	add_count(doc, memory, "usage", (uint64_t)stats->memory_bytes);
	add_count(doc, memory, "limit", (uint64_t)stats->memory_limit_bytes);
	details = yyjson_mut_obj_add_obj(doc, memory, "stats");
	if (cgroup_version == 2) {
		add_count(doc, details, "anon", (uint64_t)stats->memory_rss_bytes);
		add_count(doc, details, "file", (uint64_t)stats->memory_cache_bytes);
		add_count(doc, details, "inactive_file", (uint64_t)stats->memory_inactive_file_bytes);
		return;
	}
	add_count(doc, memory, "max_usage", (uint64_t)stats->memory_peak_bytes);
	add_count(doc, memory, "failcnt", stats->memory_failures);
	add_count(doc, details, "rss", (uint64_t)stats->memory_rss_bytes);
	add_count(doc, details, "cache", (uint64_t)stats->memory_cache_bytes);
	add_count(doc, details, "total_inactive_file", (uint64_t)stats->memory_inactive_file_bytes);
}

static void add_operation(yyjson_mut_doc *doc, yyjson_mut_val *list, const char *name, uint64_t value)
{
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

	/* all devices together */
	add_count(doc, item, "major", 0);
	add_count(doc, item, "minor", 0);
	api_add_str(doc, item, "op", name);
	add_count(doc, item, "value", value);
}

static void add_blocks(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct runtime_stats *stats)
{
	yyjson_mut_val *blocks = yyjson_mut_obj_add_obj(doc, object, "blkio_stats"), *list;

	list = yyjson_mut_obj_add_arr(doc, blocks, "io_service_bytes_recursive");
	add_operation(doc, list, "read", stats->read_bytes);
	add_operation(doc, list, "write", stats->write_bytes);
	list = yyjson_mut_obj_add_arr(doc, blocks, "io_serviced_recursive");
	add_operation(doc, list, "read", stats->reads);
	add_operation(doc, list, "write", stats->writes);
}

static void add_links(yyjson_mut_doc *doc, yyjson_mut_val *object, const struct runtime_stats *stats)
{
	yyjson_mut_val *networks = stats->link_count ? yyjson_mut_obj_add_obj(doc, object, "networks") : NULL;

	for (size_t i = 0; i < stats->link_count; i++) {
		const struct runtime_link *link = &stats->links[i];
		yyjson_mut_val *item = yyjson_mut_obj(doc);

		yyjson_mut_obj_add(networks, yyjson_mut_strcpy(doc, link->name), item);
		add_count(doc, item, "rx_bytes", link->rx_bytes);
		add_count(doc, item, "rx_packets", link->rx_packets);
		add_count(doc, item, "rx_errors", link->rx_errors);
		add_count(doc, item, "rx_dropped", link->rx_dropped);
		add_count(doc, item, "tx_bytes", link->tx_bytes);
		add_count(doc, item, "tx_packets", link->tx_packets);
		add_count(doc, item, "tx_errors", link->tx_errors);
		add_count(doc, item, "tx_dropped", link->tx_dropped);
	}
}

/* before: zeroes when there is none. */
static char *print_stats(const char *id, const char *name, const struct runtime_stats *stats, const struct runtime_stats *before, int cgroup_version,
			 size_t *ret_length)
{
	CLEANUP(str_freep) char *slashed = str_printf("/%s", name);
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *root = yyjson_mut_obj(doc), *pids;
	char *text;

	yyjson_mut_doc_set_root(doc, root);
	api_add_str(doc, root, "id", id);
	api_add_str(doc, root, "name", slashed);
	api_add_stamp(doc, root, "read", stats->read_wall ? stats->read_wall : STAMP_ZERO);
	api_add_stamp(doc, root, "preread", before->read_wall ? before->read_wall : STAMP_ZERO);
	pids = yyjson_mut_obj_add_obj(doc, root, "pids_stats");
	if (stats->pids)
		add_count(doc, pids, "current", (uint64_t)stats->pids);
	if (stats->pids_limit)
		add_count(doc, pids, "limit", (uint64_t)stats->pids_limit);
	add_blocks(doc, root, stats);
	add_count(doc, root, "num_procs", 0);
	yyjson_mut_obj_add_obj(doc, root, "storage_stats");
	add_cpu(doc, root, "cpu_stats", stats);
	add_cpu(doc, root, "precpu_stats", before);
	add_memory(doc, root, stats, cgroup_version);
	add_links(doc, root, stats);
	text = yyjson_mut_write(doc, YYJSON_WRITE_NEWLINE_AT_END, ret_length);
	yyjson_mut_doc_free(doc);
	return text;
}

/* ---- stats, as a stream ------------------------------------------------------------------------------------------ */

struct stats_stream {
	struct api *api;
	struct http_request *req;
	struct timer tick;
	char id[HEX_ID_SIZE];
	struct runtime_stats before;
	bool has_before, goes_on, is_full;
};

static void end(void *arg)
{
	struct stats_stream *stream = arg;

	timer_cancel(&stream->tick);
	http_reply_end(stream->req);
	free(stream);
}

static void writable(void *arg)
{
	((struct stats_stream *)arg)->is_full = false;
}

static void send(struct stats_stream *stream, const char *name, const struct runtime_stats *stats)
{
	struct runtime_facts facts;
	size_t length;
	char *text;

	runtime_facts(stream->api->host.runtime, &facts);
	text = print_stats(stream->id, name, stats, &stream->before, facts.cgroup_version, &length);
	if (!http_reply_write(stream->req, text, length))
		stream->is_full = true;
	free(text);
}

/* A slow client misses some. One that does not run has zeroes, and nothing to wait for. */
static void tick(void *arg)
{
	struct stats_stream *stream = arg;
	struct runtime_stats stats = { 0 };
	struct agent_container container;
	bool runs;
	struct err err;

	if (agent_find_container(stream->api->host.agent, stream->id, &container, &err) < 0) {
		http_on_gone(stream->req, NULL, NULL);
		end(stream);
		return;
	}
	runs = container.status == SOLO_RUNNING && runtime_stats(stream->api->host.runtime, stream->id, &stats, &err) == 0;
	if (!runs)
		stats = stream->before = (struct runtime_stats){ 0 };
	if ((stream->has_before || !runs) && !stream->is_full)
		send(stream, container.spec->name, &stats);
	if ((stream->has_before || !runs) && !stream->goes_on) {
		http_on_gone(stream->req, NULL, NULL);
		end(stream);
		return;
	}
	stream->before = stats;
	stream->has_before = true;
	timer_set_in(&stream->tick, STATS_EVERY_MS);
}

void api_container_stats(struct api *api, struct http_request *req, const char *name)
{
	bool goes_on = !http_query(req, "stream") || http_query_is_true(req, "stream"), one_shot = http_query_is_true(req, "one-shot");
	struct agent_container container;
	struct stats_stream *stream;
	struct err err;

	if (goes_on && one_shot) {
		http_reply_message(req, 400, "cannot have stream=true and one-shot=true");
		return;
	}
	if (agent_find_container(api->host.agent, name, &container, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	stream = NEW(struct stats_stream);
	stream->api = api;
	stream->req = req;
	stream->goes_on = goes_on;
	stream->has_before = goes_on || one_shot;       /* none of them waits for a second reading */
	str_copy(stream->id, sizeof stream->id, container.info.id);
	timer_init(&stream->tick, api->host.loop, tick, stream);
	http_reply_begin(req, 200, "application/json");
	http_on_gone(req, end, stream);
	http_on_writable(req, writable, stream);
	timer_set_in(&stream->tick, 0);
}
