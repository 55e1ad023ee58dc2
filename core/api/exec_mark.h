/* exec_mark.h - what the id of an exec on a node begins with: the first digits of a digest of the node's id. Pure. */
#pragma once
#include "base/base.h"

#define EXEC_MARK_SIZE 13
/* "" for no node. */
void exec_mark(const char *node_id, char ret[EXEC_MARK_SIZE]);
