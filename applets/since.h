/* since.h - moments as people write them behind --since and --until.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

/* "42m" (ago), "2026-01-31", "2026-01-31T10:00:00[.5][Z|+02:00]" (local time without a zone),
 * "1769853600[.5]"; appends seconds since 1970, with nanoseconds behind a dot when there are any,
 * as the API wants them. */
int since_parse(const char *text, nsec now_wall, struct buf *out, struct err *err);
/* Behind ? or & of a path, as the parameter of that name; nothing for NULL. */
int since_add_query(struct buf *path, const char *name, const char *text, struct err *err);
