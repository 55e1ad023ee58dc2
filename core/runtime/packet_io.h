/* packet_io.h - messages of the shim's protocol as packets (os/packet.h), between agent, shim and the process in the container. */
#pragma once
#include "os/packet.h"
#include "runtime/shim_wire.h"

int packet_send_wire(int fd, const struct shim_wire *message, const int *fds, size_t fd_count);
