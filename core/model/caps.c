/* caps.c - names, numbers and the default set of capabilities. */
#include "model/caps.h"

#include <linux/capability.h>

#include "base/buf.h"
#include "base/str.h"

/* In the order of their numbers. */
static const char names[CAPS_COUNT][24] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
	"CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"
};

int caps_parse(const char *name)
{
	for (int cap = 0; cap < CAPS_COUNT; cap++)
		if (str_eq_nocase(name, names[cap]) || str_eq_nocase(name, names[cap] + sizeof "CAP_" - 1))
			return cap;
	return -1;
}

uint64_t caps_default(void)
{
	return CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_DAC_OVERRIDE) | CAPS_BIT(CAP_FOWNER) | CAPS_BIT(CAP_FSETID) |
	       CAPS_BIT(CAP_KILL) | CAPS_BIT(CAP_SETGID) | CAPS_BIT(CAP_SETUID) | CAPS_BIT(CAP_SETPCAP) |
	       CAPS_BIT(CAP_NET_BIND_SERVICE) | CAPS_BIT(CAP_NET_RAW) | CAPS_BIT(CAP_SYS_CHROOT) | CAPS_BIT(CAP_MKNOD) |
	       CAPS_BIT(CAP_AUDIT_WRITE) | CAPS_BIT(CAP_SETFCAP);
}

static int unknown(const char *list, const char *name, struct err *err)
{
	CLEANUP(buf_finip) struct buf text = BUF_INIT;

	for (const char *at = name; *at; at++)
		buf_add_char(&text, *at >= 'a' && *at <= 'z' ? (char)(*at - 32) : *at);
	return err_set(err, ERR_INVALID, "%s: unknown capability: \"%s%.100s\"", list,
		       str_starts(buf_text(&text), "CAP_") ? "" : "CAP_", buf_text(&text));
}

static int set_of(const struct str_array *words, const char *list, uint64_t *ret, bool *ret_all, struct err *err)
{
	*ret = 0;
	*ret_all = false;
	for (size_t i = 0; i < words->count; i++) {
		const char *name = words->items[i] ? words->items[i] : "";
		int cap = caps_parse(name);

		if (str_eq_nocase(name, "ALL"))
			*ret_all = true;
		else if (cap < 0)
			return unknown(list, name, err);
		else
			*ret |= CAPS_BIT(cap);
	}
	return 0;
}

int caps_adjust(uint64_t base, const struct str_array *add, const struct str_array *drop, uint64_t *ret, struct err *err)
{
	uint64_t added, dropped;
	bool adds_all, drops_all;

	if (set_of(add, "invalid CapAdd", &added, &adds_all, err) < 0 || set_of(drop, "invalid CapDrop", &dropped, &drops_all, err) < 0)
		return -1;
	*ret = adds_all ? CAPS_ALL & ~dropped : drops_all ? added : (base & ~dropped) | added;
	return 0;
}
