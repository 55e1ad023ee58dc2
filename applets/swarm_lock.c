/* swarmbox swarm unlock, unlock-key: managers whose keys are locked on their disks. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/prompt.h"
#include "applets/swarm_cmds.h"
#include "base/str.h"
#include "client/call.h"
#include "client/dig.h"

/* ---- the key ---------------------------------------------------------------------------------- */

static int print_key(struct cli *cli, struct call *call, bool quiet, struct err *err)
{
	yyjson_doc *reply = NULL;

	if (call_get(call, &reply, err, "/swarm/unlockkey") < 0)
		return err_wrap(err, "could not fetch unlock key");
	const char *key = dig_str(yyjson_doc_get_root(reply), "UnlockKey");
	int result = *key ? 0 : err_set(err, ERR_NOT_FOUND, "no unlock key is set");
	if (result == 0 && quiet)
		cli_printf("%s\n", key);
	else if (result == 0)
		cli_printf("To unlock a swarm manager after it restarts, run the `%s swarm unlock`\ncommand and provide the "
			   "following key:\n\n    %s\n\nRemember to store this key in a password manager, since without it you\n"
			   "will not be able to restart the manager.\n", cli->program, key);
	yyjson_doc_free(reply);
	return result;
}

int swarm_lock_print(struct cli *cli, struct call *call, struct err *err)
{
	return print_key(cli, call, false, err);
}

const struct option swarm_lock_key_options[] = {
	OPT_BOOL(struct swarm_lock_key_args, quiet, 'q', "quiet", "Only print the key"),
	OPT_BOOL(struct swarm_lock_key_args, rotate, 0, "rotate", "Make a new key; the old one opens nothing any more"),
	OPT_END
};

static int rotate(struct call *call, struct err *err)
{
	yyjson_mut_doc *spec = yyjson_mut_doc_new(NULL);
	yyjson_doc *swarm = NULL;
	int result = call_get(call, &swarm, err, "/swarm");

	if (result == 0 && !dig_bool(yyjson_doc_get_root(swarm), "Spec.EncryptionConfig.AutoLockManagers"))
		result = err_set(err, ERR_INVALID, "cannot rotate because autolock is not turned on");
	if (result == 0)
		result = swarm_post_spec(call, yyjson_doc_get_root(swarm), spec, "&rotateManagerUnlockKey=true", err);
	yyjson_doc_free(swarm);
	yyjson_mut_doc_free(spec);
	return result;
}

int swarm_lock_key(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct swarm_lock_key_args *wanted = args;
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	int result = call ? 0 : -1;

	if (result == 0 && wanted->rotate) {
		result = rotate(call, &err);
		if (result == 0 && !wanted->quiet)
			cli_printf("Successfully rotated manager unlock key.\n\n");
	}
	if (result == 0)
		result = print_key(cli, call, wanted->quiet, &err);
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}

/* ---- unlocking -------------------------------------------------------------------------------- */

static int must_be_locked(struct call *call, struct err *err)
{
	yyjson_doc *info = NULL;
	int result = call_get(call, &info, err, "/info");
	const char *state = dig_str(yyjson_doc_get_root(info), "Swarm.LocalNodeState");

	if (result == 0 && !str_eq(state, "locked"))
		result = err_set(err, ERR_INVALID, str_eq(state, "inactive") ? "Error: This node is not part of a swarm" :
							   "Error: swarm is not locked");
	yyjson_doc_free(info);
	return result;
}

static const char *without_blanks(char *text)
{
	size_t length;

	text += strspn(text, " \t");
	length = strlen(text);
	while (length > 0 && strchr(" \t", text[length - 1]))
		text[--length] = '\0';
	return text;
}

int swarm_lock_open(struct cli *cli, const void *args UNUSED, char **operands UNUSED)
{
	struct err err = {0};
	struct call *call = cli_call(cli, &err);
	yyjson_mut_doc *doc = yyjson_mut_doc_new(NULL);
	char *key = NULL;
	int result = call ? must_be_locked(call, &err) : -1;

	if (result == 0)
		result = prompt_ask(isatty(STDIN_FILENO) ? "Enter unlock key: " : "", true, &key, &err);
	if (result == 0) {
		yyjson_mut_doc_set_root(doc, yyjson_mut_obj(doc));
		yyjson_mut_obj_add_strcpy(doc, yyjson_mut_doc_get_root(doc), "UnlockKey", without_blanks(key));
		result = call_post(call, doc, NULL, &err, "/swarm/unlock");
		explicit_bzero(key, strlen(key));
	}
	free(key);
	yyjson_mut_doc_free(doc);
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}
