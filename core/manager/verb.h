/* verb.h - what people (and nodes) ask of the cluster, as a message: checked by the leader against the state as it will be, whichever
 * manager was asked.
 *
 * Pure. A verb is done once, also when the one who brings it to a leader does not learn whether it was done and brings it again: the id of
 * what is made comes with it, and so does the version that it changes, so the state itself tells a repetition (is_repeat) from a conflict.
 * What was made and is gone again the state does not tell; who brings it again says up to which entry it was certainly not made (since), and
 * what was removed behind that the leader has noted (gone.h). An update that finds what it wants, written behind that entry, takes it for its
 * own: who asks for the very same at the very same time as somebody else is told "done", as that one is.
 * Texts of errors are swarmkit's, as far as scripts match them.
 */
#pragma once
#include "dispatch/dispatch_msg.h"
#include "manager/gone.h"
#include "manager/roster.h"
#include "pki/seal.h"
#include "state/overlay.h"

enum verb_kind {
	VERB_NONE, VERB_SERVICE_CREATE, VERB_SERVICE_UPDATE, VERB_SERVICE_REMOVE, VERB_NODE_UPDATE, VERB_NODE_REMOVE, VERB_CLUSTER_UPDATE,
	VERB_NODE_JOIN,         /* somebody with a token: id, token, node (availability), description, address */
	VERB_NODE_DESCRIBE,     /* id, description, address: written only when they differ */
	VERB_NODE_DEMOTE,       /* id: it wants to leave */
	VERB_MANAGER_ADDRESS,   /* id, address: where the others reach it */
	VERB_SECRET_CREATE, VERB_SECRET_UPDATE, VERB_SECRET_REMOVE,     /* and configs: is_config */
	VERB_IMAGES,            /* id: of a manager; images: all that it has */
};
struct verb {
	int kind;
	struct told told;               /* when it is brought to a leader */
	char *id;                       /* of the object */
	uint64_t spec_index;            /* Version.Index that it changes */
	bool force, is_repeat;
	uint64_t since;                 /* no entry up to this one has made it, or written what it updates to */
	struct service_spec service;    /* normalized, validated */
	struct node_spec node;
	struct cluster_spec cluster;
	bool rotate_worker, rotate_manager;
	char *worker_token, *manager_token;     /* what they are rotated to: made and sealed by whoever asks, so that a repetition is the same */
	bool rotate_unlock_key;
	char *unlock_key;                       /* the next one, the same way, for when one is needed */
	struct root_rotation rotation;          /* with another force_rotate: made by whoever asks (trust.h) */
	char *token, *address;
	struct node_description description;
	bool is_config;
	struct secret_spec secret;      /* a secret's data is not in it … */
	struct bytes sealed;            /* … but here, as whoever was asked sealed it */
	ARRAY_OF(struct image_copy) images;     /* without node_id and since_ms */
};
extern const struct shape verb_shape;

/* How an answer travels. The leader's refusal is an answer, too: an error of the call means that it may not have been decided. */
struct verb_answer {
	char *id;
	uint64_t index;
	struct bytes refusal;           /* as frame_err_encode has it; empty: done */
};
extern const struct shape verb_answer_shape;

struct verb_scene {
	const struct overlay *overlay;
	msec now_ms;
	const struct roster *roster;
	const struct seal_key *key;     /* of the cluster; NULL while it is not here */
	const struct gone *gone;        /* up to the view's last entry */
	uint64_t seed;                  /* for names that are invented */
};
/* The kind of what it makes under its id; 0: nothing. */
int verb_makes(const struct verb *verb);
/* Was it made before, be it there or gone? -1, ERR_UNAVAILABLE: that is not known here; whoever brings it may know more in a moment. */
int verb_was_made(const struct verb *verb, const struct verb_scene *scene, struct err *err);
/* An update's: does it change the version that it means? */
int verb_version_in_sequence(const struct verb *verb, const struct overlay *overlay, enum kind kind, struct err *err);
/* The first time was not in vain: the version has moved since it was asked for, and what stands there is what was asked for. */
bool verb_was_done(const struct verb *verb, const struct overlay *overlay, enum kind kind, const struct shape *shape, const void *is,
		   const void *wanted);
/* Words behind the refusal of an update; "" when there is no doubt. */
const char *verb_doubt(const struct verb *verb);
/* That an attempt was in vain says nothing of those before it. */
void verb_failed_again(const struct verb *verb, struct err *err);
/* The verb's changes; none when there is nothing to change. ERR_UNAVAILABLE is no refusal: brought again, it may pass. */
int verb_check(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err);
