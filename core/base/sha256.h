/* sha256.h - SHA-256 (FIPS 180-4), streaming. Uses the CPU's SHA instructions where they are. */
#pragma once
#include "base/base.h"

#define SHA256_SIZE 32
#define SHA256_HEX_SIZE 65
struct sha256 { uint32_t state[8]; uint64_t bytes; uint8_t block[64]; };
void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *bytes, size_t count);
void sha256_finish(struct sha256 *sha, uint8_t ret_digest[SHA256_SIZE]);
void sha256_hex(const void *bytes, size_t count, char ret_text[SHA256_HEX_SIZE]);
