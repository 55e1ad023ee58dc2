/* update.h - replaces outdated tasks, some at a time, stopping the old one first or starting the new one first.
 *
 * Which slots are under way is read from the tasks: a new one carries the version of the update that made it (update_version), and its
 * slot is under way until it ran for the first time. With start-first the old task is stopped only when the new one runs; a new one that
 * fails for good leaves the old one alone and the update where it is.
 */
#pragma once
#include "orchestrate/slot_group.h"

void update_service(struct draft *draft, struct draft_service *service);
