/* The cluster's time of the wall, as this node knows it: its own manager's, or what the last session told, carried on by a clock that
 * nobody sets. */
#include "base/str.h"
#include "dispatch/clock_skew.h"
#include "node/node_internal.h"
#include "os/clock.h"
#include "os/log.h"

nsec swarm_calendar(const struct host *host)
{
	const struct manager *manager = swarm_manager(host);

	if (manager && manager_is_current(manager))
		return manager_calendar(manager);
	return host->swarm.calendar_ahead ? host->swarm.calendar_ahead + clock_boot_ns() : 0;
}

void swarm_take_times(struct host *host, const struct session_news *news)
{
	struct swarm *swarm = &host->swarm;
	CLEANUP(buf_finip) struct buf skew = BUF_INIT;
	bool is_first = !swarm->calendar_ahead;

	swarm->calendar_ahead = news->calendar - clock_boot_ns();
	if (is_first)
		post_set_renewal(host);
	if (clock_skew_tell(clock_wall_ns(), news->clock, &skew))
		log_warn("swarm: this host's clock %s the one of the manager it talks to", buf_text(&skew));
	str_copy(swarm->clock_trouble, sizeof swarm->clock_trouble, buf_text(&skew));
}
