/* runtime_inside.h - what the files of the agent's side of this room share: the runtime, and one container as the agent knows it.
 *
 * A container has at most one job on the work threads at a time. Its life on the loop:
 *
 *   create job -> shim's hello (CREATED) -> start's reply (RUNNING) -> the connection ends (exit file read: EXITED) -> remove job -> freed
 *                                                                                            EXITED -> renew job -> shim's hello …
 *
 * runtime_io.c: the table and most calls · runtime_create_io.c: those that make one · runtime_job_io.c: what is waited for · container_create_io.c ·
 * container_renew_io.c · container_link_io.c: the connection to its shim, and its end · container_remove_io.c · runtime_recover_io.c
 */
#pragma once
#include "base/list.h"
#include "base/map.h"
#include "os/child.h"
#include "runtime/cgroup_io.h"
#include "runtime/runtime.h"
#include "runtime/shim_wire.h"

#define RUNTIME_MAX_JOBS 32              /* submitted at a time; the others wait in the runtime */

struct container;
struct runtime {
	struct runtime_config config;
	char *data_root, *run_root, *cgroup_parent, *self;
	char *containers_dir, *shims_dir, *base_dir;
	char boot_id[64];
	struct cgroup_host cgroups;
	bool uses_overlay, is_closed;
	int shim_oom_score;
	struct map *containers;          /* id -> struct container */
	struct list waiting_jobs;        /* of struct container.job_node */
	unsigned jobs, calls;            /* under way: on work threads, deferred on the loop */
	struct list execs;               /* of struct runtime_exec.node, those that nobody owns any more included */
	unsigned exec_count;
	struct timer retry;              /* the work queue was full with jobs of others */
	struct runtime_recovery *recovery;
};

struct waiter { struct list node; runtime_done_fn *done; void *arg; };

/* A question to the shim that carries a number, until it is answered or the connection ends. */
struct link_call { struct list node; uint32_t seq; enum shim_wire_do verb; runtime_done_fn *done; runtime_stream_fn *take_stream; void *arg; };

/* A job: run() on a work thread touches only what is said where it is set; done() follows on the loop. */
typedef void container_job_fn(struct container *container);

struct container {
	struct runtime *rt;
	char *dir, *shim_dir, *log_path;         /* containers/<id>, shims/<id> */
	nsec created_wall, started_wall, finished_wall;
	struct watch *link_watch;
	struct child_watch *shim_watch;  /* NULL: the shim is gone, or not known yet */
	struct waiter create, start;     /* done NULL: nobody waits */
	struct list removers;            /* of struct waiter, owned */
	struct list readers;             /* of log readers, the owners' */
	struct list calls;               /* of struct link_call, owned */
	uint32_t last_seq, shim_level;

	struct list job_node;
	container_job_fn *job_run, *job_done;
	struct buf plan_text;            /* into the create job; into the renew job, where empty means what is stored */
	enum runtime_state state;
	pid_t pid;
	int exit_code;
	int pidfd, netns_fd;             /* of the container; -1 */
	int link_fd;                     /* to its shim; -1 */
	int shim_pidfd;                  /* shim_watch's, for signals */
	int made_link_fd, made_shim_pidfd;       /* out of the create job */
	enum err_code failure_code;      /* of a creation that failed; the words are in error */
	struct err job_err;

	bool is_removing, has_job, job_failed;
	bool is_awaited;                 /* found at start, and its shim has not said hello yet */
	bool is_oom;
	bool kills_group;                /* when it is removed: who knows what is in it */
	bool is_renewal;                 /* CREATING anew what was EXITED, and is that again when it fails */
	bool has_tty, is_paused;
	bool is_freezing;                /* being paused or unpaused */
	bool renews_later;               /* when the shim of its last life has ended, which still adds to `spec` */
	char id[HEX_ID_SIZE];
	char error[512];
};

struct container *container_new(struct runtime *rt, const char *id);     /* in the table */
void container_free(struct container *container);                        /* out of it */
struct container *container_find(const struct runtime *rt, const char *id);
/* NULL with err unless it is in that state; `wrong` says what it is not. */
struct container *container_find_in(const struct runtime *rt, const char *id, enum runtime_state state, const char *wrong, struct err *err);

/* Before a shim is started. */
void runtime_keep_self(const struct runtime *rt);

/* runtime_job_io.c */
void runtime_jobs_init(struct runtime *rt);
void container_job(struct container *container, container_job_fn *run, container_job_fn *done);
/* One job less. True: the runtime is closed, and gone now if that was the last. */
bool runtime_job_ended(struct runtime *rt);
void runtime_free_closed(struct runtime *rt);            /* unless it is open, or something is under way */
/* Calls back at the end of this round, unless the runtime is closed before. */
void runtime_answer_later(struct runtime *rt, runtime_done_fn *done, void *arg, const struct err *failure);
void runtime_refuse_stream_later(struct runtime *rt, runtime_stream_fn *take_stream, void *arg, const struct err *failure);
void runtime_refuse_top_later(struct runtime *rt, runtime_top_fn *take_top, void *arg, const struct err *failure);
void waiter_answer(struct waiter *waiter, const struct err *failure);    /* once; harmless when nobody waits */

/* container_create_io.c */
void container_create(struct container *container);      /* plan_text is filled */
int container_make_shim_dir(const struct container *container, struct err *err);
int container_start_shim(struct container *container, const struct container_spec *spec, struct arena *arena, struct err *err);
void container_take_shim(struct container *container);   /* on the loop: what the job that started the shim made */

/* container_renew_io.c */
void container_renew(struct container *container);       /* plan_text is filled or empty */

/* container_link_io.c */
void container_link(struct container *container, int link_fd);           /* takes it; the shim's hello is on its way */
void container_watch_shim(struct container *container, int shim_pidfd);  /* takes it */
int container_send(struct container *container, const struct shim_wire *request, struct err *err);
void container_cut(struct container *container); /* as if the shim had closed the connection */
/* From an exit file or other knowledge: state EXITED, nobody told. */
void container_set_end(struct container *container, int code, bool is_oom, const char *error, nsec started, nsec finished);
/* Looks for `exit`, then for the second line of `spec`. */
bool container_read_end(const char *shim_dir, const char *dir, struct shim_wire *ret);

/* container_call_io.c */
void container_call_answered(struct container *container, const struct shim_wire *reply, int *fd);     /* takes what it needs */
void container_calls_end(struct container *container);   /* the connection is gone: each is told so */
void container_calls_free(struct container *container);  /* nobody is told */

/* container_remove_io.c */
void container_remove_step(struct container *container); /* goes on with a removal as far as it can now */

/* runtime_exec_io.c */
void runtime_execs_close(struct runtime *rt);

/* runtime_recover_io.c: an awaited container is known now */
void runtime_recovered_one(struct runtime *rt);
void runtime_recovery_free(struct runtime *rt);

/* log_reader_io.c */
void log_reader_enlist(struct log_reader *reader, struct list *readers);
void log_reader_finish_all(struct list *readers);
