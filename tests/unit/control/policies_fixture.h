// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openvswitch/vlog.h>
#include <util.h>

#include "acl/policy_chain.h"
#include "control/logical_ports.h"
#include "control/policies.h"
#include "control/policy_rows.h"
#include "dataplane/snapshot.h"

/* A Sluice database of plain rows, and the address sets as a snapshot would have them. */

#define WORLD_SETS 512

struct world {
    struct policies *policies;
    struct policy_rows rows;
    struct addr_set *published[WORLD_SETS];
    unsigned int n_published; /* calls of snapshot_set_address_set() */
    struct zone_policy zone;  /* the one published last; holds references */
    unsigned int n_zones_published;
};

static struct world world;

/* Stands for the data plane's: policies put nothing but address sets into a snapshot. */
int snapshot_set_address_set(struct snapshot *snapshot, uint32_t index, struct addr_set *set)
{
    assert_in_range(index, 1, WORLD_SETS - 1);
    addr_set_unref(world.published[index]);
    world.published[index] = set;
    world.n_published++;
    return 0;
}

/* Likewise; keeps the last policy of one zone. */
int snapshot_set_zone_policy(struct snapshot *snapshot, uint32_t zone, const struct zone_policy *policy)
{
    policy_chain_unref(world.zone.ingress);
    policy_chain_unref(world.zone.egress);
    policy_chain_unref(world.zone.ingress_audit);
    policy_chain_unref(world.zone.egress_audit);
    world.zone = policy != NULL ? *policy : (struct zone_policy){.zone = 0};
    world.n_zones_published++;
    return 0;
}

enum { TABLE_GROUP = 1, TABLE_RULE, TABLE_PORT, TABLE_ADDRESSES, TABLE_NETWORK };

static inline struct uuid row_id(unsigned int table, size_t index)
{
    return (struct uuid){.parts = {table, (uint32_t)index, 0, 0}};
}

static inline void *grown(void *rows, size_t n, size_t size)
{
    rows = realloc(rows, (n + 1) * size);
    assert_non_null(rows);
    memset((char *)rows + n * size, 0, size);
    return rows;
}

static inline char *text_of(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    return copy;
}

/* "a, b" as a column of texts. */
static inline char **texts_of(const char *list, size_t *n)
{
    char *copy = text_of(list);
    char **texts = NULL;

    *n = 0;
    for (char *save, *text = strtok_r(copy, ",", &save); text != NULL; text = strtok_r(NULL, ",", &save)) {
        texts = grown(texts, *n, sizeof *texts);
        texts[(*n)++] = text_of(text + strspn(text, " "));
    }
    free(copy);
    return texts;
}

static inline void texts_free(char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(texts[i]);
    free((void *)texts);
}

static inline size_t add_group(const char *name)
{
    struct policy_rows *rows = &world.rows;

    rows->groups = grown(rows->groups, rows->n_groups, sizeof *rows->groups);
    rows->groups[rows->n_groups] =
        (struct group_row){.id = row_id(TABLE_GROUP, rows->n_groups), .name = text_of(name), .stateful = true};
    return rows->n_groups++;
}

/* A rule that no group lists, for TCP to 'port' (0: anything), with no remote yet. */
static inline struct rule_row *new_rule(const char *name, const char *direction, int port)
{
    struct policy_rows *rows = &world.rows;
    struct rule_row *rule;

    rows->rules = grown(rows->rules, rows->n_rules, sizeof *rows->rules);
    rule = &rows->rules[rows->n_rules];
    rule->id = row_id(TABLE_RULE, rows->n_rules++);
    rule->name = name;
    rule->columns.rule.direction = direction;
    if (port != 0) {
        rule->columns.rule.protocol = "tcp";
        rule->columns.rule.has_port_min = rule->columns.rule.has_port_max = true;
        rule->columns.rule.port_min = rule->columns.rule.port_max = port;
    }
    return rule;
}

/* The same in the list of 'group'. */
static inline struct rule_row *add_rule(size_t group, const char *name, const char *direction, int port)
{
    struct group_row *owner = &world.rows.groups[group];
    struct rule_row *rule = new_rule(name, direction, port);

    owner->rules = grown(owner->rules, owner->n_rules, sizeof *owner->rules);
    owner->rules[owner->n_rules++] = rule->id;
    return rule;
}

/* An ACL that nobody lists. */
static inline struct rule_row *new_acl(const char *name, const char *direction, const char *action, int port)
{
    struct rule_row *acl = new_rule(name, direction, port);

    acl->is_acl = true;
    acl->columns.action = action;
    return acl;
}

static inline void list_acl(size_t port, size_t acl)
{
    struct port_row *row = &world.rows.ports[port];

    row->acls = grown(row->acls, row->n_acls, sizeof *row->acls);
    row->acls[row->n_acls++] = world.rows.rules[acl].id;
}

/* An ACL of 'port'. */
static inline struct rule_row *add_acl(size_t port, const char *name, const char *direction, const char *action,
                                       int tcp_port)
{
    struct rule_row *acl = new_acl(name, direction, action, tcp_port);

    list_acl(port, world.rows.n_rules - 1);
    return acl;
}

static inline struct rule_row *add_rule_from_group(size_t group, const char *name, const char *direction, size_t remote)
{
    struct rule_row *rule = add_rule(group, name, direction, 0);

    rule->has_remote_group = true;
    rule->remote_group = row_id(TABLE_GROUP, remote);
    return rule;
}

static inline size_t add_address_group(const char *name, const char *addresses)
{
    struct policy_rows *rows = &world.rows;
    struct address_group_row *row;

    rows->address_groups = grown(rows->address_groups, rows->n_address_groups, sizeof *rows->address_groups);
    row = &rows->address_groups[rows->n_address_groups];
    row->id = row_id(TABLE_ADDRESSES, rows->n_address_groups);
    row->name = text_of(name);
    row->addresses = texts_of(addresses, &row->n_addresses);
    return rows->n_address_groups++;
}

static inline size_t add_port(const char *name, const char *addresses)
{
    struct policy_rows *rows = &world.rows;
    struct port_row *row;

    rows->ports = grown(rows->ports, rows->n_ports, sizeof *rows->ports);
    row = &rows->ports[rows->n_ports];
    row->id = row_id(TABLE_PORT, rows->n_ports);
    row->name = text_of(name);
    row->addresses = texts_of(addresses, &row->n_addresses);
    row->port_security = row->enabled = true;
    return rows->n_ports++;
}

static inline void set_addresses(size_t port, const char *addresses)
{
    struct port_row *row = &world.rows.ports[port];

    texts_free(row->addresses, row->n_addresses);
    row->addresses = texts_of(addresses, &row->n_addresses);
}

static inline void join(size_t port, size_t group)
{
    struct port_row *row = &world.rows.ports[port];

    row->groups = grown(row->groups, row->n_groups, sizeof *row->groups);
    row->groups[row->n_groups++] = row_id(TABLE_GROUP, group);
}

static inline void leave_all(size_t port)
{
    world.rows.ports[port].n_groups = 0;
}

static inline bool apply(void)
{
    bool changed = policies_apply(world.policies, &world.rows);

    assert_int_equal(policies_publish(world.policies, NULL, NULL), 0);
    return changed;
}

static inline uint64_t version_of(const char *port)
{
    struct port_policy policy;
    uint64_t version;

    assert_true(policies_lookup(world.policies, NULL, port, &policy, &version));
    port_policy_unref(&policy);
    return version;
}

/* What 'chain' says about TCP to 'tcp_port' with 'remote'; NULL: it leaves it open. */
static inline const struct policy_rule *decided(const struct policy_chain *chain, const char *remote, uint16_t tcp_port)
{
    struct rule_query query = {.family = RULE_IPV4, .protocol = IPPROTO_TCP, .has_ports = true, .dst_port = tcp_port};
    struct addr_sets sets = {.n = WORLD_SETS, .sets = world.published};

    assert_int_equal(inet_addr_parse(remote, &query.remote), 0);
    if (!inet_addr_is_v4(&query.remote))
        query.family = RULE_IPV6;
    return policy_chain_decide(chain, &sets, &query);
}

/* The rule that allows TCP to 'tcp_port' with 'remote' for 'port', 0: none does, -1: nothing polices the port. */
static inline int64_t allowed_by(const char *port, enum rule_direction direction, const char *remote, uint16_t tcp_port)
{
    const struct policy_rule *rule;
    struct port_policy policy;
    uint64_t version;
    int64_t id = -1;

    assert_true(policies_lookup(world.policies, NULL, port, &policy, &version));
    if (direction == RULE_INGRESS ? policy.ingress != NULL : policy.egress != NULL) {
        rule = decided(direction == RULE_INGRESS ? policy.ingress : policy.egress, remote, tcp_port);
        id = rule != NULL && (rule->action == RULE_ALLOW || rule->action == RULE_ALLOW_STATELESS) ? (int64_t)rule->id
                                                                                                  : 0;
    }
    port_policy_unref(&policy);
    return id;
}

static inline const char *warning_of(size_t port)
{
    return policies_port(world.policies, &world.rows.ports[port].id)->warning;
}

static inline const char *error_of(size_t port)
{
    return policies_port(world.policies, &world.rows.ports[port].id)->error;
}

static inline const struct port_policy *policy_of(size_t port)
{
    return &policies_port(world.policies, &world.rows.ports[port].id)->policy;
}

static int world_create(void **state)
{
    vlog_set_levels(NULL, VLF_CONSOLE, VLL_OFF);
    memset(&world, 0, sizeof world);
    world.policies = policies_create();
    return 0;
}

static int world_destroy(void **state)
{
    struct policy_rows *rows = &world.rows;

    policies_destroy(world.policies);
    snapshot_set_zone_policy(NULL, 0, NULL);
    for (size_t i = 0; i < WORLD_SETS; i++)
        addr_set_unref(world.published[i]);
    for (size_t i = 0; i < rows->n_groups; i++)
        free((char *)rows->groups[i].name);
    for (size_t i = 0; i < rows->n_address_groups; i++) {
        free((char *)rows->address_groups[i].name);
        texts_free(rows->address_groups[i].addresses, rows->address_groups[i].n_addresses);
    }
    for (size_t i = 0; i < rows->n_ports; i++) {
        free((char *)rows->ports[i].name);
        texts_free(rows->ports[i].addresses, rows->ports[i].n_addresses);
    }
    policy_rows_free(rows);
    return 0;
}
