/* Single words and lists of words that people, API clients and links of the kernel give: refused with a reason, or within what the reader relies on,
 * and written again they mean the same. The first byte says which; lists have a word a line. */
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"
#include "base/signal_name.h"
#include "base/str.h"
#include "client/credentials.h"
#include "image/image_platform.h"
#include "model/caps.h"
#include "model/constraint.h"
#include "model/container_words.h"
#include "net/link.h"
#include "net/net_plan.h"

enum { WORDS_MAX = 64 };
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* Cuts the text. */
static struct str_array words_of(char *text, struct arena *arena)
{
	struct str_array words = { arena_take(arena, WORDS_MAX * sizeof(char *)), 0 };
	char *rest = text;

	while (rest && words.count < WORDS_MAX)
		words.items[words.count++] = strsep(&rest, "\n");
	return words;
}

static void try_platform(char *text, struct arena *arena UNUSED)
{
	struct image_platform platform, again;
	char written[IMAGE_PLATFORM_TEXT_SIZE];
	struct err err = { 0 };

	if (image_platform_parse(text, &platform, &err) < 0) {
		check(err.text[0]);
		return;
	}
	image_platform_format(&platform, written);
	check(image_platform_parse(written, &again, &err) == 0);
	check(image_platform_rank(&platform, &again) == 0);
}

static void try_names(char *text, struct arena *arena UNUSED)
{
	int number = signal_parse(text);

	check(number == -1 || (number >= 1 && number <= 64));
	check(caps_parse(text) < CAPS_COUNT);
	check(container_restart_parse(text) >= 0);
}

static void try_ports(char *text, struct arena *arena)
{
	struct port_name name;
	uint16_t first, last;
	struct err err = { 0 };

	if (port_name_parse(text, &name, &err) < 0)
		check(err.text[0]);
	if (port_range_parse(text, &first, &last, &err) == 0)
		check(first <= last && (first > 0 || last == 0));
	container_host_entry(text, arena, &err);
}

static void try_alias(char *text, struct arena *arena UNUSED)
{
	char id[NET_ID_SIZE], again[NET_ID_SIZE], alias[LINK_ALIAS_SIZE];
	struct ip ip, same;

	if (!net_plan_read_alias("t", text, id, &ip))
		return;
	net_plan_leg_alias("t", id, ip, alias);
	check(net_plan_read_alias("t", alias, again, &same));
	check(str_eq(id, again) && ip_eq(ip, same));
}

static void try_constraints(char *text, struct arena *arena)
{
	struct str_array words = words_of(text, arena);
	struct constraint_list list;
	struct err err = { 0 };

	if (constraint_parse(&words, arena, &list, &err) < 0) {
		check(err.text[0]);
		return;
	}
	check(list.count == words.count);
	for (size_t i = 0; i < list.count; i++)
		check(list.items[i].key[0] && list.items[i].value);
}

static void try_security(char *text, struct arena *arena)
{
	struct str_array words = words_of(text, arena);
	struct security_words security;
	struct err err = { 0 };

	if (security_words_parse(&words, &security, &err) < 0)
		check(err.text[0]);
}

/* A password that is put into somebody's config.json is found there, whatever else stands in it. */
static void try_login(char *text, struct arena *arena UNUSED)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	struct registry_auth auth = { .username = str_dup("me"), .password = str_dup("secret") }, found = { 0 };
	char *helper = NULL;
	struct err err = { 0 };
	bool had;

	if (credentials_change(text, strlen(text), "reg.example:5000", &auth, &out, &had, &err) == 0) {
		check(credentials_find(out.data, out.len, "reg.example:5000", &found, &helper, &err) == 0);
		check(str_eq(found.username, "me") && str_eq(found.password, "secret"));
		registry_auth_fini(&found);
		free(helper);
	} else {
		check(err.text[0]);
	}
	registry_auth_fini(&auth);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
	static void (*const tries[])(char *text, struct arena *arena) = { try_platform, try_names, try_ports, try_alias, try_constraints,
									  try_security, try_login };
	struct arena arena;
	char *text;

	if (!count)
		return 0;
	arena_init(&arena, "fuzz", 64 << 20);
	text = mem_new(count, 1);
	memcpy(text, bytes + 1, count - 1);
	tries[bytes[0] % ARRAY_COUNT(tries)](text, &arena);
	free(text);
	arena_fini(&arena);
	return 0;
}
