// SPDX-License-Identifier: Apache-2.0
/* What flow caches ask of their hash. Compiled for each of its two ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/flow_hash.h"

#define HOMES_MASK 0x3ffffu
#define GENERATION 10000u
/* As many flows follow each other in a batch or a few. */
#define RUN   250u
#define SEEDS 8u

static struct hash_seed seed_of(unsigned int *random)
{
    struct hash_seed seed;

    for (unsigned int i = 0; i < 4; i++)
        seed.words[i] = (uint64_t)rand_r(random) << 62 ^ (uint64_t)rand_r(random) << 31 ^ (uint64_t)rand_r(random);
    return seed;
}

/* Flow 'number' between two guests: ports that count up, as those of many clients do. */
static struct flow_key key_of(uint32_t attachment, uint32_t number)
{
    struct flow_key key = {.attachment = attachment, .kind = PACKET_IPV4, .protocol = 17};

    key.dst_mac[5] = 2;
    key.src_mac[5] = 1;
    key.v4.src = 0x0100000a;
    key.v4.dst = 0x0200000a;
    key.v4.src_port = (uint16_t)(number / RUN << 8);
    key.v4.dst_port = (uint16_t)(number % RUN << 8);
    return key;
}

static void flows_in_a_row_find_few_homes_taken(void **state)
{
    static bool taken[HOMES_MASK + 1];
    unsigned int random = 5;

    for (unsigned int round = 0; round < SEEDS; round++) {
        struct hash_seed seed = seed_of(&random);
        uint32_t collisions = 0;

        memset(taken, 0, sizeof taken);
        for (uint32_t i = 0; i < 4 * GENERATION; i++) {
            struct flow_key key = key_of(1 + i / GENERATION, i % GENERATION);
            uint32_t home = flow_hash(&seed, &key) & HOMES_MASK;

            collisions = i % RUN == 0 ? 0 : collisions;
            collisions += taken[home];
            taken[home] = true;
            assert_true(collisions < RUN / 4); /* by chance 0 to 15 % of them */
        }
    }
}

static void each_bit_of_a_key_turns_each_bit_of_the_hash_every_other_time(void **state)
{
    const uint32_t n_keys = 400;
    unsigned int random = 7;

    for (uint32_t bit = 0; bit < 8 * FLOW_KEY_LONG; bit++) {
        uint32_t turned[32] = {0};

        for (uint32_t i = 0; i < n_keys; i++) {
            struct hash_seed seed = seed_of(&random);
            struct flow_key key = key_of(1, i), other;
            uint32_t difference;

            key.kind = PACKET_IPV6; /* the whole key counts */
            other = key;
            ((uint8_t *)&other)[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (other.kind != key.kind)
                continue;
            difference = flow_hash(&seed, &key) ^ flow_hash(&seed, &other);
            for (uint32_t out = 0; out < 32; out++)
                turned[out] += difference >> out & 1;
        }
        for (uint32_t out = 0; out < 32 && bit / 8 != offsetof(struct flow_key, kind); out++)
            assert_in_range(turned[out], n_keys * 3 / 10, n_keys * 7 / 10);
    }
}

static int check_processor(void **state)
{
#ifdef __AES__
    if (!__builtin_cpu_supports("aes"))
        skip();
#endif
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flows_in_a_row_find_few_homes_taken),
        cmocka_unit_test(each_bit_of_a_key_turns_each_bit_of_the_hash_every_other_time),
    };
    return cmocka_run_group_tests(tests, check_processor, NULL);
}
