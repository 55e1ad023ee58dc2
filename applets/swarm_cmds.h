/* swarm_cmds.h - the commands of the noun swarm that have files of their own, and what they share.
 */
#pragma once
#include <yyjson.h>

#include "applets/cli.h"

/* The whole spec goes back, as docker's client sends it: the one of spec, or the swarm's own. query begins with "&" or is "". */
int swarm_post_spec(struct call *call, yyjson_val *swarm, yyjson_mut_doc *spec, const char *query, struct err *err);

/* --cert-expiry, into the field cert_expiry. */
int swarm_take_expiry(void *args, const struct option *option, const char *value, struct err *err);
#define SWARM_OPT_EXPIRY(args)                                                                                              \
	{ OPTION_TAKE, 0, "cert-expiry", "duration", "How long the certificates of nodes last (default 2160h0m0s)",          \
	  OPTION_AT(args, cert_expiry, struct option_int), swarm_take_expiry, NULL }
/* Sets the path to it, if it was given. */
void swarm_spec_int(const struct option_int *value, const char *path, yyjson_mut_doc *spec);

struct swarm_ca_args { bool detach, quiet, rotate; const char *ca_cert, *ca_key; struct option_int cert_expiry; };
extern const struct option swarm_ca_options[];
int swarm_ca(struct cli *cli, const void *args, char **operands);

/* How a manager is unlocked, with the key. */
int swarm_lock_print(struct cli *cli, struct call *call, struct err *err);
struct swarm_lock_key_args { bool quiet, rotate; };
extern const struct option swarm_lock_key_options[];
int swarm_lock_key(struct cli *cli, const void *args, char **operands);
int swarm_lock_open(struct cli *cli, const void *args, char **operands);
