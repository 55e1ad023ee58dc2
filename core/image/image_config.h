/* image_config.h - an image's configuration: what runs by default, for which machine, made of which layers.
 *
 * Pure. JSON as of the OCI image specification 1.1 "config" with Docker's additions (Healthcheck, OnBuild, Shell). Everything a
 * parsed config points at lives as long as the config. Bounded: IMAGE_CONFIG_MAX_BYTES of JSON, IMAGE_CONFIG_MAX_LAYERS layers.
 */
#pragma once
#include "base/arena.h"
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/sha256.h"

#define IMAGE_CONFIG_MAX_BYTES  (1024 * 1024)
#define IMAGE_CONFIG_MAX_LAYERS 127                      /* Docker's bound */

/* items[count] is NULL, so it serves as an argv. An absent or null list has items NULL, an empty one has not. */
struct image_words { const char **items; size_t count, size; };         /* size: places behind items, NULL's included */
struct image_pair { const char *name, *value; };
struct image_pairs { struct image_pair *items; size_t count, size; };

struct image_health {                                    /* 0 in a time or in retries means "Docker's default" */
	struct image_words test;                         /* {"NONE"}, {"CMD", …}, {"CMD-SHELL", line}; count 0: none set */
	nsec interval, timeout, start_period, start_interval;
	int64_t retries;
};

struct image_history { nsec created; const char *created_by, *author, *comment; bool is_empty_layer; };

struct image_config {
	struct arena arena;                              /* owns all of it */
	nsec created;                                    /* STAMP_ZERO when not given */
	const char *author, *comment, *architecture, *variant, *os, *os_version;        /* "" when absent; Go's names: amd64, arm64 */

	const char *user, *working_dir, *stop_signal;    /* "" when absent */
	struct image_words env;                          /* "NAME=value", in order */
	struct image_words entrypoint, cmd, shell, on_build;
	struct image_words exposed_ports;                /* "80/tcp", sorted */
	struct image_words volumes;                      /* absolute paths, sorted */
	struct image_pairs labels;                       /* sorted by name */
	struct image_health health;

	struct image_words diff_ids;                     /* hex without "sha256:", lowest layer first */
	struct image_history *history;                   /* oldest first */
	size_t history_count;
};

void image_config_init(struct image_config *config);     /* empty strings and lists */
void image_config_fini(struct image_config *config);

/* ret is init'ed by this; on failure it is fini'ed too. ERR_INVALID names the field. */
int image_config_parse(const char *json, size_t bytes, struct image_config *ret, struct err *err);
/* ERR_UNSUPPORTED in Docker's words for an image of another system than Linux. */
int image_config_check_os(const struct image_config *config, struct err *err);
/* Deterministic: equal configs give equal bytes, so the digest of the result may serve as the image's id. */
void image_config_format(const struct image_config *config, struct buf *out);
/* Only the object that Docker calls Config (Env, Cmd, …), for inspect. */
void image_config_format_run(const struct image_config *config, struct buf *out);

/* Building one by hand; the words are copied into the arena. */
void image_config_add_word(struct image_config *config, struct image_words *list, const char *word);
/* Keeps the list sorted and without repeats. */
void image_config_add_sorted(struct image_config *config, struct image_words *list, const char *word);
void image_config_set_label(struct image_config *config, const char *name, const char *value);
void image_config_set_env(struct image_config *config, const char *name, const char *value);    /* replaces, or goes last */
