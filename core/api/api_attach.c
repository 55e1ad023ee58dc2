/* POST /containers/x/attach: a client at a container's input and output. */
#include <stdlib.h>

#include "api/session.h"
#include "base/panic.h"
#include "base/str.h"

struct attachment {
	struct api *api;
	struct session *session;
	struct agent_attach *asked;     /* until the runtime has given the stream */
	char id[HEX_ID_SIZE];
};

static void attachment_free(struct attachment *attachment)
{
	agent_attach_free(attachment->asked);
	session_free(attachment->session);
	free(attachment);
}

static void left(void *arg, bool by_keys)
{
	struct attachment *attachment = arg;

	if (by_keys)
		agent_tell_event(attachment->api->host.agent, attachment->id, "detach", NULL, 0);
	attachment_free(attachment);
}

static void output_ended(void *arg)
{
	attachment_free(arg);
}

static void connected(void *arg, int stream_fd, const struct err *failure)
{
	struct attachment *attachment = arg;

	attachment->asked = NULL;
	if (!failure) {
		session_connect(attachment->session, stream_fd);
		return;
	}
	if (failure->code != ERR_NOT_FOUND) {
		CLEANUP(str_freep) char *line = str_printf("%s\r\n", failure->text);
		session_say(attachment->session, line);
	}
	attachment_free(attachment);
}

static int refuse(struct http_request *req, const struct agent_container *container, struct err *err)
{
	if (http_query_is_true(req, "logs"))
		return err_set(err, ERR_UNSUPPORTED, "attach with logs is not supported by swarmbox yet: ask for the logs apart");
	if (container->status == SOLO_RESTARTING)
		return err_set(err, ERR_CONFLICT, "container %s is restarting, wait until the container is running", container->info.id);
	if (container->info.is_paused)
		return err_set(err, ERR_CONFLICT, "container %s is paused, unpause the container before attach", container->info.id);
	if (!container->row && container->status != SOLO_RUNNING)
		return err_set(err, ERR_CONFLICT, "container %s is not running", container->info.id);
	return 0;
}

void api_container_attach(struct api *api, struct http_request *req, const char *name)
{
	struct runtime_attachment want = { http_query_is_true(req, "stdin"), http_query_is_true(req, "stdout"),
					   http_query_is_true(req, "stderr") };
	struct session_config config = { .on_left = left, .on_output_end = output_ended };
	struct agent_container container;
	struct attachment *attachment;
	struct err err;

	if (agent_find_container(api->host.agent, name, &container, &err) < 0 || refuse(req, &container, &err) < 0 ||
	    detach_keys_parse(http_query(req, "detachKeys"), &config.keys, &err) < 0) {
		http_reply_error(req, &err);
		return;
	}
	attachment = NEW(struct attachment);
	attachment->api = api;
	str_copy(attachment->id, sizeof attachment->id, container.info.id);
	config.has_tty = container.spec->has_tty;
	config.takes_input = want.wants_stdin && container.spec->has_stdin;
	config.arg = attachment;
	want.wants_stdin = config.takes_input;
	agent_tell_event(api->host.agent, attachment->id, "attach", NULL, 0);
	attachment->session = session_new(api, req, &config);
	if (http_query_is_true(req, "stream"))
		attachment->asked = agent_attach_new(api->host.agent, attachment->id, &want, connected, attachment);
	else
		attachment_free(attachment);
}
