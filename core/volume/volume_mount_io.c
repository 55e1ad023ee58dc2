#include "volume/volume_mount_io.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/ip.h"
#include "base/str.h"

/* Of Linux 5.8; musl's statx(2) knows the structure but not the name. */
#define ATTR_MOUNT_ROOT 0x2000u

bool volume_is_mounted(const char *path)
{
	struct statx st;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &st) == 0 && st.stx_attributes_mask & ATTR_MOUNT_ROOT &&
	       st.stx_attributes & ATTR_MOUNT_ROOT;
}

static int resolve(const char *name, char ret_text[IP_TEXT_SIZE], struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
	int failure = getaddrinfo(name, NULL, &hints, &found);

	if (!failure)
		failure = getnameinfo(found->ai_addr, found->ai_addrlen, ret_text, IP_TEXT_SIZE, NULL, 0, NI_NUMERICHOST);
	if (found)
		freeaddrinfo(found);
	if (failure)
		return err_set(err, ERR_INVALID, "error resolving passed in network volume address: %s: %s", name, gai_strerror(failure));
	return 0;
}

/* The kernel takes addresses only: "addr=server,soft" with the server's in its place. */
static int resolve_address(const struct volume_fs *fs, struct arena *arena, const char **ret_data, struct err *err)
{
	const char *start = str_starts(fs->data, "addr=") ? fs->data : strstr(fs->data, ",addr=");
	char text[IP_TEXT_SIZE];
	struct ip ip;

	*ret_data = fs->data;
	if (!start || (!str_starts(fs->type, "nfs") && !str_eq(fs->type, "cifs")))
		return 0;
	start = strchr(start, '=') + 1;
	const char *name = arena_strndup(arena, start, strcspn(start, ","));

	if (ip_parse(name, &ip) == 0)
		return 0;
	if (resolve(name, text, err) < 0)
		return -1;
	*ret_data = arena_printf(arena, "%.*s%s%s", (int)(start - fs->data), fs->data, text, start + strlen(name));
	return 0;
}

static int refuse(const char *path, const struct volume_fs *fs, struct arena *arena, int error, struct err *err)
{
	const char *data = volume_options_hide(fs->data, arena);

	if (error == ENODEV)
		return err_set(err, ERR_UNSUPPORTED, "failed to mount local volume: file system '%s' is not known to this host's kernel", fs->type);
	errno = error;
	return err_sys(err, "failed to mount local volume: mount %s:%s%s%s", fs->device, path, *data ? ", data: " : "", data);
}

/* A bind is made first and sealed then; how it spreads is a third call. */
static int mount_in_steps(const char *path, const struct volume_fs *fs, const char *data)
{
	if (mount(fs->device, path, fs->type, fs->flags, data) < 0)
		return -1;
	if (fs->flags & MS_BIND && fs->flags & MS_RDONLY && mount("none", path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		return -1;
	return fs->propagation ? mount("none", path, NULL, fs->propagation, NULL) : 0;
}

int volume_mount(const char *path, const struct volume_fs *fs, struct err *err)
{
	const char *data;
	struct arena arena;
	int result;

	if (volume_is_mounted(path))
		return 0;
	arena_init(&arena, "volume", 1 << 20);
	result = resolve_address(fs, &arena, &data, err);
	if (result == 0 && mount_in_steps(path, fs, data) < 0) {
		int error = errno;

		umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
		result = refuse(path, fs, &arena, error, err);
	}
	arena_fini(&arena);
	return result;
}

int volume_unmount(const char *path, struct err *err)
{
	while (volume_is_mounted(path) && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		if (errno != EINTR)
			return errno == EINVAL || errno == ENOENT ? 0 : err_sys(err, "unmount '%s'", path);
	return 0;
}
