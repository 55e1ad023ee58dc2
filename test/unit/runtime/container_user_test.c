/* Users, small files and mounts: the pure parts of a container's inside. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "runtime/container_user.h"
#include "runtime/mounts.h"
#include "test/unit/runner.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n# comment\nbroken\nweb:x:33:34::/var/www:\n1000:x:7:8::/seven:\nnogid:x:50:\n4294967295:x:0:0::/:\n99999999999:x:0:0::/:\n";
static const char group[] = "root:x:0:\nwww:x:34:root\nlogs:x:60:web,root\nbad:x:y:web\n70:x:71:\n4294967296:x:0:\n";

static int find(const char *user, struct container_user *ret, struct err *err)
{
	static struct arena arena;
	struct container_spec spec = { .user = user };

	arena_init(&arena, "test", 1 << 20);
	int result = container_user_find(&spec, passwd, group, &arena, ret, err);

	EXPECT(result < 0 || ret->home);
	static char home[64];

	if (result == 0) {
		str_copy(home, sizeof home, ret->home);
		ret->home = home;
	}
	arena_fini(&arena);
	return result;
}

TEST(a_user_is_found_by_name_or_by_number)
{
	struct container_user user;
	struct err err = { .code = 0 };

	EXPECT(find("", &user, &err) == 0);
	EXPECT(user.uid == 0 && user.gid == 0);
	EXPECT_STR(user.home, "/root");
	EXPECT_INT(user.group_count, 3);
	EXPECT(find("web", &user, &err) == 0);
	EXPECT(user.uid == 33 && user.gid == 34 && user.group_count == 2 && user.groups[1] == 60);
	EXPECT(find("33", &user, &err) == 0);
	EXPECT_STR(user.home, "/var/www");
	EXPECT(find("1000", &user, &err) == 0);                  /* somebody else's name */
	EXPECT_INT(user.uid, 1000);
	EXPECT(find("4242", &user, &err) == 0);
	EXPECT(user.uid == 4242 && user.gid == 0);
	EXPECT_STR(user.home, "/");
	EXPECT(find("nogid", &user, &err) == 0);
	EXPECT_INT(user.gid, 0);
}

TEST(an_explicit_group_stands_alone)
{
	struct container_user user;
	struct err err = { .code = 0 };

	EXPECT(find("web:logs", &user, &err) == 0);
	EXPECT(user.gid == 60 && user.group_count == 1);
	EXPECT(find("5:70", &user, &err) == 0);                  /* the name of group 71 */
	EXPECT_INT(user.gid, 70);
	EXPECT(find(":34", &user, &err) == 0);
	EXPECT(user.uid == 0 && user.gid == 34);
}

TEST(who_is_not_there_is_told_in_dockers_words)
{
	struct container_user user;
	struct err err = { .code = 0 };

	EXPECT(find("nobody", &user, &err) == -1);
	EXPECT_STR(err.text, "unable to find user nobody: no matching entries in passwd file");
	EXPECT(find("web:nogroup", &user, &err) == -1);
	EXPECT_STR(err.text, "unable to find group nogroup: no matching entries in group file");
	EXPECT(find("4294967295", &user, &err) == -1);           /* -1 would mean "leave it" */
	EXPECT(find("99999999999", &user, &err) == -1);
	EXPECT_STR(err.text, "unable to find user 99999999999: no matching entries in passwd file");
	EXPECT(find("1:4294967296", &user, &err) == -1);         /* a group by that name has number 0 */
	EXPECT_STR(err.text, "unable to find group 4294967296: no matching entries in group file");
}

static const char *targets(const struct shim_plan *plan, struct arena *arena)
{
	struct mount_plan mounts = mounts_plan(plan, arena);
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	for (size_t i = 0; i < mounts.count; i++)
		buf_printf(&text, "%s%s=%s", i ? " " : "", mounts.steps[i].target,
			   mounts.steps[i].act == MOUNT_SEAL ? "seal" : mounts.steps[i].type ? mounts.steps[i].type : "tree");
	return arena_strdup(arena, buf_text(&text));
}

TEST(mounts_are_dockers_own_then_the_users_by_depth)
{
	struct container_mount user[] = {
		{ .kind = CONTAINER_BIND, .source = "/a", .target = "/x/y/z" },
		{ .kind = CONTAINER_BIND, .source = "/b", .target = "/x" },
		{ .kind = CONTAINER_TMPFS, .target = "/dev/shm/", .size_bytes = 5 },
		{ .kind = CONTAINER_VOLUME, .source = "/c", .target = "/a" },
	};
	struct shim_cgroup cgroups[] = { { "/m", "memory" }, { "/d", "devices" } };
	struct shim_plan plan = { .spec = { .mounts = user, .mount_count = 4 }, .cgroups = cgroups, .cgroup_count = 2 };
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	EXPECT_STR(targets(&plan, &arena),
		   "/proc=proc /dev=tmpfs /dev/pts=devpts /dev/mqueue=mqueue /sys=sysfs /sys/fs/cgroup=tmpfs /sys/fs/cgroup/memory=tree "
		   "/sys/fs/cgroup=seal /x=tree /a=tree /dev/shm/=tmpfs /x/y/z=tree");
	plan.is_cgroup2_unified = true;
	plan.spec.mount_count = 0;
	EXPECT_STR(targets(&plan, &arena), "/proc=proc /dev=tmpfs /dev/pts=devpts /dev/shm=tmpfs /dev/mqueue=mqueue /sys=sysfs "
					   "/sys/fs/cgroup=cgroup2");
	arena_fini(&arena);
}

TEST(a_users_dev_keeps_dockers_out)
{
	struct container_mount user = { .kind = CONTAINER_BIND, .source = "/dev", .target = "//dev/" };
	struct shim_plan plan = { .spec = { .mounts = &user, .mount_count = 1 }, .is_cgroup2_unified = true };
	struct arena arena;

	arena_init(&arena, "test", 1 << 20);
	struct mount_plan mounts = mounts_plan(&plan, &arena);

	EXPECT(!mounts.makes_dev);
	EXPECT_STR(targets(&plan, &arena), "/proc=proc /sys=sysfs /sys/fs/cgroup=cgroup2 //dev/=tree");
	arena_fini(&arena);
}
