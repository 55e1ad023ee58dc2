/* nft_diff.h - the operations that turn what the kernel has into what is wanted, in an order that
 * the kernel accepts. Pure.
 *
 * A chain whose rules differ is emptied and filled again; map elements are compared one by one.
 * What has another shape (a hook, a key) cannot be changed in place: then the whole table is made
 * anew within the same transaction, so that there is no moment without it. Equal means no operation
 * at all.
 */
#pragma once
#include "base/arena.h"
#include "net/nft.h"
#include "net/nft_state.h"

/* The operations point into want and the arena. */
void nft_diff(const struct nft_table *want, const struct nft_state *have, struct arena *arena,
	      struct nft_ops *ret_ops);
