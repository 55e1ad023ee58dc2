/* relro_io.c - the part of the RELRO segment between the arrays of start-up functions and the dynamic section.
 *
 * That is where every linker script of GNU ld puts .data.rel.ro, and nothing else; start, end and the GOT behind them stay.
 */
#include "runtime/relro_io.h"

#include <link.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

/* The linker's. */
extern const char __fini_array_end[] __attribute__((visibility("hidden")));
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden"), weak));

void relro_give_back(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t start = ((uintptr_t)__fini_array_end + page - 1) & ~(page - 1), end = (uintptr_t)_DYNAMIC & ~(page - 1);

	/* With an interpreter (AT_BASE) the functions that we are about to call are found by way of those pages. */
	if (getauxval(AT_BASE) == 0 && start < end)
		madvise((void *)start, end - start, MADV_DONTNEED);
}
