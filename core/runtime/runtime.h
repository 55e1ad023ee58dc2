/* runtime.h - the containers of one host: made, started, signalled, followed, removed, found again after a restart of the agent.
 *
 * Everything here runs on the loop's thread and returns at once; what may block runs on the work threads. A callback comes exactly once, never
 * inside the call that it answers, and never after runtime_close. `failure` is NULL on success and lives until the return.
 * Each container has one shim (shim.h), which outlives the agent; runtime_close leaves all of them running.
 *
 * Under run_root:  self (the binary, read-only bind mount)    shims/<id>/{sock,exit}
 * Under data_root: containers/<id>/{spec,upper,work,<id>-json.log…}     containers/.base
 * In the cgroup v2 tree: <cgroup_parent>/<id>/{ctr,shim}; in each of v1: <cgroup_parent>/<id>
 */
#pragma once
#include <sys/types.h>

#include "base/err.h"
#include "os/loop.h"
#include "os/work.h"
#include "runtime/container_exec.h"
#include "runtime/container_spec.h"
#include "runtime/log_reader.h"

struct runtime;

/* A container's end: the kernel's verdict, or why there is none. */
struct runtime_exit {
	const char *id;
	int code;                        /* 0-255, 128 + signal; 255 when nobody knows (shim lost, host restarted) */
	bool oom_killed;
	const char *error;               /* "" or a sentence: "shim lost", "host restarted", an exec error */
	nsec finished_wall;
};
typedef void runtime_exit_fn(void *arg, const struct runtime_exit *exit);

struct runtime_config {
	struct loop *loop;
	struct work *work;
	const char *data_root, *run_root;        /* exist already; absolute */
	const char *cgroup_parent;               /* "swarmbox": a directory in every hierarchy, outside the service unit's own */
	const char *binary;                      /* what is mounted at run_root/self; NULL: /proc/self/exe. Lives as long as the runtime */
	runtime_exit_fn *on_exit;                /* a container that had been created or running (seen by this runtime) has ended */
	void *arg;
};

/* Finds the cgroup hierarchies, mounts self, probes overlayfs. ERR_UNSUPPORTED with the reason when containers cannot run here. */
int runtime_open(const struct runtime_config *config, struct runtime **ret, struct err *err);
void runtime_close(struct runtime *rt);          /* NULL is welcome; pending callbacks are dropped */

typedef void runtime_done_fn(void *arg, const struct err *failure);

/* Made up to the gate: namespaces, root file system, mounts; the process waits, not yet the user's program. The spec is read during the call only.
 * On success inspect has the pid, and runtime_netns_fd the network namespace to put links into. On failure nothing is left behind.
 * ERR_CONFLICT when the id exists, ERR_INVALID for a spec nobody can run (Docker's words), ERR_EXHAUSTED when the queue is full. */
void runtime_create(struct runtime *rt, const struct container_spec *spec, runtime_done_fn *done, void *arg);
/* Opens the gate. Success: exec has succeeded. Failure: Docker's words (exec: "foo": executable file not found in $PATH); the container
 * has then ended (code 126 or 127 in inspect) without an on_exit. */
void runtime_start(struct runtime *rt, const char *id, runtime_done_fn *done, void *arg);
/* To the container's first process, by pidfd. ERR_NOT_FOUND: no such container; ERR_CONFLICT: it is not running. */
int runtime_signal(struct runtime *rt, const char *id, int number, struct err *err);
/* SIGKILL to everything in it; on_exit tells when it is gone. Harmless when it has ended. */
int runtime_kill(struct runtime *rt, const char *id, struct err *err);
/* Ends it if need be (then without on_exit) and removes root file system, logs, cgroups, directories. An unknown id is a success. */
void runtime_remove(struct runtime *rt, const char *id, runtime_done_fn *done, void *arg);

/* An EXITED container is made up to its gate again (docker start): the same directories, root file system and log; new namespaces, groups and shim. Then
 * runtime_start, and on_exit tells its next end. `spec` has the same id and layers and replaces what is stored (names, hosts, limits may be others);
 * NULL: as stored. It is read during the call only. ERR_CONFLICT unless it is EXITED. On failure it is EXITED again, with code 126 and the failure as its error. */
void runtime_renew(struct runtime *rt, const char *id, const struct container_spec *spec, runtime_done_fn *done, void *arg);

/* fd: a client's end of a connected SOCK_STREAM pair, non-blocking, close-on-exec, the callee's to close; -1 with failure.
 * Reading: the output from now on, raw with a tty, else in frames (stream 1 or 2, three zeros, length in big endian; then the bytes). Its end means that
 *   the container has ended and all was given, or that the shim is gone. on_exit may come before or after it.
 * Writing, with wants_stdin and the spec's has_stdin: goes to stdin. shutdown(SHUT_WR), or close, ends the input: with is_stdin_once and no tty the
 *   container's stdin ends then; else this client is detached, its stream ends. Without, nothing is ever read from it.
 * A client that does not read lets the container wait for it once its socket is full (~200 KiB), as Docker does; nothing is lost, in the log neither. One that
 * closes is forgotten. */
typedef void runtime_stream_fn(void *arg, int fd, const struct err *failure);
/* wants_past: the stream begins with what runtime_stream_mark takes: the place in the log behind which the stream goes on. */
struct runtime_attachment { bool wants_stdin, wants_stdout, wants_stderr, wants_past; };
int runtime_stream_mark(int fd, struct log_mark *ret);   /* -1 when there is none: the shim is gone */
#define RUNTIME_MAX_ATTACHED 8           /* of one container; one more is ERR_EXHAUSTED */
/* CREATED (nothing of the output is missed then) or RUNNING; else ERR_CONFLICT. ERR_UNSUPPORTED: its shim is older than this. */
void runtime_attach(struct runtime *rt, const char *id, const struct runtime_attachment *want, runtime_stream_fn *done, void *arg);
/* Of its terminal, created or running. ERR_INVALID: it has none. */
void runtime_resize(struct runtime *rt, const char *id, unsigned rows, unsigned columns, runtime_done_fn *done, void *arg);

/* A process beside the container's own: in its namespaces, groups and limits, with its system call filter. The container's end is its end. Whoever
 * started it owns the handle. */
struct runtime_exec;
struct runtime_exec_started {
	pid_t pid;                       /* as this host counts */
	int stream_fd;                   /* as runtime_attach's, for the life of the process; -1 without has_stdin, has_output and has_tty. The callee's to close */
};
struct runtime_exec_events {
	/* Its program runs. Or failure: nothing of it is left; the words are Docker's without what the CLI has around them (exec: "x": executable file not found in
	 * $PATH), code is 126 or 127, and on_exit does not come. */
	void (*on_started)(void *arg, const struct runtime_exec_started *started, int code, const struct err *failure);
	/* 0-255, 128 + signal; 137 also when its shim was killed. The stream may hold output still, and ends by itself. */
	void (*on_exit)(void *arg, int code);
};
#define RUNTIME_MAX_EXECS 1024           /* of all containers */
/* `exec` is read during the call only. -1: ERR_NOT_FOUND; ERR_CONFLICT, it is not running; ERR_INVALID; ERR_EXHAUSTED. Then no event comes. */
int runtime_exec_new(struct runtime *rt, const char *id, const struct container_exec *exec, const struct runtime_exec_events *events, void *arg,
		     struct runtime_exec **ret, struct err *err);
/* At any time, inside its events too, and before the runtime is closed; NULL is welcome. No event comes any more; the process goes on, or ends if
 * it is one that ends with the agent. */
void runtime_exec_free(struct runtime_exec *exec);
int runtime_exec_resize(struct runtime_exec *exec, unsigned rows, unsigned columns, struct err *err);    /* ERR_INVALID: it has no tty */

/* Once, at the start of the agent, before anything else: adopts every live shim and reads the ends of the others. Afterwards runtime_next lists
 * them all; those already ended are not told to on_exit. */
void runtime_recover(struct runtime *rt, runtime_done_fn *done, void *arg);
/* Removes every container that is not in known[], and whatever half-made directory, cgroup or mount no container explains. */
void runtime_sweep(struct runtime *rt, const char *const *known, size_t count, runtime_done_fn *done, void *arg);

enum runtime_state { RUNTIME_CREATING, RUNTIME_CREATED, RUNTIME_RUNNING, RUNTIME_EXITED, RUNTIME_REMOVING };
struct runtime_info {
	const char *id;
	enum runtime_state state;
	pid_t pid;                       /* of its first process as this host counts; 0 when there is none */
	nsec created_wall, started_wall, finished_wall;          /* 0: not yet */
	int exit_code;                   /* once RUNTIME_EXITED */
	bool oom_killed, has_tty;
	bool is_paused;                  /* and RUNTIME_RUNNING */
	const char *error;               /* "" */
	const char *log_path, *dir;      /* dir: containers/<id> */
};
/* The strings live until the next call into the runtime. False: no such container. */
bool runtime_inspect(const struct runtime *rt, const char *id, struct runtime_info *ret);
/* for (size_t at = 0; runtime_next(rt, &at, &info); ) */
bool runtime_next(const struct runtime *rt, size_t *at, struct runtime_info *ret);
/* Read back from the container's directory. */
int runtime_spec(const struct runtime *rt, const char *id, struct arena *arena, struct container_spec *ret, struct err *err);
/* -1 before it is created, after it has ended, and with CONTAINER_NET_HOST. Stays the runtime's. */
int runtime_netns_fd(const struct runtime *rt, const char *id);

#define RUNTIME_STATS_MAX_LINKS 16
struct runtime_link { char name[16]; uint64_t rx_bytes, rx_packets, rx_errors, rx_dropped, tx_bytes, tx_packets, tx_errors, tx_dropped; };
struct runtime_stats {
	nsec read_wall;
	int64_t memory_bytes, memory_peak_bytes;
	int64_t memory_limit_bytes;      /* the host's memory when there is none */
	int64_t memory_cache_bytes, memory_inactive_file_bytes, memory_rss_bytes;
	uint64_t memory_failures;        /* how often it met its limit */
	uint64_t cpu_ns, cpu_user_ns, cpu_system_ns;
	uint64_t cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
	int64_t pids, pids_limit;        /* limit 0: none */
	uint64_t read_bytes, write_bytes, reads, writes;         /* of block devices; 0 in cgroup v1 */
	struct runtime_link links[RUNTIME_STATS_MAX_LINKS];      /* of its network, without lo; none while it does not run, nor with the host's */
	size_t link_count;
	uint64_t host_cpu_ns;            /* of all processors since boot, as Docker counts system_cpu_usage */
	unsigned host_cpus;
	int64_t host_memory_bytes;
};
/* Small reads from files of the kernel, at once; what this host does not count is 0. */
int runtime_stats(const struct runtime *rt, const char *id, struct runtime_stats *ret, struct err *err);

/* Its processes as `ps` on this host would show them (process_table.h; the format is copied). Row by row in cells; everything lives until the return.
 * ERR_CONFLICT: it is not running. More than RUNTIME_TOP_MAX are cut off. */
#define RUNTIME_TOP_MAX 4096
struct process_format;
struct runtime_top { const struct process_format *format; const char *const *cells; size_t row_count; };
typedef void runtime_top_fn(void *arg, const struct runtime_top *top, const struct err *failure);
void runtime_top(struct runtime *rt, const char *id, const struct process_format *format, runtime_top_fn *done, void *arg);

/* All its processes stand still, or go on (freezer of cgroup v2, also on hosts that have v1 beside it). A signal waits until it goes on, but for SIGKILL.
 * ERR_CONFLICT in Docker's words: not running, already paused, not paused. ERR_UNSUPPORTED: no cgroup v2. */
void runtime_pause(struct runtime *rt, const char *id, runtime_done_fn *done, void *arg);
void runtime_unpause(struct runtime *rt, const char *id, runtime_done_fn *done, void *arg);

/* Memory, swap, processors and processes of the spec are its limits from now on, when it is made or running; else it is a success at once, for runtime_renew takes the
 * spec. What it is renewed with otherwise does not change. On failure some may be the new ones. */
void runtime_limit(struct runtime *rt, const char *id, const struct container_spec *spec, runtime_done_fn *done, void *arg);

/* A reader of its log that ends when the container has ended and everything is read. The owner frees it (before the runtime is closed). */
int runtime_logs(struct runtime *rt, const char *id, const struct log_query *query, const struct log_reader_events *events, void *arg,
		 struct log_reader **ret, struct err *err);

/* Facts for `info` and `check`. */
struct runtime_facts { const char *storage_driver; int cgroup_version; bool has_unified, has_memory, limits_swap, has_cpu, has_pids, has_devices, has_seccomp; };
void runtime_facts(const struct runtime *rt, struct runtime_facts *ret);         /* "overlay2" or "copy"; 1 or 2 */
