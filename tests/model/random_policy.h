// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/model/model_policy.h"

/* Random numbers that a seed determines (xorshift32). */
struct random {
    uint32_t state;
};
uint32_t random_pick(struct random *random, uint32_t n); /* 0..n-1 */
bool random_chance(struct random *random, uint32_t one_in);

/* Random policies over few addresses, ports and protocols, so that rules meet packets and each other. */
struct random_policy {
    struct random *random;
    bool limits;      /* small accounts */
    uint32_t last_id; /* of a rule */
};

/* What a change touched. */
#define RANDOM_FLUSHED (MODEL_GROUPS * MODEL_RULES)
struct policy_change {
    uint32_t guests;   /* bit n: port n */
    uint32_t networks; /* bit 0: untagged, bit 1: MODEL_VLAN */
    uint32_t sets;
    size_t n_flushed;
    uint32_t flushed[RANDOM_FLUSHED]; /* rules with on_change=flush that are gone, sorted */
};

void random_policy_make(struct random_policy *generator, struct model_policies *policies);
void random_policy_change(struct random_policy *generator, struct model_policies *policies,
                          struct policy_change *change);
