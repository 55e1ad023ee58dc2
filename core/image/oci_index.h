/* oci_index.h - the file index.json of an OCI layout that others made: which manifests, or lists of manifests, and under which names.
 *
 * Pure. OCI image-spec 1.1 ("Image Layout"). For our own index.json there is image_manifest.h, for the list of one image's makes image_list.h.
 */
#pragma once
#include "base/arena.h"
#include "base/err.h"
#include "image/image_manifest.h"
#include "image/image_platform.h"

#define OCI_INDEX_MAX_BYTES   (4 * 1024 * 1024)
#define OCI_INDEX_MAX_ENTRIES 10000

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
/* ret is fini'ed on failure. */
int oci_index_parse(const char *json, size_t bytes, struct oci_index *ret, struct err *err);

/* How well it runs, 0 is best; one that does not say its platform comes last. -1: it is no image, or runs not at all. */
int oci_descriptor_rank(const struct oci_descriptor *item, const struct image_platform *wants);
