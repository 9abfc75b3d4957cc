// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/hmap.h>
#include <openvswitch/list.h>

#include "acl/policy.h"
#include "control/acl_list.h"
#include "control/policy_rows.h"
#include "control/prefix_list.h"
#include "control/text_list.h"
#include "control/timeout_sets.h"

struct policy_work;
struct security_group;
struct security_groups;
struct security_rules;
struct shared_chain;
struct shared_chains;

/* Logical_Port rows and the policy that follows from each. Control thread. */
struct logical_port {
    struct hmap_node by_row;
    struct hmap_node by_name;
    struct uuid row;
    uint64_t seen; /* pass in which the row was last seen */
    char *name;

    /* Addresses: a pair that does not parse is refused by itself. */
    struct text_list addresses;
    struct prefix_list members;    /* the IP addresses of the good pairs: what the port adds to its groups */
    struct port_security *allowed; /* the good pairs, whether port_security is on or not; NULL: out of memory */
    size_t n_pairs;                /* good ones */
    char *address_error;           /* the first bad one in a sentence; NULL: none */

    bool port_security;
    bool enabled;
    struct security_group **groups; /* by row, each once; some may not be there */
    size_t n_groups;
    struct acl_list acls;

    /* Sessions. */
    struct session_limits limits; /* as the row has them */
    bool has_pick_up;             /* of its own */
    struct timeout_set *timeouts; /* NULL: the default ones */
    char *session_error;

    struct shared_chain *chains[2]; /* by direction; NULL: nothing polices */
    struct port_policy policy;      /* holds references */
    size_t n_rules;                 /* in force, both directions */
    char *error;   /* for Logical_Port.status: the first thing wrong with the row itself; NULL: nothing */
    char *warning; /* likewise: the first thing wrong with its groups, whose other rules are in force */
    uint64_t version;
    char *interface;        /* that it was bound to when the whole status was last written, NULL: none */
    bool status_written;    /* status:interface in the database is ours */
    struct ovs_list work;   /* in policy_work.ports */
    struct ovs_list status; /* in policy_work.statuses */
};

struct logical_ports {
    struct hmap by_row;
    struct hmap by_name;
    struct timeout_sets timeouts;
    uint64_t last_version;
};

void logical_ports_init(struct logical_ports *ports);
/* 'chains' and what they are made of are still there. */
void logical_ports_destroy(struct logical_ports *ports);
struct logical_port *logical_ports_find(const struct logical_ports *ports, const struct uuid *row);
struct logical_port *logical_ports_find_name(const struct logical_ports *ports, const char *name);

/* Takes over a row, and puts the port and the groups whose members changed to work. */
void logical_ports_set(struct logical_ports *ports, const struct port_row *row, struct security_groups *groups,
                       struct security_rules *rules, struct policy_work *work);
/* The row is gone. */
void logical_ports_remove(struct logical_ports *ports, struct logical_port *port, struct policy_work *work);
/* Derives the policy of a port that was put to work, and gives it a new version when its flows must be decided again. */
void logical_ports_work(struct logical_ports *ports, struct logical_port *port, struct shared_chains *chains,
                        struct policy_work *work);
