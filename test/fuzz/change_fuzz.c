/* Log entries: decoded, and what is accepted must encode to something that decodes again. */
#include "base/panic.h"
#include "state/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena;
	struct change_list list, again;
	struct entry_head head;
	struct err err;
	CLEANUP(buf_finip) struct buf bytes = BUF_INIT;

	arena_init(&arena, "fuzz", 256 << 20);
	change_list_init(&list, &arena);
	if (change_list_decode(reader_of(data, size), &list, &head, &err) == 0) {
		change_list_encode(&list, &head, &bytes);
		change_list_init(&again, &arena);
		check(change_list_decode(reader_of(bytes.data, bytes.len), &again, &head, &err) == 0);
		check(again.count == list.count);
	}
	arena_fini(&arena);
	return 0;
}
