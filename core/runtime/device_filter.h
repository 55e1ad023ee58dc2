/* device_filter.h - cgroup v2's device rules as an eBPF program (BPF_PROG_TYPE_CGROUP_DEVICE, linux/bpf.h bpf_cgroup_dev_ctx). Pure. */
#pragma once
#include <linux/bpf.h>

#include "runtime/cgroup.h"

#define DEVICE_FILTER_MAX_INSNS 512
struct device_filter { struct bpf_insn insns[DEVICE_FILTER_MAX_INSNS]; size_t count; };

/* Allows what a rule allows, nothing else. ERR_EXHAUSTED with more rules than fit (about 60). */
int device_filter_build(const struct cgroup_device *rules, size_t count, struct device_filter *ret, struct err *err);
