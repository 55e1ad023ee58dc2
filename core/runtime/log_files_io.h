/* log_files_io.h - a log and its rotated forerunners as one chain: 0 is the newest (path), 1 is path.1, and so on. */
#pragma once
#include <stdint.h>

#include "base/err.h"

#define LOG_FILES_MAX 1000

int log_files_open(const char *path, int index);         /* -1 with errno */
int log_files_oldest(const char *path);                  /* -1: there is none */
/* Where the open file stands now; -1: it has fallen off the end. */
int log_files_index(const char *path, int fd);
/* Tells it from all others there ever were, wherever rotation moves it; 0 when it cannot be told. */
uint64_t log_files_identity(int fd);
/* The place behind which there are `lines` lines, or the chain's start. */
int log_files_seek_tail(const char *path, int64_t lines, int *ret_index, int64_t *ret_offset, struct err *err);
