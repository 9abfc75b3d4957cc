// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hmapx.h>
#include <openvswitch/hmap.h>
#include <openvswitch/list.h>

#include "control/policy_rows.h"
#include "control/rule_ids.h"
#include "control/security_rules.h"

struct address_set;
struct address_sets;
struct policy_work;

/* Security_Group rows. A group that a port or rule names has an entry whether its row is there or not. Control thread. */
struct security_group {
    struct hmap_node node; /* by row */
    struct uuid row;
    bool present; /* its row is there */
    uint64_t seen;
    char *name;
    bool stateful;
    bool is_audit; /* mode */
    enum rule_on_change on_change;
    struct security_rule **rules; /* as the row lists them, by row */
    size_t n_rules;
    struct security_rule **in_force; /* those of them that are, by id */
    size_t n_in_force;
    uint64_t changed;              /* pass in which rules in force or settings last changed */
    char *error;                   /* the first thing wrong in its rules, in a sentence; NULL: nothing */
    struct rule_id default_ids[2]; /* by enum rule_direction: name the denial of what no group of a port allows */

    struct address_set *set;  /* of its members, as a remote group; NULL: no rule names it */
    struct hmapx namers;      /* of struct security_rule: that name it as remote group */
    struct hmapx ports;       /* of struct logical_port: in it */
    struct hmapx chains;      /* of struct shared_chain: made of it */
    struct ovs_list work;     /* in policy_work.groups */
    struct ovs_list gathered; /* in policy_work.members */
    struct ovs_list unused;   /* in policy_work.unused_groups */
};

struct security_groups {
    struct hmap by_row;
    struct rule_ids *ids;
};

void security_groups_init(struct security_groups *groups, struct rule_ids *ids);
void security_groups_destroy(struct security_groups *groups);

/* The entry of 'row', or NULL. */
struct security_group *security_groups_find(const struct security_groups *groups, const struct uuid *row);
/* The same, made when there is none. */
struct security_group *security_groups_use(struct security_groups *groups, const struct uuid *row);
/* Nobody names it any more, perhaps. */
void security_groups_leave(struct security_group *group, struct policy_work *work);
/* Takes over a row, and puts to work who has to know. */
void security_groups_set(struct security_groups *groups, const struct group_row *row, struct security_rules *rules,
                         struct policy_work *work);
/* The row is gone. */
void security_groups_remove(struct security_groups *groups, struct security_group *group, struct policy_work *work);
/* Looks at a group again that was put to work: its rules in force. */
void security_groups_work(struct security_group *group, struct policy_work *work);
/* Gathers the addresses of its ports. True when that changed its set. */
bool security_groups_gather(struct security_group *group, struct address_sets *sets);
void security_groups_sweep(struct security_groups *groups, struct policy_work *work);
