/* entropy.h - the kernel's randomness: ids, keys, seeds. */
#pragma once
#include "base/base.h"
#include "base/id.h"

void entropy_fill(void *bytes, size_t count);            /* getrandom(2); panics if the kernel has none */
void entropy_id(char ret_id[ID_SIZE]);
void entropy_hex_id(char ret_id[HEX_ID_SIZE]);
