/* Files of images and of the kernel that are read line by line: passwd, group, resolv.conf, mountinfo. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "runtime/cgroup.h"
#include "runtime/container_files.h"
#include "runtime/container_user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte picks the user, the rest is both files. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const users[] = { "", "0", "web", "web:www", "1000:1000", ":www" };
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct container_spec spec = { .uses_host_dns = true };
	struct container_user user;
	struct cgroup_layout layout;
	struct arena arena;
	struct err err;

	if (!size)
		return 0;
	char *text = NEW_ARRAY(char, size);

	memcpy(text, data + 1, size - 1);
	spec.user = users[data[0] % ARRAY_COUNT(users)];
	arena_init(&arena, "fuzz", 64 << 20);
	if (container_user_find(&spec, text, text, &arena, &user, &err) == 0)
		check(user.group_count > 0 && user.group_count <= CONTAINER_USER_MAX_GROUPS && user.home);
	container_files_resolv(&spec, text, &out);
	if (cgroup_layout_parse(text, text, &layout, &err) == 0)
		check(layout.v1_count <= CGROUP_MAX_V1);
	cgroup_count_of(text, "oom_kill");
	arena_fini(&arena);
	free(text);
	return 0;
}
