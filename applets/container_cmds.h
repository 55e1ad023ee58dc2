/* container_cmds.h - what the files of the noun container share. */
#pragma once
#include "applets/cli.h"
#include "applets/container_flags.h"

struct call;
/* container_run.c */
int container_run(struct cli *cli, const void *args, char **operands);
int container_run_create(struct cli *cli, const void *args, char **operands);
/* As docker's run fails: the program's name in front, how to find help behind; returns the code. */
int container_run_fail(const struct cli *cli, const struct err *err, int code);

/* container_attach.c */
extern const struct option container_attach_options[], container_start_options[];
struct container_attach_args { const char *detach_keys; bool no_stdin, no_sig_proxy; };
struct container_start_args { const char *detach_keys; bool attach, interactive; };
int container_take_sig_proxy(void *args, const struct option *option, const char *value, struct err *err);
int container_attach(struct cli *cli, const void *args, char **operands);
int container_start(struct cli *cli, const void *args, char **operands);

/* exec_words.c */
extern const struct option container_exec_options[];
struct container_exec_args {
	const char *detach_keys, *user, *workdir;
	struct strlist env, env_files;
	bool detach, interactive, privileged, tty;
};
int container_exec(struct cli *cli, const void *args, char **operands);

/* container_stats.c */
extern const struct option container_stats_options[];
struct container_stats_args { const char *format; bool all, no_stream, no_trunc; };
int container_top(struct cli *cli, const void *args, char **operands);
int container_stats(struct cli *cli, const void *args, char **operands);

/* container_acts.c */
extern const struct option container_stop_options[], container_prune_options[];
struct container_stop_args { const char *signal; struct option_int timeout; };          /* and of restart */
struct container_prune_args { struct strlist filters; bool force; };
int container_stop(struct cli *cli, const void *args, char **operands);
int container_restart(struct cli *cli, const void *args, char **operands);
int container_pause(struct cli *cli, const void *args, char **operands);
int container_unpause(struct cli *cli, const void *args, char **operands);
int container_update(struct cli *cli, const void *args, char **operands);
int container_wait(struct cli *cli, const void *args, char **operands);
int container_rename(struct cli *cli, const void *args, char **operands);
int container_prune(struct cli *cli, const void *args, char **operands);
int container_port(struct cli *cli, const void *args, char **operands);
