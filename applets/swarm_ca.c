#include <string.h>

#include "applets/service_cmds.h"
#include "applets/spec_edit.h"
#include "applets/swarm_cmds.h"
#include "base/str.h"
#include "client/call.h"
#include "client/dig.h"
#include "os/file.h"

enum { PEM_FILE_MAX = 64 * 1024 };

const struct option swarm_ca_options[] = {
	OPT_STRING(struct swarm_ca_args, ca_cert, 0, "ca-cert", "pem-file", "Replace the root by the certificate in this file (P-256)"),
	OPT_STRING(struct swarm_ca_args, ca_key, 0, "ca-key", "pem-file", "The key of that certificate"),
	OPT_STRING(struct swarm_ca_args, cert_expiry, 0, "cert-expiry", "duration",
		   "How long the certificates of nodes last (default 2160h0m0s)"),
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

static int put_file(yyjson_mut_doc *spec, const char *path, const char *file, const char *flag, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	int rc = 0;

	if (!file)
		return 0;
	if (file_read(file, PEM_FILE_MAX, &text, err) < 0)
		rc = -1;
	else if (!strstr(buf_text(&text), "-----BEGIN "))
		rc = err_set(err, ERR_INVALID, "file contents must be in PEM format");
	if (rc < 0)
		return err_wrap(err, "invalid argument \"%s\" for \"--%s\" flag", file, flag);
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
		result = swarm_spec_expiry(args->cert_expiry, "CAConfig.NodeCertExpiry", spec, err);
		if (result == 0)
			result = put_file(spec, "CAConfig.SigningCACert", args->ca_cert, "ca-cert", err);
		if (result == 0)
			result = put_file(spec, "CAConfig.SigningCAKey", args->ca_key, "ca-key", err);
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
	const char *flag = args->ca_cert ? "ca-cert" : args->ca_key ? "ca-key" : args->cert_expiry ? "cert-expiry" :
			   args->detach ? "detach" : args->quiet ? "quiet" : NULL;

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
