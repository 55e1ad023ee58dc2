#include "manager/sealed.h"

#include <string.h>

#include "base/str.h"
#include "pki/join_token.h"
#include "pki/unlock_key.h"

int sealed_close(const struct seal_key *key, const char *purpose, const char *text, struct arena *arena, char **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf sealed = BUF_INIT;

	if (!key || str_is_empty(text) || seal_text_is_sealed(text))
		buf_add_str(&sealed, text ? text : "");
	else if (seal_text_close(key, purpose, text, &sealed, err) < 0)
		return -1;
	*ret = arena_strdup(arena, buf_text(&sealed));
	return 0;
}

int sealed_tokens_new(const struct seal_key *key, const char *root_pem, struct arena *arena, struct join_tokens *ret, struct err *err)
{
	char digest[CA_DIGEST_SIZE], worker[JOIN_TOKEN_SIZE], manager[JOIN_TOKEN_SIZE];
	int rc;

	if (ca_digest(root_pem, digest, err) < 0)
		return -1;
	join_token_new(digest, worker);
	join_token_new(digest, manager);
	rc = sealed_close(key, SEALED_WORKER_TOKEN, worker, arena, &ret->worker, err) < 0 ? -1 :
	     sealed_close(key, SEALED_MANAGER_TOKEN, manager, arena, &ret->manager, err);
	explicit_bzero(worker, sizeof worker);
	explicit_bzero(manager, sizeof manager);
	return rc;
}

int sealed_unlock_key_new(const struct seal_key *key, struct arena *arena, char **ret, struct err *err)
{
	char text[UNLOCK_KEY_SIZE];
	struct seal_key lock;
	int rc;

	seal_key_new(&lock);
	unlock_key_format(&lock, text);
	seal_key_forget(&lock);
	rc = sealed_close(key, SEALED_UNLOCK_KEY, text, arena, ret, err);
	explicit_bzero(text, sizeof text);
	return rc;
}

int sealed_registry_auth(const struct seal_key *key, const char *old, const char *new, struct arena *arena, char **ret, struct err *err)
{
	CLEANUP(seal_wipe) struct buf is = BUF_INIT;
	bool is_same;

	if (!key || str_is_empty(old) || seal_text_open(key, SEALED_REGISTRY_AUTH, old, &is, err) < 0)
		return sealed_close(key, SEALED_REGISTRY_AUTH, new, arena, ret, err);
	is_same = str_eq(old, new) || str_eq(buf_text(&is), new);
	if (!is_same)
		return sealed_close(key, SEALED_REGISTRY_AUTH, new, arena, ret, err);
	*ret = arena_strdup(arena, old);
	return 0;
}

/* ---- rows of before ---------------------------------------------------------------------------------------------- */

static bool is_plain(const char *text)
{
	return !str_is_empty(text) && !seal_text_is_sealed(text);
}

/* A spec may be some KiB long, and an entry has a bound. */
enum { MENDED_AT_ONCE = 50 };

struct mending { const struct seal_key *key; struct arena *arena; bool failed; };

static void mend(struct mending *m, const char *purpose, char **text)
{
	struct err err;

	if (sealed_close(m->key, purpose, *text, m->arena, text, &err) < 0)
		m->failed = true;
}

static void mend_cluster(const struct view *view, struct mending *m, struct change_list *out)
{
	const struct cluster *old = view_cluster(view);
	struct cluster *cluster;

	if (!old || !(is_plain(old->root_key) || is_plain(old->tokens.worker) || is_plain(old->tokens.manager) || is_plain(old->rotation.key) ||
		      is_plain(old->rotation.tokens.worker) || is_plain(old->rotation.tokens.manager)))
		return;
	cluster = change_update(out, KIND_CLUSTER, view_cluster_object(view)->meta.id,
				FIELD_BIT(CLUSTER_TOKENS) | FIELD_BIT(CLUSTER_ROOT_KEY) | FIELD_BIT(CLUSTER_ROTATION));
	cluster->tokens = old->tokens;
	cluster->root_key = old->root_key;
	cluster->rotation = old->rotation;
	mend(m, SEALED_ROOT_KEY, &cluster->root_key);
	mend(m, SEALED_ROOT_KEY, &cluster->rotation.key);
	mend(m, SEALED_WORKER_TOKEN, &cluster->tokens.worker);
	mend(m, SEALED_WORKER_TOKEN, &cluster->rotation.tokens.worker);
	mend(m, SEALED_MANAGER_TOKEN, &cluster->tokens.manager);
	mend(m, SEALED_MANAGER_TOKEN, &cluster->rotation.tokens.manager);
}

bool sealed_mend(const struct view *view, const struct seal_key *key, size_t max, struct change_list *out)
{
	struct mending mending = { .key = key, .arena = out->arena };
	const struct view_object *object;
	size_t before = out->count;

	if (!key)
		return false;
	max = MIN(max, before + MENDED_AT_ONCE);
	if (before < max)
		mend_cluster(view, &mending, out);
	for (size_t at = 0; out->count < max && (object = view_next(view, KIND_SERVICE_VERSION, &at));) {
		const struct service_version *old = VIEW_VALUE(service_version, object);
		struct service_version *version;

		if (!is_plain(old->spec.task.container.registry_auth))
			continue;
		version = change_update(out, KIND_SERVICE_VERSION, object->meta.id, FIELD_BIT(SERVICE_VERSION_SPEC));
		version->spec = old->spec;
		mend(&mending, SEALED_REGISTRY_AUTH, &version->spec.task.container.registry_auth);
	}
	if (mending.failed)             /* as it was, and not again */
		out->count = before;
	return out->count > before;
}
