/* err.h - an error is a value that carries the whole sentence the user will read.
 *
 * It lives on the caller's stack and needs no free. Every function returns -1, so that a failure is one line:
 * return err_set(err, ERR_NOT_FOUND, "service %s not found", name);
 */
#pragma once
#include "base/base.h"

enum err_code {
	ERR_INVALID = 1,        /* 400, what was asked makes no sense                     */
	ERR_NOT_FOUND,          /* 404                                                    */
	ERR_CONFLICT,           /* 409, name taken, in use                                */
	ERR_DENIED,             /* 403                                                    */
	ERR_EXHAUSTED,          /* 503, a pool or a bound is used up                      */
	ERR_UNAVAILABLE,        /* 503, not a manager, no leader, not in a swarm          */
	ERR_UNSUPPORTED,        /* 501, swarmbox does not do this (yet)                   */
	ERR_STALE,              /* 500 "update out of sequence" in Docker's words         */
	ERR_IO,                 /* 500, a system call failed                              */
	ERR_UNAUTHORIZED,       /* 401, a registry refuses the credentials                */
	ERR_DAMAGED,            /* 500, what a disk or a memory holds is not what was put there */
};

struct err {
	enum err_code code;
	char text[1024];
};

int err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
int err_sys(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);   /* ERR_IO, ": " + text of errno behind the words */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);  /* puts the words and ": " in front, keeps the code */
int err_http_status(enum err_code code);
