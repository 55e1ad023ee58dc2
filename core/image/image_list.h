/* image_list.h - the list of one image's manifests, one a platform, and the choice among them.
 *
 * Pure. OCI image index 1.1 and Docker's manifest list, as registries and archives hold them. Entries that are no image for Linux (attestations,
 * other systems, lists in lists) are left out while reading; what is read is bounded.
 */
#pragma once
#include "base/err.h"
#include "image/image_manifest.h"
#include "image/image_platform.h"

#define IMAGE_LIST_MAX_BYTES   (4 * 1024 * 1024)
#define IMAGE_LIST_MAX_ENTRIES 4096

/* What a document of a registry is: by its media type, or, without one, by its members. */
enum image_doc { IMAGE_DOC_MANIFEST, IMAGE_DOC_LIST };
#define IMAGE_DOC_ACCEPT "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, " \
	"application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json"
/* type may be NULL, and may have parameters ("; charset=…"). ERR_UNSUPPORTED names what is neither: schema 1, an artifact. */
int image_doc_judge(const char *type, const char *json, size_t bytes, enum image_doc *ret, struct err *err);

struct image_list_entry { struct image_blob manifest; bool has_platform; struct image_platform platform; };
struct image_list { struct image_list_entry *entries; size_t count; };
void image_list_fini(struct image_list *list);
/* ret is fini'ed on failure. */
int image_list_parse(const char *json, size_t bytes, struct image_list *ret, struct err *err);
/* The best for this platform, the first of equals. ERR_NOT_FOUND in Docker's words: "no matching manifest for linux/arm/v7 in the manifest list
 * entries". An entry that does not say its platform is taken when it is the only one. */
int image_list_choose(const struct image_list *list, const struct image_platform *want, struct image_blob *ret, struct err *err);
