/* errand_io.h - one question to whichever of several managers answers: dials, calls, hangs up; where one has no leader the next is asked. */
#pragma once
#include "base/buf.h"
#include "rpc/rpc_io.h"

struct errand;
/* Either body or err is NULL. own_address: ours as that manager sees it, "" when it was not reached. Called once, then the errand is gone. */
typedef void errand_done_fn(void *arg, const void *body, size_t size, const char *own_address, const struct err *err);
/* addresses: separated by commas. root_digest: of a join token, or NULL for the roots we have. All is copied. */
struct errand *errand_new(struct loop *loop, struct rpc *rpc, const char *addresses, const char *root_digest, enum rpc_method method,
			  const struct buf *body, msec timeout_ms, errand_done_fn *done, void *arg);
void errand_forget(struct errand *errand);       /* before done, which is not called then. NULL is welcome */
