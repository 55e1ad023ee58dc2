/* replicated.h - as many slots as the spec asks for: the lowest free numbers are filled, the fullest nodes are relieved first. */
#pragma once
#include "orchestrate/slot_group.h"

void replicated_service(struct draft *draft, struct draft_service *service);
