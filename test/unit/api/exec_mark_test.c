#include "api/exec_mark.h"

#include <string.h>

#include "test/unit/runner.h"

TEST(exec_mark_is_the_nodes_own_and_hexadecimal)
{
	char one[EXEC_MARK_SIZE], other[EXEC_MARK_SIZE], none[EXEC_MARK_SIZE];

	exec_mark("i8f0iswl89307ptdowkcm58ub", one);
	exec_mark("6d3iyahwgfa4q25sjvkmv3quq", other);
	exec_mark("", none);
	EXPECT_INT(strlen(one), EXEC_MARK_SIZE - 1);
	EXPECT_INT(strspn(one, "0123456789abcdef"), EXEC_MARK_SIZE - 1);
	EXPECT(strcmp(one, other) != 0);
	EXPECT_STR(none, "");
}
