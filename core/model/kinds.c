#include "model/kinds.h"

static const struct { const char *name; const struct shape *shape; } kinds[KIND_COUNT] = {
	[KIND_CLUSTER] = { "cluster", &cluster_shape },
	[KIND_NODE] = { "node", &node_shape },
	[KIND_SERVICE] = { "service", &service_shape },
	[KIND_SERVICE_VERSION] = { "service_version", &service_version_shape },
	[KIND_TASK] = { "task", &task_shape },
	[KIND_SLOT] = { "slot", &slot_shape },
	[KIND_SECRET] = { "secret", &secret_shape },
	[KIND_CONFIG] = { "config", &secret_shape },
	[KIND_IMAGE_COPY] = { "image_copy", &image_copy_shape },
};

const struct shape *kind_shape(enum kind kind)
{
	return kind > 0 && kind < KIND_COUNT ? kinds[kind].shape : NULL;
}

const char *kind_name(enum kind kind)
{
	return kind > 0 && kind < KIND_COUNT ? kinds[kind].name : "unknown kind";
}
