#include "os/notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"
#include "os/file.h"

void notify_state(const char *text)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	if (length < 2 || (*path != '/' && *path != '@') ||
	    !str_copy(address.sun_path, sizeof(address.sun_path), path))
		return;
	if (*path == '@')
		/* An abstract name: its length is counted, without NUL. */
		address.sun_path[0] = '\0';
	CLEANUP(fd_closep) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	/* Nothing could be done about a failure: systemd will tell that it did not hear from us. */
	sendto(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&address,
	       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length));
}

int notify_is_under_systemd(void)
{
	const char *journal = getenv("JOURNAL_STREAM");
	char ours[48];
	struct stat st;

	if (!journal || fstat(STDERR_FILENO, &st) < 0)
		return 0;
	snprintf(ours, sizeof(ours), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	return str_eq(journal, ours);
}
