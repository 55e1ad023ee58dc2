/* post.h - what this node does next so that it is what the cluster wants it to be: worker or manager.
 *
 * Pure. Three things have to agree: the role the cluster wants (its object), the role that the certificate says, and what runs. The
 * certificate goes first: nobody listens to a manager without one, and a manager that is demoted gets its worker's certificate only when
 * raft has let it go.
 */
#pragma once
#include "model/node_info.h"

enum post { POST_NONE, POST_WORKER, POST_MANAGER };
enum post_act {
	POST_REST,
	POST_RENEW,             /* ask for the certificate of the role that is wanted */
	POST_RISE,              /* become a manager: the certificate says so */
	POST_STEP_DOWN,         /* become a worker: it says so */
};
struct post_in {
	enum post runs;
	bool is_certified_manager;
	int wanted;             /* enum node_role */
	bool must_renew;        /* the root certificate is being replaced */
	bool is_busy;           /* a renewal is under way */
};
enum post_act post_next(struct post_in in);
