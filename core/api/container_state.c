#include "api/container_state.h"

#include "base/panic.h"
#include "base/units.h"

const char *container_state_name(const struct runtime_info *info)
{
	switch (info->state) {
	case RUNTIME_CREATING:
	case RUNTIME_CREATED: return "created";
	case RUNTIME_RUNNING: return "running";
	case RUNTIME_EXITED: return "exited";
	case RUNTIME_REMOVING: return "removing";
	}
	panic("runtime state %d", info->state);
}

static void add_health(const struct health *health, struct buf *out)
{
	if (health)
		buf_printf(out, " (%s%s)", health->status == HEALTH_STARTING ? "health: " : "", health_status_name(health->status));
}

void container_state_text(const struct runtime_info *info, const struct health *health, nsec now_wall, struct buf *out)
{
	switch (info->state) {
	case RUNTIME_CREATING:
	case RUNTIME_CREATED:
		buf_add_str(out, "Created");
		return;
	case RUNTIME_RUNNING:
		buf_add_str(out, "Up ");
		units_format_human_duration(MAX(0, now_wall - info->started_wall), out);
		add_health(health, out);
		return;
	case RUNTIME_EXITED:
		buf_printf(out, "Exited (%d) ", info->exit_code);
		units_format_human_duration(MAX(0, now_wall - info->finished_wall), out);
		buf_add_str(out, " ago");
		return;
	case RUNTIME_REMOVING:
		buf_add_str(out, "Removal In Progress");
		return;
	}
}
