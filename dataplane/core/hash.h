// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>
#include <string.h>

/* Keyed hashing of fixed-size keys by folded 64 x 64 multiplication. Tenants choose the keys, so every table seeds it
 * with random words of its own; it is not a cryptographic hash. */
struct hash_seed {
    uint64_t words[4];
};

/* Fills 'seed' from the kernel's random source. */
void hash_seed_init(struct hash_seed *seed);

static inline uint64_t hash_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t hash_word_at(const void *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return word;
}

/* 16 and 32 bytes; 'chain' combines several. */
static inline uint64_t hash_16(const void *bytes, const struct hash_seed *seed, uint64_t chain)
{
    const uint8_t *b = bytes;

    return hash_fold(hash_word_at(b) ^ seed->words[0] ^ chain, hash_word_at(b + 8) ^ seed->words[1]);
}

static inline uint64_t hash_32(const void *bytes, const struct hash_seed *seed, uint64_t chain)
{
    const uint8_t *b = bytes;
    uint64_t low = hash_fold(hash_word_at(b) ^ seed->words[0] ^ chain, hash_word_at(b + 8) ^ seed->words[1]);
    uint64_t high = hash_fold(hash_word_at(b + 16) ^ seed->words[2], hash_word_at(b + 24) ^ seed->words[3]);

    return hash_fold(low ^ seed->words[3], high ^ seed->words[1]);
}
