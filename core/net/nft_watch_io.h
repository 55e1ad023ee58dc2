/* nft_watch_io.h - hears when somebody else changes our nf_tables table: a firewall that is
 * reloaded often empties all of them.
 *
 * Belongs to the network namespace of the calling thread. The callback comes on the loop, once for
 * all that happened within SETTLE_MS; changes by our own socket are not reported. When messages
 * were lost it comes to be sure.
 */
#pragma once
#include "base/err.h"
#include "os/loop.h"

#define NFT_WATCH_SETTLE_MS                                                                        \
	100 /* a reload is several transactions, and somebody who fights us shall not cost much */

struct nft_watch;
int nft_watch_new(struct loop *loop, const char *table, uint32_t own_port, void (*fn)(void *arg),
		  void *arg, struct nft_watch **ret, struct err *err);
void nft_watch_free(struct nft_watch *watch);            /* NULL is welcome */
