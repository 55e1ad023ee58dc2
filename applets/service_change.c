/* service_change.c - `service create` and `service update`, and the wait behind both.
 */
#include "applets/service_cmds.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "applets/reference_flag.h"
#include "applets/registry_login.h"
#include "applets/service_flags.h"
#include "applets/spec_edit.h"
#include "applets/usage.h"
#include "base/panic.h"
#include "client/call.h"
#include "client/dig.h"
#include "client/progress.h"
#include "client/screen.h"
#include "model/image_ref.h"
#include "os/clock.h"

#define POLL_NS 50000000
#define BUILT_IN_IMAGE "swarmbox:latest"

/* --- waiting --- */

struct look { yyjson_doc *service, *tasks, *nodes; };

static void look_fini(struct look *look)
{
	yyjson_doc_free(look->service);
	yyjson_doc_free(look->tasks);
	yyjson_doc_free(look->nodes);
}

static int look_at(struct call *call, const char *service, struct look *ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;

	if (call_get(call, &ret->service, err, "/services/%s?insertDefaults=false", service) < 0)
		return -1;
	buf_printf(&path, "/tasks");
	char *filters = str_printf("{\"_up-to-date\":{\"true\":true},\"service\":{\"%s\":true}}",
				   dig_str(yyjson_doc_get_root(ret->service), "ID"));
	call_add_query(&path, "filters", filters);
	free(filters);
	if (call_get(call, &ret->tasks, err, "%s", buf_text(&path)) < 0)
		return -1;
	return call_get(call, &ret->nodes, err, "/nodes");
}

static int wait_round(struct call *call, const char *service, struct progress *progress,
		      struct err *err)
{
	struct look look = {0};
	int result = look_at(call, service, &look, err);

	if (result == 0)
		result = progress_step(progress, yyjson_doc_get_root(look.service),
				       yyjson_doc_get_root(look.tasks), yyjson_doc_get_root(look.nodes),
				       clock_boot_ms(), err);
	look_fini(&look);
	return result;
}

static void say_nothing(void *arg UNUSED, const char *id UNUSED, const char *text UNUSED,
			unsigned current UNUSED, unsigned total UNUSED)
{
}

bool watch_is_interrupted(void)
{
	static const struct timespec pause = { .tv_nsec = POLL_NS };
	sigset_t interrupt;

	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, NULL);
	return sigtimedwait(&interrupt, NULL, &pause) == SIGINT;
}

int service_wait(struct cli *cli, struct call *call, const char *service, bool quiet)
{
	CLEANUP(buf_finip) struct buf name = BUF_INIT;
	struct screen *screen = screen_new(STDOUT_FILENO, screen_columns(STDOUT_FILENO));
	struct progress *progress = progress_new(service, quiet ? say_nothing : screen_line, screen);
	struct err err = {0};
	int result;

	call_add_segment(&name, service);
	while ((result = wait_round(call, buf_text(&name), progress, &err)) == 0 && !watch_is_interrupted())
		;
	if (result == 0 && !progress_is_converged(progress) && !quiet)
		cli_printf("Operation continuing in background.\nUse `%s service ps %s` to check "
			   "progress.\n", cli->program, service);
	progress_free(progress);
	screen_free(screen);
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}

/* --- the image's digest --- */

static void add_platforms(yyjson_mut_doc *doc, yyjson_val *platforms)
{
	yyjson_mut_val *array = yyjson_mut_arr(doc), *object;
	yyjson_arr_iter iter;
	yyjson_val *platform;

	yyjson_arr_iter_init(platforms, &iter);
	while ((platform = yyjson_arr_iter_next(&iter))) {
		object = yyjson_mut_arr_add_obj(doc, array);
		yyjson_mut_obj_add_strcpy(doc, object, "Architecture",
					  dig_str(platform, "architecture"));
		yyjson_mut_obj_add_strcpy(doc, object, "OS", dig_str(platform, "os"));
	}
	if (yyjson_mut_arr_size(array) > 0)
		spec_set(doc, "TaskTemplate.Placement.Platforms", array);
}

static const char *image_of(yyjson_mut_doc *doc)
{
	return yyjson_mut_get_str(spec_find(doc, "TaskTemplate.ContainerSpec.Image"));
}

/* The credentials that go along, if that is wanted. What is no name is the agent's to refuse. */
static int find_auth(const struct service_flags *flags, yyjson_mut_doc *doc, struct buf *ret, struct err *err)
{
	struct image_ref ref;
	struct err ignored;

	if (!flags->with_registry_auth || image_ref_parse(image_of(doc), &ref, &ignored) < 0)
		return 0;
	return registry_login_find(image_of(doc), ret, err);
}

static void send_auth(struct call *call, const struct buf *auth)
{
	call_set_header(call, "X-Registry-Auth", auth->len ? buf_text(auth) : NULL);
}

/* So that every node runs the same bytes, whatever the tag means tomorrow. False: neither its registry
 * nor the cluster's store knows the image, which stays as it is, and a word about that is due once the
 * service is there. The built-in one is each host's own binary. */
static bool pin_image(struct call *call, const struct buf *auth, yyjson_mut_doc *doc)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	const char *image = image_of(doc);
	struct image_ref ref;
	yyjson_doc *found = NULL;
	struct err err = {0};

	if (str_eq(image, BUILT_IN_IMAGE) || image_ref_parse(image, &ref, &err) < 0 || ref.digest[0])
		return true;
	call_add_segment(&path, image);
	send_auth(call, auth);
	if (call_get(call, &found, &err, "/distribution/%s/json", buf_text(&path)) < 0)
		return false;
	yyjson_val *root = yyjson_doc_get_root(found);
	char *pinned = str_printf("%s@%s", image, dig_str(root, "Descriptor.digest"));
	if (image_ref_parse(pinned, &ref, &err) == 0) {
		spec_set_str(doc, "TaskTemplate.ContainerSpec.Image", pinned);
		add_platforms(doc, dig(root, "Platforms"));
	}
	free(pinned);
	yyjson_doc_free(found);
	return true;
}

static void say_not_pinned(const char *image)
{
	cli_warn("image %s could not be accessed on a registry to record\n"
		 "its digest. Each node will access %s independently,\n"
		 "possibly leading to different nodes running different\n"
		 "versions of the image.\n", image, image);
}

/* --- create --- */

static void say_warnings(yyjson_val *reply)
{
	yyjson_arr_iter iter;
	yyjson_val *warning;

	yyjson_arr_iter_init(dig(reply, "Warnings"), &iter);
	while ((warning = yyjson_arr_iter_next(&iter)))
		cli_warn("%s", yyjson_get_str(warning));
}

static int create(struct cli *cli, struct call *call, const struct service_flags *flags,
		  yyjson_mut_doc *doc)
{
	CLEANUP(buf_finip) struct buf auth = BUF_INIT;
	yyjson_doc *reply = NULL;
	struct err err = {0};

	if (reference_flag_resolve(call, doc, &err) < 0 || find_auth(flags, doc, &auth, &err) < 0)
		return cli_fail(&err);
	bool is_pinned = flags->no_resolve_image || pin_image(call, &auth, doc);
	send_auth(call, &auth);
	if (call_post(call, doc, &reply, &err, "/services/create") < 0)
		return cli_fail(&err);
	yyjson_val *root = yyjson_doc_get_root(reply);
	const char *id = dig_str(root, "ID");
	say_warnings(root);
	if (!is_pinned)
		say_not_pinned(image_of(doc));
	cli_printf("%s\n", id);
	int code = flags->detach ? EXIT_OK : service_wait(cli, call, id, flags->quiet);
	yyjson_doc_free(reply);
	return code;
}

int service_create(struct cli *cli, const void *args, char **operands)
{
	const struct service_flags *flags = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	int code;

	if (!call || service_flags_create(flags, operands, doc, &err) < 0)
		code = cli_fail(&err);
	else
		code = create(cli, call, flags, doc);
	yyjson_mut_doc_free(doc);
	return code;
}

/* --- update --- */

static bool has_new_image(const struct service_flags *flags, yyjson_mut_doc *doc, yyjson_val *spec)
{
	return !flags->no_resolve_image && !str_eq(image_of(doc), dig_str(spec, "TaskTemplate.ContainerSpec.Image"));
}

static int update(struct call *call, const struct service_flags *flags, yyjson_val *service,
		  struct err *err)
{
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	yyjson_val *spec = dig(service, "Spec");
	CLEANUP(buf_finip) struct buf auth = BUF_INIT;
	yyjson_doc *reply = NULL;
	bool is_pinned = true;

	yyjson_mut_doc_set_root(doc, yyjson_val_mut_copy(doc, spec));
	int result = service_flags_update(flags, doc, err);
	if (result == 0)
		result = reference_flag_resolve(call, doc, err);
	if (result == 0)
		result = find_auth(flags, doc, &auth, err);
	if (result == 0 && has_new_image(flags, doc, spec))
		is_pinned = pin_image(call, &auth, doc);
	send_auth(call, &auth);
	if (result == 0)
		result = call_post(call, doc, &reply, err,
				   "/services/%s/update?registryAuthFrom=spec&version=%lld",
				   dig_str(service, "ID"), (long long)dig_int(service, "Version.Index"));
	say_warnings(yyjson_doc_get_root(reply));
	if (result == 0 && !is_pinned)
		say_not_pinned(image_of(doc));
	yyjson_doc_free(reply);
	yyjson_mut_doc_free(doc);
	return result;
}

static int get_and_update(struct call *call, const struct service_flags *flags, const char *name,
			  struct err *err)
{
	CLEANUP(buf_finip) struct buf path = BUF_INIT;
	yyjson_doc *service = NULL;

	call_add_segment(&path, name);
	if (call_get(call, &service, err, "/services/%s?insertDefaults=false", buf_text(&path)) < 0)
		return -1;
	int result = update(call, flags, yyjson_doc_get_root(service), err);
	yyjson_doc_free(service);
	return result;
}

int service_update(struct cli *cli, const void *args, char **operands)
{
	const struct service_flags *flags = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);

	if (!call || get_and_update(call, flags, operands[0], &err) < 0)
		return cli_fail(&err);
	cli_printf("%s\n", operands[0]);
	return flags->detach ? EXIT_OK : service_wait(cli, call, operands[0], flags->quiet);
}

/* --- scale --- */

static int scale_one(struct call *call, const char *name, uint64_t replicas, struct err *err)
{
	struct service_flags *flags = NEW(struct service_flags);

	flags->replicas = (struct option_uint){ .value = replicas, .given = true };
	flags->no_resolve_image = true;
	int result = get_and_update(call, flags, name, err);
	free(flags);
	if (result < 0 && str_starts(err->text, "replicas can only"))
		err_set(err, ERR_INVALID,
			"scale can only be used with replicated or replicated-job mode");
	return result;
}

/* "web=5"; the part before the sign replaces the operand. */
static int parse_scale(char *operand, uint64_t *ret, struct err *err)
{
	char *equals = strchr(operand, '=');

	*equals = '\0';
	if (str_to_u64(equals + 1, ret) < 0)
		return err_set(err, ERR_INVALID, "%s: invalid replicas value %s: strconv.ParseUint: "
			       "parsing \"%s\": invalid syntax", operand, equals + 1, equals + 1);
	return 0;
}

static bool scale_and_say(struct call *call, char *operand)
{
	struct err err = {0};
	uint64_t replicas;

	if (parse_scale(operand, &replicas, &err) < 0) {
		cli_fail(&err);
		return false;
	}
	if (scale_one(call, operand, replicas, &err) < 0) {
		cli_warn("%s: %s", operand, err.text);
		return false;
	}
	cli_printf("%s scaled to %llu\n", operand, (unsigned long long)replicas);
	return true;
}

int service_scale(struct cli *cli, const void *args, char **operands)
{
	const struct service_scale_args *scale = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int code = EXIT_OK;

	for (char **operand = operands; *operand; operand++) {
		const char *equals = strchr(*operand, '=');
		CLEANUP(buf_finip) struct buf usage = BUF_INIT;

		if (equals && equals[1])
			continue;
		usage_line(cli->path, cli->command, &usage);
		cli_warn("invalid scale specifier '%s'.\nSee '%s --help'.\n\n%s\n\n%s", *operand, cli->path,
			 buf_text(&usage), cli->command->help);
		return EXIT_FAILED;
	}
	if (!call)
		return cli_fail(&err);
	for (char **operand = operands; *operand; operand++)
		if (!scale_and_say(call, *operand)) {
			code = EXIT_FAILED;
			**operand = '\0';       /* not to be waited for */
		}
	for (char **operand = operands; *operand && !scale->detach; operand++)
		if (**operand && service_wait(cli, call, *operand, false) != EXIT_OK)
			code = EXIT_FAILED;
	return code;
}
