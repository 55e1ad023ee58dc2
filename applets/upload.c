#include "applets/upload.h"

#include <errno.h>
#include <unistd.h>

enum { PIECE_BYTES = 256 * 1024 };

int upload_fd(struct http_client *client, int fd, const char *what, struct err *err)
{
	static char piece[PIECE_BYTES];
	bool answered = false;

	while (!answered) {
		ssize_t got = read(fd, piece, sizeof(piece));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "read %s", what);
		if (got == 0)
			return http_client_send_end(client, err);
		if (http_client_send_piece(client, piece, (size_t)got, &answered, err) < 0)
			return -1;
	}
	return 0;
}
