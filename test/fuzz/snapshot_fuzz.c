/* snapshot_fuzz.c - a snapshot of the cluster state as another manager sends it: refused, or whole; then the view it gives makes the same
 * rows and the same sum again. */
#include "base/panic.h"
#include "replica/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	CLEANUP(buf_finip) struct buf again = BUF_INIT;
	struct snapshot snapshot, second;
	struct err err;

	if (snapshot_decode(bytes, size, &snapshot, &err) < 0) {
		check(err.text[0] && (err.code == ERR_INVALID || err.code == ERR_UNSUPPORTED));
		return 0;
	}
	check(snapshot_encode(snapshot.view, &snapshot.base, &again, &err) == 0);
	check(snapshot_decode(again.data, again.len, &second, &err) == 0);
	check(second.row_count == snapshot.row_count && second.sum == snapshot.sum);
	snapshot_fini(&second);
	snapshot_fini(&snapshot);
	return 0;
}
