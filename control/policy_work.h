// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/list.h>

/* What one pass over changed rows has to look at again. Each thing has a list node for each list that it may be on, which
 * points at itself while it is on none, so that a thing is on a list once at most. Control thread. */
struct policy_work {
    uint64_t pass; /* counts passes from 1; things remember the one in which they changed */
    bool changed;  /* something changed that snapshots depend on */
    bool pick_up;  /* Sluice.options:tcp-pickup */

    struct ovs_list rules;    /* struct security_rule: what it says, or whether it is in force */
    struct ovs_list groups;   /* struct security_group: rules in force, or settings */
    struct ovs_list members;  /* struct security_group: addresses of its ports */
    struct ovs_list chains;   /* struct shared_chain: what it is made of */
    struct ovs_list ports;    /* struct logical_port: what follows for it */
    struct ovs_list networks; /* struct acl_network: likewise */

    struct ovs_list statuses; /* struct logical_port: its status is to be written; outlives a pass */
    bool bindings_changed;    /* ports came, or have other names: their interfaces have to be looked up */

    /* May be in use no more: freed at the end of the pass, unless they are by then. */
    struct ovs_list unused_chains;
    struct ovs_list unused_policies;
    struct ovs_list unused_sets;
    struct ovs_list unused_rules;
    struct ovs_list unused_groups;
    struct ovs_list unused_address_groups;

    /* Ids of rules that were removed or changed, whose sessions have to end (on_change=flush). */
    uint32_t *ended;
    size_t n_ended;
    size_t allocated_ended;
};

void policy_work_init(struct policy_work *work);
void policy_work_destroy(struct policy_work *work);

/* Puts 'node' on 'list' unless it is on it. */
void policy_work_add(struct ovs_list *list, struct ovs_list *node);
/* The next node, taken off the list; NULL: it is empty. */
struct ovs_list *policy_work_next(struct ovs_list *list);
/* Takes 'node' off whatever list it is on, if any. */
void policy_work_forget(struct ovs_list *node);

void policy_work_end_sessions(struct policy_work *work, uint32_t rule_id);
