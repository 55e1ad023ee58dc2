/* trust.h - the cluster's root certificate as the state has it, and its replacement by another without a moment in which nodes do not know
 * each other (Docker's `swarm ca --rotate`).
 *
 * The new root and all that comes with it are made by whoever is asked (trust_offer) and travel in the verb. From then on every certificate
 * is signed with it and brings along what makes the old root vouch for it, and nodes accept both. Each node that still has another
 * certificate, or accepts other roots, must renew: it says in its description what it has. When none is left the new root is the only one,
 * the tokens name it, and each node renews once more, to forget the old one. A node that is down holds up the end until it is removed.
 * All but trust_offer is pure.
 */
#pragma once
#include "pki/ca.h"
#include "pki/seal.h"
#include "state/overlay.h"

bool trust_is_replaced(const struct cluster *cluster);  /* just now */
/* Whom to sign with: its key is opened into the buffer, which is the caller's to wipe; the rest points into the cluster. */
int trust_signer(const struct cluster *cluster, const struct seal_key *key, struct buf *ret_key_pem, struct ca_signer *ret, struct err *err);
/* PEM: what nodes accept. */
char *trust_roots(const struct cluster *cluster, struct arena *arena);
/* What a node has whose certificate was signed just now. */
struct tls_info trust_info(const struct cluster *cluster, struct arena *arena);
bool trust_must_renew(const struct cluster *cluster, const struct node *node);
/* May this one take its place now? */
int trust_check_offer(const struct cluster *cluster, const struct root_rotation *offer, struct err *err);
/* The last step, when it is due: one change. */
void trust_finish(const struct view *view, struct change_list *out);

/* A new root; brought NULL: made now. One that is brought must be another than the one in force and last for a year from `wall`. */
struct trust_brought { const char *cert_pem, *key_pem; };
int trust_offer(const struct cluster *cluster, const struct seal_key *key, nsec wall, const struct trust_brought *brought, struct arena *arena,
		struct root_rotation *ret, struct err *err);
