/* image_ref.h - names of images, in Docker's grammar: [domain/]path[:tag][@digest].
 *
 * Pure. Short names mean Docker's registry: "nginx" is docker.io/library/nginx. People are shown the familiar form, files and
 * comparisons use the canonical one. Grammar and limits follow the distribution project's reference package: a name of at most 255
 * characters, a tag of at most 128, a digest of sha256, sha384 or sha512.
 */
#pragma once
#include "base/base.h"
#include "base/err.h"

#define IMAGE_REF_TEXT_SIZE 520                          /* longest name, tag and digest with their separators, and NUL */
#define IMAGE_REF_DIGEST_SIZE 136                        /* "sha512:" and 128 of hex, and NUL */

struct image_ref {
	char domain[256];                                /* "docker.io", "localhost:5000"; never empty */
	char path[256];                                  /* "library/nginx" */
	char tag[129];                                   /* "" when none was given */
	char digest[IMAGE_REF_DIGEST_SIZE];              /* "sha256:…" or "" */
};

/* ERR_INVALID in Docker's words: "invalid reference format", "invalid reference format: repository name (library/Foo) must be lowercase". */
int image_ref_parse(const char *text, struct image_ref *ret, struct err *err);
/* "latest" when there is neither tag nor digest. */
void image_ref_add_default_tag(struct image_ref *ref);
/* The same domain and path. */
bool image_ref_is_same_repository(const struct image_ref *a, const struct image_ref *b);

/* What people see: docker.io/library/nginx:latest as nginx:latest. */
const char *image_ref_format_familiar(const struct image_ref *ref, char ret_text[IMAGE_REF_TEXT_SIZE]);
/* Name only, familiar: "nginx", "ghcr.io/a/b". */
const char *image_ref_format_familiar_name(const struct image_ref *ref, char ret_text[IMAGE_REF_TEXT_SIZE]);
const char *image_ref_format_canonical(const struct image_ref *ref, char ret_text[IMAGE_REF_TEXT_SIZE]);
