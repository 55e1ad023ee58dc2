/* Bodies of POST /containers/create: what is read and valid must survive being kept in node.db. */
#include <string.h>

#include "base/panic.h"
#include "model/container_words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void store_and_load(const struct container_request *request, struct arena *arena)
{
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;
	struct container_row row = { .config = request->config, .host = request->host, .console_rows = request->console_rows }, again;
	struct err err;

	shape_encode(&container_row_shape, &row, &bytes);
	check(shape_decode(&container_row_shape, reader_of(bytes.data, bytes.len), arena, &again, &err) == 0);
	check(shape_equal(&container_row_shape, &row, &again));
}

/* What was checked parses again when the container is planned. */
static void plan(const struct container_request *request, struct arena *arena)
{
	struct container_port *ports;
	struct mount mount;
	size_t count;
	struct err err;

	check(container_ports(&request->config, &request->host, arena, &ports, &count, &err) == 0);
	for (size_t i = 0; i < request->host.binds.count; i++)
		check(container_bind_parse(request->host.binds.items[i], arena, &mount, &err) == 0);
	for (size_t i = 0; i < request->host.extra_hosts.count; i++)
		check(container_host_entry(request->host.extra_hosts.items[i], arena, &err) != NULL);
	container_network_of(&request->host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	yyjson_doc *doc = yyjson_read((const char *)data, size, 0);
	struct container_request request;
	struct arena arena;
	struct err err;

	if (!doc)
		return 0;
	arena_init(&arena, "fuzz", 256 << 20);
	if (container_request_from_json(yyjson_doc_get_root(doc), &arena, &request, &err) == 0 && container_request_check(&request, &err) == 0) {
		store_and_load(&request, &arena);
		plan(&request, &arena);
	}
	arena_fini(&arena);
	yyjson_doc_free(doc);
	return 0;
}
