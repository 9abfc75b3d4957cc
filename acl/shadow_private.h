// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/rule.h"

/* Shapes of rules, shared by shadow.c and shadow_shape.c: which columns a rule looks at, not what it wants there. */
struct shape {
    uint32_t conditions;
    enum rule_family family;
    enum rule_remote remote;
    bool has_protocol;
    uint8_t remote_len;
    uint8_t local_len;
};

struct shape shape_of(const struct rule *rule);
bool shape_equal(const struct shape *a, const struct shape *b);
/* Could a rule of shape 'a' cover one of shape 'b'? */
bool shape_may_cover(const struct shape *a, const struct shape *b);

/* What rules of one bucket have in common; zeroed before it is filled, hashed and compared as bytes. */
struct bucket_key {
    struct inet_addr remote;
    struct inet_addr local;
    uint32_t set;
    uint32_t shape;
    struct mac_addr src_mac;
    struct mac_addr dst_mac;
    uint16_t ethertype;
    uint16_t vlan;
    int16_t protocol;
    uint8_t dscp;
    uint8_t pad[13];
};
_Static_assert(sizeof(struct bucket_key) == 72, "no hidden padding in a key");

/* What has to be equal between 'rule' and a rule of 'shape' that covers it. */
struct bucket_key shape_key(const struct shape *shape, uint32_t number, const struct rule *rule);
