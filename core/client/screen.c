#include "client/screen.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/map.h"
#include "base/panic.h"
#include "base/str.h"
#include "os/file.h"

#define BAR_CELLS 50
#define BAR_FROM_COLUMNS 110    /* narrower terminals get the words only, as docker does */

struct line { unsigned row; char *text; };
struct screen {
	int fd;
	unsigned columns, rows;         /* columns 0: no terminal */
	struct map *lines;
};

unsigned screen_columns(int fd)
{
	struct winsize size;

	if (!isatty(fd))
		return 0;
	return ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

struct screen *screen_new(int fd, unsigned columns)
{
	struct screen *screen = NEW(struct screen);

	screen->fd = fd;
	screen->columns = columns;
	screen->lines = map_new();
	return screen;
}

void screen_free(struct screen *screen)
{
	const char *id;
	void *line;

	if (!screen)
		return;
	for (size_t at = 0; map_next(screen->lines, &at, &id, &line);) {
		free(((struct line *)line)->text);
		free(line);
	}
	map_free(screen->lines);
	free(screen);
}

static void add_bar(struct buf *out, unsigned current, unsigned total)
{
	unsigned done = MIN(current * BAR_CELLS / total, (unsigned)BAR_CELLS);

	buf_add_str(out, " [");
	for (unsigned i = 0; i < done; i++)
		buf_add_char(out, '=');
	buf_add_char(out, '>');
	for (unsigned i = done; i < BAR_CELLS; i++)
		buf_add_char(out, ' ');
	buf_add_str(out, "] ");
}

static void write_out(const struct screen *screen, const struct buf *out)
{
	/* A reader that has gone has no use for progress; the work goes on. */
	(void)fd_write_all(screen->fd, buf_text(out), out->len);
}

/* Up to its row, the new text, down again. */
static void rewrite(const struct screen *screen, const struct line *line)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;
	unsigned up = screen->rows - line->row;

	buf_printf(&out, "\x1b[%uA\x1b[2K\r%s\r\x1b[%uB", up, line->text, up);
	write_out(screen, &out);
}

static void append(struct screen *screen, const char *text)
{
	CLEANUP(buf_finip) struct buf out = BUF_INIT;

	buf_printf(&out, "%s\n", text);
	screen->rows++;
	write_out(screen, &out);
}

void screen_line(void *arg, const char *id, const char *text, unsigned current, unsigned total)
{
	struct screen *screen = arg;
	CLEANUP(buf_finip) struct buf whole = BUF_INIT;
	struct line *line = map_get(screen->lines, id);

	if (total > 0 && screen->columns == 0)
		return;                 /* bars are for terminals */
	buf_printf(&whole, "%s%s%s", id, *id ? ": " : "", text);
	if (total > 0 && screen->columns > BAR_FROM_COLUMNS)
		add_bar(&whole, current, total);
	if (line && str_eq(line->text, buf_text(&whole)))
		return;
	if (!line) {
		line = NEW(struct line);
		line->row = screen->rows;
		map_put(screen->lines, id, line);
		append(screen, buf_text(&whole));
	} else if (screen->columns == 0) {
		append(screen, buf_text(&whole));
	}
	free(line->text);
	line->text = buf_take(&whole);
	if (screen->columns > 0)
		rewrite(screen, line);
}
