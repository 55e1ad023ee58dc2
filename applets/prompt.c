#include "applets/prompt.h"

#include <errno.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"

enum { LINE_MAX_BYTES = 4096 };

/* Up to the end of a line, which is not kept. */
static int read_line(struct buf *out, struct err *err)
{
	char c;

	for (;;) {
		ssize_t got = read(STDIN_FILENO, &c, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "standard input");
		if (got == 0 || c == '\n')
			break;
		if (out->len == LINE_MAX_BYTES)
			return err_set(err, ERR_INVALID, "a line of more than %d bytes", LINE_MAX_BYTES);
		buf_add_char(out, c);
	}
	while (out->len && out->data[out->len - 1] == '\r')
		out->data[--out->len] = '\0';
	return 0;
}

int prompt_ask(const char *words, bool is_secret, char **ret, struct err *err)
{
	CLEANUP(buf_finip) struct buf line = BUF_INIT;
	struct termios before, after;
	bool is_hidden = is_secret && tcgetattr(STDIN_FILENO, &before) == 0;

	fprintf(stderr, "%s", words);
	if (is_hidden) {
		after = before;
		after.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &after);
	}
	int rc = read_line(&line, err);
	if (is_hidden) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		fprintf(stderr, "\n");
	}
	if (rc == 0)
		*ret = str_dup(buf_text(&line));
	return rc;
}
