/* clock_skew.h - two clocks of one cluster that do not agree: what people are told of it. Pure.
 *
 * Nothing is decided by it: dates of certificates are judged by the cluster's calendar (manager.h), everything else by cluster time.
 */
#pragma once
#include "base/buf.h"

/* "is 12 months ahead of", "is 3 hours behind"; false, and nothing appended, for less than a minute, or when one is not known (0). */
bool clock_skew_tell(nsec clock, nsec reference, struct buf *out);
/* "its clock is 3 hours behind the swarm's", on the heap; NULL where there is nothing to tell. */
char *clock_skew_sentence(nsec clock, nsec swarm_clock);
/* Of clocks that are ahead of one's own by so much each, in any order, one's own (0) among them: what most of them say. Of two in the middle the one
 * that is nearer to one's own, for nobody knows which is right. count > 0; each is below 2^62 either way; sorts them. */
nsec clock_skew_middle(nsec *ahead, size_t count);
