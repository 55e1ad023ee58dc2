/* What needs a registry: POST /images/create?fromImage=, POST /auth, GET /distribution/{}/json. */
#include <stdlib.h>
#include <string.h>

#include "api/api_internal.h"
#include "base/panic.h"
#include "base/str.h"
#include "depot/depot_find.h"
#include "image/image_manifest.h"
#include "image/image_platform.h"
#include "image/image_pull.h"
#include "os/loop.h"

/* -1 and answered when the header is broken. On the heap. */
static int take_auth(struct http_request *req, struct registry_auth *ret)
{
	struct err err;

	if (registry_auth_decode(http_header(req, "X-Registry-Auth"), ret, &err) == 0)
		return 0;
	http_reply_error(req, &err);
	return -1;
}

/* ---- pull -------------------------------------------------------------------------------------------------------- */

struct pulling { struct http_request *req; struct image_pull *pull; bool has_begun, is_slow; };

static void put(struct pulling *pulling, const struct buf *line)
{
	if (!pulling->has_begun)
		http_reply_begin(pulling->req, 200, "application/json");
	pulling->has_begun = true;
	pulling->is_slow = !http_reply_write(pulling->req, line->data, line->len);
}

/* Of how far it is, a slow reader hears less often. */
static void on_line(void *arg, const struct pull_line *line)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct pulling *pulling = arg;

	if (pulling->is_slow && line->is_progress)
		return;
	pull_line_format(line, &text);
	put(pulling, &text);
}

static void on_done(void *arg, const char *id, const struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct pulling *pulling = arg;

	(void)id;
	if (err && !pulling->has_begun) {
		/* 401 would make Docker's client ask for a password, which it cannot do in a script; its daemon says 500 too */
		http_reply_message(pulling->req, err->code == ERR_UNAUTHORIZED ? 500 : err_http_status(err->code), "%s", err->text);
		free(pulling);
		return;
	}
	if (err) {
		pull_line_format_error(err, &text);
		put(pulling, &text);
	}
	http_reply_end(pulling->req);
	free(pulling);
}

static void on_writable(void *arg)
{
	((struct pulling *)arg)->is_slow = false;
}

static void on_gone(void *arg)
{
	struct pulling *pulling = arg;

	image_pull_leave(pulling->pull);
	http_reply_abort(pulling->req);
	free(pulling);
}

/* Docker's two halves: fromImage=x&tag=1, fromImage=x&tag=sha256:…, fromImage=x:1. */
static int take_reference(struct http_request *req, struct image_ref *ret, struct err *err)
{
	const char *name = http_query(req, "fromImage"), *tag = http_query(req, "tag");

	if (str_is_empty(tag))
		name = arena_printf(http_arena(req), "%s", name);
	else
		name = arena_printf(http_arena(req), strchr(tag, ':') ? "%s@%s" : "%s:%s", name, tag);
	if (image_ref_parse(name, ret, err) < 0)
		return -1;
	if (ret->tag[0] || ret->digest[0])
		return 0;
	return err_set(err, ERR_UNSUPPORTED, "pulling all tags of a repository is not supported by swarmbox yet: name one, as in %s:latest", name);
}

void api_pull(struct api *api, struct http_request *req)
{
	static const struct image_pull_events events = { .on_line = on_line, .on_done = on_done };
	struct registry_auth auth;
	struct image_ref ref;
	const char *platform;
	struct err err;

	if (take_reference(req, &ref, &err) < 0 || api_query_platform(req, &platform, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	if (take_auth(req, &auth) < 0)
		return;
	struct pulling *pulling = NEW(struct pulling);
	*pulling = (struct pulling){ .req = req };
	struct image_request request = { .ref = &ref, .platform = platform, .auth = &auth };
	int rc = image_pull_start(api->host.puller, &request, &events, pulling, &pulling->pull, &err);
	registry_auth_fini(&auth);
	if (rc < 0) {
		free(pulling);
		http_reply_error(req, &err);
		return;
	}
	http_on_writable(req, on_writable, pulling);
	http_on_gone(req, on_gone, pulling);
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

struct asking { struct api *api; struct http_request *req; struct image_question *question; char *name; };

static void free_asking(struct asking *asking)
{
	free(asking->name);
	free(asking);
}

static void asker_gone(void *arg)
{
	struct asking *asking = arg;

	image_ask_leave(asking->question);
	http_reply_abort(asking->req);
	free_asking(asking);
}

static void ask(struct api *api, struct http_request *req, const char *name, enum fetch_work work, const struct image_ref *ref,
		const struct registry_auth *auth, msec stall_ms, image_answer_fn *fn)
{
	struct asking *asking = NEW(struct asking);
	struct image_request request = { .ref = ref, .auth = auth };
	struct err err;

	*asking = (struct asking){ .api = api, .req = req, .name = str_dup(name) };
	if (image_ask_start(api->host.puller, work, &request, stall_ms, fn, asking, &asking->question, &err) < 0) {
		free_asking(asking);
		http_reply_error(req, &err);
		return;
	}
	http_on_gone(req, asker_gone, asking);
}

/* ---- login ------------------------------------------------------------------------------------------------------- */

static void logged_in(void *arg, const struct fetch_event *event, const struct err *err)
{
	struct asking *asking = arg;
	yyjson_mut_doc *doc;
	yyjson_mut_val *root;

	if (err) {
		http_reply_error(asking->req, err);
	} else {
		doc = yyjson_mut_doc_new(NULL);
		root = yyjson_mut_obj(doc);
		api_add_str(doc, root, "Status", "Login Succeeded");
		api_add_str(doc, root, "IdentityToken", event->text ? event->text : "");
		api_reply_doc(asking->req, 200, doc, root);
	}
	free_asking(asking);
}

static void have_credentials(void *arg, struct http_request *req, const char *bytes, size_t count)
{
	struct registry_auth auth;
	struct image_ref ref = { 0 };
	struct err err;

	if (!bytes)
		return;
	if (registry_auth_parse(bytes, count, &auth, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	CLEANUP(str_freep) char *domain = registry_auth_domain(auth.server);
	if (!str_copy(ref.domain, sizeof(ref.domain), domain) || strpbrk(domain, " /@?#%\\"))
		http_reply_message(req, 400, "login: '%.100s' is no registry", domain);
	else
		ask(arg, req, "", FETCH_LOGIN, &ref, &auth, 0, logged_in);
	registry_auth_fini(&auth);
}

void api_auth(struct api *api, struct http_request *req, const char *name)
{
	(void)name;
	http_body_collect(req, REGISTRY_AUTH_MAX_BYTES, have_credentials, api);
}

/* ---- what a name stands for -------------------------------------------------------------------------------------- */

/* How long a registry is waited for before what this host knows has to do. */
enum { SWARM_ARENA_MAX = 1 << 20, RESOLVE_MS = 3000, SILENT_FOR_MS = 60000 };

static void add_platform(yyjson_mut_doc *doc, yyjson_mut_val *list, const struct image_platform *platform)
{
	yyjson_mut_val *item = yyjson_mut_arr_add_obj(doc, list);

	api_add_str(doc, item, "architecture", platform->architecture);
	api_add_str(doc, item, "os", platform->os);
	if (platform->variant[0])
		api_add_str(doc, item, "variant", platform->variant);
}

static yyjson_mut_val *begin_inspect(yyjson_mut_doc *doc, const char *type, const char *digest, int64_t bytes, yyjson_mut_val **ret_platforms)
{
	yyjson_mut_val *root = yyjson_mut_obj(doc), *descriptor = yyjson_mut_obj_add_obj(doc, root, "Descriptor");
	char text[8 + SHA256_HEX_SIZE] = "sha256:";

	str_copy(text + 7, sizeof(text) - 7, digest);
	api_add_str(doc, descriptor, "mediaType", type);
	api_add_str(doc, descriptor, "digest", text);
	yyjson_mut_obj_add_int(doc, descriptor, "size", bytes);
	*ret_platforms = yyjson_mut_obj_add_arr(doc, root, "Platforms");
	return root;
}

/* digest: the one that people see; of an index when it is not the manifest's. */
static void reply_known(struct http_request *req, const char *digest, const char *manifest, bool is_docker, int64_t bytes,
			const struct image_platform *platform)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *platforms, *root;
	const char *type = !str_eq(digest, manifest) ? "application/vnd.oci.image.index.v1+json" :
			   is_docker ? IMAGE_DOCKER_MANIFEST_TYPE : IMAGE_MANIFEST_TYPE;

	root = begin_inspect(doc, type, digest, bytes, &platforms);
	if (platform)
		add_platform(doc, platforms, platform);
	api_reply_doc(req, 200, doc, root);
}

static void reply_local(struct http_request *req, const struct image *image)
{
	struct image_platform platform;
	bool has = image_platform_read(image->config.os, image->config.architecture, image->config.variant ? image->config.variant : "", &platform);

	reply_known(req, image->digests.items[0], image->manifest, image->is_docker_manifest, image->manifest_bytes, has ? &platform : NULL);
}

/* What another manager has; NULL when none has it. */
static const struct image_copy *find_in_swarm(struct api *api, const struct image_ref *ref)
{
	struct manager *manager = api->host.manager(api->host.arg);
	struct depot_wish wish = { ref, NULL, "", "" };
	struct depot_found found = { 0 };
	struct arena arena;
	struct err ignored;

	if (!manager)
		return NULL;
	arena_init(&arena, "image", SWARM_ARENA_MAX);
	if (depot_find(manager_view(manager), &wish, &arena, &found, &ignored) < 0)
		found.copy = NULL;
	arena_fini(&arena);
	return found.copy;
}

static void reply_copy(struct http_request *req, const struct image_copy *copy)
{
	struct image_platform platform;
	struct err ignored;
	bool has = !str_is_empty(copy->platform) && image_platform_parse(copy->platform, &platform, &ignored) == 0;

	reply_known(req, copy->digests.count ? copy->digests.items[0] : copy->manifest, copy->manifest, copy->is_docker,
		    (int64_t)copy->manifest_bytes, has ? &platform : NULL);
}

static void reply_resolved(struct http_request *req, const struct fetch_event *event)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_mut_val *platforms, *root = begin_inspect(doc, event->type, event->digest, event->bytes, &platforms);
	struct image_platform platform;
	struct err ignored;

	for (size_t i = 0; i < event->platforms.count; i++)
		if (image_platform_parse(event->platforms.items[i], &platform, &ignored) == 0)
			add_platform(doc, platforms, &platform);
	api_reply_doc(req, 200, doc, root);
}

static struct silent_registry *find_silent(struct api *api, const char *domain)
{
	for (size_t i = 0; i < ARRAY_COUNT(api->silent); i++)
		if (str_eq(api->silent[i].domain, domain))
			return &api->silent[i];
	return NULL;
}

static bool is_silent(struct api *api, const char *domain)
{
	const struct silent_registry *silent = find_silent(api, domain);

	return silent && loop_now(api->host.loop) < silent->until;
}

/* The one that was noted first makes room. */
static void note_silence(struct api *api, const char *domain, bool answered)
{
	struct silent_registry *silent = find_silent(api, domain);

	if (answered) {
		if (silent)
			silent->until = 0;
		return;
	}
	for (size_t i = 0; !silent && i < ARRAY_COUNT(api->silent); i++)
		if (loop_now(api->host.loop) >= api->silent[i].until)
			silent = &api->silent[i];
	if (!silent)
		silent = &api->silent[0];
	str_copy(silent->domain, sizeof(silent->domain), domain);
	silent->until = loop_now(api->host.loop) + SILENT_FOR_MS;
}

/* A registry that could not be asked, or does not know it: what this host has, or another manager, is what its tasks will run. */
static void resolved(void *arg, const struct fetch_event *event, const struct err *err)
{
	struct asking *asking = arg;
	const struct image_copy *copy = NULL;
	const struct image *image;
	struct image_ref ref;
	struct err ignored;

	if (image_ref_parse(asking->name, &ref, &ignored) == 0) {
		note_silence(asking->api, ref.domain, !err || err->code != ERR_IO);
		image_ref_add_default_tag(&ref);
		copy = find_in_swarm(asking->api, &ref);
	}
	if (!err) {
		reply_resolved(asking->req, event);
	} else if (image_store_pin(asking->api->host.images, asking->name, &image, &ignored) == 0) {
		reply_local(asking->req, image);
	} else if (copy) {
		reply_copy(asking->req, copy);
	} else {
		http_reply_error(asking->req, err);
	}
	free_asking(asking);
}

/* Images that no registry gave us or another manager (loaded, imported) are answered for at once, and so are digests that are here or there, and all
 * that is while its registry does not answer. What is here comes first. The rest is the registry's to say: "web:latest" may mean another image today. */
void api_distribution(struct api *api, struct http_request *req, const char *name)
{
	char familiar[IMAGE_REF_TEXT_SIZE];
	const struct image_copy *copy;
	const struct image *image;
	struct registry_auth auth;
	struct image_ref ref;
	struct err err;

	if (image_ref_parse(name, &ref, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	image_ref_add_default_tag(&ref);
	bool is_here = image_store_pin(api->host.images, name, &image, &err) == 0;
	if (is_here && (ref.digest[0] || image->repositories.count == 0 || is_silent(api, ref.domain))) {
		reply_local(req, image);
	} else if (str_eq(image_ref_format_familiar(&ref, familiar), IMAGE_BUILTIN_REF)) {
		http_reply_error(req, &err);
	} else if (!is_here && (copy = find_in_swarm(api, &ref)) && (ref.digest[0] || !copy->is_pulled || is_silent(api, ref.domain))) {
		reply_copy(req, copy);
	} else if (take_auth(req, &auth) == 0) {
		ask(api, req, name, FETCH_RESOLVE, &ref, &auth, RESOLVE_MS, resolved);
		registry_auth_fini(&auth);
	}
}
