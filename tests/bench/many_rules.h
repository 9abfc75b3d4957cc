// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/unit/dataplane/world_fixture.h"

/* A policy chain of 'n' rules of the kinds that clouds have, of which only the last lets in what the benches send: all UDP. */
static inline struct policy_chain *many_rules(size_t n, enum rule_direction direction)
{
    struct rule *rules = calloc(n, sizeof *rules);
    struct policy_chain *chain;

    assert_non_null(rules);
    for (size_t i = 0; i < n; i++) {
        rules[i] = world_rule((uint32_t)i + 1, i % 3 ? IPPROTO_TCP : IPPROTO_UDP, (uint16_t)(3000 + i % 2000));
        rules[i].direction = direction;
        rules[i].remote = RULE_REMOTE_PREFIX;
        rules[i].prefix =
            (struct inet_prefix){.addr = inet_addr_from_v4(htonl(0x0b000000u | (uint32_t)i << 8)), .len = 120};
    }
    rules[n - 1] = world_rule((uint32_t)n, IPPROTO_UDP, 0);
    chain = world_chain(rules, n);
    free(rules);
    return chain;
}
