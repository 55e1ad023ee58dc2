#include <string.h>

#include "base/id.h"
#include "test/unit/runner.h"

TEST(id_is_129_bits_in_25_digits)
{
	uint8_t entropy[ID_ENTROPY_BYTES];
	char id[ID_SIZE];

	for (unsigned i = 0; i < sizeof(entropy); i++)
		entropy[i] = (uint8_t)i;
	id_format(entropy, id);
	EXPECT_STR(id, "025burfp0j7epb0hqfcuw340g");
	memset(entropy, 0xff, sizeof(entropy));
	id_format(entropy, id);
	EXPECT_STR(id, "ub7vu3zybfbdjxbgx6zz9le67");
	memset(entropy, 0, sizeof(entropy));
	id_format(entropy, id);
	EXPECT_STR(id, "0000000000000000000000000");
	EXPECT(id_is_valid(id));
}

TEST(ids_are_told_from_other_words)
{
	EXPECT(id_is_valid("f5lxx1zz5pnorynqglhzmsp33"));
	EXPECT(!id_is_valid(NULL));
	EXPECT(!id_is_valid(""));
	EXPECT(!id_is_valid("f5lxx1zz5pnorynqglhzmsp3"));
	EXPECT(!id_is_valid("f5lxx1zz5pnorynqglhzmsp333"));
	EXPECT(!id_is_valid("F5lxx1zz5pnorynqglhzmsp33"));
	EXPECT(!id_is_valid("f5lxx1zz5pnorynqglhzms/33"));
	EXPECT(hex_id_is_valid("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"));
	EXPECT(!hex_id_is_valid(
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeg"));
	EXPECT(!hex_id_is_valid("0123456789abcdef"));
	EXPECT(!hex_id_is_valid(NULL));
}
