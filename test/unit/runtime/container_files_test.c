#include "runtime/container_files.h"

#include <string.h>

#include "base/str.h"
#include "test/unit/runner.h"

static const char of_host[] = "# made by hand\nnameserver 10.0.0.1\nnameserver 127.0.0.53\nsearch lan home\noptions edns0\n";

static const char *resolv(struct container_spec spec, struct buf *out)
{
	buf_clear(out);
	container_files_resolv(&spec, of_host, out);
	return buf_text(out);
}

TEST(servers_on_loopback_are_left_out_unless_the_network_is_the_hosts)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct container_spec spec = { .uses_host_dns = true };
	const char *host = "# stub\nnameserver 127.0.0.53\nnameserver ::1\nnameserver\t10.0.0.1\nsearch example.org\noptions edns0";

	container_files_resolv(&spec, host, &text);
	EXPECT_STR(buf_text(&text), "# stub\nnameserver\t10.0.0.1\nsearch example.org\noptions edns0\n");
	buf_clear(&text);
	spec.network = CONTAINER_NET_HOST;
	container_files_resolv(&spec, host, &text);
	EXPECT(strstr(buf_text(&text), "127.0.0.53"));
}

TEST(container_files_replace_only_what_the_spec_names)
{
	const char *server[] = { "1.1.1.1" }, *search[] = { "example.org", "b" }, *dot[] = { "." }, *options[] = { "ndots:3" };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	EXPECT_STR(resolv((struct container_spec){ .uses_host_dns = true, .dns_servers = { server, 1 } }, &out),
		   "# made by hand\nsearch lan home\noptions edns0\nnameserver 1.1.1.1\n");
	EXPECT_STR(resolv((struct container_spec){ .uses_host_dns = true, .dns_search = { search, 2 } }, &out),
		   "# made by hand\nnameserver 10.0.0.1\noptions edns0\nsearch example.org b\n");
	EXPECT_STR(resolv((struct container_spec){ .uses_host_dns = true, .dns_search = { dot, 1 }, .dns_options = { options, 1 } }, &out),
		   "# made by hand\nnameserver 10.0.0.1\noptions ndots:3\n");
	EXPECT_STR(resolv((struct container_spec){ .dns_servers = { server, 1 } }, &out), "nameserver 1.1.1.1\n");
}

TEST(container_files_put_the_specs_hosts_behind_their_own)
{
	struct container_pair pair = { "10.1.2.3", "db db.local" };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	container_files_hosts(&(struct container_spec){ .hosts = { &pair, 1 } }, &out);
	EXPECT(str_starts(buf_text(&out), "127.0.0.1\tlocalhost\n"));
	EXPECT(str_ends(buf_text(&out), "ff02::2\tip6-allrouters\n10.1.2.3\tdb db.local\n"));
}
