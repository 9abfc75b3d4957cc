// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <immintrin.h>

#include "dataplane/core/hash.h"
#include "dataplane/flow_key.h"

/* The hash of a flow's key. Two ways to compute one, which do not give the same number: with the AES instructions where the
 * file that includes this is compiled for them, else by multiplication. So hashes of one flow cache are all made by one
 * file. Both are keyed, since tenants choose what is hashed. */

#ifdef __AES__
/* Two rounds between one block and the next: after a single one an attacker could cancel a difference in one block by
 * another in the next, once in a hundred tries. Three after the last one: after two each byte of the block still has its own
 * part in the result, and ports in a row fill lines in a row: whole batches would find their homes taken by others. */
static inline uint32_t flow_hash(const struct hash_seed *seed, const struct flow_key *key)
{
    const __m128i *blocks = (const __m128i *)key;
    __m128i first = _mm_loadu_si128((const __m128i *)&seed->words[0]);
    __m128i second = _mm_loadu_si128((const __m128i *)&seed->words[2]);
    __m128i state = _mm_xor_si128(_mm_load_si128(blocks), first);

    state = _mm_aesenc_si128(_mm_aesenc_si128(state, second), _mm_load_si128(blocks + 1));
    state = _mm_aesenc_si128(_mm_aesenc_si128(state, first), second);
    state = _mm_aesenc_si128(state, first);
    if (__builtin_expect(flow_key_is_long(key), 0)) {
        state = _mm_aesenc_si128(state, _mm_load_si128(blocks + 2));
        state = _mm_aesenc_si128(_mm_aesenc_si128(state, first), _mm_load_si128(blocks + 3));
        state = _mm_aesenc_si128(_mm_aesenc_si128(state, second), first);
        state = _mm_aesenc_si128(state, second);
    }
    return (uint32_t)_mm_cvtsi128_si32(state);
}
#else
static inline uint32_t flow_hash(const struct hash_seed *seed, const struct flow_key *key)
{
    uint64_t hash = hash_32(key, seed, 0);

    if (flow_key_is_long(key))
        hash = hash_32(key->v6_src, seed, hash);
    return (uint32_t)(hash ^ hash >> 32);
}
#endif
