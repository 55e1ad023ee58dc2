#include <string.h>

#include "applets/service_cmds.h"
#include "applets/spec_edit.h"
#include "applets/swarm_cmds.h"
#include "base/str.h"
#include "client/call.h"
#include "client/dig.h"
#include "os/file.h"

enum { PEM_FILE_MAX = 64 * 1024 };

static int read_pem(const char *file, struct buf *ret, struct err *err)
{
	if (file_read(file, PEM_FILE_MAX, ret, err) < 0)
		return -1;
	return strstr(buf_text(ret), "-----BEGIN ") ? 0 : err_set(err, ERR_INVALID, "file contents must be in PEM format");
}

static int take_file(void *args, const struct option *option, const char *value, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	*(const char **)(void *)((char *)args + option->offset) = value;
	return read_pem(value, &text, err);
}

const struct option swarm_ca_options[] = {
	{ OPTION_TAKE, 0, "ca-cert", "pem-file", "Replace the root by the certificate in this file (P-256)",
	  OPTION_AT(struct swarm_ca_args, ca_cert, const char *), take_file, NULL },
	{ OPTION_TAKE, 0, "ca-key", "pem-file", "The key of that certificate", OPTION_AT(struct swarm_ca_args, ca_key, const char *), take_file,
	  NULL },
	SWARM_OPT_EXPIRY(struct swarm_ca_args),
	OPT_BOOL(struct swarm_ca_args, detach, 'd', "detach", "Return before all nodes have new certificates"),
	OPT_UNSUPPORTED(0, "external-ca"),
	OPT_BOOL(struct swarm_ca_args, quiet, 'q', "quiet", "Print nothing"),
	OPT_BOOL(struct swarm_ca_args, rotate, 0, "rotate", "Replace the root certificate, and those of all nodes"),
	OPT_END
};

static int print_root(struct call *call, struct err *err)
{
	yyjson_doc *swarm = NULL;

	if (call_get(call, &swarm, err, "/swarm") < 0)
		return -1;
	const char *root = dig_str(yyjson_doc_get_root(swarm), "TLSInfo.TrustRoot");
	cli_printf("%s%s", root, str_ends(root, "\n") ? "" : "\n");
	yyjson_doc_free(swarm);
	return 0;
}

static int put_file(yyjson_mut_doc *spec, const char *path, const char *file, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	if (!file)
		return 0;
	if (read_pem(file, &text, err) < 0)
		return -1;
	spec_set_str(spec, path, buf_text(&text));
	return 0;
}

static int begin_rotation(const struct swarm_ca_args *args, struct call *call, struct err *err)
{
	yyjson_mut_doc *spec = yyjson_mut_doc_new(NULL);
	yyjson_doc *swarm = NULL;
	int result = call_get(call, &swarm, err, "/swarm");

	if (result == 0) {
		yyjson_val *root = yyjson_doc_get_root(swarm);

		yyjson_mut_doc_set_root(spec, yyjson_val_mut_copy(spec, dig(root, "Spec")));
		if (!args->ca_cert && !args->ca_key)
			spec_set_uint(spec, "CAConfig.ForceRotate", (uint64_t)dig_int(root, "Spec.CAConfig.ForceRotate") + 1);
		swarm_spec_int(&args->cert_expiry, "CAConfig.NodeCertExpiry", spec);
		result = put_file(spec, "CAConfig.SigningCACert", args->ca_cert, err);
		if (result == 0)
			result = put_file(spec, "CAConfig.SigningCAKey", args->ca_key, err);
		if (result == 0)
			result = swarm_post_spec(call, root, spec, "", err);
	}
	yyjson_doc_free(swarm);
	yyjson_mut_doc_free(spec);
	return result;
}

/* 1 when it is over, 0 when it goes on, -1 when nobody answers. */
static int is_rotated(struct call *call, struct err *err)
{
	yyjson_doc *swarm = NULL;
	int result = call_get(call, &swarm, err, "/swarm");

	if (result == 0)
		result = !dig_bool(yyjson_doc_get_root(swarm), "RootRotationInProgress");
	yyjson_doc_free(swarm);
	return result;
}

static int rotate_root(const struct swarm_ca_args *args, struct call *call, struct err *err)
{
	int result;

	if (begin_rotation(args, call, err) < 0)
		return -1;
	if (args->detach)
		return 0;
	if (!args->quiet)
		cli_printf("Waiting until all nodes have certificates of the new root.\n");
	while ((result = is_rotated(call, err)) == 0 && !watch_is_interrupted())
		;
	return result <= 0 || args->quiet ? MIN(result, 0) : print_root(call, err);
}

static int check_flags(const struct swarm_ca_args *args, struct err *err)
{
	const char *flag = args->ca_cert ? "ca-cert" : args->ca_key ? "ca-key" : args->cert_expiry.given ? "cert-expiry" : NULL;

	if (!args->rotate && flag)
		return err_set(err, ERR_INVALID, "`--%s` flag requires the `--rotate` flag to update the CA", flag);
	if (args->ca_cert && !args->ca_key)
		return err_set(err, ERR_INVALID, "the --ca-cert flag requires that a --ca-key flag and/or --external-ca flag be provided as well");
	return 0;
}

int swarm_ca(struct cli *cli, const void *args, char **operands UNUSED)
{
	const struct swarm_ca_args *ca = args;
	struct err err = {0};
	struct call *call;
	int result;

	if (check_flags(ca, &err) < 0)
		return cli_fail(&err);
	call = cli_call(cli, &err);
	result = !call ? -1 : ca->rotate ? rotate_root(ca, call, &err) : print_root(call, &err);
	return result < 0 ? cli_fail(&err) : EXIT_OK;
}
