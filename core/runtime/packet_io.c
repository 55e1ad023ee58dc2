#include "runtime/packet_io.h"

int packet_send_wire(int fd, const struct shim_wire *message, const int *fds, size_t fd_count)
{
	char text[SHIM_WIRE_MAX_BYTES];

	return packet_send(fd, text, shim_wire_format(message, text), fds, fd_count);
}
