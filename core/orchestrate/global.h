/* global.h - one task on every node that is neither drained nor down and meets the constraints; paused nodes keep theirs and get no
 * new ones. Whether it fits there (resources, ports, platform) is the scheduler's to say.
 */
#pragma once
#include "orchestrate/slot_group.h"

void global_service(struct draft *draft, struct draft_service *service);
