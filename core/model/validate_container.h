/* validate_container.h - the part of validate.h that looks into the container: image, environment, mounts, health, what the kernel is told. */
#pragma once
#include "model/service.h"

/* Its templates are expanded. */
int validate_container(const struct container_spec_model *container, bool is_on_host_network, struct err *err);
