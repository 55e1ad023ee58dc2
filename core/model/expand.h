/* expand.h - what {{.Node.Hostname}} and the like become: in a service's spec, in secrets and configs that were made with a template driver.
 *
 * Pure. Of a spec: values of the environment, the hostname, sources and targets of mounts, values of the labels and driver options of their
 * volumes. The node that runs the task expands; a manager does it before, with a task that it invents, to refuse what can never be
 * expanded. Words and strictness are swarmkit's (template/expand.go). swarm-semantics §20.
 */
#pragma once
#include "model/service.h"

/* What templates know of a task. NULL is "". */
struct expand_task {
	const char *service_id, *service_name;
	const struct str_map *service_labels;
	const char *node_id, *hostname, *architecture, *os;
	const char *task_id;
	uint64_t slot;                  /* 0, of a global service: they are told the node's id */
};
/* ret shares with own what is no template; the rest lives in the arena. */
int expand_container(const struct expand_task *task, const struct container_spec_model *own, struct arena *arena,
		     struct container_spec_model *ret, struct err *err);
bool expand_is_needed(const struct container_spec_model *own);   /* is there a template in it? */

/* The bytes of a secret or config, as they were made: ret lives in the arena. */
typedef int expand_bytes_fn(void *arg, bool is_config, const struct secret_reference *reference, struct arena *arena, const char **ret,
			    size_t *ret_size, struct err *err);
/* own: expanded. A secret's errors say nothing of what is in it. */
int expand_payload(const struct expand_task *task, const struct container_spec_model *own, bool is_config, const void *bytes, size_t size,
		   expand_bytes_fn *get, void *arg, struct buf *out, struct err *err);
