/* applets.h - the list of all commands, and the way from argv to one of them.
 *
 * The first name may be argv[0] (a link called service, ps or docker), argv[1] otherwise; then a
 * command of a noun: `swarmbox service ls`, `./service ls`, `swarmbox ls` does not exist.
 */
#pragma once
#include "applets/option.h"

/* Nouns and commands of the top level in the order of --help; ended by NULL. */
extern const struct command *const applets_all[];

struct applets_match {
	const struct command *noun;     /* NULL for a command of the top level */
	/* NULL: only the noun was named, or the word behind it is none */
	const struct command *command;
	size_t words;                   /* how many of them name it */
};
/* What these words name; both NULL when the first is no command. Spellings such as "ps" for
 * "container ls" are found by the commands' own lists. */
struct applets_match applets_find(char *const *words);
/* Calls fn with each name of the top level, spellings included. */
void applets_each_name(void (*fn)(void *arg, const char *name, const struct command *command),
		       void *arg);

int applets_main(int argc, char **argv);
