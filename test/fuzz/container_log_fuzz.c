/* Lines of json-file logs, which a full disk may have cut anywhere. */
#include "runtime/container_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_finip) struct buf scratch = BUF_INIT;
	struct container_log_entry entry;
	struct err err;

	container_log_parse((const char *)data, size, &scratch, &entry, &err);
	return 0;
}
