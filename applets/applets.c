#include "applets/applets.h"

#include <string.h>

/* One line a noun or a command that belongs to none; those of a noun stand in its own file. */
extern const struct command agent_command, backup_command, check_command, completion_command, config_command, container_command,
	fetch_command, image_command, inspect_command, network_command, node_command, service_command,
	login_command, logout_command, secret_command, swarm_command, system_command, unpack_command, version_command, volume_command,
	whoami_command;

const struct command *const applets_all[] = {
	&config_command,    &container_command, &image_command, &network_command, &node_command,
	&secret_command,    &service_command,   &swarm_command,  &system_command,  &volume_command,
	&agent_command,     &backup_command, &check_command,  &completion_command,
	&login_command,     &logout_command,
	&inspect_command,   &version_command, &whoami_command, &unpack_command,
	&fetch_command,
	NULL,
};

/* The next of "container ls, container list, ps"; false at the end. */
static bool next_spelling(const char **at, const char **ret, size_t *ret_length)
{
	if (!*at || !**at)
		return false;
	*at += strspn(*at, ", ");
	*ret = *at;
	*ret_length = strcspn(*at, ",");
	*at += *ret_length;
	return *ret_length > 0;
}

/* Is this spelling `noun word`? Noun NULL: the word alone. */
static bool spells(const char *spelling, size_t length, const char *noun, const char *word)
{
	size_t noun_length = noun ? strlen(noun) + 1 : 0, word_length = strlen(word);

	if (length != noun_length + word_length)
		return false;
	if (noun && (memcmp(spelling, noun, noun_length - 1) != 0 || spelling[noun_length - 1] != ' '))
		return false;
	return memcmp(spelling + noun_length, word, word_length) == 0;
}

static bool is_spelled(const struct command *command, const char *noun, const char *word)
{
	const char *at = command->spellings, *spelling;
	size_t length;

	while (next_spelling(&at, &spelling, &length))
		if (spells(spelling, length, noun, word))
			return true;
	return false;
}

static const struct command *find_in_noun(const struct command *noun, const char *word)
{
	for (const struct command *c = noun->commands; c->name; c++)
		if (str_eq(c->name, word) || is_spelled(c, noun->name, word))
			return c;
	return NULL;
}

static const struct command *find_without_noun(const char *word)
{
	for (const struct command *const *noun = applets_all; *noun; noun++)
		for (const struct command *c = (*noun)->commands; c && c->name; c++)
			if (is_spelled(c, NULL, word))
				return c;
	return NULL;
}

struct applets_match applets_find(char *const *words)
{
	struct applets_match match = {0};

	if (!words[0])
		return match;
	for (const struct command *const *c = applets_all; *c; c++) {
		if (!str_eq((*c)->name, words[0]))
			continue;
		match.words = 1;
		if (!(*c)->commands) {
			match.command = *c;
			return match;
		}
		match.noun = *c;
		match.command = words[1] ? find_in_noun(*c, words[1]) : NULL;
		match.words += match.command != NULL;
		return match;
	}
	match.command = find_without_noun(words[0]);
	match.words = match.command != NULL;
	return match;
}

static void each_spelling(const struct command *command,
			  void (*fn)(void *arg, const char *name, const struct command *command),
			  void *arg)
{
	const char *at = command->spellings, *spelling;
	size_t length;
	char name[64];

	while (next_spelling(&at, &spelling, &length)) {
		if (memchr(spelling, ' ', length) || length >= sizeof(name))
			continue;
		memcpy(name, spelling, length);
		name[length] = '\0';
		fn(arg, name, command);
	}
}

void applets_each_name(void (*fn)(void *arg, const char *name, const struct command *command),
		       void *arg)
{
	for (const struct command *const *c = applets_all; *c; c++) {
		if (!(*c)->is_hidden)
			fn(arg, (*c)->name, *c);
		for (const struct command *sub = (*c)->commands; sub && sub->name; sub++)
			each_spelling(sub, fn, arg);
	}
}
