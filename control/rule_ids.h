// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

#include <openvswitch/hmap.h>

struct security_group;
struct security_rule;

/* The ids of rules in verdicts and counters, and what each stands for: a rule or ACL, or the default of a group (the denial
 * of what it does not allow). An id is not used again soon after it was given back, because sessions may still name it.
 * Control thread. */
struct rule_id {
    struct hmap_node node; /* in rule_ids.by_id, while 'id' is not 0 */
    uint32_t id;           /* 0: none */
    struct security_rule *rule;
    struct security_group *group;
};

struct rule_ids {
    struct hmap by_id;
    struct ids *numbers;
};

void rule_ids_init(struct rule_ids *ids);
void rule_ids_destroy(struct rule_ids *ids);

/* Gives 'id', which has none, a new one; it stays 0 when all are taken. Its counters begin at zero. */
void rule_ids_take(struct rule_ids *ids, struct rule_id *id);
void rule_ids_give(struct rule_ids *ids, struct rule_id *id);
const struct rule_id *rule_ids_find(const struct rule_ids *ids, uint32_t id);
