/* cert.h - who a node is: an X.509 v3 certificate (RFC 5280) over a P-256 key, asked for with a PKCS #10 request (RFC 2986), signed by ca.h.
 *
 * Docker's shape: CN is the node, OU its role, O the cluster. Texts are PEM (RFC 7468); a chain is the node's certificate, then what stands
 * between it and a root. Dates: a board without a clock must be able to join and come back, so "not valid yet" is no reason to refuse, and
 * expiry only holds against a time that the cluster has agreed on (`agreed`, 0 while none is known).
 */
#pragma once
#include "base/base.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/id.h"

#define CERT_ROLE_MANAGER "swarm-manager"
#define CERT_ROLE_WORKER  "swarm-worker"
#define CERT_PEM_MAX      (16 * 1024)    /* of a chain, a request or a key; longer is refused unread */

struct cert_name {
	char node_id[ID_SIZE];          /* "" for nobody */
	char role[32];                  /* one of the two above */
	char cluster_id[ID_SIZE];
};
bool cert_name_is_manager(const struct cert_name *name);
/* False, and nothing made, when an id or the role has not the form it must have. */
bool cert_name_make(const char *node_id, bool is_manager, const char *cluster_id, struct cert_name *ret);

struct cert_facts {
	struct cert_name name;
	nsec not_before, not_after;     /* wall */
};
/* A fresh P-256 key (RFC 5915). The text is secret: seal_wipe frees it. */
int cert_key_new(struct buf *ret_key_pem, struct err *err);
/* name NULL: whoever signs decides (join). */
int cert_request_new(const char *key_pem, const struct cert_name *name, struct buf *ret_request_pem, struct err *err);
/* Signed by one of the roots, directly or by way of what follows it in the chain; a node's certificate; not expired by `agreed`. */
int cert_verify(const char *roots_pem, const char *chain_pem, nsec agreed, struct cert_facts *ret, struct err *err);
/* The same without asking who signed: for one's own, which was verified when it came. */
int cert_read(const char *chain_pem, struct cert_facts *ret, struct err *err);
/* Is this the key of that certificate? */
bool cert_is_of_key(const char *chain_pem, const char *key_pem);
