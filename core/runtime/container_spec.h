/* container_spec.h - everything one container needs, as plain data: the agent fills it, the container's first process reads it back from `containers/<id>/spec`.
 *
 * Every pointer belongs to the caller (usually to an arena) and is only read. A list is (pointer, count); NULL with 0 is an empty list;
 * a NULL string is "". Nothing here is resolved: names of users are looked up inside the image by the shim.
 * Its stored form is part of shim_plan.h, which carries a version.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"

#define CONTAINER_SPEC_MAX_BYTES (4 * 1024 * 1024)       /* of the encoded form; a larger one is refused on both sides */

struct container_strings { const char **items; size_t count; };
struct container_pair { const char *key, *value; };
struct container_pairs { struct container_pair *items; size_t count; };

enum container_mount_kind { CONTAINER_BIND, CONTAINER_TMPFS, CONTAINER_VOLUME };
enum container_propagation {
	CONTAINER_RPRIVATE, CONTAINER_PRIVATE, CONTAINER_RSLAVE, CONTAINER_SLAVE, CONTAINER_RSHARED, CONTAINER_SHARED
};
struct container_mount {
	enum container_mount_kind kind;
	const char *source;              /* host path of a bind or of the volume's directory; NULL for tmpfs */
	const char *target;              /* absolute, inside the container; made when it is missing */
	const char *name;                /* of a volume, for inspect; else NULL */
	const char *subpath;             /* volume: a relative path below the source, which must be there; no link leads it out of the volume */
	bool is_readonly;                /* with all that is mounted below, as far as the kernel can (Linux 5.12) */
	bool is_readonly_shallow;        /* is_readonly: what is mounted below stays as it is */
	bool needs_readonly_deep;        /* is_readonly: fails where the kernel cannot do it with what is mounted below */
	bool is_nonrecursive;            /* bind: leave out what is mounted below the source */
	bool makes_source;               /* bind: a missing source directory is made (docker -v); else it is an error */
	bool copies_up;                  /* volume: an empty one is first filled with what the image has at the target */
	enum container_propagation propagation;  /* bind */
	int64_t size_bytes;              /* tmpfs: 0 is the kernel's own limit */
	uint32_t mode;                   /* tmpfs: 0 is 01777 */
	const char *tmpfs_options;       /* tmpfs: "rw,exec,size=64m,uid=5", as docker run --tmpfs has them; they win over size_bytes and mode, and over
					  * noexec,nosuid,nodev, which hold by default */
	bool is_hidden;                  /* the agent's own: people are not told of it */
};

struct container_rlimit { const char *name; uint64_t soft, hard; };      /* "nofile"; UINT64_MAX is unlimited */
struct container_device { const char *host_path, *path; const char *access; };  /* access: of "rwm" */

enum container_network { CONTAINER_NET_OWN, CONTAINER_NET_HOST, CONTAINER_NET_NONE };    /* NONE: own, with nothing but lo */
enum container_log_driver { CONTAINER_LOG_JSON_FILE, CONTAINER_LOG_NONE };

struct container_spec {
	const char *id;                  /* 64 hex characters */
	const char *name, *image;        /* for people */
	struct container_pairs labels;   /* opaque here; the agent keeps task, service and node ids in them */

	struct container_strings argv;   /* entrypoint and arguments together; at least one */
	struct container_strings env;    /* "K=V"; PATH, HOSTNAME and HOME are added where it has none */
	const char *cwd;                 /* "" is "/"; made when missing */
	const char *user;                /* "", "name", "uid", "name:group", "uid:gid" */
	struct container_strings groups; /* additional, names or numbers */
	const char *hostname;            /* "": the first 12 characters of the id; ignored with CONTAINER_NET_HOST */
	const char *domainname;
	uint32_t tty_rows, tty_columns;  /* at the start; 0: whatever the kernel begins with */
	bool has_tty;                    /* a pseudo terminal is stdin, stdout, stderr and /dev/console; TERM=xterm where env has no TERM */
	bool has_stdin;                  /* clients of runtime_attach write to its stdin; else that is /dev/null, or a terminal nobody types at */
	bool is_stdin_once;              /* stdin ends as soon as a client that writes to it ends; not with a tty */
	bool uses_init;                  /* pid 1 is ours: it reaps, hands signals on, and ends with the program's code */
	bool uses_host_dns;              /* resolv.conf is the host's (loopback servers left out), but for what the next three replace */
	struct container_strings dns_servers, dns_search, dns_options;
	struct container_pairs hosts;    /* behind the lines every container has: key is the address, value the names */

	struct container_strings layers; /* directories, the top one first */
	bool is_root_readonly;
	bool keeps_root;                 /* what the program synced in its own layer survives a crash of the host: for containers that are started again
					  * (runtime_renew). Without, the overlay is mounted `volatile` */
	struct container_mount *mounts;
	size_t mount_count;

	uint64_t caps;                   /* bit n: capability n (caps.h) */
	bool seccomp_enabled;            /* Docker's default profile for these caps, or the next one */
	const char *seccomp_profile;     /* JSON (seccomp_profile.h), compiled when the container is made; not stored */
	const char *seccomp_program;     /* that, stored: base64 of the flags and the instructions */
	bool no_new_privs;
	bool has_all_devices;            /* every node of the host's /dev, and no device rules: --privileged, as the next one */
	bool has_writable_sys;           /* /sys and the cgroup file systems below it */
	struct container_rlimit *rlimits;
	size_t rlimit_count;
	struct container_pairs sysctls;
	struct container_strings masked_paths, readonly_paths;
	struct container_device *devices;        /* besides null zero full random urandom tty */
	size_t device_count;

	int64_t shm_size_bytes;          /* of /dev/shm; 0: 64 MiB */
	int64_t memory_bytes;            /* 0: no limit, as for all four */
	int64_t memory_swap_bytes;       /* memory and swap together, as Docker counts; -1: unlimited swap; 0: as much swap as memory */
	int64_t nano_cpus;
	int64_t pids_limit;
	int oom_score_adj;

	int stop_signal;                 /* for the agent and inspect; 0 is SIGTERM */
	enum container_network network;
	enum container_log_driver log_driver;
	int64_t log_max_bytes;           /* of one file; 0: never rotated */
	int log_max_files;               /* 0 and 1: the one file is started afresh when it is full */
	int64_t created_wall;            /* nsec since 1970, shown by inspect */
};

/* Docker's defaults: capabilities, seccomp on, masked and read-only paths, everything else zero. */
void container_spec_init(struct container_spec *spec);
/* What nobody could run: ERR_INVALID with Docker's words where it has them. The paths are not looked at on disk. */
int container_spec_check(const struct container_spec *spec, struct err *err);

/* The label's value; NULL when there is none. */
const char *container_label(const struct container_spec *spec, const char *key);
