/* caps.h - capabilities(7) by name and number, and the set that Docker gives a container. */
#pragma once
#include "base/err.h"
#include "model/fields.h"

#define CAPS_COUNT 41                                    /* CAP_CHECKPOINT_RESTORE is the last one */
#define CAPS_BIT(n) (UINT64_C(1) << (n))
#define CAPS_ALL    (CAPS_BIT(CAPS_COUNT) - 1)

/* "CAP_NET_ADMIN", "net_admin" -> 12; -1 when unknown ("ALL" is the caller's word). */
int caps_parse(const char *name);
uint64_t caps_default(void);                             /* Docker's 14 */
/* Docker's arithmetic on a base set: add ALL is everything but what is dropped, drop ALL is only what is added, else what is dropped goes
 * first and what is added comes after. ERR_INVALID "invalid CapAdd: unknown capability: "CAP_X"". */
int caps_adjust(uint64_t base, const struct str_array *add, const struct str_array *drop, uint64_t *ret, struct err *err);
