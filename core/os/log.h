/* log.h - log lines on stderr: "2026-01-31T12:00:00.123Z info task x: running". With journald priorities (<3>…) under systemd.
 *
 * A function logs or returns an error, never both; pure rooms do neither. error: a human must act; warn: we went on without, and say
 * what is lost; info: something changed state; debug: the rest.
 */
#pragma once
#include "base/base.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
void log_set_level(enum log_level level);
int log_level_parse(const char *text, enum log_level *ret);      /* error warn info debug; -1 for other words */
void log_set_journal(bool enabled);                               /* "<N>" in front, no time stamp */
void log_line(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)
