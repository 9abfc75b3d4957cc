// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hmapx.h>
#include <openvswitch/hmap.h>
#include <openvswitch/list.h>

#include "acl/policy_chain.h"

struct policy_work;
struct security_group;
struct security_rule;
struct shared_policy;

/* One chain for every distinct set of ACLs and groups and direction: what ports with equal rows, or networks, share.
 * Control thread. */

/* The policies that a chain is made of, and what came of it. */
struct chain_form {
    size_t n_tiers;
    struct shared_policy *tiers[POLICY_TIERS_MAX]; /* those with rules, lowest first */
    struct shared_policy *groups;                  /* NULL: no group counts */
    struct policy_rule default_rule;
    struct policy_chain *chain; /* NULL: nothing polices, or out of memory */
};

struct shared_chain {
    struct hmap_node node;
    enum rule_direction direction;
    struct security_rule **acls; /* by row, each once; some may not be there or in force */
    size_t n_acls;
    struct security_group **groups; /* likewise */
    size_t n_groups;

    struct chain_form enforced;
    struct chain_form audit; /* with rows in audit mode; empty when there are none */
    bool failed;             /* out of memory */
    size_t n_rules;          /* enforced */
    uint64_t sets_changed;   /* pass in which the members of a set that rules name last changed */
    struct hmapx ports;      /* of struct logical_port */
    struct hmapx networks;   /* of struct acl_network */
    struct ovs_list work;    /* in policy_work.chains */
    struct ovs_list unused;  /* in policy_work.unused_chains */
};

struct shared_chains {
    struct hmap chains;
    struct hmap policies; /* of struct shared_policy */
};

void shared_chains_init(struct shared_chains *chains);
void shared_chains_destroy(struct shared_chains *chains);

/* The chain of 'acls' and 'groups' (each sorted by row, without duplicates). The caller puts itself into its ports or
 * networks, or it goes at the next sweep. NULL when both are empty. */
struct shared_chain *shared_chains_get(struct shared_chains *chains, enum rule_direction direction,
                                       struct security_rule *const *acls, size_t n_acls,
                                       struct security_group *const *groups, size_t n_groups, struct policy_work *work);
/* A port or network has left it. */
void shared_chains_leave(struct shared_chain *chain, struct policy_work *work);
/* Looks at a chain again that was put to work. */
void shared_chains_work(struct shared_chains *chains, struct shared_chain *chain, struct policy_work *work);
/* The members of a set that 'policy' names changed. */
void shared_chains_note_set(struct shared_policy *policy, struct policy_work *work);
void shared_chains_sweep(struct shared_chains *chains, struct policy_work *work);
