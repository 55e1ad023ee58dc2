/* schedule.h - gives pending tasks a node: those that have theirs already (global services) are only checked, the others are spread.
 *
 * A task that fits nowhere stays pending with the reason in its error, and its service waits until something is freed.
 * The reason is that of the last try: a node that has become fuller since is none to try again.
 */
#pragma once
#include "orchestrate/draft.h"

void schedule_service(struct draft *draft, struct draft_service *service);
