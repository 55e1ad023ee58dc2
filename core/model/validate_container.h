/* validate_container.h - the part of validate.h that looks into the container: image, environment, mounts, signal. */
#pragma once
#include "model/service.h"

int validate_container(const struct container_spec_model *container, struct err *err);
