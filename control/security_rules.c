// SPDX-License-Identifier: Apache-2.0
#include "control/security_rules.h"

#include <stdlib.h>

#include <hash.h>
#include <openvswitch/util.h>
#include <util.h>
#include <uuid.h>

#include "control/address_sets.h"
#include "control/security_groups.h"
#include "control/text_list.h"

void security_rules_init(struct security_rules *rules)
{
    hmap_init(&rules->by_row);
    hmap_init(&rules->by_id);
    rules->last_id = 0;
}

static void rule_free(struct security_rules *rules, struct security_rule *rule)
{
    hmap_remove(&rules->by_row, &rule->by_row);
    hmap_remove(&rules->by_id, &rule->by_id);
    free(rule->name);
    free(rule->text);
    free(rule->error);
    free(rule);
}

void security_rules_destroy(struct security_rules *rules)
{
    struct security_rule *rule;

    HMAP_FOR_EACH_SAFE (rule, by_row, &rules->by_row) {
        rule_free(rules, rule);
    }
    hmap_destroy(&rules->by_row);
    hmap_destroy(&rules->by_id);
}

struct security_rule *security_rules_find(const struct security_rules *rules, const struct uuid *row)
{
    struct security_rule *rule;

    HMAP_FOR_EACH_WITH_HASH (rule, by_row, uuid_hash(row), &rules->by_row) {
        if (uuid_equals(&rule->row, row))
            return rule;
    }
    return NULL;
}

struct security_rule *security_rules_find_id(const struct security_rules *rules, uint32_t id)
{
    struct security_rule *rule;

    HMAP_FOR_EACH_WITH_HASH (rule, by_id, hash_int(id, 0), &rules->by_id) {
        if (rule->rule.id == id)
            return rule;
    }
    return NULL;
}

/* Ids grow, so that the id of a rule that is gone does not soon name another one in a session's verdict. */
static struct security_rule *rule_create(struct security_rules *rules, const struct uuid *row)
{
    struct security_rule *rule = xzalloc(sizeof *rule);

    do
        rules->last_id++;
    while (rules->last_id == 0 || security_rules_find_id(rules, rules->last_id) != NULL);
    rule->row = *row;
    rule->rule.id = rules->last_id;
    rule->error = xstrdup("");
    hmap_insert(&rules->by_row, &rule->by_row, uuid_hash(row));
    hmap_insert(&rules->by_id, &rule->by_id, hash_int(rule->rule.id, 0));
    return rule;
}

void security_rules_begin(struct security_rules *rules)
{
    struct security_rule *rule;

    HMAP_FOR_EACH (rule, by_row, &rules->by_row) {
        rule->seen = false;
        rule->changed = false;
        rule->group = NULL;
    }
}

bool security_rule_equal(const struct rule *a, const struct rule *b)
{
    return a->id == b->id && a->direction == b->direction && a->family == b->family && a->protocol == b->protocol &&
           a->port_min == b->port_min && a->port_max == b->port_max && a->icmp_type == b->icmp_type &&
           a->icmp_code == b->icmp_code && a->remote == b->remote && a->set == b->set &&
           (a->remote != RULE_REMOTE_PREFIX ||
            (inet_addr_equal(&a->prefix.addr, &b->prefix.addr) && a->prefix.len == b->prefix.len));
}

/* '*out' and NULL, or a sentence that the caller frees. */
static char *compile(const struct rule_row *row, const struct security_rule_remote *remote, struct rule *out)
{
    struct rule_columns columns = row->columns;
    char *error = NULL;

    if (remote->error != NULL)
        return xstrdup(remote->error);
    columns.has_set = remote->set != NULL;
    columns.set = remote->set != NULL ? remote->set->number : 0;
    if (rule_from_columns(&columns, out, &error) != 0 && error == NULL)
        error = xstrdup("rule cannot be read");
    return error;
}

void security_rules_update(struct security_rules *rules, const struct rule_row *row,
                           const struct security_rule_remote *remote)
{
    struct security_rule *rule = security_rules_find(rules, &row->id);

    if (rule == NULL)
        rule = rule_create(rules, &row->id);
    rule->seen = true;
    rule->set = remote->set;
    rule->addresses = remote->addresses;
    text_assign(&rule->name, row->name);

    struct rule compiled = {.set = 0};
    char *error = compile(row, remote, &compiled);
    bool was_in_force = rule->error == NULL;
    bool is_in_force = error == NULL;

    compiled.id = rule->rule.id;
    if (text_assign(&rule->error, error))
        rule->error_is_new = error != NULL;
    free(error);
    rule->changed = was_in_force != is_in_force || (is_in_force && !security_rule_equal(&rule->rule, &compiled));
    if (is_in_force)
        rule->rule = compiled;
}

void security_rules_sweep(struct security_rules *rules)
{
    struct security_rule *rule;

    HMAP_FOR_EACH_SAFE (rule, by_row, &rules->by_row) {
        if (!rule->seen)
            rule_free(rules, rule);
    }
}

const char *security_rule_text(struct security_rule *rule)
{
    const char *group = rule->group != NULL ? rule->group->name : "-";

    free(rule->text);
    if (rule->name != NULL && rule->name[0] != '\0')
        rule->text = xasprintf("%s/%s", group, rule->name);
    else
        rule->text = xasprintf("%s/%08x", group, rule->row.parts[0]); /* the UUID's first group of digits */
    return rule->text;
}
