/* id.h - names of things: 25 characters of lower-case base 36 for swarm objects, 64 of hex for containers. */
#pragma once
#include "base/base.h"

#define ID_LENGTH 25
#define ID_SIZE   (ID_LENGTH + 1)
#define HEX_ID_LENGTH 64
#define HEX_ID_SIZE   (HEX_ID_LENGTH + 1)

/* From 17 random bytes, of which 129 bits are used: the most that 25 digits hold. */
#define ID_ENTROPY_BYTES 17
void id_format(const uint8_t entropy[ID_ENTROPY_BYTES], char ret_id[ID_SIZE]);
bool id_is_valid(const char *id);
bool hex_id_is_valid(const char *id);
