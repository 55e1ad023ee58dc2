/* world_script.h - scenarios as text: what happens to a cluster, line by line, and what the orchestrator answers.
 *
 *	node n1 cpus=4 memory=8g label.zone=east        makes or changes a node; words are kept from line to line
 *	service web replicas=3 port=8080:80             makes or updates a service; likewise
 *	remove-service web, remove-node n1, history 3
 *	report web.1 running                            of the newest task there; `web.1#2`: of the second ever made there
 *	play                                            all nodes obey all desired states until nothing happens
 *	wait 5s, leader (a new one: it knows the view and nothing else), limits objects=5 changes=20
 *	show                                            the tasks as they stand
 *
 * After each line that changes something the orchestrator runs until it rests. Task ids, which are random, are shown as
 * <service>.<slot or node>#<n>.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"

int world_script_run(const char *script, struct buf *out, struct err *err);
