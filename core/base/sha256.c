#include "base/sha256.h"

#include <string.h>

#include "base/encode.h"

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first
 * 64 primes. */
static const uint32_t constants[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5,
	0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
	0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
	0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5,
	0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t turn(uint32_t v, unsigned by)
{
	return v >> by | v << (32 - by);
}

/* One block in plain C, with the names of FIPS 180-4, 6.2.2. */
static void add_block(uint32_t state[8], const uint8_t *block)
{
	uint32_t w[64], s[8];

	for (unsigned t = 0; t < 16; t++, block += 4)
		w[t] = (uint32_t)block[0] << 24 | (uint32_t)block[1] << 16 |
		       (uint32_t)block[2] << 8 | block[3];
	for (unsigned t = 16; t < 64; t++) {
		uint32_t a = w[t - 15], b = w[t - 2];
		w[t] = (turn(b, 17) ^ turn(b, 19) ^ b >> 10) + w[t - 7] +
		       (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + w[t - 16];
	}
	memcpy(s, state, sizeof(s));
	for (unsigned t = 0; t < 64; t++) {
		uint32_t a = s[0], e = s[4];
		uint32_t t1 = s[7] + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) +
			      ((e & s[5]) ^ (~e & s[6])) + constants[t] + w[t];
		uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) +
			      ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += t1;
		s[0] = t1 + t2;
	}
	for (unsigned i = 0; i < 8; i++)
		state[i] += s[i];
}

static void add_blocks_plain(uint32_t state[8], const uint8_t *blocks, size_t count)
{
	for (; count; count--, blocks += 64)
		add_block(state, blocks);
}

#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>

/* The instructions keep the state as two registers, ABEF and CDGH, do two rounds at a time and
 * take four words of the schedule in one register; see Gulley et al., "Intel SHA Extensions"
 * (2013). Fifteen times the plain version. */
__attribute__((target("sha,sse4.1,ssse3")))
static void add_blocks_sha_ni(uint32_t state[8], const uint8_t *blocks, size_t count)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
	__m128i dcba = _mm_loadu_si128((const __m128i *)(const void *)state);
	__m128i hgfe = _mm_loadu_si128((const __m128i *)(const void *)(state + 4));
	__m128i cdab = _mm_shuffle_epi32(dcba, 0xb1), efgh = _mm_shuffle_epi32(hgfe, 0x1b);
	__m128i abef = _mm_alignr_epi8(cdab, efgh, 8), cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);

	for (; count; count--, blocks += 64) {
		__m128i abef_before = abef, cdgh_before = cdgh, w[4];

		for (unsigned i = 0; i < 4; i++)
			w[i] = _mm_shuffle_epi8(
				_mm_loadu_si128((const __m128i *)(const void *)(blocks + 16 * i)),
				big_endian);
#pragma GCC unroll 16
		for (unsigned i = 0; i < 16; i++) {
			__m128i *now = &w[i % 4], next = w[(i + 1) % 4], last = w[(i + 3) % 4];
			__m128i k =
				_mm_loadu_si128((const __m128i *)(const void *)(constants + 4 * i));
			__m128i sum = _mm_add_epi32(*now, k);

			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
			/* These words become those of four steps on. */
			if (i < 12) {
				__m128i seven_back = _mm_alignr_epi8(last, w[(i + 2) % 4], 4);
				*now = _mm_add_epi32(_mm_sha256msg1_epu32(*now, next), seven_back);
				*now = _mm_sha256msg2_epu32(*now, last);
			}
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}

	__m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
	_mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

static bool cpu_has_sha(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
		return false;
	return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

static void add_blocks(uint32_t state[8], const uint8_t *blocks, size_t count)
{
	/* A fact about the machine, asked once: cpuid traps into the hypervisor, which costs
	 * more than a block. */
	static int has_sha = -1;
	int known = __atomic_load_n(&has_sha, __ATOMIC_RELAXED);

	if (known < 0) {
		known = cpu_has_sha();
		__atomic_store_n(&has_sha, known, __ATOMIC_RELAXED);
	}
	if (known)
		add_blocks_sha_ni(state, blocks, count);
	else
		add_blocks_plain(state, blocks, count);
}
#else
static void add_blocks(uint32_t state[8], const uint8_t *blocks, size_t count)
{
	add_blocks_plain(state, blocks, count);
}
#endif

void sha256_init(struct sha256 *sha)
{
	*sha = (struct sha256){ .state = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
					   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(struct sha256 *sha, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;
	size_t held = sha->bytes % 64;

	sha->bytes += count;
	if (held) {
		size_t part = MIN(64 - held, count);
		if (part)
			memcpy(sha->block + held, at, part);
		if (held + part < 64)
			return;
		add_blocks(sha->state, sha->block, 1);
		at += part;
		count -= part;
	}
	if (count >= 64)
		add_blocks(sha->state, at, count / 64);
	if (count % 64)
		memcpy(sha->block, at + count / 64 * 64, count % 64);
}

void sha256_finish(struct sha256 *sha, uint8_t ret_digest[SHA256_SIZE])
{
	static const uint8_t padding[64] = { 0x80 };
	uint64_t bits = sha->bytes * 8;
	uint8_t length[8];

	for (unsigned i = 0; i < 8; i++)
		length[i] = (uint8_t)(bits >> (56 - 8 * i));
	sha256_add(sha, padding, 1 + (119 - sha->bytes % 64) % 64);
	sha256_add(sha, length, sizeof(length));
	for (unsigned i = 0; i < SHA256_SIZE; i++)
		ret_digest[i] = (uint8_t)(sha->state[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_hex(const void *bytes, size_t count, char ret_text[SHA256_HEX_SIZE])
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	sha256_init(&sha);
	sha256_add(&sha, bytes, count);
	sha256_finish(&sha, digest);
	hex_encode(digest, sizeof(digest), ret_text);
}
