/* Getting connected, or told why not; listening. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"
#include "os/listen.h"
#include "rpc/rpc_inside.h"
#include "test/unit/rpc/rpc_help.h"
#include "test/unit/runner.h"

static const struct rpc_limits hasty = { .connections = 1024, .strangers = 256, .hello_ms = 1500, .stranger_ms = RPC_HELP_WAIT_MS,
					 .connect_ms = RPC_HELP_WAIT_MS, .stalled_ms = RPC_HELP_WAIT_MS, .tickets_per_node = 64,
					 .ticket_ms = RPC_HELP_WAIT_MS };

/* A socket that listens and accepts nothing by itself; its port. */
static int mute_listener(uint16_t *ret_port)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	EXPECT(bind(fd, (struct sockaddr *)&in, size) == 0 && listen(fd, 5) == 0);
	EXPECT(getsockname(fd, (struct sockaddr *)&in, &size) == 0);
	*ret_port = ntohs(in.sin_port);
	return fd;
}

/* A port that nobody listens on: it was ours a moment ago. */
static uint16_t dead_port(void)
{
	uint16_t port;

	close(mute_listener(&port));
	return port;
}

static void dial_and_fail(struct speaker *node, const char *addresses, const char *digest, enum rpc_down reason)
{
	node_dial_to(node, addresses, digest);
	RUN_UNTIL(node->net, node->downs == 1);
	EXPECT_INT(node->reason, reason);
	node->downs = 0;
	buf_clear(&node->story);
}

TEST(where_nobody_listens_the_connection_is_refused)
{
	char address[32], want[100];
	struct net net;

	net_init(&net, NULL);
	snprintf(address, sizeof(address), "127.0.0.1:%u", dead_port());
	snprintf(want, sizeof(want), "%s: Connection refused", address);
	dial_and_fail(&net.worker, address, NULL, RPC_DOWN_REFUSED);
	EXPECT_STR(net.worker.err.text, want);
	EXPECT_INT(net.worker.err.code, ERR_UNAVAILABLE);
	net_fini(&net);
}

TEST(who_never_answers_is_given_up)
{
	char address[32], want[100];
	uint16_t port;
	struct net net;
	int fd = mute_listener(&port);

	net_init(&net, &hasty);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	snprintf(want, sizeof(want), "%s: no answer", address);
	dial_and_fail(&net.worker, address, NULL, RPC_DOWN_TIMEOUT);
	EXPECT_STR(net.worker.err.text, want);
	close(fd);
	net_fini(&net);
}

TEST(who_hangs_up_during_the_handshake_has_reset)
{
	char address[32];
	uint16_t port;
	struct net net;
	int fd = mute_listener(&port);

	net_init(&net, NULL);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	node_dial_to(&net.worker, address, NULL);
	run_some(&net);
	close(accept(fd, NULL, NULL));
	RUN_UNTIL(&net, net.worker.downs);
	EXPECT_INT(net.worker.reason, RPC_DOWN_RESET);
	EXPECT(str_starts(net.worker.err.text, address));
	close(fd);
	net_fini(&net);
}

TEST(who_answers_something_else_does_not_speak_tls)
{
	static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
	char address[32];
	uint16_t port;
	struct net net;
	int fd = mute_listener(&port);

	net_init(&net, NULL);
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	node_dial_to(&net.worker, address, NULL);
	run_some(&net);
	int accepted = accept(fd, NULL, NULL);
	EXPECT(write(accepted, answer, sizeof(answer) - 1) > 0);
	RUN_UNTIL(&net, net.worker.downs);
	EXPECT_INT(net.worker.reason, RPC_DOWN_TLS);
	close(accepted);
	close(fd);
	net_fini(&net);
}

TEST(a_certificate_of_another_cluster_is_a_tls_failure_on_both_sides)
{
	char address[32];
	struct speaker foreign = { 0 };
	struct net net;

	net_init(&net, NULL);
	net_address(&net, address);
	node_init(&net, &foreign, test_context(buf_text(&net.other_ca.root.cert_pem), &net.foreign), NULL);
	dial_and_fail(&foreign, address, NULL, RPC_DOWN_TLS);
	EXPECT(str_starts(foreign.err.text, address));
	/* by the digest of the right root it gets as far as showing its certificate */
	char digest[CA_DIGEST_SIZE];
	struct err err = { 0 };
	EXPECT_INT(ca_digest(buf_text(&net.ca.root.cert_pem), digest, &err), 0);
	dial_and_fail(&foreign, address, digest, RPC_DOWN_TLS);
	node_fini(&foreign);

	node_init(&net, &foreign, test_context(NULL, NULL), NULL);
	EXPECT_INT(ca_digest(buf_text(&net.other_ca.root.cert_pem), digest, &err), 0);
	dial_and_fail(&foreign, address, digest, RPC_DOWN_TLS);
	node_fini(&foreign);
	net_fini(&net);
}

TEST(addresses_are_tried_until_one_is_up)
{
	char address[32], list[200];
	uint16_t port;
	struct net net;
	int mute = mute_listener(&port);

	net_init(&net, &hasty);
	snprintf(list, sizeof(list), "127.0.0.1:%u,127.0.0.1:%u,%s,127.0.0.1:1", dead_port(), port, net_address(&net, address));
	net.manager.rpc->cfg.limits.hello_ms = RPC_HELP_WAIT_MS;
	node_dial_to(&net.worker, list, NULL);
	RUN_UNTIL(&net, str_eq(rpc_conn_address(net.worker.conn), address));
	net.worker.rpc->cfg.limits.hello_ms = RPC_HELP_WAIT_MS; /* the mute one was hurried; who answers has time */
	RUN_UNTIL(&net, net.worker.story.len);
	expect_story(&net.worker, "up ");
	EXPECT_STR(rpc_conn_address(net.worker.conn), address);
	close(mute);
	net_fini(&net);
}

TEST(of_many_failures_the_most_telling_one_is_told)
{
	char list[200], refused[32];
	uint16_t port;
	struct net net;
	int mute = mute_listener(&port);

	net_init(&net, &hasty);
	snprintf(refused, sizeof(refused), "127.0.0.1:%u", dead_port());
	snprintf(list, sizeof(list), "%s,127.0.0.1:%u", refused, port);
	dial_and_fail(&net.worker, list, NULL, RPC_DOWN_REFUSED);
	EXPECT(str_starts(net.worker.err.text, refused));
	close(mute);
	net_fini(&net);
}

TEST(a_name_is_looked_up_off_the_loop)
{
	char address[32];
	struct net net;

	net_init(&net, NULL);
	snprintf(address, sizeof(address), "localhost:%u", rpc_port(net.manager.rpc));
	node_dial_to(&net.worker, address, NULL);
	RUN_UNTIL(&net, net.worker.story.len);
	expect_story(&net.worker, "up ");
	/* and one that is closed before the answer is there is no harm */
	rpc_close(net.worker.conn);
	node_dial_to(&net.worker, address, NULL);
	rpc_close(net.worker.conn);
	run_some(&net);
	net_fini(&net);
}

TEST(an_address_that_is_none_is_told_as_such)
{
	static const char label[] = "a-label-of-more-than-the-sixty-three-characters-that-a-name-may-have-in-each.invalid:2377";
	struct net net;

	net_init(&net, NULL);
	dial_and_fail(&net.worker, "127.0.0.1:99999", NULL, RPC_DOWN_TIMEOUT);
	EXPECT_STR(net.worker.err.text, "address '127.0.0.1:99999': port '99999' is not a number from 0 to 65535");
	dial_and_fail(&net.worker, "", NULL, RPC_DOWN_TIMEOUT);
	EXPECT_STR(net.worker.err.text, "address '': not of the form host:port");
	dial_and_fail(&net.worker, label, NULL, RPC_DOWN_TIMEOUT);
	EXPECT(str_starts(net.worker.err.text, "lookup a-label-of-more"));
	EXPECT_INT(net.worker.err.code, ERR_NOT_FOUND);
	net_fini(&net);
}

TEST(a_dialled_connection_may_be_closed_at_any_moment)
{
	char address[32];
	struct net net;

	net_init(&net, NULL);
	net_address(&net, address);
	for (int rounds = 0; rounds < 12; rounds++) {
		node_dial_to(&net.worker, address, NULL);
		for (int i = 0; i < rounds; i++)
			loop_run_once(net.loop, 2);
		rpc_close(net.worker.conn);
	}
	buf_clear(&net.worker.story);
	node_dial(&net.worker);
	net_fini(&net);
}

TEST(a_manager_that_comes_back_is_reached_again)
{
	char address[32];
	struct err err = { 0 };
	struct net net;

	net_init(&net, NULL);
	net_address(&net, address);
	node_dial(&net.worker);
	rpc_unlisten(net.manager.rpc);
	EXPECT_INT(rpc_port(net.manager.rpc), 0);
	RUN_UNTIL(&net, net.worker.downs);
	expect_story(&net.worker, "down(RESET) ");
	net.worker.downs = 0;
	dial_and_fail(&net.worker, address, NULL, RPC_DOWN_REFUSED);
	EXPECT_INT(rpc_listen(net.manager.rpc, address, &err), 0);
	node_dial(&net.worker);
	net_fini(&net);
}

TEST(listening_again_moves_and_keeps_who_is_there)
{
	struct answer answer = { 0 };
	struct err err = { 0 };
	struct net net;

	net_init(&net, NULL);
	node_dial(&net.worker);
	uint16_t before = rpc_port(net.manager.rpc);
	EXPECT_INT(rpc_listen(net.manager.rpc, "[::1]:0", &err), 0);
	EXPECT(rpc_port(net.manager.rpc) && rpc_port(net.manager.rpc) != before);
	rpc_call(net.worker.conn, RPC_BLOB, "x", 1, RPC_HELP_WAIT_MS, on_answer, &answer);
	RUN_UNTIL(&net, answer.count);
	expect_body(&answer, "x");
	char address[32];
	snprintf(address, sizeof(address), "[::1]:%u", rpc_port(net.manager.rpc));
	node_dial_to(&net.other, address, NULL);
	RUN_UNTIL(&net, net.other.story.len);
	expect_story(&net.other, "up ");
	EXPECT_STR(rpc_conn_address(net.other.conn), address);
	net_fini(&net);
}

TEST(an_address_that_cannot_be_listened_on_is_named)
{
	char address[32];
	struct err err = { 0 };
	struct net net;

	net_init(&net, NULL);
	EXPECT_INT(rpc_listen(net.other.rpc, "here:2377", &err), -1);
	EXPECT_STR(err.text, "address 'here:2377': 'here' is no IP address");
	EXPECT_INT(rpc_listen(net.other.rpc, "1.2.3.4:x", &err), -1);
	EXPECT_INT(err.code, ERR_INVALID);
	EXPECT_INT(rpc_listen(net.other.rpc, net_address(&net, address), &err), -1);
	EXPECT(str_starts(err.text, "listen on 127.0.0.1 port "));
	EXPECT_INT(rpc_port(net.other.rpc), 0);
	net_fini(&net);
}
