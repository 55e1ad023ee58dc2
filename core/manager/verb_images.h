/* verb_images.h - the verb with which a manager says which images it has: all of them, and the leader finds out what that changes. Pure; used by verb.c. */
#pragma once
#include "manager/verb.h"

int verb_images(const struct verb *verb, const struct verb_scene *scene, struct change_list *out, struct err *err);
/* A node is no more: what was said of its images goes. */
void images_forget(const char *node_id, const struct overlay *overlay, struct change_list *out);
/* The state says just that of the node. */
bool images_are_told(const struct view *view, const char *node_id, const struct image_copy *items, size_t count);
