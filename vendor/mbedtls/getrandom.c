/* getrandom.c - randomness for mbedTLS straight from the kernel. Its own way opens /dev/random where the libc is not glibc, and a process that has
 * given up its files has none. Ours, compiled into the library.
 */
#include <errno.h>
#include <sys/random.h>

#include "mbedtls/entropy.h"
#include "entropy_poll.h"

int mbedtls_hardware_poll(void *data, unsigned char *output, size_t len, size_t *olen)
{
	(void)data;
	for (*olen = 0; *olen < len;) {
		ssize_t got = getrandom(output + *olen, len - *olen, 0);

		if (got < 0 && errno != EINTR)
			return MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
		*olen += got > 0 ? (size_t)got : 0;
	}
	return 0;
}
