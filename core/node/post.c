#include "node/post.h"

enum post_act post_next(struct post_in in)
{
	bool is_wanted_manager = in.wanted == ROLE_MANAGER;

	if (in.runs == POST_NONE || in.is_busy)
		return POST_REST;
	if (in.is_certified_manager != is_wanted_manager)
		return POST_RENEW;
	if (in.is_certified_manager && in.runs == POST_WORKER)
		return POST_RISE;
	if (!in.is_certified_manager && in.runs == POST_MANAGER)
		return POST_STEP_DOWN;
	return in.must_renew ? POST_RENEW : POST_REST;
}
