/* nft_io.h - keeps one nf_tables table of one network namespace as it should be.
 *
 * Blocks; for work threads, one call at a time per object. It remembers what it applied last and
 * sends only the difference; when the kernel disagrees (somebody else changed the table) it reads
 * the table and tries again. The socket stays open: closing one after a commit waits for the
 * kernel's RCU grace period, 14 ms measured.
 */
#pragma once
#include "base/err.h"
#include "net/nft.h"

struct nft_io;
/* Belongs to the network namespace of the calling thread. ERR_UNSUPPORTED without nf_tables in the
 * kernel. */
int nft_io_open(struct nft_io **ret, struct err *err);
void nft_io_close(struct nft_io *io);                    /* NULL is welcome; the rules stay */

/* Makes the kernel's table equal to want in one transaction. Nothing is sent when it is so already.
 */
int nft_io_apply(struct nft_io *io, const struct nft_table *want, struct err *err);
/* Forget what was applied: the next one reads the table first. At a start, and when somebody else
 * may have changed it. */
void nft_io_distrust(struct nft_io *io);
uint32_t nft_io_port(
	const struct nft_io *io); /* the sender in the kernel's messages about our changes */
int nft_io_has_table(struct nft_io *io, const char *name, bool *ret_has, struct err *err);
/* Missing is success. */
int nft_io_delete_table(struct nft_io *io, const char *name, struct err *err);
/* Builds and deletes the table in one transaction: 0 when this kernel knows all that it takes.
 * ERR_UNSUPPORTED otherwise. */
int nft_io_probe(struct nft_io *io, const struct nft_table *table, struct err *err);
