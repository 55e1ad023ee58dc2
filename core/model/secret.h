/* secret.h - secrets and configs: named bytes of the cluster that containers find as files. One thing in two kinds: a config's bytes are
 * shown to whoever inspects it, a secret's never, and they stand in the state sealed (pki/seal.h).
 *
 * The bytes of either never change; labels do. Limits and names as swarmkit's api/validation.
 */
#pragma once
#include "model/fields.h"

enum { SECRET_BYTES_MAX = 512000 - 1, CONFIG_BYTES_MAX = 1024000 - 1, SECRET_NAME_MAX = 64 };

struct template_driver { char *name; struct str_map options; };
struct secret_spec {
	char *name;
	struct str_map labels;
	struct bytes data;              /* of a secret: empty in the state and in answers */
	struct template_driver *templating;
};
struct secret {
	struct secret_spec spec;
	struct bytes sealed;            /* of a secret; purpose: "secret <id>" */
};
enum { SECRET_SPEC = 1, SECRET_SEALED };
extern const struct shape secret_spec_shape, secret_shape;

/* Docker's words; the manager's prefix stands in front. */
int validate_secret_spec(const struct secret_spec *spec, bool is_config, struct err *err);

/* --- what a container asks for ---------------------------------------------------------------- */

/* A file in it: secrets below /run/secrets, configs below /, unless name is absolute. */
struct file_target { char *name, *uid, *gid; uint64_t mode; };
struct secret_reference { struct file_target *file; char *id, *name; };
struct secret_references { struct secret_reference *items; size_t count; };
extern const struct shape secret_reference_shape, config_reference_shape;

#define SECRET_FOLDER "/run/secrets"
/* Each whole, and no file twice. */
int validate_secret_references(const struct secret_references *references, bool is_config, struct err *err);
/* Where in the container it lies: absolute, without "." and ".."; lives in the arena. */
const char *secret_path(const struct secret_reference *reference, bool is_config, struct arena *arena);
/* Numbers only: nobody's names are known where files are made. -1: neither empty nor one. */
int secret_owner(const char *text, uint32_t *ret);
