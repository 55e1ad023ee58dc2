/* image_words.h - the words of a Dockerfile line: quotes, backslashes and variables.
 *
 * Pure. 'literal', "with $VARIABLES", \escaped, $NAME, ${NAME}, ${NAME:-default}, ${NAME:+if set} and both without the colon. What a word
 * becomes is bounded by IMAGE_WORD_MAX_BYTES, so that variables made of variables cannot grow without end.
 */
#pragma once
#include "base/buf.h"
#include "base/err.h"
#include "image/image_config.h"

#define IMAGE_WORD_MAX_BYTES (64 * 1024)

enum image_words_until { IMAGE_WORDS_ALL, IMAGE_WORDS_ONE };     /* to the end of the text, or to the next blank outside of quotes */
/* Appends the expanded text to out and moves *at behind it. ERR_INVALID for an open quote or brace. */
int image_words_expand(const struct image_words *env, const char **at, enum image_words_until until, struct buf *out, struct err *err);
