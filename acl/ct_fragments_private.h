// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/ct_fragments.h"
#include "acl/ct_lock.h"

/* ct_fragments.c: packets whose first fragment was judged. */
struct ct_fragment_key {
    struct inet_addr src;
    struct inet_addr dst;
    uint32_t id; /* from here on 16 bytes that are hashed together */
    uint32_t zone;
    uint32_t source;
    uint32_t destination;
    uint32_t protocol; /* IPv4 only (RFC 791 3.2, RFC 8200 4.5) */
    uint32_t reserved;
};
_Static_assert(sizeof(struct ct_fragment_key) == 56 && offsetof(struct ct_fragment_key, protocol) == 48,
               "keys are compared and hashed as bytes");

struct ct_fragment {
    struct ct_fragment_key key;
    struct ct_fragment_note note;
    uint32_t expires; /* tick */
    bool used;
};

#define CT_FRAGMENT_BUCKETS 1024u
#define CT_FRAGMENT_SHARE   64u /* buckets that one source uses */
#define CT_FRAGMENT_ENTRIES 4u
struct ct_fragment_bucket {
    struct ct_lock lock;
    struct ct_fragment entries[CT_FRAGMENT_ENTRIES];
};

struct ct_account;
