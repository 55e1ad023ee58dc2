#include "agent/port_table.h"
#include "base/str.h"
#include "test/unit/runner.h"

enum { ARENA_MAX = 1 << 20 };

static struct port_config port(int protocol, uint32_t target, uint32_t published, int mode)
{
	return (struct port_config){ .protocol = protocol, .target_port = target, .published_port = published, .publish_mode = mode };
}

TEST(port_table_puts_every_task_of_a_service_behind_one_ingress_entry)
{
	struct port_config web = port(PROTOCOL_TCP, 80, 8080, PUBLISH_INGRESS);
	struct port_source sources[] = { { "t1", "s1", &web, 1 }, { "t2", "s1", &web, 1 } };
	struct arena arena;
	struct net_port *table;
	size_t count;

	arena_init(&arena, "test", ARENA_MAX);
	table = port_table(sources, ARRAY_COUNT(sources), &arena, &count);
	EXPECT_INT(count, 1);
	EXPECT_INT(table[0].port, 8080);
	EXPECT_INT(table[0].target, 80);
	EXPECT_INT(table[0].mode, NET_INGRESS);
	EXPECT_STR(table[0].service_id, "s1");
	EXPECT_INT(table[0].backend_count, 2);
	EXPECT_STR(table[0].backends[0], "t1");
	EXPECT_STR(table[0].backends[1], "t2");
	arena_fini(&arena);
}

TEST(port_table_has_one_entry_a_task_for_a_host_port)
{
	struct port_config web = port(PROTOCOL_TCP, 80, 8080, PUBLISH_HOST);
	struct port_source sources[] = { { "t1", "s1", &web, 1 }, { "t2", "s1", &web, 1 } };
	struct arena arena;
	struct net_port *table;
	size_t count;

	arena_init(&arena, "test", ARENA_MAX);
	table = port_table(sources, ARRAY_COUNT(sources), &arena, &count);
	EXPECT_INT(count, 2);
	EXPECT(table[0].mode == NET_HOST && table[0].backend_count == 1 && str_eq(table[0].backends[0], "t1"));
	EXPECT(table[1].mode == NET_HOST && table[1].backend_count == 1 && str_eq(table[1].backends[0], "t2"));
	arena_fini(&arena);
}

TEST(port_table_keeps_the_address_of_a_port)
{
	struct port_config ports[] = { port(PROTOCOL_TCP, 80, 8080, PUBLISH_HOST), port(PROTOCOL_TCP, 80, 8080, PUBLISH_HOST) };
	struct port_source source = { "t1", "s1", ports, 2 };
	struct arena arena;
	struct net_port *table;
	size_t count;

	ports[0].host_ip = ip4(127, 0, 0, 1);
	ports[1].host_ip = ip4(192, 0, 2, 1);
	arena_init(&arena, "test", ARENA_MAX);
	table = port_table(&source, 1, &arena, &count);
	EXPECT_INT(count, 2);
	EXPECT(ip_eq(table[0].address, ports[0].host_ip) && ip_eq(table[1].address, ports[1].host_ip));
	arena_fini(&arena);
}

TEST(port_table_is_sorted_by_protocol_and_port_and_leaves_out_what_has_no_port_yet)
{
	struct port_config ports[] = { port(PROTOCOL_UDP, 53, 53, PUBLISH_INGRESS), port(PROTOCOL_TCP, 80, 9000, PUBLISH_INGRESS),
				       port(PROTOCOL_TCP, 81, 0, PUBLISH_INGRESS), port(PROTOCOL_TCP, 82, 65536, PUBLISH_INGRESS),
				       port(PROTOCOL_UNSET, 83, 443, PUBLISH_INGRESS), port(PROTOCOL_SCTP, 84, 1, PUBLISH_INGRESS) };
	struct port_source source = { "t1", "s1", ports, ARRAY_COUNT(ports) };
	struct arena arena;
	struct net_port *table;
	size_t count;

	arena_init(&arena, "test", ARENA_MAX);
	table = port_table(&source, 1, &arena, &count);
	EXPECT_INT(count, 4);
	for (size_t i = 1; i < count; i++)
		EXPECT(table[i - 1].proto < table[i].proto ||
		       (table[i - 1].proto == table[i].proto && table[i - 1].port < table[i].port));
	arena_fini(&arena);
}

TEST(port_table_of_nothing_is_empty)
{
	struct port_source source = { "t1", "s1", NULL, 0 };
	struct arena arena;
	size_t count = 7;

	arena_init(&arena, "test", ARENA_MAX);
	port_table(NULL, 0, &arena, &count);
	EXPECT_INT(count, 0);
	count = 7;
	port_table(&source, 1, &arena, &count);
	EXPECT_INT(count, 0);
	arena_fini(&arena);
}
