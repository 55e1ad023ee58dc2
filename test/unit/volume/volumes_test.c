#include "volume/volumes_io.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/panic.h"
#include "base/str.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/node_tables.h"
#include "test/sim/vfs_fault.h"
#include "test/unit/runner.h"
#include "volume/volume_mount_io.h"

/* A data root and a mount namespace that only this test's process sees. */
struct lab {
	char dir[64], volumes_dir[80];
	const char *vfs;                /* of the disk that node.db lies on; NULL: the host's own */
	struct loop *loop;
	struct work *work;
	struct store *store;
	struct volumes *volumes;
	struct err err, answer;
	unsigned answers;
	struct strlist pruned;
	int64_t pruned_bytes;
};

static void lab_open(struct lab *lab)
{
	struct store_options options = { lab->dir, lab->vfs, node_tables, NODE_TABLE_COUNT };

	lab->loop = loop_new();
	lab->work = work_new(lab->loop, 2);
	if (store_open(&options, lab->loop, &lab->store, &lab->err) < 0 ||
	    volumes_open(lab->store, lab->work, lab->volumes_dir, &lab->volumes, &lab->err) < 0)
		panic("%s", lab->err.text);
}

static void lab_init_on(struct lab *lab, const char *vfs)
{
	*lab = (struct lab){ .dir = "/tmp/volumes_test.XXXXXX", .vfs = vfs };
	check(runner_folder(lab->dir));
	snprintf(lab->volumes_dir, sizeof lab->volumes_dir, "%s/volumes", lab->dir);
	check(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	lab_open(lab);
}

static void lab_init(struct lab *lab)
{
	lab_init_on(lab, NULL);
}

static void lab_close(struct lab *lab)
{
	work_free(lab->work);
	volumes_close(lab->volumes);
	store_close(lab->store);
	loop_free(lab->loop);
}

static void lab_fini(struct lab *lab)
{
	lab_close(lab);
	check(volumes_unmount_all(lab->volumes_dir, &lab->err) == 0);
	check(dir_remove_tree(lab->dir, &lab->err) == 0);
	strlist_fini(&lab->pruned);
}

static void on_answer(void *arg, const struct err *failure)
{
	struct lab *lab = arg;

	lab->answers++;
	lab->answer = failure ? *failure : (struct err){ 0 };
}

static void on_pruned(void *arg, const struct strlist *removed, int64_t bytes, const struct err *failure)
{
	struct lab *lab = arg;

	on_answer(arg, failure);
	for (size_t i = 0; i < removed->count; i++)
		strlist_add(&lab->pruned, removed->items[i]);
	lab->pruned_bytes = bytes;
}

static bool until(struct lab *lab, bool (*is_so)(struct lab *lab))
{
	msec deadline = clock_boot_ms() + 60000;

	while (!is_so(lab) && clock_boot_ms() < deadline)
		loop_run_once(lab->loop, 20);
	return is_so(lab);
}

static bool is_answered(struct lab *lab)
{
	return lab->answers == 1;
}

static const char *use(struct lab *lab, const char *name, const char *user)
{
	const char *const names[] = { NULL, name };

	lab->answers = 0;
	if (volumes_use(lab->volumes, names, 2, user, on_answer, lab, &lab->err) != 1)
		return "no answer to come";
	EXPECT(until(lab, is_answered));
	return lab->answer.code ? lab->answer.text : "mounted";
}

static const char *remove_it(struct lab *lab, const char *name)
{
	lab->answers = 0;
	if (volumes_remove(lab->volumes, name, on_answer, lab, &lab->err) < 0)
		return lab->err.text;
	EXPECT(until(lab, is_answered));
	return lab->answer.code ? lab->answer.text : "removed";
}

/* "type=tmpfs device=tmpfs" */
static const char *create(struct lab *lab, const char *name, const char *line)
{
	struct str_pair pairs[8];
	struct str_map options = { pairs, 0 };
	char copy[256], *save = NULL;
	const struct volume *volume;

	snprintf(copy, sizeof copy, "%s", line);
	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		char *value = word + strcspn(word, "=");

		*value++ = '\0';
		pairs[options.count++] = (struct str_pair){ word, value };
	}
	lab->err = (struct err){ 0 };
	return volumes_create(lab->volumes, name, "local", &options, NULL, &volume, &lab->err) < 0 ? lab->err.text : volume->name;
}

static char data_path[128];
static const char *in(struct lab *lab, const char *name, const char *file)
{
	snprintf(data_path, sizeof data_path, "%s/%s/_data%s", lab->volumes_dir, name, file);
	return data_path;
}

static void touch(const char *path)
{
	CLEANUP(fd_closep) int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	EXPECT(fd >= 0 && fd_write_all(fd, "12345", 5) == 0);
}

static bool is_unmounted(struct lab *lab)
{
	return !volume_is_mounted(in(lab, "v1", ""));
}

TEST(volumes_refuse_options_in_dockers_words)
{
	struct lab lab;

	lab_init(&lab);
	EXPECT_STR(create(&lab, "v1", "colour=red"), "create v1: invalid option: \"colour\"");
	EXPECT_STR(create(&lab, "v1", "type=tmpfs"), "create v1: missing required option: \"device\"");
	EXPECT(!volumes_find(lab.volumes, "v1"));
	EXPECT_STR(create(&lab, "v1", ""), "v1");
	EXPECT_STR(use(&lab, "v1", "c1"), "no answer to come");
	lab_fini(&lab);
}

TEST(volumes_mount_their_file_system_for_the_first_user_and_unmount_it_behind_the_last)
{
	struct lab lab;

	lab_init(&lab);
	EXPECT_STR(create(&lab, "v1", "type=tmpfs device=tmpfs o=size=1m,mode=700"), "v1");
	EXPECT(is_unmounted(&lab));
	EXPECT_STR(use(&lab, "v1", "c1"), "mounted");
	EXPECT(!is_unmounted(&lab));
	touch(in(&lab, "v1", "/f"));
	EXPECT_STR(use(&lab, "v1", "c2"), "mounted");
	volumes_release(lab.volumes, "c1");
	volumes_release(lab.volumes, "c1");
	EXPECT_STR(use(&lab, "v1", "c3"), "mounted");            /* behind whatever the release has asked for */
	EXPECT(file_exists(in(&lab, "v1", "/f")));
	volumes_release(lab.volumes, "c2");
	volumes_release(lab.volumes, "c3");
	EXPECT(until(&lab, is_unmounted));
	EXPECT(!file_exists(in(&lab, "v1", "/f")));
	/* a user that comes while the last one's release is under way */
	EXPECT_STR(use(&lab, "v1", "c4"), "mounted");
	volumes_release(lab.volumes, "c4");
	EXPECT_STR(use(&lab, "v1", "c5"), "mounted");
	EXPECT(!is_unmounted(&lab));
	lab_fini(&lab);
}

TEST(volumes_say_why_a_file_system_could_not_be_mounted)
{
	CLEANUP(buf_finip) struct buf want = BUF_INIT;
	struct lab lab;

	lab_init(&lab);
	create(&lab, "v1", "type=none device=/no/such/place o=bind,password=secret");
	buf_printf(&want, "error while mounting volume '%s': failed to mount local volume: mount /no/such/place:%s, data: password=********: "
		   "No such file or directory", in(&lab, "v1", ""), in(&lab, "v1", ""));
	EXPECT_STR(use(&lab, "v1", "c1"), buf_text(&want));
	EXPECT_INT(volumes_find(lab.volumes, "v1")->mounted_for.count, 0);
	create(&lab, "v2", "type=nosuchfs device=x");
	buf_clear(&want);
	buf_printf(&want, "error while mounting volume '%s': failed to mount local volume: file system 'nosuchfs' is not known to this host's "
		   "kernel", in(&lab, "v2", ""));
	EXPECT_STR(use(&lab, "v2", "c1"), buf_text(&want));
	EXPECT_INT(lab.answer.code, ERR_UNSUPPORTED);
	lab_fini(&lab);
}

TEST(volumes_that_bind_a_folder_leave_its_content_alone_when_they_are_removed)
{
	char source[80], file[96], options[128];
	struct lab lab;

	lab_init(&lab);
	snprintf(source, sizeof source, "%s/source", lab.dir);
	snprintf(file, sizeof file, "%s/kept", source);
	snprintf(options, sizeof options, "type=none device=%s o=bind,ro", source);
	check(mkdir(source, 0755) == 0);
	touch(file);
	EXPECT_STR(create(&lab, "v1", options), "v1");
	EXPECT_STR(use(&lab, "v1", "c1"), "mounted");
	EXPECT(file_exists(in(&lab, "v1", "/kept")));
	EXPECT_INT(open(in(&lab, "v1", "/new"), O_CREAT | O_WRONLY, 0644), -1);
	/* removed while it is still mounted, as after a crash */
	EXPECT_STR(remove_it(&lab, "v1"), "removed");
	EXPECT_STR(create(&lab, "v1", ""), "v1");
	lab_close(&lab);
	lab_open(&lab);                                          /* sweeps what could not be done before */
	lab.answers = 0;
	EXPECT_INT(volumes_prune(lab.volumes, &(struct strlist){ 0 }, on_pruned, &lab, &lab.err), 0);
	EXPECT(until(&lab, is_answered));
	EXPECT(file_exists(file));
	lab_fini(&lab);
}

TEST(volumes_that_somebody_unmounted_are_mounted_again_for_the_next_user)
{
	struct lab lab;

	lab_init(&lab);
	create(&lab, "v1", "type=tmpfs device=tmpfs");
	EXPECT_STR(use(&lab, "v1", "c1"), "mounted");
	check(umount(in(&lab, "v1", "")) == 0);
	EXPECT_STR(use(&lab, "v1", "c2"), "mounted");
	EXPECT(!is_unmounted(&lab));
	lab_fini(&lab);
}

static bool is_second_unmounted(struct lab *lab)
{
	return !volume_is_mounted(in(lab, "v2", ""));
}

TEST(volumes_of_living_containers_stay_mounted_over_a_restart)
{
	struct lab lab;

	lab_init(&lab);
	create(&lab, "v1", "type=tmpfs device=tmpfs");
	create(&lab, "v2", "type=tmpfs device=tmpfs");
	use(&lab, "v1", "c1");
	use(&lab, "v2", "c2");
	lab_close(&lab);
	lab_open(&lab);
	volumes_adopt(lab.volumes, "v1", "c1");
	volumes_adopt(lab.volumes, NULL, "c1");
	volumes_settle(lab.volumes);
	EXPECT(until(&lab, is_second_unmounted));
	EXPECT(!is_unmounted(&lab));
	volumes_release(lab.volumes, "c1");
	EXPECT(until(&lab, is_unmounted));
	lab_fini(&lab);
}

TEST(volumes_prune_tells_what_went_and_how_much_it_held)
{
	struct strlist names = { 0 };
	char deep[160];
	struct lab lab;

	lab_init(&lab);
	create(&lab, "v1", "");
	create(&lab, "v2", "");
	touch(in(&lab, "v1", "/f"));
	snprintf(deep, sizeof deep, "%s", in(&lab, "v1", "/d/e"));
	check(dir_make(deep, 0755, &lab.err) == 0);
	touch(in(&lab, "v1", "/d/e/f"));
	snprintf(deep, sizeof deep, "%s", in(&lab, "v1", "/f"));
	check(link(deep, in(&lab, "v1", "/again")) == 0);
	strlist_add(&names, "v1");
	strlist_add(&names, "gone");
	strlist_add(&names, "v2");
	lab.answers = 0;
	EXPECT_INT(volumes_prune(lab.volumes, &names, on_pruned, &lab, &lab.err), 0);
	EXPECT(until(&lab, is_answered));
	EXPECT_INT(lab.answer.code, 0);
	EXPECT_INT(lab.pruned.count, 2);
	EXPECT_STR(lab.pruned.items[0], "v1");
	EXPECT(lab.pruned_bytes == 9 || lab.pruned_bytes == 10);        /* each name of the file counts for half of it */
	EXPECT(!volumes_find(lab.volumes, "v1") && !volumes_find(lab.volumes, "v2"));
	EXPECT(!file_exists(in(&lab, "v1", "")));
	strlist_fini(&names);
	lab_fini(&lab);
}

static void on_saved(void *arg, const struct volume *volume, const struct err *failure)
{
	EXPECT_INT(!volume, !!failure);
	EXPECT(!volume || volume->is_saved);
	on_answer(arg, failure);
}

TEST(volumes_are_told_of_when_they_are_on_the_disk)
{
	const struct volume *volume;
	struct lab lab;

	lab_init(&lab);
	lab.answers = 0;
	EXPECT_INT(volumes_create_saved(lab.volumes, "v1", "local", NULL, NULL, on_saved, &lab, &volume, &lab.err), 1);
	EXPECT(lab.answers == 0 && !volume->is_saved && until(&lab, is_answered) && lab.answer.code == 0);
	EXPECT_INT(volumes_create_saved(lab.volumes, "v1", "local", NULL, NULL, on_saved, &lab, &volume, &lab.err), 0);
	/* one that a container made, and that somebody asks for before it is written */
	lab.answers = 0;
	EXPECT_STR(create(&lab, "v2", ""), "v2");
	EXPECT_INT(volumes_create_saved(lab.volumes, "v2", "local", NULL, NULL, on_saved, &lab, &volume, &lab.err), 1);
	EXPECT(until(&lab, is_answered) && lab.answer.code == 0);
	/* closed while one is on its way */
	EXPECT_INT(volumes_create_saved(lab.volumes, "v3", "local", NULL, NULL, on_saved, &lab, &volume, &lab.err), 1);
	lab_close(&lab);
	lab_open(&lab);
	EXPECT(volumes_find(lab.volumes, "v1") && volumes_find(lab.volumes, "v2") && volumes_find(lab.volumes, "v3"));
	lab_fini(&lab);
}

TEST(volumes_are_gone_when_no_power_loss_brings_them_back)
{
	CLEANUP(vfs_fault_freep) struct vfs_fault *disk = vfs_fault_new("volumes", 1);
	const struct volume *volume;
	struct strlist names = { 0 };
	struct lab lab;

	lab_init_on(&lab, "volumes");
	lab.answers = 0;
	EXPECT_INT(volumes_create_saved(lab.volumes, "v1", "local", NULL, NULL, on_saved, &lab, &volume, &lab.err), 1);
	EXPECT(until(&lab, is_answered));
	touch(in(&lab, "v1", "/kept"));
	/* while the disk stalls nobody finds it, and nobody is told that it is gone */
	vfs_fault_hold(disk, true);
	lab.answers = 0;
	EXPECT_INT(volumes_remove(lab.volumes, "v1", on_answer, &lab, &lab.err), 0);
	for (int i = 0; i < 5; i++)
		loop_run_once(lab.loop, 10);
	EXPECT(lab.answers == 0 && !volumes_find(lab.volumes, "v1"));
	EXPECT_STR(remove_it(&lab, "v1"), "get v1: no such volume");
	EXPECT_STR(create(&lab, "v1", ""), "create v1: the volume is being removed");
	/* and it is whole again when the disk fails */
	vfs_fault_fail_write_in(disk, 1);
	vfs_fault_hold(disk, false);
	EXPECT(until(&lab, is_answered));
	EXPECT(lab.answer.code == ERR_IO && str_starts(lab.answer.text, "remove v1: "));
	EXPECT(volumes_find(lab.volumes, "v1") && file_exists(in(&lab, "v1", "/kept")));
	/* a prune says so, too */
	vfs_fault_fail_write_in(disk, 1);
	strlist_add(&names, "v1");
	lab.answers = 0;
	EXPECT_INT(volumes_prune(lab.volumes, &names, on_pruned, &lab, &lab.err), 0);
	EXPECT(until(&lab, is_answered) && lab.answer.code == ERR_IO && lab.pruned.count == 0 && file_exists(in(&lab, "v1", "/kept")));
	EXPECT_STR(remove_it(&lab, "v1"), "removed");
	lab_close(&lab);
	vfs_fault_power_loss(disk);
	lab_open(&lab);
	EXPECT(!volumes_find(lab.volumes, "v1"));
	strlist_fini(&names);
	lab_fini(&lab);
}

TEST(volumes_whose_removal_a_crash_interrupted_are_gone)
{
	struct lab lab;

	lab_init(&lab);
	EXPECT_STR(create(&lab, "v1", ""), "v1");
	EXPECT_STR(create(&lab, "v2", ""), "v2");
	lab_close(&lab);
	check(rmdir(in(&lab, "v1", "")) == 0);
	data_path[strlen(data_path) - strlen("/_data")] = '\0';
	check(rmdir(data_path) == 0);
	for (int i = 0; i < 2; i++) {
		lab_open(&lab);
		EXPECT(!volumes_find(lab.volumes, "v1") && volumes_find(lab.volumes, "v2"));
		lab_close(&lab);
	}
	lab_open(&lab);
	lab_fini(&lab);
}

TEST(volumes_that_a_container_claims_are_neither_removed_nor_pruned)
{
	struct strlist names = { 0 };
	struct lab lab;

	lab_init(&lab);
	volumes_claim(lab.volumes, "v1", "c1");                  /* a container to come: the volume is not there yet */
	volumes_claim(lab.volumes, "v1", "c1");
	volumes_claim(lab.volumes, NULL, "c1");
	volumes_claim(lab.volumes, "", "c1");
	create(&lab, "v1", "");
	create(&lab, "v2", "");
	volumes_claim(lab.volumes, "v2", "c1");
	volumes_claim(lab.volumes, "v2", "c2");
	EXPECT_STR(remove_it(&lab, "v1"), "remove v1: volume is in use - [c1]");
	EXPECT_INT(lab.err.code, ERR_CONFLICT);
	strlist_add(&names, "v1");
	strlist_add(&names, "v2");
	lab.answers = 0;
	EXPECT_INT(volumes_prune(lab.volumes, &names, on_pruned, &lab, &lab.err), 0);
	EXPECT(until(&lab, is_answered));
	EXPECT_INT(lab.pruned.count, 0);
	volumes_disclaim(lab.volumes, "c1");
	volumes_disclaim(lab.volumes, "c1");
	EXPECT_INT(volumes_claims(lab.volumes, "v1")->count, 0);
	EXPECT_STR(remove_it(&lab, "v1"), "removed");
	EXPECT_STR(remove_it(&lab, "v2"), "remove v2: volume is in use - [c2]");
	strlist_fini(&names);
	lab_fini(&lab);
}

TEST(volumes_close_with_work_under_way)
{
	struct strlist names = { 0 };
	struct lab lab;

	lab_init(&lab);
	create(&lab, "v1", "type=tmpfs device=tmpfs");
	create(&lab, "v2", "");
	const char *const used[] = { "v1" };
	EXPECT_INT(volumes_use(lab.volumes, used, 1, "c1", on_answer, &lab, &lab.err), 1);
	strlist_add(&names, "v2");
	EXPECT_INT(volumes_prune(lab.volumes, &names, on_pruned, &lab, &lab.err), 0);
	strlist_fini(&names);
	lab_fini(&lab);
	EXPECT_INT(lab.answers, 0);
}
