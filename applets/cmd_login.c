/* swarmbox login, logout: what docker's commands of these names do, with the file that docker's client keeps passwords in. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "applets/cli.h"
#include "applets/prompt.h"
#include "client/call.h"
#include "client/credentials.h"
#include "client/dig.h"

static int read_all(char **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	char piece[1024];
	ssize_t got;

	while ((got = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "standard input");
		if (text.len + (size_t)got > REGISTRY_AUTH_MAX_BYTES / 2)
			return err_set(err, ERR_INVALID, "a password of more than %d bytes", REGISTRY_AUTH_MAX_BYTES / 2);
		buf_add(&text, piece, (size_t)got);
	}
	while (text.len && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
		text.data[--text.len] = '\0';
	*ret = str_dup(buf_text(&text));
	return 0;
}

/* --- login --- */

struct login_args { const char *username, *password; bool password_stdin; };

static const struct option login_options[] = {
	OPT_STRING(struct login_args, password, 'p', "password", "string", "Password (better: --password-stdin)"),
	OPT_BOOL(struct login_args, password_stdin, 0, "password-stdin", "Read the password from the standard input"),
	OPT_STRING(struct login_args, username, 'u', "username", "string", "Name of the account"),
	OPT_END
};

static int check_flags(const struct login_args *args, struct err *err)
{
	if (args->password && args->password_stdin)
		return err_set(err, ERR_INVALID, "--password and --password-stdin are mutually exclusive");
	if (args->password_stdin && str_is_empty(args->username))
		return err_set(err, ERR_INVALID, "Must provide --username with --password-stdin");
	return 0;
}

static int complete(const struct login_args *args, struct registry_auth *auth, struct err *err)
{
	bool is_terminal = isatty(STDIN_FILENO);

	if (args->password_stdin)
		return read_all(&auth->password, err);
	if ((str_is_empty(auth->username) || str_is_empty(auth->password)) && !is_terminal)
		return err_set(err, ERR_INVALID, "Cannot perform an interactive login from a non TTY device");
	if (str_is_empty(auth->username) && prompt_ask("Username: ", false, &auth->username, err) < 0)
		return -1;
	if (str_is_empty(auth->username))
		return err_set(err, ERR_INVALID, "username is required");
	if (str_is_empty(auth->password) && prompt_ask("Password: ", true, &auth->password, err) < 0)
		return -1;
	return str_is_empty(auth->password) ? err_set(err, ERR_INVALID, "password is required") : 0;
}

/* The agent asks the registry; what it answers with an identity token is kept instead of the password. */
static int log_in(struct call *call, struct registry_auth *auth, char **ret_status, struct err *err)
{
	CLEANUP(buf_finip) struct buf json = BUF_INIT;
	yyjson_doc *reply = NULL, *body;
	yyjson_mut_doc *doc;

	registry_auth_format(auth, &json);
	body = yyjson_read(buf_text(&json), json.len, 0);
	doc = body ? yyjson_doc_mut_copy(body, NULL) : NULL;
	yyjson_doc_free(body);
	if (!doc)
		return err_set(err, ERR_INVALID, "a name or a password that is no UTF-8");
	int rc = call_post(call, doc, &reply, err, "/auth");
	yyjson_mut_doc_free(doc);
	if (rc < 0)
		return -1;
	*ret_status = str_dup(dig_str(yyjson_doc_get_root(reply), "Status"));
	const char *token = dig_str(yyjson_doc_get_root(reply), "IdentityToken");
	if (*token) {
		free(auth->identity_token);
		auth->identity_token = str_dup(token);
		free(auth->password);
		auth->password = NULL;
	}
	yyjson_doc_free(reply);
	return 0;
}

static int keep(const char *domain, const struct registry_auth *auth, const char *status, struct err *err)
{
	CLEANUP(str_freep) char *path = credentials_path();
	bool had;

	if (credentials_save(domain, auth, &had, err) < 0)
		return err_wrap(err, "save credentials");
	fprintf(stderr, "WARNING! Your credentials are stored unencrypted in '%s'.\n", path);
	cli_printf("%s\n", status);
	return 0;
}

/* A login that is kept and still good needs no password. */
static bool try_kept(struct call *call, const char *domain, struct registry_auth *auth, char **ret_status)
{
	CLEANUP(str_freep) char *helper = NULL;
	struct err err = {0};

	if (credentials_load(domain, auth, &helper, &err) < 0 || registry_auth_is_empty(auth)) {
		registry_auth_fini(auth);
		return false;
	}
	cli_printf("Authenticating with existing credentials... [Username: %s]\n", auth->username ? auth->username : "");
	free(auth->server);
	auth->server = str_dup(registry_auth_key(domain));
	if (log_in(call, auth, ret_status, &err) == 0)
		return true;
	cli_printf("Login did not succeed, error: %s\n", err.text);
	registry_auth_fini(auth);
	return false;
}

static int login_run(struct cli *cli, const void *args, char **operands)
{
	const struct login_args *login = args;
	CLEANUP(str_freep) char *domain = registry_auth_domain(operands[0]);
	CLEANUP(str_freep) char *status = NULL;
	struct registry_auth auth = { 0 };
	struct err err = {0};
	struct call *call;
	int rc = 0;

	if (check_flags(login, &err) < 0)
		return cli_fail(&err);
	call = cli_call(cli, &err);
	if (!call)
		return cli_fail(&err);
	if (login->password)
		cli_warn("Using --password via the CLI is insecure. Use --password-stdin.");
	bool is_kept = !login->username && !login->password && try_kept(call, domain, &auth, &status);
	if (!is_kept) {
		auth = (struct registry_auth){ .username = str_dup(login->username), .password = str_dup(login->password),
					       .server = str_dup(registry_auth_key(domain)) };
		rc = complete(login, &auth, &err) < 0 || log_in(call, &auth, &status, &err) < 0 ? -1 : 0;
	}
	if (rc == 0)
		rc = keep(domain, &auth, status, &err);
	registry_auth_fini(&auth);
	return rc < 0 ? cli_fail(&err) : EXIT_OK;
}

const struct command login_command = {
	.name = "login", .usage = "[OPTIONS] [SERVER]", .help = "Log in to a registry and keep the password", .options = login_options, .max = 1,
	.args_size = sizeof(struct login_args), .run = login_run,
};

/* --- logout --- */

static int logout_run(struct cli *cli UNUSED, const void *args UNUSED, char **operands)
{
	CLEANUP(str_freep) char *domain = registry_auth_domain(operands[0]);
	struct err err = {0};
	bool had;

	if (credentials_save(domain, NULL, &had, &err) < 0)
		return cli_fail(&err);
	cli_printf(had ? "Removing login credentials for %s\n" : "Not logged in to %s\n", registry_auth_key(domain));
	return EXIT_OK;
}

const struct command logout_command = {
	.name = "logout", .usage = "[SERVER]", .help = "Forget the password of a registry", .max = 1, .run = logout_run,
};
