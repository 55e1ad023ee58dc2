#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "os/notify.h"
#include "test/unit/runner.h"

static void expect_notified(const char *name, size_t name_length)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[64] = "";

	memcpy(address.sun_path, name, name_length);
	if (address.sun_path[0] == '@')
		address.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	EXPECT(bind(fd, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + name_length)) == 0);
	setenv("NOTIFY_SOCKET", name, 1);
	notify_state("READY=1\nSTATUS=serving");
	EXPECT(recv(fd, text, sizeof(text) - 1, 0) > 0);
	EXPECT_STR(text, "READY=1\nSTATUS=serving");
	close(fd);
}

TEST(readiness_is_told_to_a_socket_file_and_to_an_abstract_name)
{
	char folder[] = "/tmp/notify-XXXXXX", path[64], name[64];

	EXPECT(runner_folder(folder) != NULL);
	snprintf(path, sizeof(path), "%s/sock", folder);
	expect_notified(path, strlen(path));
	unlink(path);
	rmdir(folder);
	snprintf(name, sizeof(name), "@swarmbox-notify-test-%d", (int)getpid());
	expect_notified(name, strlen(name));
}

TEST(readiness_without_a_place_to_go_is_no_failure)
{
	char name[300];

	unsetenv("NOTIFY_SOCKET");
	notify_state("READY=1");
	setenv("NOTIFY_SOCKET", "relative", 1);
	notify_state("READY=1");
	setenv("NOTIFY_SOCKET", "/no/such/socket", 1);
	notify_state("READY=1");
	memset(name, 'x', sizeof(name) - 1);
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	notify_state("READY=1");
	EXPECT(!notify_is_under_systemd());
}

TEST(stderr_that_leads_to_the_journal_is_known)
{
	struct stat st;
	char text[64];

	EXPECT(fstat(STDERR_FILENO, &st) == 0);
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", text, 1);
	EXPECT(notify_is_under_systemd());
	setenv("JOURNAL_STREAM", "1:2", 1);
	EXPECT(!notify_is_under_systemd());
	setenv("JOURNAL_STREAM", "nonsense", 1);
	EXPECT(!notify_is_under_systemd());
}
