/* The life of containers: made, started, ended, removed, and found again. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "os/entropy.h"
#include "os/file.h"
#include "test/unit/runner.h"
#include "test/unit/runtime/host.h"

TEST(a_container_runs_and_its_exit_code_is_told)
{
	struct host host;
	struct err err = { .code = 0 };

	host_open(&host);
	struct container_spec spec = host_spec(&host, "print", "hello", ",", "error", "oops", ",", "exit", "7", NULL);

	EXPECT_INT(host_run(&host, &spec, &err), 7);
	EXPECT_STR(err.text, "");
	EXPECT_STR(host_log(&host, spec.id), "hello\nE:oops\n");
	EXPECT(host_remove(&host, spec.id, &err) == 0);
	host_close(&host);
}
