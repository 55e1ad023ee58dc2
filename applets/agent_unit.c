#include "applets/agent_unit.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "applets/cli.h"
#include "base/str.h"
#include "os/file.h"

#define UNIT_DIR "/etc/systemd/system"
#define UNIT     "swarmbox.service"

/* One word of ExecStart=: quoted where systemd would split it, doubled what it would expand; in the program's own path that is '%' alone. */
static void add_word(const char *word, const char *expanded, struct buf *out)
{
	buf_add_char(out, '"');
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			buf_add_char(out, '\\');
		if (strchr(expanded, *word))
			buf_add_char(out, *word);
		if ((unsigned char)*word < ' ')
			buf_printf(out, "\\x%02x", (unsigned char)*word);     /* a line of its own would be a setting */
		else
			buf_add_char(out, *word);
	}
	buf_add_char(out, '"');
}

static void add_option(const char *name, const char *value, struct buf *out)
{
	if (str_is_empty(value))
		return;
	buf_printf(out, " --%s ", name);
	add_word(value, "%$", out);
}

void agent_unit_format(const struct node_settings *settings, const char *config, const char *binary, struct buf *out)
{
	buf_add_str(out, "[Unit]\nDescription=swarmbox agent\nAfter=network-online.target\nWants=network-online.target\n\n"
		    "[Service]\nType=notify\nExecStart=");
	add_word(binary, "%", out);
	buf_add_str(out, " agent");
	add_option("config", config, out);
	add_option("data-root", settings->data_root, out);
	add_option("run-root", settings->run_root, out);
	add_option("cgroup-parent", settings->cgroup_parent, out);
	add_option("listen-addr", settings->listen_addr, out);
	add_option("advertise-addr", settings->advertise_addr, out);
	for (size_t i = 0; i < settings->sockets.count; i++) {
		CLEANUP(buf_finip) struct buf socket = BUF_INIT;
		buf_printf(&socket, "unix://%s", settings->sockets.items[i]);
		add_option("host", buf_text(&socket), out);
	}
	for (size_t i = 0; i < settings->labels.count; i++) {
		CLEANUP(buf_finip) struct buf label = BUF_INIT;
		buf_printf(&label, "%s=%s", settings->labels.items[i].key, settings->labels.items[i].value ? settings->labels.items[i].value : "");
		add_option("label", buf_text(&label), out);
	}
	for (size_t i = 0; i < settings->insecure_registries.count; i++)
		add_option("insecure-registry", settings->insecure_registries.items[i], out);
	for (size_t i = 0; i < settings->registry_mirrors.count; i++)
		add_option("registry-mirror", settings->registry_mirrors.items[i], out);
	if (settings->stop_containers)
		buf_add_str(out, " --stop-containers");
	/* Containers live in cgroups of their own, outside the unit's; shims are left alone when the agent is stopped or replaced. */
	buf_add_str(out, "\nRestart=always\nRestartSec=1\nKillMode=process\nOOMScoreAdjust=-900\nLimitNOFILE=1048576\nTasksMax=infinity\n"
		    "Delegate=no\n\n[Install]\nWantedBy=multi-user.target\n");
}

static int enable(struct err *err)
{
	if (dir_make(UNIT_DIR "/multi-user.target.wants", 0755, err) < 0)
		return -1;
	if (symlink("../" UNIT, UNIT_DIR "/multi-user.target.wants/" UNIT) < 0 && errno != EEXIST)
		return err_sys(err, "enable " UNIT);
	return 0;
}

int agent_unit_install(const struct node_settings *settings, const char *config, struct err *err)
{
	char binary[PATH_MAX];
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	ssize_t length = readlink("/proc/self/exe", binary, sizeof binary - 1);

	if (length < 0)
		return err_sys(err, "find this program's own path");
	binary[length] = 0;
	if (config && config[0] != '/')
		return err_set(err, ERR_INVALID, "--config: '%s' must be an absolute path, since the unit will be started elsewhere", config);
	agent_unit_format(settings, config, binary, &text);
	if (dir_make(UNIT_DIR, 0755, err) < 0 || file_write_durable(UNIT_DIR "/" UNIT, text.data, text.len, 0644, err) < 0 || enable(err) < 0)
		return -1;
	cli_printf("%s\n", UNIT_DIR "/" UNIT " is written and enabled; start it with: systemctl daemon-reload && systemctl start swarmbox");
	return 0;
}
