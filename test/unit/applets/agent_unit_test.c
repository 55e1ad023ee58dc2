#include "applets/agent_unit.h"

#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

static bool has(const struct buf *text, const char *line)
{
	return strstr(buf_text(text), line) != NULL;
}

TEST(agent_unit_starts_this_binary_with_the_settings_given)
{
	static char socket[] = "/run/a.sock", key[] = "zone", value[] = "b";
	char *sockets[] = { socket };
	struct str_pair labels[] = { { key, value }, { key, NULL } };
	const struct node_settings settings = { .data_root = "/data", .run_root = "/run/box", .cgroup_parent = "box",
						.listen_addr = "", .advertise_addr = "10.0.0.1", .sockets = { sockets, 1 },
						.labels = { labels, 2 }, .stop_containers = true };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	agent_unit_format(&settings, "/etc/box.yml", "/usr/bin/swarmbox", &out);
	EXPECT(has(&out, "\nExecStart=\"/usr/bin/swarmbox\" agent --config \"/etc/box.yml\" --data-root \"/data\" --run-root \"/run/box\""
			 " --cgroup-parent \"box\" --advertise-addr \"10.0.0.1\" --host \"unix:///run/a.sock\" --label \"zone=b\""
			 " --label \"zone=\" --stop-containers\n"));
	EXPECT(has(&out, "\nType=notify\n") && has(&out, "\nKillMode=process\n") && has(&out, "\nRestart=always\n"));
	EXPECT(has(&out, "\nWantedBy=multi-user.target\n"));
}

TEST(agent_unit_leaves_out_what_was_not_given)
{
	const struct node_settings settings = { .data_root = "", .listen_addr = "" };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	agent_unit_format(&settings, NULL, "/usr/bin/swarmbox", &out);
	EXPECT(has(&out, "\nExecStart=\"/usr/bin/swarmbox\" agent\n"));
}

TEST(agent_unit_quotes_what_systemd_would_expand)
{
	const struct node_settings settings = { .data_root = "/a b/100%/$HOME/\"q\"\\" };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	agent_unit_format(&settings, NULL, "/usr/bin/swarmbox", &out);
	EXPECT(has(&out, " --data-root \"/a b/100%%/$$HOME/\\\"q\\\"\\\\\"\n"));
	buf_clear(&out);
	agent_unit_format(&(struct node_settings){ .data_root = "/a\nUser=x" }, NULL, "/opt/my box/5% $x", &out);
	EXPECT(has(&out, "\nExecStart=\"/opt/my box/5%% $x\" agent --data-root \"/a\\x0aUser=x\"\n"));
}
