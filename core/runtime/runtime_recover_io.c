/* runtime_recover_io.c - what an agent before us left on this host: found, adopted, or swept out.
 *
 * A work thread looks (directories, groups, sockets); the loop takes what it found into the table and waits for the hellos of live shims.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"
#include "os/log.h"
#include "runtime/runtime_inside.h"
#include "runtime/shim_plan.h"

enum { HELLO_WAIT_MS = 5000, CODE_UNKNOWN = 255 };

struct found {
	char *id;
	int link_fd;                     /* a shim answers; -1 */
	bool has_end, is_of_this_boot, has_tty, is_paused;
	struct shim_wire end;
	nsec created_wall;
};
struct runtime_recovery {
	struct runtime *rt;
	struct waiter waiter;
	struct found *found;
	size_t count, awaited;
	struct timer patience;
	bool is_looking, failed;
	struct err err;
};

/* --- looking, on a work thread ----------------------------------------------------------------- */

static int connect_shim(const char *shim_dir)
{
	CLEANUP(fd_closep) int dir = open(shim_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct shim_wire hello = { .verb = SHIM_WIRE_HELLO };
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	char text[SHIM_WIRE_MAX_BYTES];
	size_t length = shim_wire_format(&hello, text);

	snprintf(name.sun_path, sizeof name.sun_path, "/proc/self/fd/%d/sock", dir);
	if (dir < 0 || fd < 0 || connect(fd, (struct sockaddr *)&name, sizeof name) < 0 ||
	    send(fd, text, length, MSG_NOSIGNAL) < 0)
		return -1;
	return fd_take(&fd);
}

static void read_plan(const struct runtime *rt, const char *dir, struct found *found)
{
	CLEANUP(str_freep) char *path = path_join(dir, "spec");
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct arena arena;
	struct shim_plan plan;
	struct err ignored;

	arena_init(&arena, "recover", 16 * CONTAINER_SPEC_MAX_BYTES);
	if (file_read(path, CONTAINER_SPEC_MAX_BYTES + SHIM_WIRE_MAX_BYTES, &text, &ignored) == 0 &&
	    shim_plan_decode(buf_text(&text), text.len, &arena, &plan, &ignored) == 0) {
		found->created_wall = plan.spec.created_wall;
		found->has_tty = plan.spec.has_tty;
		found->is_of_this_boot = str_eq(plan.boot_id, rt->boot_id);
	}
	arena_fini(&arena);
}

/* Connect first, read the end after: a shim that ends in between has written it. */
static void look_at(const struct runtime *rt, struct found *found)
{
	CLEANUP(str_freep) char *dir = path_join(rt->containers_dir, found->id);
	CLEANUP(str_freep) char *shim_dir = path_join(rt->shims_dir, found->id);

	found->link_fd = connect_shim(shim_dir);
	found->has_end = container_read_end(shim_dir, dir, &found->end);
	found->is_of_this_boot = true;
	found->is_paused = found->link_fd >= 0 && cgroup_is_frozen(&rt->cgroups, found->id);
	read_plan(rt, dir, found);
}

static int list_dir(const char *path, struct strlist *ids, struct err *err)
{
	CLEANUP(strlist_finip) struct strlist names = { 0 };

	if (dir_list(path, &names, err) < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	for (size_t i = 0; i < names.count; i++)
		if (hex_id_is_valid(names.items[i]))
			strlist_add(ids, names.items[i]);
	return 0;
}

static void look(void *arg)
{
	struct runtime_recovery *recovery = arg;
	CLEANUP(strlist_finip) struct strlist ids = { 0 };
	const struct runtime *rt = recovery->rt;

	recovery->failed = list_dir(rt->containers_dir, &ids, &recovery->err) < 0 || list_dir(rt->shims_dir, &ids, &recovery->err) < 0;
	if (recovery->failed)
		return;
	cgroup_list(&rt->cgroups, &ids);
	strlist_sort(&ids);
	recovery->found = NEW_ARRAY(struct found, ids.count + 1);
	for (size_t i = 0; i < ids.count; i++) {
		if (i && str_eq(ids.items[i], ids.items[i - 1]))
			continue;
		struct found *found = &recovery->found[recovery->count++];

		found->id = str_dup(ids.items[i]);
		look_at(rt, found);
	}
}

/* --- taking in, on the loop -------------------------------------------------------------------- */

static void forget(struct runtime_recovery *recovery)
{
	for (size_t i = 0; i < recovery->count; i++) {
		free(recovery->found[i].id);
		fd_closep(&recovery->found[i].link_fd);
	}
	free(recovery->found);
	free(recovery);
}

void runtime_recovery_free(struct runtime *rt)
{
	struct runtime_recovery *recovery = rt->recovery;

	rt->recovery = NULL;
	if (!recovery)
		return;
	timer_cancel(&recovery->patience);
	if (!recovery->is_looking)       /* else its job frees it */
		forget(recovery);
}

static void finish(struct runtime *rt)
{
	struct runtime_recovery *recovery = rt->recovery;
	struct waiter waiter = recovery->waiter;

	rt->recovery = NULL;
	timer_cancel(&recovery->patience);
	forget(recovery);
	waiter_answer(&waiter, NULL);
}

void runtime_recovered_one(struct runtime *rt)
{
	check(rt->recovery && rt->recovery->awaited);
	if (--rt->recovery->awaited == 0)
		finish(rt);
}

/* A shim that does not say hello holds a container that nobody can look after: it is taken for lost, and its group killed. */
static void on_impatience(void *arg)
{
	struct runtime *rt = ((struct runtime_recovery *)arg)->rt;
	const char *id;
	void *value;

	for (size_t at = 0; rt->recovery && map_next(rt->containers, &at, &id, &value);) {
		struct container *container = value;

		if (container->is_awaited && container->link_fd >= 0) {
			log_warn("container %.12s: its shim does not answer", id);
			container_cut(container);
		}
	}
}

static void take_in(struct runtime *rt, struct found *found)
{
	struct container *container = container_new(rt, found->id);

	container->created_wall = found->created_wall;
	container->has_tty = found->has_tty;
	container->is_paused = found->is_paused;
	container->kills_group = true;   /* when it is removed: who knows what is in it */
	if (found->link_fd >= 0) {
		container->state = RUNTIME_CREATING;
		container->is_awaited = true;
		container_link(container, fd_take(&found->link_fd));
		rt->recovery->awaited++;
	} else if (found->has_end) {
		const struct shim_wire *end = &found->end;

		container_set_end(container, end->code, end->is_oom, end->error, end->started_wall, end->finished_wall);
	} else {
		container_set_end(container, CODE_UNKNOWN, false, found->is_of_this_boot ? "shim lost" : "host restarted", 0, 0);
	}
}

static void looked(void *arg)
{
	struct runtime_recovery *recovery = arg;
	struct runtime *rt = recovery->rt;

	recovery->is_looking = false;
	if (rt->is_closed) {
		forget(recovery);
		runtime_job_ended(rt);
		return;
	}
	runtime_job_ended(rt);
	if (recovery->failed) {
		struct waiter waiter = recovery->waiter;
		struct err err = recovery->err;

		rt->recovery = NULL;
		forget(recovery);
		waiter_answer(&waiter, &err);
		return;
	}
	recovery->awaited = 1;           /* this function itself: nobody finishes before all are taken in */
	for (size_t i = 0; i < recovery->count; i++)
		if (!container_find(rt, recovery->found[i].id))
			take_in(rt, &recovery->found[i]);
	timer_set_in(&recovery->patience, HELLO_WAIT_MS);
	runtime_recovered_one(rt);
}

void runtime_recover(struct runtime *rt, runtime_done_fn *done, void *arg)
{
	struct runtime_recovery *recovery = NEW(struct runtime_recovery);
	struct err err;

	check(!rt->recovery);
	recovery->rt = rt;
	recovery->waiter = (struct waiter){ .done = done, .arg = arg };
	timer_init(&recovery->patience, rt->config.loop, on_impatience, recovery);
	if (!work_submit(rt->config.work, NULL, look, looked, recovery)) {
		free(recovery);
		err_set(&err, ERR_EXHAUSTED, "containers of an earlier agent: the work queue is full");
		runtime_answer_later(rt, done, arg, &err);
		return;
	}
	rt->jobs++;
	rt->recovery = recovery;
	recovery->is_looking = true;
}

/* --- sweeping ---------------------------------------------------------------------------------- */

struct sweep { struct runtime *rt; struct waiter waiter; size_t awaited; bool failed; struct err err; };

static void swept_one(void *arg, const struct err *failure)
{
	struct sweep *sweep = arg;

	if (failure && !sweep->failed) {
		sweep->failed = true;
		sweep->err = *failure;
	}
	if (--sweep->awaited)
		return;
	waiter_answer(&sweep->waiter, sweep->failed ? &sweep->err : NULL);
	free(sweep);
}

static bool is_known(const char *id, const char *const *known, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(known[i], id))
			return true;
	return false;
}

/* Everything that lies around was taken into the table by runtime_recover, half-made things included. */
void runtime_sweep(struct runtime *rt, const char *const *known, size_t count, runtime_done_fn *done, void *arg)
{
	struct sweep *sweep = NEW(struct sweep);
	struct strlist unknown = { 0 };
	const char *id;
	void *value;

	*sweep = (struct sweep){ .rt = rt, .waiter = { .done = done, .arg = arg }, .awaited = 1 };
	for (size_t at = 0; map_next(rt->containers, &at, &id, &value);)
		if (!is_known(id, known, count))
			strlist_add(&unknown, id);
	for (size_t i = 0; i < unknown.count; i++) {
		sweep->awaited++;
		runtime_remove(rt, unknown.items[i], swept_one, sweep);
	}
	strlist_fini(&unknown);
	runtime_answer_later(rt, swept_one, sweep, NULL);
}
