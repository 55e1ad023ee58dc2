/* fetch_job.h - the lines between the agent and its child that speaks to registries (fetch_child_io.h).
 *
 * Pure. One JSON object a line. The agent sends one job, and, when it knows the image's layers, one order: which of them it wants. The child
 * sends events; it has read a stranger's bytes, so the agent takes its lines for input: all members are checked, digests are only ever used as
 * such. Digests are hex.
 */
#pragma once
#include "base/buf.h"
#include "base/sha256.h"
#include "image/image_platform.h"
#include "model/registry_auth.h"

#define FETCH_LINE_MAX_BYTES (60 * 1024)
#define FETCH_WANT_MAX 256
#define FETCH_PLATFORMS_MAX 256
#define FETCH_SOURCES_MAX 32

enum fetch_work {
	FETCH_PULL,             /* image into the folder */
	FETCH_RESOLVE,          /* only: what the name stands for */
	FETCH_LOGIN,            /* only: does the registry take these credentials */
};

struct fetch_job {
	int work;                                        /* enum fetch_work */
	char *domain;                                    /* "docker.io", "reg.example:5000" */
	char *repository;                                /* "library/nginx" */
	char *tag, *digest;                              /* digest "sha256:…" decides when it is there */
	char *platform;                                  /* "linux/arm/v7"; "" this host's */
	struct registry_auth *auth;
	struct str_array insecure, mirrors;              /* registry_hosts.h */
	struct str_array certs_dirs;                     /* each holds folders called host:port with ca.crt, client.cert, client.key */
	char *ca_file;                                   /* "": the first of the usual ones that is there */
	char *http_proxy, *https_proxy, *no_proxy;
	char *user_agent;
	uint64_t stall_ms;                               /* a connection on which nothing comes is dropped after so long; 0: 30 s */
	uint64_t retry_ms;                               /* the first delay before something is tried again; 0: FETCH_DELAY_MS */
	/* Nodes that have the image, "10.0.0.2:2377", asked one after the other instead of the registry; reached through a door (fetch_door_io.h). Of a
	 * pull by digest only. */
	struct str_array sources;
};
extern const struct shape fetch_job_shape;

void fetch_job_format(const struct fetch_job *job, struct buf *out);     /* with the line's end */
int fetch_job_parse(const char *line, size_t bytes, struct arena *arena, struct fetch_job *ret, struct err *err);

struct fetch_order { struct str_array want; };           /* digests of blobs */
void fetch_order_format(const struct fetch_order *order, struct buf *out);
int fetch_order_parse(const char *line, size_t bytes, struct arena *arena, struct fetch_order *ret, struct err *err);

enum fetch_what {
	FETCH_IMAGE,            /* manifest and config lie in the folder: digest, index, type, bytes of the first document */
	FETCH_PROGRESS,         /* bytes of a blob that are here */
	FETCH_RETRY,            /* a blob: in so many seconds, because of text */
	FETCH_BLOB,             /* it lies in the folder, complete and with the digest it is called by */
	FETCH_RESOLVED,         /* digest, type, bytes, platforms */
	FETCH_LOGGED_IN,        /* text: an identity token to keep instead of the password, or "" */
	FETCH_NOTE,             /* text for the log: a mirror that did not answer */
	FETCH_DONE,             /* all that was wanted is here */
	FETCH_FAILED,           /* code and text; nothing comes after it */
};
struct fetch_event {
	int what;                                        /* enum fetch_what */
	char *digest, *index;                            /* index: the list the manifest was chosen from, or "" */
	char *type;
	int64_t bytes, seconds;
	struct str_array platforms;
	int64_t code;                                    /* enum err_code */
	char *text;
};
void fetch_event_format(const struct fetch_event *event, struct buf *out);
int fetch_event_parse(const char *line, size_t bytes, struct arena *arena, struct fetch_event *ret, struct err *err);

bool fetch_is_digest(const char *hex);                   /* 64 small hex digits */
