/* host.c - makes and takes apart a host for tests. */
#include "test/unit/runtime/host.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/entropy.h"
#include "os/file.h"
#include "runtime/exec_shim.h"
#include "runtime/reaper_io.h"
#include "runtime/shim.h"
#include "test/unit/runner.h"

enum { WAIT_MS = 60000 };

/* `self shim DIR` and the rest of what our binary is when it is not the program itself, before main and before the runner. */
__attribute__((constructor)) static void be_another(void)
{
	static char *argv[128];
	CLEANUP(buf_finip) struct buf words = BUF_INIT;
	struct err ignored;
	size_t count = 0;

	if (file_read("/proc/self/cmdline", 1 << 20, &words, &ignored) < 0)
		return;
	for (char *at = words.data; at < words.data + words.len && count + 1 < ARRAY_COUNT(argv); at += strlen(at) + 1)
		argv[count++] = at;
	if (count && str_eq(argv[0], REAPER_NAME))
		_exit(reaper_run(argv, environ));
	if (count == 4 && str_eq(argv[1], "shim") && str_eq(argv[2], EXEC_SHIM_WORD))
		_exit(exec_shim_run(argv[3]));
	if (count == SHIM_WORD_COUNT + 2 && str_eq(argv[1], "shim"))
		_exit(shim_run(argv + 2));
}

void host_sh(const char *fmt, ...)
{
	char command[2048];
	va_list list;

	va_start(list, fmt);
	vsnprintf(command, sizeof command, fmt, list);
	va_end(list);
	if (system(command) != 0)
		panic("failed: %s", command);
}

static const char *probe_path(void)
{
	static const char program[] = "build/test/probe";

	host_sh("cd test/unit/runtime/inside && make=../../../../%s && { [ -e $make ] && [ -z \"$(find . -newer $make)\" ]; } || "
		"{ mkdir -p ../../../../build/test && gcc -static -O1 -o $make.%d ./*.c && mv $make.%d $make; }", program, (int)getpid(),
		(int)getpid());
	return program;
}

static void on_exit_of(void *arg, const struct runtime_exit *exit)
{
	struct host *host = arg;

	check(host->exit_count < HOST_MAX_EXITS);
	struct host_exit *told = &host->exits[host->exit_count++];

	*told = (struct host_exit){ .code = exit->code, .oom_killed = exit->oom_killed };
	str_copy(told->id, sizeof told->id, exit->id);
	str_copy(told->error, sizeof told->error, exit->error);
}

static void open_runtime(struct host *host)
{
	struct runtime_config config = { .data_root = host->data_root, .run_root = host->run_root, .cgroup_parent = host->cgroup_parent,
					 .binary = host->binary, .on_exit = on_exit_of, .arg = host };
	struct err err;

	host->loop = config.loop = loop_new();
	host->work = config.work = work_new(host->loop, 2);
	if (runtime_open(&config, &host->rt, &err) < 0)
		panic("runtime_open: %s", err.text);
}

void host_open(struct host *host)
{
	check(geteuid() == 0);
	*host = (struct host){ .exit_count = 0 };
	str_copy(host->dir, sizeof host->dir, "/tmp/sbrt-XXXXXX");
	check(runner_folder(host->dir));
	snprintf(host->data_root, sizeof host->data_root, "%s/data", host->dir);
	snprintf(host->run_root, sizeof host->run_root, "%s/run", host->dir);
	snprintf(host->rootfs, sizeof host->rootfs, "%s/rootfs", host->dir);
	snprintf(host->cgroup_parent, sizeof host->cgroup_parent, "sbrt-%s", host->dir + sizeof "/tmp/sbrt-" - 1);
	host_sh("mkdir -p %s %s %s/bin %s/tmp && cp %s %s/bin/probe", host->data_root, host->run_root, host->rootfs, host->rootfs,
		probe_path(), host->rootfs);
	arena_init(&host->arena, "host", 256 << 20);
	open_runtime(host);
}

static bool is_in_file(const char *path, const char *text)
{
	CLEANUP(buf_finip) struct buf content = BUF_INIT;
	struct err ignored;

	return file_read(path, 64 << 20, &content, &ignored) == 0 && strstr(buf_text(&content), text);
}

void host_copy_libraries(struct host *host)
{
	host_sh("ldd /proc/%d/exe 2>&1 | grep -o '/[^ ]*' | while read -r lib; do [ ! -e $lib ] || cp --parents -L $lib %s; done", getpid(),
		host->rootfs);
}

pid_t host_parent_of(pid_t pid)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	CLEANUP(str_freep) char *path = str_printf("/proc/%d/status", (int)pid);
	struct err ignored;

	file_read(path, 1 << 16, &text, &ignored);
	const char *line = strstr(buf_text(&text), "PPid:");

	return line ? (pid_t)strtol(line + 5, NULL, 10) : -1;
}

const char *host_file(struct host *host, const char *path)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct err err;

	return arena_strdup(&host->arena, file_read(path, 1 << 20, &text, &err) < 0 ? err.text : buf_text(&text));
}

static void close_runtime(struct host *host)
{
	runtime_close(host->rt);
	work_free(host->work);
	loop_free(host->loop);
	host->rt = NULL;
}

void host_on_answer(void *arg, const struct err *failure)
{
	struct host_answer *answer = arg;

	answer->is_there = true;
	answer->failed = failure;
	if (failure)
		answer->err = *failure;
}

static int wait_answer(struct host *host, struct host_answer *answer, struct err *err)
{
	if (!host_wait(host, &answer->is_there))
		return err_set(err, ERR_IO, "no answer");
	if (answer->failed)
		*err = answer->err;
	return answer->failed ? -1 : 0;
}

void host_close(struct host *host)
{
	struct host_answer answer = { false };
	struct err err;

	runtime_sweep(host->rt, NULL, 0, host_on_answer, &answer);
	EXPECT(wait_answer(host, &answer, &err) == 0);
	close_runtime(host);
	EXPECT(!is_in_file("/proc/self/mountinfo", host->dir));
	char command[256];

	snprintf(command, sizeof command, "! find /sys/fs/cgroup -maxdepth 3 -name '%s' 2>/dev/null | grep .", host->cgroup_parent);
	EXPECT(system(command) == 0);
	host_sh("rm -rf %s", host->dir);
	arena_fini(&host->arena);
}

void host_crash(struct host *host)
{
	close_runtime(host);
}

void host_restart(struct host *host)
{
	struct host_answer answer = { false };
	struct err err;

	open_runtime(host);
	runtime_recover(host->rt, host_on_answer, &answer);
	if (wait_answer(host, &answer, &err) < 0)
		panic("recover: %s", err.text);
}

void host_without_overlay(struct host *host)
{
	runtime_close(host->rt);
	host_sh("mkdir %s/l %s/u %s/w && mount -t overlay overlay -olowerdir=%s/l,upperdir=%s/u,workdir=%s/w %s", host->dir, host->dir,
		host->dir, host->dir, host->dir, host->dir, host->data_root);
	host->rt = NULL;
	host_crash(host);
	host_restart(host);
}

void host_with_overlay(struct host *host)
{
	host_crash(host);
	host_sh("umount %s", host->data_root);
	host_restart(host);
}

void host_wait_spec_end(struct host *host, const char *id)
{
	host_sh("while [ $(wc -l <%s/containers/%s/spec) -lt 2 ]; do sleep 0.01; done", host->data_root, id);
}

static struct container_strings words_of(struct host *host, const char *const *acts)
{
	const char **words = ARENA_ARRAY(&host->arena, const char *, 64);
	size_t count = 0;

	words[count++] = "probe";
	for (; *acts && count < 64; acts++)
		words[count++] = arena_strdup(&host->arena, *acts);
	return (struct container_strings){ words, count };
}

struct container_spec host_spec_of(struct host *host, const char *const *acts)
{
	struct container_spec spec;
	char *id = arena_take(&host->arena, HEX_ID_SIZE);
	const char **layer = ARENA_ARRAY(&host->arena, const char *, 1);

	container_spec_init(&spec);
	entropy_hex_id(id);
	spec.id = id;
	spec.argv = words_of(host, acts);
	layer[0] = host->rootfs;
	spec.layers = (struct container_strings){ layer, 1 };
	spec.created_wall = clock_wall_ns();
	return spec;
}

bool host_wait(struct host *host, const bool *flag)
{
	msec deadline = clock_boot_ms() + WAIT_MS;

	while (!*flag && clock_boot_ms() < deadline)
		loop_run_once(host->loop, 100);
	return *flag;
}

static void host_forget_exit(struct host *host, const char *id)
{
	for (size_t i = 0; i < host->exit_count;)
		if (str_eq(host->exits[i].id, id))
			host->exits[i] = host->exits[--host->exit_count];
		else
			i++;
}

int host_create(struct host *host, const struct container_spec *spec, struct err *err)
{
	struct host_answer answer = { false };

	runtime_create(host->rt, spec, host_on_answer, &answer);
	return wait_answer(host, &answer, err);
}

int host_start(struct host *host, const char *id, struct err *err)
{
	struct host_answer answer = { false };

	runtime_start(host->rt, id, host_on_answer, &answer);
	return wait_answer(host, &answer, err);
}

int host_renew(struct host *host, const char *id, const struct container_spec *spec, struct err *err)
{
	struct host_answer answer = { false };

	host_forget_exit(host, id);
	runtime_renew(host->rt, id, spec, host_on_answer, &answer);
	return wait_answer(host, &answer, err);
}

int host_remove(struct host *host, const char *id, struct err *err)
{
	struct host_answer answer = { false };

	runtime_remove(host->rt, id, host_on_answer, &answer);
	return wait_answer(host, &answer, err);
}

const struct host_exit *host_wait_exit(struct host *host, const char *id)
{
	msec deadline = clock_boot_ms() + WAIT_MS;

	for (;;) {
		for (size_t i = 0; i < host->exit_count; i++)
			if (str_eq(host->exits[i].id, id))
				return &host->exits[i];
		if (clock_boot_ms() >= deadline)
			return NULL;
		loop_run_once(host->loop, 100);
	}
}

int host_run(struct host *host, const struct container_spec *spec, struct err *err)
{
	if (host_create(host, spec, err) < 0 || host_start(host, spec->id, err) < 0)
		return -1;
	const struct host_exit *exit = host_wait_exit(host, spec->id);

	return exit ? exit->code : err_set(err, ERR_IO, "no end");
}

struct log_copy { struct buf text; bool is_ended; };

static bool on_log_entry(void *arg, const struct container_log_entry *entry)
{
	struct log_copy *copy = arg;

	if (entry->stream == CONTAINER_LOG_STDERR)
		buf_add_str(&copy->text, "E:");
	buf_add(&copy->text, entry->text, entry->length);
	return true;
}

static void on_log_end(void *arg, const struct err *failure)
{
	struct log_copy *copy = arg;

	EXPECT(!failure);
	copy->is_ended = true;
}

const char *host_log(struct host *host, const char *id)
{
	static const struct log_reader_events events = { on_log_entry, on_log_end };
	struct log_query query = { .wants_stdout = true, .wants_stderr = true, .tail = -1 };
	struct log_copy copy = { .is_ended = false };
	struct log_reader *reader;
	struct err err;

	if (runtime_logs(host->rt, id, &query, &events, &copy, &reader, &err) < 0)
		return arena_strdup(&host->arena, err.text);
	EXPECT(host_wait(host, &copy.is_ended));
	log_reader_free(reader);
	char *text = arena_strdup(&host->arena, buf_text(&copy.text));

	buf_fini(&copy.text);
	return text;
}

const char *host_output(struct host *host, const struct container_spec *spec)
{
	struct err err = { .code = 0 };

	if (host_run(host, spec, &err) < 0)
		return arena_printf(&host->arena, "failed: %s", err.text);
	return host_log(host, spec->id);
}

struct stream_answer { bool is_there, failed; int fd; struct err err; };

static void on_stream(void *arg, int fd, const struct err *failure)
{
	struct stream_answer *answer = arg;

	answer->is_there = true;
	answer->failed = failure;
	answer->fd = fd;
	if (failure)
		answer->err = *failure;
}

int host_try_attach(struct host *host, const char *id, const char *wants, int *ret_fd, struct err *err)
{
	struct runtime_attachment want = { strchr(wants, 'i'), strchr(wants, 'o'), strchr(wants, 'e'), strchr(wants, 'p') };
	struct stream_answer answer = { .fd = -1 };

	runtime_attach(host->rt, id, &want, on_stream, &answer);
	if (!host_wait(host, &answer.is_there))
		return err_set(err, ERR_IO, "no answer");
	*ret_fd = answer.fd;
	if (answer.failed)
		*err = answer.err;
	return answer.failed ? -1 : 0;
}

int host_attach(struct host *host, const char *id, const char *wants)
{
	struct err err;
	int fd;

	if (host_try_attach(host, id, wants, &fd, &err) < 0)
		panic("attach: %s", err.text);
	return fd;
}

int host_resize(struct host *host, const char *id, unsigned rows, unsigned columns, struct err *err)
{
	struct host_answer answer = { false };

	runtime_resize(host->rt, id, rows, columns, host_on_answer, &answer);
	return wait_answer(host, &answer, err);
}

/* False at the stream's end. */
static bool read_some(int fd, struct buf *text, msec deadline)
{
	struct pollfd wait = { fd, POLLIN, 0 };
	char bytes[65536];

	if (poll(&wait, 1, (int)MAX(deadline - clock_boot_ms(), 0)) <= 0)
		panic("a stream neither ends nor goes on; so far: %.200s", buf_text(text));
	ssize_t count = read(fd, bytes, sizeof bytes);

	if (count > 0)
		buf_add(text, bytes, (size_t)count);
	return count > 0;
}

static const char *without_frames(struct host *host, const struct buf *text)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	CLEANUP(buf_finip) struct buf bad = BUF_INIT;
	const uint8_t *at = (const uint8_t *)text->data, *end = at + text->len;

	while (at < end) {
		check(end - at >= 8 && (at[0] == 1 || at[0] == 2) && !at[1] && !at[2] && !at[3]);
		size_t length = (size_t)at[4] << 24 | (size_t)at[5] << 16 | (size_t)at[6] << 8 | at[7];

		check((size_t)(end - at) >= 8 + length);
		buf_add(at[0] == 1 ? &out : &bad, at + 8, length);
		at += 8 + length;
	}
	return arena_printf(&host->arena, "%s|%s", buf_text(&out), buf_text(&bad));
}

const char *host_stream_rest(struct host *host, int fd, bool has_frames)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	msec deadline = clock_boot_ms() + WAIT_MS;

	while (read_some(fd, &text, deadline))
		;
	close(fd);
	return has_frames ? without_frames(host, &text) : arena_strdup(&host->arena, buf_text(&text));
}

bool host_stream_wait(struct host *host UNUSED, int fd, const char *text)
{
	CLEANUP(buf_finip) struct buf so_far = BUF_INIT;
	msec deadline = clock_boot_ms() + WAIT_MS;

	while (!memmem(buf_text(&so_far), so_far.len, text, strlen(text)))
		if (!read_some(fd, &so_far, deadline))
			return false;
	return true;
}

static void on_exec_started(void *arg, const struct runtime_exec_started *started, int code, const struct err *failure)
{
	struct host_exec *exec = arg;

	exec->is_answered = true;
	exec->stream_fd = started ? started->stream_fd : -1;
	exec->pid = started ? started->pid : 0;
	exec->code = code;
	if (failure)
		exec->err = *failure;
}

static void on_exec_exit(void *arg, int code)
{
	struct host_exec *exec = arg;

	exec->has_ended = true;
	exec->code = code;
}

int host_exec_start(struct host *host, const char *id, const struct container_exec *spec, struct host_exec *ret)
{
	static const struct runtime_exec_events events = { on_exec_started, on_exec_exit };

	*ret = (struct host_exec){ .stream_fd = -1 };
	if (runtime_exec_new(host->rt, id, spec, &events, ret, &ret->handle, &ret->err) < 0)
		return -1;
	EXPECT(host_wait(host, &ret->is_answered));
	return ret->err.code ? -1 : 0;
}

struct container_exec host_exec_spec_of(struct host *host, const char *const *acts)
{
	return (struct container_exec){ .argv = words_of(host, acts), .has_output = true };
}

const char *host_exec_output(struct host *host, const char *id, const struct container_exec *spec, int *ret_code)
{
	struct host_exec exec;
	const char *text;

	if (host_exec_start(host, id, spec, &exec) < 0) {
		*ret_code = exec.code;
		text = arena_printf(&host->arena, "failed: %s", exec.err.text);
	} else {
		text = host_stream_rest(host, exec.stream_fd, !spec->has_tty);
		EXPECT(host_wait(host, &exec.has_ended));
		*ret_code = exec.code;
	}
	runtime_exec_free(exec.handle);
	return text;
}

struct log_watch { const char *wanted; struct buf text; bool is_seen; };

static bool on_watched_entry(void *arg, const struct container_log_entry *entry)
{
	struct log_watch *watch = arg;

	buf_add(&watch->text, entry->text, entry->length);
	watch->is_seen = watch->is_seen || strstr(buf_text(&watch->text), watch->wanted);
	return true;
}

static void on_watched_end(void *arg UNUSED, const struct err *failure UNUSED)
{
}

bool host_wait_log(struct host *host, const char *id, const char *text)
{
	static const struct log_reader_events events = { on_watched_entry, on_watched_end };
	struct log_query query = { .wants_stdout = true, .wants_stderr = true, .tail = -1, .follows = true };
	struct log_watch watch = { .wanted = text };
	struct log_reader *reader;
	struct err err;

	if (runtime_logs(host->rt, id, &query, &events, &watch, &reader, &err) < 0)
		return false;
	bool is_seen = host_wait(host, &watch.is_seen);

	log_reader_free(reader);
	buf_fini(&watch.text);
	return is_seen;
}
