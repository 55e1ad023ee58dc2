/* screen.h - lines that are known by a name and change: rewritten in place on a terminal, written
 * once for each change elsewhere.
 */
#pragma once
#include "base/buf.h"

struct screen;
/* columns: as screen_columns says; 0 is no terminal. */
struct screen *screen_new(int fd, unsigned columns);
void screen_free(struct screen *screen);
/* A progress_line_fn with the screen as arg. */
void screen_line(void *screen, const char *id, const char *text, unsigned current, unsigned total);
/* Width of the terminal behind fd; 0 when it is none. */
unsigned screen_columns(int fd);
