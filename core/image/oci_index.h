/* oci_index.h - a list of manifests that others made: index.json of a layout, an image index, Docker's manifest list; and the choice out of it.
 *
 * Pure. OCI image-spec 1.1 ("Image Index", "Image Layout"), Docker's manifest list of schema 2. For our own index.json there is image_manifest.h.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "image/image_manifest.h"
#include "image/image_platform.h"

#define OCI_INDEX_MAX_BYTES   (4 * 1024 * 1024)
#define OCI_INDEX_MAX_ENTRIES 10000
#define OCI_INDEX_MAX_DEPTH   4                          /* an index may list indexes */

enum oci_kind { OCI_MANIFEST, OCI_INDEX, OCI_OTHER };
enum oci_kind oci_kind_of(const char *media_type);

struct oci_descriptor {
	struct image_blob blob;
	enum oci_kind kind;
	const char *media_type;                          /* "" when absent: then it is taken for a manifest */
	struct image_platform platform;                  /* all "" when absent, or when it is none */
	bool has_platform;
	bool is_attestation;                             /* says something about another image, is none */
	const char *name;                                /* canonical name with a tag; "": none, or only a tag */
};

struct oci_index { struct arena arena; struct oci_descriptor *items; size_t count; };
void oci_index_fini(struct oci_index *index);
/* ret is fini'ed on failure. ERR_INVALID names what (as in "index.json") and the fault. */
int oci_index_parse(const char *json, size_t bytes, const char *what, struct oci_index *ret, struct err *err);

/* The one that runs best; the first of equals. One without a platform comes after all that fit. NULL: there is none. */
const struct oci_descriptor *oci_index_choose(const struct oci_index *index, const struct image_platform *wants);
/* The same rank for one alone: -1 when it is no image, or runs not at all. */
int oci_descriptor_rank(const struct oci_descriptor *item, const struct image_platform *wants);
/* "linux/amd64, linux/arm/v7": what there is, for whoever finds nothing that fits. */
void oci_index_list_platforms(const struct oci_index *index, struct buf *out);
