/* usage.h - what --help prints, from the tables, in the layout of Docker's own help.
 *
 * Pure: appends to a buffer. Lines are wrapped at 79 columns by pflag's rule: break at the last
 * blank that leaves five columns free, unless the rest fits into them.
 */
#pragma once
#include "applets/option.h"
#include "base/buf.h"

/* path: how the command was called, "swarmbox service ls". */
void usage_line(const char *path, const struct command *command, struct buf *out);
void usage_command(const char *program, const char *path, const struct command *command,
		   struct buf *out);
void usage_noun(const char *path, const struct command *noun, struct buf *out);
void usage_options(const struct option *options, struct buf *out);
/* "  name        Help" */
void usage_entry(const char *name, const char *help, struct buf *out);
