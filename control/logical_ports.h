// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/hmap.h>

#include "acl/policy.h"
#include "control/policy_rows.h"
#include "control/prefix_list.h"
#include "control/text_list.h"

struct security_group;

/* Logical_Port rows and the policy that follows from each. Control thread. */
struct logical_port {
    struct hmap_node by_row;
    struct hmap_node by_name;
    struct uuid row;
    char *name;

    /* Addresses: a pair that does not parse is refused by itself. */
    struct text_list addresses;
    struct prefix_list members;    /* the IP addresses of the good pairs: what the port adds to its groups */
    struct port_security *allowed; /* the good pairs, whether port_security is on or not; NULL: out of memory */
    size_t n_pairs;                /* good ones */
    char *address_error;           /* the first bad one in a sentence; NULL: none */

    bool port_security;
    bool enabled;
    struct uuid *group_rows; /* as of this pass, sorted, each once */
    size_t n_group_rows;
    struct security_group **groups; /* those of them that exist, in the same order; valid during a pass */
    size_t n_groups;

    struct port_policy policy; /* holds references */
    size_t n_rules;            /* in force, both directions */
    char *error;               /* for Logical_Port.status: the first thing wrong with the row itself; NULL: nothing */
    char *warning;             /* likewise: the first thing wrong with its groups, whose other rules are in force */
    uint64_t version;
    bool seen;           /* in this pass */
    bool is_new;         /* in this pass, or renamed */
    bool status_written; /* status:interface in the database is ours */
};

struct logical_ports {
    struct hmap by_row;
    struct hmap by_name;
    uint64_t last_version;
};

void logical_ports_init(struct logical_ports *ports);
void logical_ports_destroy(struct logical_ports *ports);
struct logical_port *logical_ports_find(const struct logical_ports *ports, const struct uuid *row);
struct logical_port *logical_ports_find_name(const struct logical_ports *ports, const char *name);

/* A pass: update makes the entries equal to the rows and marks the groups whose members changed
 * (security_group.members_changed); then sets get their members; then decide derives every port's policy and gives a
 * new version to those whose flows must be decided again. Both return true when something changed. */
bool logical_ports_update(struct logical_ports *ports, const struct port_row *rows, size_t n,
                          const struct hmap *security_groups);
bool logical_ports_decide(struct logical_ports *ports, struct hmap *shared_policies, uint64_t pass);
