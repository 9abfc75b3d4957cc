// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hmapx.h>
#include <openvswitch/hmap.h>
#include <openvswitch/list.h>

#include "acl/acl_rule.h"
#include "control/policy_rows.h"
#include "control/rule_ids.h"

struct address_group;
struct address_set;
struct policy_work;
struct security_group;

/* Security_Group_Rule and ACL rows, compiled one by one. A row that is listed somewhere has an entry whether it is there or
 * not. Control thread. */
struct security_rule {
    struct hmap_node by_row;
    struct uuid row;
    bool present;     /* its row is there */
    bool is_acl;      /* then it has an owner of its own, a place and an action */
    bool closes;      /* an enforced ACL that denies, or whose action is not known: without it more would pass */
    bool in_force;    /* rows and references are right */
    uint64_t seen;    /* pass in which the row was last seen */
    uint64_t changed; /* pass in which 'what' or 'in_force' last changed */
    char *name;       /* the row's own; NULL: none */
    char *text;       /* "GROUP/RULE", made when asked for */
    char *fault;      /* what is wrong with the row itself; NULL: nothing */
    char *error;      /* why it is refused; NULL: it is not */
    struct rule_id id;
    struct acl_rule what;    /* what the row says, valid without 'fault'; rules have tier and priority 0 */
    struct address_set *set; /* the set it names, or NULL */
    struct security_group *remote_group;
    struct address_group *remote_addresses;

    struct hmapx groups;    /* of struct security_group: that list it */
    struct hmapx ports;     /* of struct logical_port: that list it as ACL */
    struct hmapx networks;  /* of struct acl_network: likewise */
    struct hmapx chains;    /* of struct shared_chain: made of it as ACL */
    struct ovs_list work;   /* in policy_work.rules */
    struct ovs_list unused; /* in policy_work.unused_rules */
    bool recompiled;        /* since it was last worked on */
};

struct security_rules {
    struct hmap by_row;
    struct rule_ids *ids;
};

void security_rules_init(struct security_rules *rules, struct rule_ids *ids);
void security_rules_destroy(struct security_rules *rules);

/* The entry of 'row', or NULL. */
struct security_rule *security_rules_find(const struct security_rules *rules, const struct uuid *row);
/* The same, made when there is none. */
struct security_rule *security_rules_use(struct security_rules *rules, const struct uuid *row);
/* Nobody lists it any more, perhaps. */
void security_rules_leave(struct security_rule *rule, struct policy_work *work);

/* What a row's remote columns name, by the caller: the set's number, or why there is none. */
struct security_rule_remote {
    struct security_group *group;
    struct address_group *addresses;
    struct address_set *set;
    const char *error; /* NULL: none */
};
/* Takes over a row; put to work when it says something else than before. The caller has linked 'remote' to the entry. */
void security_rules_set(struct security_rules *rules, struct security_rule *rule, const struct rule_row *row,
                        const struct security_rule_remote *remote, struct policy_work *work);
/* The row is gone; the caller has taken its remote away. */
void security_rules_remove(struct security_rule *rule, struct policy_work *work);
/* Looks at a rule again that was put to work: whether it is in force, and who has to know. */
void security_rules_work(struct security_rule *rule, struct policy_work *work);
void security_rules_sweep(struct security_rules *rules, struct policy_work *work);

/* "GROUP/RULE", "PORT/ACL" or "NETWORK/ACL", where the second is the row's name or the first characters of its UUID. Lives
 * until the next call for the same rule. */
const char *security_rule_text(struct security_rule *rule);

/* True when both say the same about every packet, whatever their ids and what a change of them does. */
bool security_rule_equal(const struct rule *a, const struct rule *b);
