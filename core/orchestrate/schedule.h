/* schedule.h - gives pending tasks a node: those that have theirs already (global services) are only checked, the others are spread.
 *
 * A task that fits nowhere stays pending with the reason in its error, and its service waits until something is freed.
 */
#pragma once
#include "orchestrate/draft.h"

void schedule_service(struct draft *draft, struct draft_service *service);
