/* log_settings.h - a log driver and its options as they are given, read into what our writer of logs does.
 *
 * Pure. Two drivers are there: json-file (max-size, max-file) and none. Docker's other drivers and json-file's other options are
 * refused by their names.
 */
#pragma once
#include "base/err.h"
#include "model/container_parts.h"

enum { LOG_SETTINGS_FILES_MAX = 1000 };
struct log_settings {
	bool is_none;           /* no log is kept */
	int64_t max_bytes;      /* of one file; 0: never rotated */
	int max_files;          /* 1: the one file is started afresh when it is full */
};

/* driver NULL or without a name: json-file without options. ERR_INVALID in Docker's words, ERR_UNSUPPORTED names the driver or option. */
int log_settings_read(const struct log_driver *driver, struct log_settings *ret, struct err *err);
