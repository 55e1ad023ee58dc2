/* kinds.h - every kind of object the cluster replicates, by number. Numbers are in logs and files and never change. */
#pragma once
#include "model/cluster.h"
#include "model/image_copy.h"
#include "model/node_info.h"
#include "model/secret.h"
#include "model/service.h"
#include "model/task.h"

enum kind {
	KIND_CLUSTER = 1, KIND_NODE, KIND_SERVICE, KIND_SERVICE_VERSION, KIND_TASK, KIND_SLOT, KIND_SECRET, KIND_CONFIG,
	KIND_IMAGE_COPY,
	KIND_COUNT              /* one more than the highest; grows with the format level */
};
const struct shape *kind_shape(enum kind kind);         /* NULL for a number that is none */
const char *kind_name(enum kind kind);                  /* "service" … */
