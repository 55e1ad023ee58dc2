/* image_changes.h - the Dockerfile instructions that `image import -c` may apply to an image's config.
 *
 * Pure. CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR, in JSON or shell form, quoted and escaped
 * as in a Dockerfile (the reference at docs.docker.com). UTF-8 only. ONBUILD and all others are refused by name. There are no build arguments, so
 * "$NAME" refers to the ENV lines so far; ${NAME:-word} and ${NAME:+word} too.
 */
#pragma once
#include "base/err.h"
#include "image/image_config.h"

#define IMAGE_CHANGE_MAX_BYTES (64 * 1024)               /* of one change */
#define IMAGE_CHANGES_MAX      100

/* A change may hold several lines, one instruction each; empty ones and comments are skipped. ERR_INVALID names instruction and fault. */
int image_changes_apply(struct image_config *config, const char *change, struct err *err);
