#include "api/exec_mark.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"

void exec_mark(const char *node_id, char ret[EXEC_MARK_SIZE])
{
	char digest[SHA256_HEX_SIZE];

	sha256_hex(node_id, strlen(node_id), digest);
	snprintf(ret, EXEC_MARK_SIZE, "%.*s", *node_id ? EXEC_MARK_SIZE - 1 : 0, digest);
}
