/* What containers use, and which processes they have: the kernel's texts, and real ones. */
#include "runtime/stats.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"
#include "runtime/container_user.h"
#include "runtime/process_table.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

TEST(the_hosts_processors_are_added_up_as_docker_does)
{
	struct runtime_stats stats = { .host_cpus = 9 };

	stats_take_host_cpu("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 1 1 1 1 1 1 1 0 0\ncpu1 1 1 1\nintr 5\n", 100, &stats);
	EXPECT_INT(stats.host_cpu_ns, 280000000);        /* 28 ticks: without steal and guests, which are counted elsewhere */
	EXPECT_INT(stats.host_cpus, 2);
	stats_take_host_cpu("", 100, &stats);
	EXPECT_INT(stats.host_cpu_ns, 0);
}

TEST(links_are_read_from_net_dev_without_lo)
{
	struct runtime_stats stats = { .link_count = 0 };

	stats_take_links("Inter-|   Receive                                                |  Transmit\n"
			 " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n"
			 "    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0\n"
			 "  eth0: 5000000000 20   30   40    5     6          7         8     1000      11   12   13    0     0       0          0\n"
			 "broken: 1 2\n", &stats);
	EXPECT_INT(stats.link_count, 1);
	EXPECT_STR(stats.links[0].name, "eth0");
	EXPECT(stats.links[0].rx_bytes == 5000000000 && stats.links[0].rx_packets == 20 && stats.links[0].rx_errors == 30 && stats.links[0].rx_dropped == 40);
	EXPECT(stats.links[0].tx_bytes == 1000 && stats.links[0].tx_packets == 11 && stats.links[0].tx_errors == 12 && stats.links[0].tx_dropped == 13);
}

TEST(more_links_than_there_is_room_for_are_left_out)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;
	struct runtime_stats stats = { .link_count = 0 };

	for (int i = 0; i < RUNTIME_STATS_MAX_LINKS + 5; i++)
		buf_printf(&text, "eth%d: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", i);
	stats_take_links(buf_text(&text), &stats);
	EXPECT_INT(stats.link_count, RUNTIME_STATS_MAX_LINKS);
}

TEST(io_is_the_sum_over_all_devices)
{
	struct runtime_stats stats = { .reads = 0 };

	stats_take_io("254:0 rbytes=10 wbytes=20 rios=3 wios=4 dbytes=9 dios=9\n254:16 rbytes=1 wbytes=2 rios=1 wios=1 new=7\n259:0\n", &stats);
	EXPECT(stats.read_bytes == 11 && stats.write_bytes == 22 && stats.reads == 4 && stats.writes == 5);
}

TEST(a_containers_use_is_what_it_really_uses)
{
	struct host host;
	struct runtime_stats stats, later;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "eat", "20000000", ",", "print", "eaten", ",", "spin", "300", ",", "print", "spun", ",", "pause", NULL);

	spec.memory_bytes = 64 << 20;
	spec.pids_limit = 33;
	EXPECT(runtime_stats(host.rt, spec.id, &stats, &err) == -1 && err.code == ERR_NOT_FOUND);
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(host_wait_log(&host, spec.id, "eaten"));
	EXPECT(runtime_stats(host.rt, spec.id, &stats, &err) == 0);
	EXPECT(stats.memory_bytes >= 20000000 && stats.memory_bytes < 64 << 20 && stats.memory_limit_bytes == 64 << 20);
	EXPECT(stats.memory_rss_bytes >= 19000000);
	EXPECT_INT(stats.pids, 1);
	EXPECT_INT(stats.pids_limit, 33);
	EXPECT_INT(stats.host_cpus, sysconf(_SC_NPROCESSORS_ONLN));
	EXPECT(stats.host_memory_bytes > 64 << 20 && stats.read_wall > 0);
	EXPECT(host_wait_log(&host, spec.id, "spun"));
	EXPECT(runtime_stats(host.rt, spec.id, &later, &err) == 0);
	EXPECT(later.cpu_ns >= stats.cpu_ns && later.cpu_ns > 5000000 && later.host_cpu_ns > stats.host_cpu_ns);
	EXPECT(later.cpu_ns - stats.cpu_ns <= later.host_cpu_ns - stats.host_cpu_ns + 1000000000);
	/* of the network only what is there: nothing but lo */
	EXPECT_INT(later.link_count, 0);
	struct runtime_info info;

	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	host_sh("nsenter -t %d -n sh -c 'ip link add eth0 type veth peer name other'", info.pid);
	EXPECT(runtime_stats(host.rt, spec.id, &later, &err) == 0);
	EXPECT_INT(later.link_count, 2);
	EXPECT(str_eq(later.links[0].name, "eth0") || str_eq(later.links[1].name, "eth0"));

	struct container_spec unlimited = host_spec(&host, "pause", NULL);

	EXPECT(host_create(&host, &unlimited, &err) == 0);
	EXPECT(runtime_stats(host.rt, unlimited.id, &stats, &err) == 0);
	EXPECT(stats.memory_limit_bytes == stats.host_memory_bytes && stats.pids_limit == 0);
	host_close(&host);
}

/* --- processes --------------------------------------------------------------------------------- */

TEST(a_stat_file_is_read_whatever_the_processs_name_is)
{
	struct process_facts facts;
	struct err err;
	const char *status = "Name:\tx\nUmask:\t0022\nUid:\t0\t33\t0\t0\nGid:\t0\n";

	EXPECT(process_facts_parse("77 (a) R (b) ) S 5 77 77 34817 77 4194560 1 2 3 4 150 250 7 8 20 0 1 0 4242 1 1\n", status, &facts, &err) == 0);
	EXPECT(facts.pid == 77 && facts.parent == 5 && facts.cpu_ticks == 400 && facts.start_ticks == 4242 && facts.uid == 33);
	EXPECT_STR(facts.comm, "a) R (b) ");
	EXPECT_STR(facts.tty, "pts/1");
	EXPECT(process_facts_parse("77 (a) S 5 77 77 0 77 4194560 1 2 3 4 1 2 7 8 20 0 1 0 4242 1 1\n", status, &facts, &err) == 0);
	EXPECT_STR(facts.tty, "?");
	EXPECT(process_facts_parse("77 (a) S 5 77 77 1025 77 4194560 1 2 3 4 1 2 7 8 20 0 1 0 4242 1 1\n", status, &facts, &err) == 0);
	EXPECT_STR(facts.tty, "tty1");
	EXPECT(process_facts_parse("", status, &facts, &err) == -1);
	EXPECT(process_facts_parse("77 )a( S 1", status, &facts, &err) == -1);
	EXPECT(process_facts_parse("77 (a) S 5 77", status, &facts, &err) == -1);
	EXPECT(process_facts_parse("77 (a) S 5 77 77 0 77 4194560 1 2 3 4 1 2 7 8 20 0 1 0 4242 1 1\n", "", &facts, &err) == -1);
}

static const char *line_of(struct arena *arena, const char *options, struct process_facts facts, struct process_row row)
{
	struct process_format format;
	const char *cells[PROCESS_COLUMNS_MAX], *line = "";
	struct err err;

	if (process_format_parse(options, arena, &format, &err) < 0)
		return arena_strdup(arena, err.text);
	process_cells(&format, &facts, &row, arena, cells);
	for (size_t i = 0; i < format.count; i++)
		line = arena_printf(arena, "%s%s%s", line, i ? " " : "", cells[i]);
	return line;
}

static const char *heads_of(struct arena *arena, const char *options)
{
	struct process_format format;
	const char *line = "";
	struct err err;

	if (process_format_parse(options, arena, &format, &err) < 0)
		return arena_printf(arena, "%d %s", (int)err.code, err.text);
	for (size_t i = 0; i < format.count; i++)
		line = arena_printf(arena, "%s%s%s", line, i ? " " : "", format.columns[i].title);
	return line;
}

#define UNSUPPORTED_IS(what) arena_printf(&arena, "%d ps %s is not supported by swarmbox yet", (int)ERR_UNSUPPORTED, what)

TEST(ps_options_choose_columns)
{
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	EXPECT_STR(heads_of(&arena, NULL), "UID PID PPID C STIME TTY TIME CMD");
	EXPECT_STR(heads_of(&arena, ""), "UID PID PPID C STIME TTY TIME CMD");
	EXPECT_STR(heads_of(&arena, "-ef"), "UID PID PPID C STIME TTY TIME CMD");
	EXPECT_STR(heads_of(&arena, " -e  -fww "), "UID PID PPID C STIME TTY TIME CMD");
	EXPECT_STR(heads_of(&arena, "-e"), "PID TTY TIME CMD");
	EXPECT_STR(heads_of(&arena, "ax"), "PID TTY STAT TIME COMMAND");
	EXPECT_STR(heads_of(&arena, "aux"), "USER PID %CPU %MEM VSZ RSS TTY STAT START TIME COMMAND");
	EXPECT_STR(heads_of(&arena, "-aux"), heads_of(&arena, "auxww"));
	EXPECT_STR(heads_of(&arena, "-o pid"), "PID");
	EXPECT_STR(heads_of(&arena, "-opid,comm"), "PID COMMAND");
	EXPECT_STR(heads_of(&arena, "-eo pid,ppid,user -o %cpu"), "PID PPID USER %CPU");
	EXPECT_STR(heads_of(&arena, "axo pid,args"), "PID COMMAND");
	EXPECT_STR(heads_of(&arena, "-e --format pid,rss=MEMORY --format=vsz="), "PID MEMORY ");
	EXPECT_STR(heads_of(&arena, "-o pid,ppid,user,uid,gid,group,%cpu,%mem,rss,vsz,stat,s,tty,tname,time,etime,etimes,start,lstart,stime,args,comm,cmd,"
				    "nice,ni,pri,pgid,sid,nlwp,c"),
		   "PID PPID USER UID GID GROUP %CPU %MEM RSS VSZ STAT S TT TTY TIME ELAPSED ELAPSED STARTED STARTED STIME COMMAND COMMAND CMD "
		   "NI NI PRI PGID SID NLWP C");
	arena_fini(&arena);
}

TEST(ps_options_that_there_are_not_are_refused_by_their_names)
{
	struct arena arena;
	const char *many = "-o pid";

	arena_init(&arena, "test", 1 << 20);
	EXPECT_STR(heads_of(&arena, "-eo pid,wchan"), UNSUPPORTED_IS("column 'wchan'"));
	EXPECT_STR(heads_of(&arena, "-o pid,,comm"), UNSUPPORTED_IS("column ''"));
	EXPECT_STR(heads_of(&arena, "-eo PID"), UNSUPPORTED_IS("column 'PID'"));
	EXPECT_STR(heads_of(&arena, "-efH"), UNSUPPORTED_IS("option '-H'"));
	EXPECT_STR(heads_of(&arena, "-p 1"), UNSUPPORTED_IS("option '-p'"));
	EXPECT_STR(heads_of(&arena, "auxf"), UNSUPPORTED_IS("option 'f'"));
	EXPECT_STR(heads_of(&arena, "-ef 7"), UNSUPPORTED_IS("option '7'"));
	EXPECT_STR(heads_of(&arena, "-"), UNSUPPORTED_IS("option '-'"));
	EXPECT_STR(heads_of(&arena, "-\x1b"), UNSUPPORTED_IS("option '-?'"));
	EXPECT_STR(heads_of(&arena, "-ef --sort=rss"), UNSUPPORTED_IS("option '--sort=rss'"));
	EXPECT_STR(heads_of(&arena, "-eo"), "1 ps: option 'o' needs a list of columns");
	EXPECT_STR(heads_of(&arena, "--format"), "1 ps: option '--format' needs a list of columns");
	EXPECT_STR(heads_of(&arena, "-ef -o pid"), "1 ps: conflicting format options");
	EXPECT_STR(heads_of(&arena, "-f u"), "1 ps: conflicting format options");
	for (int i = 0; i < PROCESS_COLUMNS_MAX; i++)
		many = arena_printf(&arena, "%s,pid", many);
	EXPECT_STR(heads_of(&arena, many), "1 ps: more than 64 columns");
	arena_fini(&arena);
}

TEST(columns_are_what_ps_says_they_are)
{
	static const char stat[] = "77 (w\x1b" "b) S 5 70 77 34817 70 4194560 1 2 3 4 6000 150 7 8 30 10 3 0 4242 8192000 600\n";
	static const char status[] = "Name:\tx\nUid:\t1\t33\t3\t4\nGid:\t1\t12\t3\t4\nVmLck:\t       4 kB\n";
	struct process_row row = { .user = "www", .group = "grp", .command = "web\0-x\0", .command_bytes = 7, .age_ms = 100000, .ticks_per_second = 100,
				   .page_bytes = 4096, .host_memory_bytes = 64 << 20,
				   .started = { .tm_hour = 9, .tm_min = 5, .tm_sec = 7, .tm_mon = 1, .tm_mday = 3, .tm_wday = 2, .tm_year = 126 },
				   .now = { .tm_year = 126 } };
	struct process_facts facts;
	struct arena arena;
	struct err err;

	arena_init(&arena, "test", 1 << 20);
	EXPECT_INT(process_facts_parse(stat, status, &facts, &err), 0);
	EXPECT_STR(line_of(&arena, "aux", facts, row), "www 77 61.5 3.6 8000 2400 pts/1 SNLsl+ 09:05 1:01 web -x");
	EXPECT_STR(line_of(&arena, "-eo s,ni,pri,pgid,sid,nlwp,uid,gid,group,comm,c,time", facts, row), "S 10 9 70 77 3 33 12 grp w?b 61 00:01:01");
	EXPECT_STR(line_of(&arena, "-eo etime,etimes,start,lstart", facts, row), "01:40 100 09:05:07 Tue Feb  3 09:05:07 2026");
	row.age_ms = 90061000;
	facts.session = facts.tty_group = 1;
	facts.nice = -5;
	facts.threads = 1;
	facts.has_locked_memory = false;
	EXPECT_STR(line_of(&arena, "-eo etime,start,stat", facts, row), "1-01:01:01 Feb 03 S<");
	row.age_ms = 3600000;
	EXPECT_STR(line_of(&arena, "-eo etime", facts, row), "01:00:00");
	arena_fini(&arena);
}

TEST(a_process_is_shown_as_ps_shows_it)
{
	struct process_facts facts = { .pid = 1234, .parent = 1, .comm = "nginx", .tty = "?", .cpu_ticks = 1250 };
	struct process_row row = { .user = "root", .command = "nginx: master\0-g\0\x1b[2J\0\0", .command_bytes = 22, .age_ms = 100000, .ticks_per_second = 100,
				   .started = { .tm_hour = 9, .tm_min = 5, .tm_yday = 40, .tm_mon = 1, .tm_mday = 10, .tm_year = 126 },
				   .now = { .tm_yday = 40, .tm_year = 126 } };
	struct arena arena;

	arena_init(&arena, "test", 1 << 16);
	EXPECT_STR(line_of(&arena, "-ef", facts, row), "root 1234 1 12 09:05 ? 00:00:12 nginx: master -g ?[2J");
	row.now.tm_yday = 41;
	row.user = "systemd-resolve";
	row.command_bytes = 0;
	facts.cpu_ticks = 9100000;
	EXPECT_STR(line_of(&arena, "-ef", facts, row), "systemd+ 1234 1 99 Feb10 ? 1-01:16:40 [nginx]");
	row.now.tm_year = 127;
	row.age_ms = -5;
	EXPECT_STR(line_of(&arena, "-ef", facts, row), "systemd+ 1234 1 0 2026 ? 1-01:16:40 [nginx]");
	EXPECT_STR(container_user_name("root:x:0:0::/:/bin/sh\nweb:x:33:33\n", 33, &arena), "web");
	EXPECT_STR(container_user_name("root:x:0:0::/:/bin/sh\n", 33, &arena), "33");
	arena_fini(&arena);
}

struct seen { bool is_there; struct err err; char text[4096]; size_t rows; };

static void on_top(void *arg, const struct runtime_top *top, const struct err *failure)
{
	struct seen *seen = arg;

	seen->is_there = true;
	if (failure) {
		seen->err = *failure;
		return;
	}
	seen->rows = top->row_count;
	for (size_t row = 0; row <= top->row_count; row++)
		for (size_t i = 0; i < top->format->count; i++) {
			const char *cell = row ? top->cells[(row - 1) * top->format->count + i] : top->format->columns[i].title;
			size_t used = strlen(seen->text);

			snprintf(seen->text + used, sizeof seen->text - used, "%s%s", cell, i + 1 == top->format->count ? "\n" : " ");
		}
}

TEST(top_shows_all_processes_of_a_container_and_no_others)
{
	struct host host;
	struct err err = { .code = 0 };
	struct runtime_info info;
	struct seen seen = { .rows = 0 }, other_columns = { .rows = 0 }, again = { .rows = 0 }, none = { .rows = 0 };
	struct process_format format, short_format;

	host_open(&host);
	EXPECT_INT(process_format_parse("", &host.arena, &format, &err), 0);
	EXPECT_INT(process_format_parse("-eo pid,uid=WHO,comm", &host.arena, &short_format, &err), 0);
	struct container_spec spec = host_spec(&host, "fork", "3", ",", "pause", NULL), other = host_spec(&host, "pause", NULL);

	spec.user = "54321";
	EXPECT(host_create(&host, &spec, &err) == 0 && host_start(&host, spec.id, &err) == 0);
	EXPECT(host_create(&host, &other, &err) == 0 && host_start(&host, other.id, &err) == 0);
	EXPECT(host_wait_log(&host, spec.id, "forked all"));
	runtime_top(host.rt, spec.id, &format, on_top, &seen);
	EXPECT(host_wait(&host, &seen.is_there));
	EXPECT_INT(seen.rows, 4);
	EXPECT(runtime_inspect(host.rt, spec.id, &info));
	EXPECT(str_starts(seen.text, "UID PID PPID C STIME TTY TIME CMD\n54321 "));
	EXPECT(strstr(seen.text, arena_printf(&host.arena, "\n54321 %d %d ", info.pid, host_parent_of(info.pid))));
	EXPECT(strstr(seen.text, arena_printf(&host.arena, " %d 0 ", info.pid)));       /* a child's parent */
	EXPECT(strstr(seen.text, " ? 00:00:00 probe fork 3 , pause\n"));
	runtime_top(host.rt, spec.id, &short_format, on_top, &other_columns);
	EXPECT(host_wait(&host, &other_columns.is_there));
	EXPECT(str_starts(other_columns.text, "PID WHO COMMAND\n"));
	EXPECT(strstr(other_columns.text, arena_printf(&host.arena, "\n%d 54321 probe\n", info.pid)));

	EXPECT(runtime_kill(host.rt, spec.id, &err) == 0 && host_wait_exit(&host, spec.id));
	runtime_top(host.rt, spec.id, &format, on_top, &again);
	runtime_top(host.rt, "none", &format, on_top, &none);
	EXPECT(host_wait(&host, &again.is_there) && host_wait(&host, &none.is_there));
	EXPECT_INT(again.err.code, ERR_CONFLICT);
	EXPECT_INT(none.err.code, ERR_NOT_FOUND);
	host_close(&host);
}
