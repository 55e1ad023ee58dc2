/* verb_secret.h - the verbs about secrets and configs, and the look at them that every service's spec needs. Pure; used by verb.c.
 *
 * verb.is_config says which of the two. Texts are swarmkit's.
 */
#pragma once
#include "manager/verb.h"

int verb_secret_create(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err);
int verb_secret_update(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err);
int verb_secret_remove(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err);

/* What a container of this spec refers to is there, under the name it is referred to with. */
int secrets_check(const struct overlay *overlay, const struct container_spec_model *container, struct err *err);
