// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/policy.h"
#include "acl/prefix_table.h"

/* The inside of a compiled policy, shared by policy_compile.c (makes it) and policy.c (asks it).
 *
 * Rules are split by family and protocol. A packet asks two partitions: that of its protocol, and that of the rules
 * for any protocol. Within a partition one number of 16 bits matters, the "l4 value": the destination port, or ICMP type
 * and code as type * 256 + code. The numbers at which some rule begins or ends cut 0..65535 into intervals; the intervals
 * are the leaves of a segment tree, stored as a heap (root 1, children of i at 2i and 2i + 1):
 *
 *                        1  0..65535                rule "any port"       -> node 1
 *                     /              \
 *                2  0..79          3  80..65535     rule "ports 80-65535" -> node 3
 *               /       \           /       \
 *            4 0..21  5 22..79   6 80..80  7 81..   rule "ports 22-80"    -> nodes 5 and 6
 *
 * A rule is put in the fewest nodes that make up its range (at most two per level), and a packet visits the path from
 * its leaf to the root: it sees exactly the rules that cover its value. A packet whose value is not known (a later
 * fragment) sees the root alone, which holds exactly the rules that do not care.
 *
 * What a node holds is keyed by the remote: the lowest rule for any remote, rules by prefix (in one prefix table for
 * the whole policy, the node being the scope), and rules by address set. Sets are named by number, never looked into. */

#define POLICY_ANY_PROTOCOL 256
#define POLICY_N_PROTOCOLS  257
#define POLICY_NO_PARTITION UINT16_MAX

struct policy_node {
    uint32_t lowest; /* lowest rule id in this node; UINT32_MAX: the node is empty */
    uint32_t any_id; /* lowest rule for any remote; UINT32_MAX: none */
    uint32_t first_set;
    uint32_t n_sets; /* policy.sets[first_set ...], by rising rule id */
    struct prefix_lengths lengths;
};
_Static_assert(sizeof(struct policy_node) == 40, "nodes are many: keep them small");

struct policy_set_rule {
    uint32_t set;
    uint32_t id;
};

struct policy_partition {
    uint32_t first_node;  /* policy.nodes[first_node + 1] is the root */
    uint32_t n_leaves;    /* a power of two */
    uint32_t first_bound; /* policy.bounds[first_bound ...]: the first value of each interval, rising from 0 */
    uint32_t n_bounds;
};

struct policy {
    atomic_uint refs;
    size_t n_rules;
    bool looks_at_packet;
    bool keeps_state;
    struct policy_rule *rules;                    /* by rank less one: inside a policy, rules are named by their rank */
    uint16_t partition_of[2][POLICY_N_PROTOCOLS]; /* [is IPv6][protocol] */
    struct policy_partition *partitions;
    uint16_t *bounds;
    struct policy_node *nodes;
    struct policy_set_rule *sets;
    struct prefix_table *prefixes;
};

/* Frees what a policy, complete or not, points to, and itself. */
void policy_free(struct policy *policy);
