/* allocate_port.h - published ports of services, and the step of tasks from new to pending.
 *
 * Ingress ports are one space per protocol for the whole cluster. Port 0 means the first free of 30000-32767; an update that leaves a
 * port as it was keeps the number it got. Host-mode ports are not allocated: the scheduler keeps fixed ones apart, the node picks the
 * others. What a service asks for by number was checked when its spec came; should it be taken all the same, its tasks wait with the
 * reason.
 */
#pragma once
#include "orchestrate/draft.h"

enum { DYNAMIC_PORT_FIRST = 30000, DYNAMIC_PORT_LAST = 32767 };

void allocate_service_ports(struct draft *draft, struct draft_service *service);
/* After the tasks of this call were made. */
void allocate_tasks(struct draft *draft, struct draft_service *service);
