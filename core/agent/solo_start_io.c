/* What a container outside of services needs of this host before it runs: its ports, mounts and volumes, its files, its place in the network. */
#include "agent/solo_io.h"

#include "agent/port_table.h"
#include "base/str.h"
#include "model/container_words.h"
#include "os/log.h"

enum { PORTS_ARENA_MAX = 1 << 20, MOUNTS_ARENA_MAX = 8 << 20 };

/* Docker has other words for a port that a container holds than for one that a process of the host has. */
static bool is_ours(const struct agent *agent, const struct port_config *port, uint16_t number)
{
	void *value;

	for (size_t at = 0; map_next(agent->by_container, &at, NULL, &value);) {
		const struct hosted *hosted = value;

		for (size_t i = 0; i < hosted->port_count; i++)
			if (hosted->ports[i].published_port == number && port_proto(&hosted->ports[i]) == port_proto(port) &&
			    ip_eq(port->host_ip, hosted->ports[i].host_ip))
				return true;
	}
	return false;
}

/* One of the range that is free; any at all when there is none. */
static int reserve_port(struct solo_box *box, struct port_config *port, const struct container_port *wanted, struct err *err)
{
	struct net *net = box->hosted.agent->cfg.net;
	unsigned number = wanted->first;
	char text[IP_TEXT_SIZE];
	uint16_t got;

	do {
		if (net_reserve_port(net, port_proto(port), port->host_ip, (uint16_t)number, &got, err) == 0) {
			port->published_port = got;
			return 0;
		}
	} while (err->code == ERR_CONFLICT && number++ < wanted->last);
	if (err->code == ERR_CONFLICT && is_ours(box->hosted.agent, port, wanted->last))
		err_set(err, ERR_CONFLICT, "Bind for %s:%u failed: port is already allocated",
			port->host_ip.family ? ip_format(port->host_ip, text) : "0.0.0.0", (unsigned)wanted->last);
	return err_wrap(err, "failed to set up container networking: driver failed programming external connectivity on endpoint %s (%s)",
			box->row.name, box->row.id);
}

static int reserve_ports(struct solo_box *box, struct err *err)
{
	struct container_port *wanted;
	struct arena arena;
	size_t count = 0;
	int rc = 0;

	arena_init(&arena, "ports", PORTS_ARENA_MAX);
	if (box->hosted.port_count && container_ports(&box->row.config, &box->row.host, &arena, &wanted, &count, err) < 0)
		rc = -1;
	for (size_t i = 0; rc == 0 && i < count; i++)
		rc = reserve_port(box, &box->hosted.ports[i], &wanted[i], err);
	arena_fini(&arena);
	return rc;
}

static int check_binds(struct solo_box *box, struct err *err)
{
	struct mount *mounts;
	struct arena arena;
	size_t count;
	int rc;

	arena_init(&arena, "mounts", MOUNTS_ARENA_MAX);
	rc = solo_mounts(&box->row, &arena, &mounts, &count, err) < 0 || hosted_check_binds(mounts, count, err) < 0 ? -1 : 0;
	arena_fini(&arena);
	return rc;
}

static void make_now(struct solo_box *box)
{
	struct runtime *runtime = box->hosted.agent->cfg.runtime;

	if (box->machine.has_files)
		runtime_renew(runtime, box->row.id, &box->hosted.spec, box_act_done, box);
	else
		runtime_create(runtime, &box->hosted.spec, box_act_done, box);
}

static void volumes_are_there(void *arg, const struct err *failure)
{
	if (failure)
		box_answer(arg, failure, 0);
	else
		make_now(arg);
}

static int use_volumes(struct solo_box *box, struct err *err)
{
	const struct container_spec *spec = &box->hosted.spec;
	const char **names = ARENA_ARRAY(&box->hosted.arena, const char *, spec->mount_count);

	for (size_t i = 0; i < spec->mount_count; i++)
		names[i] = spec->mounts[i].name;
	return volumes_use(box->hosted.agent->cfg.volumes, names, spec->mount_count, box->row.id, volumes_are_there, box, err);
}

void box_make(struct solo_box *box)
{
	struct err err;
	int used;

	if (hosted_check_network(&box->hosted, box->machine.needs_network, &err) < 0 || check_binds(box, &err) < 0 ||
	    box_plan(box, &err) < 0 || reserve_ports(box, &err) < 0 || (used = use_volumes(box, &err)) < 0)
		box_answer_later(box, &err);
	else if (!used)
		make_now(box);
}

static void attached(void *arg, struct ip ip, const struct err *failure)
{
	struct solo_box *box = arg;

	if (!failure)
		box->hosted.address = ip;
	else if (box->machine.is_started)
		log_warn("%s: network: %s", hosted_name(&box->hosted), failure->text);
	box_answer(box, failure, 0);
}

void box_attach(struct solo_box *box)
{
	const struct agent_config *cfg = &box->hosted.agent->cfg;

	if (container_network_of(&box->row.host) == PREDEFINED_NONE)
		net_loopback(cfg->net, runtime_netns_fd(cfg->runtime, box->row.id), box_act_done, box);
	else
		net_attach(cfg->net, box->row.id, runtime_netns_fd(cfg->runtime, box->row.id), (struct ip){ 0 }, attached, box);
}

/* Ports that stand as 0 are not held. */
void box_detach(struct solo_box *box)
{
	hosted_tell_mounted(&box->hosted, false);
	volumes_release(box->hosted.agent->cfg.volumes, box->row.id);
	hosted_release_ports(&box->hosted);
	for (size_t i = 0; i < box->hosted.port_count; i++)
		box->hosted.ports[i].published_port = 0;
	net_detach(box->hosted.agent->cfg.net, box->row.id, box_act_done, box);
}
