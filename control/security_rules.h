// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/hmap.h>

#include "acl/rule.h"
#include "control/policy_rows.h"

struct address_group;
struct address_set;
struct security_group;

/* Security_Group_Rule rows, compiled one by one. Control thread. */
struct security_rule {
    struct hmap_node by_row;
    struct hmap_node by_id;
    struct uuid row;
    char *name;                            /* the row's own; NULL: none */
    char *text;                            /* "GROUP/RULE", made when asked for */
    struct security_group *group;          /* one that lists it, for 'text'; NULL: none yet */
    char *error;                           /* why it is refused; NULL: in force */
    struct rule rule;                      /* rule.id is set for refused rules too */
    struct address_set *set;               /* the set it names, or NULL */
    const struct address_group *addresses; /* the Address_Group it names, or NULL */
    bool seen;                             /* in this pass */
    bool changed;                          /* in this pass: 'rule', or whether it is in force */
    bool error_is_new;                     /* not logged yet */
};

struct security_rules {
    struct hmap by_row;
    struct hmap by_id;
    uint32_t last_id;
};

void security_rules_init(struct security_rules *rules);
void security_rules_destroy(struct security_rules *rules);

struct security_rule *security_rules_find(const struct security_rules *rules, const struct uuid *row);
struct security_rule *security_rules_find_id(const struct security_rules *rules, uint32_t id);

/* A pass: begin, then one update per row, then sweep (frees rules whose row is gone). The caller has resolved the
 * row's remote: 'set' and 'addresses', or 'remote_error' when it cannot be. */
struct security_rule_remote {
    struct address_set *set;
    const struct address_group *addresses;
    const char *error; /* NULL: none */
};
void security_rules_begin(struct security_rules *rules);
void security_rules_update(struct security_rules *rules, const struct rule_row *row,
                           const struct security_rule_remote *remote);
void security_rules_sweep(struct security_rules *rules);

/* "GROUP/RULE", where RULE is the row's name or the first characters of its UUID. Lives until the next call for the
 * same rule. */
const char *security_rule_text(struct security_rule *rule);

/* The same rule to the classifier, and the same id. */
bool security_rule_equal(const struct rule *a, const struct rule *b);
