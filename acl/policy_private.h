// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/policy.h"

/* The inside of a compiled policy, shared by policy_compile.c (makes it) and policy.c (asks it). Rules are named by their
 * rank: the lowest that matches is the answer.
 *
 *     family         remote                    local             protocol, l4 value
 *     ┌──────┐       ┌─────────────────┐       ┌───────────┐     ┌──────────────────────────────────┐
 *     │ IPv4 │──any──► scope           │──any──► its cell  │     │ few rules:  entries by rank      │
 *     │ IPv6 │──map──► scope of prefix │       │           │────►│ many rules: partition by protocol│
 *     │ L2   │──set──► scope of set    │──map──► cell of   │     │             intervals → winner   │
 *     └──────┘       └─────────────────┘       │ a prefix  │     │             tree of conditional  │
 *                                              └───────────┘     └──────────────────────────────────┘
 *
 * A packet visits the scope for any remote, those of the prefixes around its remote (the innermost by binary search, the
 * others by 'parent') and those of the sets that contain it; in each the cells around its local address likewise.
 * Whatever cannot hold a rule below the best one so far is left out: everything carries the lowest rank below it.
 *
 * The l4 value is the destination port, ICMP type * 256 + code, or for L2 the ethertype. In a partition the values at
 * which some rule begins or ends cut 0..65535 into intervals; of each the lowest unconditional rule is known (winner).
 * Conditional rules (those with a struct policy_extra) are in a segment tree over the intervals, stored as a heap: a rule
 * is put in the fewest nodes that make up its range, and a packet visits the path from its leaf to the root, so it sees
 * exactly the conditional rules that cover its value, by rank. A packet whose value is not known (a later fragment) sees
 * only what covers all values. */

#define POLICY_ANY_PROTOCOL 256
#define POLICY_NONE         UINT32_MAX
#define POLICY_SMALL        8 /* a cell of more rules is partitioned */
#define POLICY_FEW_SETS     2 /* a policy with more sets asks the directory which sets contain an address */

enum policy_family { POLICY_IPV4, POLICY_IPV6, POLICY_L2, POLICY_N_FAMILIES };

/* One rule where it is looked at. */
struct policy_entry {
    uint32_t rank;
    uint16_t protocol;    /* or POLICY_ANY_PROTOCOL */
    uint16_t first, last; /* l4 values */
    uint32_t extra;       /* 1 + index in policy.extras, 0: unconditional */
};

/* The conditions that are checked one by one. */
struct policy_extra {
    uint32_t conditions; /* RULE_IF_* less those that the structure answers */
    uint16_t src_port_min, src_port_max;
    uint16_t vlan;
    struct mac_addr src_mac, dst_mac;
    uint8_t tcp_flags, tcp_mask;
    uint8_t dscp;
};

struct policy_cell {
    uint32_t lowest; /* rank; POLICY_NONE: the cell is empty */
    uint32_t first;  /* policy.entries[first ...], or when 'is_large' policy.partitions[first ...] by rising protocol */
    uint32_t n : 31;
    uint32_t is_large : 1;
};

/* Prefixes of one family, that lie inside each other or apart. policy.starts4 (or starts6) [first_bound ...] rise from 0 and
 * cut the addresses into intervals; policy.inner4 (or inner6) names the node of the innermost prefix around each. */
struct policy_map {
    uint32_t first_bound;
    uint32_t n_bounds; /* 0: no prefixes */
};

struct policy_scope {
    uint32_t lowest; /* of the cell and the local prefixes */
    struct policy_cell cell;
    uint32_t locals; /* 1 + index in policy.maps, 0: no rule of the scope names a local address */
};

struct policy_node {
    struct policy_scope scope;
    uint32_t parent;    /* the next prefix around this one, POLICY_NONE: none */
    uint32_t lowest_up; /* of this one and all around it */
};

struct policy_set {
    struct policy_scope scope;
    uint32_t set;
};

struct policy_set_slot {
    uint32_t set;
    uint32_t index; /* 1 + index in policy.sets, 0: free */
};

struct policy_partition {
    uint16_t protocol;
    uint32_t lowest;
    uint32_t lowest_any;            /* the unconditional rule for all values; POLICY_NONE: none */
    uint32_t first_bound, n_bounds; /* policy.values and policy.winners [first_bound ...] */
    uint32_t first_branch;          /* policy.branches[first_branch + 1] is the root */
    uint32_t n_leaves;              /* a power of two; 0: no conditional rule */
};

/* Conditional rules of one node of a segment tree: policy.entries[first ...], by rank. */
struct policy_branch {
    uint32_t first, n;
};

struct policy_root {
    struct policy_scope any;
    struct policy_map remotes;
    uint32_t first_set, n_sets;     /* policy.sets, by rising lowest rank */
    uint32_t first_slot, slot_mask; /* policy.slots, open addressing; at least twice n_sets */
};

struct policy {
    atomic_uint refs;
    size_t n_rules;
    bool looks_at_packet;
    bool keeps_state;
    struct policy_root roots[POLICY_N_FAMILIES];
    struct policy_rule *rules; /* by rank */
    struct policy_entry *entries;
    struct policy_extra *extras;
    struct policy_map *maps;
    struct policy_node *nodes;
    uint32_t *starts4, *inner4;
    unsigned __int128 *starts6;
    uint32_t *inner6;
    struct policy_set *sets;
    struct policy_set_slot *slots;
    struct policy_partition *partitions;
    uint16_t *values;
    uint32_t *winners;
    struct policy_branch *branches;
};

/* An address as a number: IPv4 in 32 bits, IPv6 in 128. */
static inline uint32_t policy_addr4(const struct inet_addr *addr)
{
    return __builtin_bswap32(addr->words[3]);
}

static inline unsigned __int128 policy_addr6(const struct inet_addr *addr)
{
    return (unsigned __int128)__builtin_bswap64(addr->halves[0]) << 64 | __builtin_bswap64(addr->halves[1]);
}

static inline uint32_t policy_set_hash(uint32_t set)
{
    return (uint32_t)((set * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* Frees what a policy, complete or not, points to, and itself. */
void policy_free(struct policy *policy);
