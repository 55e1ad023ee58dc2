#include "api/container_state.h"

#include "base/panic.h"
#include "base/units.h"

const char *container_state_name(const struct agent_container *container)
{
	switch (container->status) {
	case SOLO_CREATED: return "created";
	case SOLO_RUNNING: return container->info.is_paused ? "paused" : "running";
	case SOLO_RESTARTING: return "restarting";
	case SOLO_EXITED: return "exited";
	case SOLO_REMOVING: return "removing";
	case SOLO_DEAD: return "dead";
	}
	panic("container status %d", container->status);
}

static void add_health(const struct health *health, struct buf *out)
{
	if (health)
		buf_printf(out, " (%s%s)", health->status == HEALTH_STARTING ? "health: " : "", health_status_name(health->status));
}

bool container_is_up(const struct agent_container *container)
{
	return container->status == SOLO_RUNNING || container->status == SOLO_RESTARTING;
}

static void add_age(nsec since_wall, nsec now_wall, struct buf *out)
{
	units_format_human_duration(MAX(0, now_wall - since_wall), out);
}

void container_state_text(const struct agent_container *container, nsec now_wall, struct buf *out)
{
	switch (container->status) {
	case SOLO_CREATED:
		buf_add_str(out, "Created");
		return;
	case SOLO_RUNNING:
		buf_add_str(out, "Up ");
		add_age(container->started_wall, now_wall, out);
		if (container->info.is_paused)
			buf_add_str(out, " (Paused)");
		else
			add_health(container->health, out);
		return;
	case SOLO_RESTARTING:
	case SOLO_EXITED:
		buf_printf(out, "%s (%d) ", container->status == SOLO_EXITED ? "Exited" : "Restarting", container->exit_code);
		add_age(container->finished_wall, now_wall, out);
		buf_add_str(out, " ago");
		return;
	case SOLO_REMOVING:
		buf_add_str(out, "Removal In Progress");
		return;
	case SOLO_DEAD:
		buf_add_str(out, "Dead");
		return;
	}
}
