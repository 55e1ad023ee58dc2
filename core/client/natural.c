#include "client/natural.h"

#include <string.h>

#include "base/base.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Both stand on a digit; on return behind the run when the runs are equal. Of web.1 and web.01 the shorter comes first. */
static int compare_numbers(const char **a, const char **b)
{
	size_t zeros_a = strspn(*a, "0"), zeros_b = strspn(*b, "0");

	*a += zeros_a;
	*b += zeros_b;
	size_t length_a = strspn(*a, "0123456789"), length_b = strspn(*b, "0123456789");
	if (length_a != length_b)
		return length_a < length_b ? -1 : 1;
	int order = memcmp(*a, *b, length_a);
	*a += length_a;
	*b += length_b;
	return order ? order : (zeros_a > zeros_b) - (zeros_a < zeros_b);
}

int natural_compare(const char *a, const char *b)
{
	while (*a && *b) {
		if (is_digit(*a) && is_digit(*b)) {
			int order = compare_numbers(&a, &b);
			if (order != 0)
				return order;
		} else if (*a != *b) {
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		} else {
			a++;
			b++;
		}
	}
	return (*a != 0) - (*b != 0);
}
