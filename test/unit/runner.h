/* runner.h - what a unit test is written with.
 *
 *	TEST(ipam_refuses_an_address_in_use)
 *	{
 *		EXPECT(ipam_take(pool, &ip, &err) == 0);
 *		EXPECT_STR(err.text, "address 10.0.9.3: in use");
 *	}
 *
 * A test's name is a sentence that is true when it passes. A failed EXPECT tells where and what and
 * the test goes on. Each test is a process of its own, so a crash, a leak or a hang is one failure.
 * Nothing stays behind, however it ends: not what it started, daemons included, nor its folders.
 * Any .c file of test/unit/ROOM may hold tests.
 */
#pragma once
#include <stdbool.h>

struct test {
	const char *name;
	void (*run)(void);
	int timeout_s;
	struct test *next;
};

void runner_add(struct test *test);
/* mkdtemp("/tmp/…XXXXXX"), for a folder that goes with the test, and with it mounts below it and cgroups of its name. */
char *runner_folder(char *template);
void runner_expect(const char *file, int line, const char *text, bool ok);
void runner_expect_str(const char *file, int line, const char *text, const char *got,
		       const char *want);
void runner_expect_int(const char *file, int line, const char *text, long long got,
		       long long want);

#define TEST_TIMEOUT(name, seconds)                                                                \
	static void test_##name(void);                                                             \
	__attribute__((constructor)) static void add_##name(void)                                  \
	{                                                                                          \
		static struct test test = {#name, test_##name, seconds, 0};                        \
		runner_add(&test);                                                                 \
	}                                                                                          \
	static void test_##name(void)
/* Long: it tells a hang, and must not tell a machine that is busy. */
#define TEST(name) TEST_TIMEOUT(name, 120)

#define EXPECT(cond) runner_expect(__FILE__, __LINE__, #cond, (cond))
/* NULL is a value like any other, and differs from "". */
#define EXPECT_STR(got, want) runner_expect_str(__FILE__, __LINE__, #got, (got), (want))
#define EXPECT_INT(got, want)                                                                      \
	runner_expect_int(__FILE__, __LINE__, #got, (long long)(got), (long long)(want))
