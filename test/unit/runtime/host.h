/* host.h - a host for tests: own data root, run root and cgroup parent below /tmp, a loop, a runtime, and a root file system that holds
 * only `probe` (the folder inside). The test program itself is the shim. Needs root.
 */
#pragma once
#include "base/arena.h"
#include "base/buf.h"
#include "os/loop.h"
#include "os/work.h"
#include "runtime/runtime.h"

#define HOST_MAX_EXITS 256

struct host_exit { char id[HEX_ID_SIZE]; int code; bool oom_killed; char error[512]; };
struct host {
	char dir[64], data_root[96], run_root[96], rootfs[96], cgroup_parent[48];
	const char *binary;              /* what is the shim; NULL: the test program */
	struct loop *loop;
	struct work *work;
	struct runtime *rt;
	struct arena arena;
	struct host_exit exits[HOST_MAX_EXITS];
	size_t exit_count;
};

/* Panics when the host cannot be made: nothing below could be tested. */
void host_open(struct host *host);
/* Removes every container, closes, and EXPECTs that no mount, group or process is left. */
void host_close(struct host *host);
/* As if the agent had been killed: the runtime and its loop go, the containers stay. And a new one, which recovers. */
void host_crash(struct host *host);
void host_restart(struct host *host);

/* The data root becomes an overlay itself, and the kernel takes no upper directory on one: layers are copied. And back, when nothing is in it. */
void host_without_overlay(struct host *host);
void host_with_overlay(struct host *host);

/* The spec of a container that runs `probe` with these words; NULL at the end. A new id each time. */
#define host_spec(host, ...) host_spec_of((host), (const char *const[]){ __VA_ARGS__ })
struct container_spec host_spec_of(struct host *host, const char *const *words);

struct host_answer { bool is_there, failed; struct err err; };
void host_on_answer(void *arg, const struct err *failure);       /* a runtime_done_fn */

/* Each waits for the answer; -1 with the sentence in err. */
int host_create(struct host *host, const struct container_spec *spec, struct err *err);
int host_start(struct host *host, const char *id, struct err *err);
int host_renew(struct host *host, const char *id, const struct container_spec *spec, struct err *err);
int host_remove(struct host *host, const char *id, struct err *err);
/* Until on_exit has told of it; NULL after a minute. */
const struct host_exit *host_wait_exit(struct host *host, const char *id);
/* create, start, wait for the end; the exit code, or -1. */
int host_run(struct host *host, const struct container_spec *spec, struct err *err);
/* All of its log so far: the texts, those of stderr with "E:" in front. */
const char *host_log(struct host *host, const char *id);
/* run, then the log. */
const char *host_output(struct host *host, const struct container_spec *spec);
/* A client's socket; wants: of "ioe" (stdin, stdout, stderr). Panics when it cannot be had. */
int host_attach(struct host *host, const char *id, const char *wants);
int host_try_attach(struct host *host, const char *id, const char *wants, int *ret_fd, struct err *err);
int host_resize(struct host *host, const char *id, unsigned rows, unsigned columns, struct err *err);
/* A process beside the container's own, that runs `probe` with these words and gives its output. */
#define host_exec_spec(host, ...) host_exec_spec_of((host), (const char *const[]){ __VA_ARGS__ })
struct container_exec host_exec_spec_of(struct host *host, const char *const *words);
struct host_exec { struct runtime_exec *handle; bool is_answered, has_ended; int stream_fd, code; pid_t pid; struct err err; };
/* Until it runs; -1 with err, and code. The handle is the caller's. */
int host_exec_start(struct host *host, const char *id, const struct container_exec *spec, struct host_exec *ret);
/* All of it: its output (host_stream_rest), its code. */
const char *host_exec_output(struct host *host, const char *id, const struct container_exec *spec, int *ret_code);
/* All that comes up to the stream's end, at most a minute. With frames: the texts of stdout, then "|" and those of stderr. Closes fd. */
const char *host_stream_rest(struct host *host, int fd, bool has_frames);
/* Until it has this text, in one frame if it has frames. */
bool host_stream_wait(struct host *host, int fd, const char *text);
/* Until the log has this text; false after a minute. */
bool host_wait_log(struct host *host, const char *id, const char *text);
/* Until its end stands in `spec`, where it outlives a reboot: the last thing that a shim does. */
void host_wait_spec_end(struct host *host, const char *id);
/* Runs the loop until *flag, at most a minute. */
bool host_wait(struct host *host, const bool *flag);
/* What this program is linked with comes into the root file system, for containers in which it runs itself (uses_init). */
void host_copy_libraries(struct host *host);
pid_t host_parent_of(pid_t pid);
const char *host_file(struct host *host, const char *path);      /* its text */
void host_sh(const char *fmt, ...) PRINTF_LIKE(1, 2);    /* a shell command that must succeed */
