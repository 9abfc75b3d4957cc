// SPDX-License-Identifier: Apache-2.0
#include "control/policy_rows.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/util.h>
#include <util.h>

#include "control/schema/sluice-idl.h"

/* A new element, zeroed, at the end of a list with 'n' that grows by powers of two. */
static void *grow(void *list, size_t n, size_t size)
{
    if ((n & (n - 1)) == 0)
        list = xrealloc(list, (n > 0 ? 2 * n : 1) * size);
    memset((char *)list + n * size, 0, size);
    return list;
}

/* References are read as UUIDs, not as row pointers: a reference whose row is not there must stay visible. */
static struct uuid *copy_uuids(const struct ovsdb_datum *datum, size_t *n)
{
    struct uuid *uuids = datum->n > 0 ? xmalloc(datum->n * sizeof *uuids) : NULL;

    for (size_t i = 0; i < datum->n; i++)
        uuids[i] = datum->keys[i].uuid;
    *n = datum->n;
    return uuids;
}

static bool copy_uuid(const struct ovsdb_datum *datum, struct uuid *id)
{
    if (datum->n == 0)
        return false;
    *id = datum->keys[0].uuid;
    return true;
}

static bool optional_integer(const int64_t *value, size_t n, int64_t *out)
{
    if (n == 0)
        return false;
    *out = *value;
    return true;
}

static bool is_text(const char *text, const char *wanted)
{
    return text != NULL && strcmp(text, wanted) == 0;
}

static void read_address_group(struct policy_rows *rows, const struct ovsdb_idl_row *header)
{
    const struct sluicerec_address_group *row = CONTAINER_OF(header, struct sluicerec_address_group, header_);

    rows->address_groups = grow(rows->address_groups, rows->n_address_groups, sizeof *rows->address_groups);
    rows->address_groups[rows->n_address_groups++] = (struct address_group_row){
        .id = header->uuid,
        .name = row->name,
        .addresses = row->addresses,
        .n_addresses = row->n_addresses,
    };
}

static struct rule_row *new_rule(struct policy_rows *rows)
{
    rows->rules = grow(rows->rules, rows->n_rules, sizeof *rows->rules);
    return &rows->rules[rows->n_rules++];
}

static void read_rule(struct policy_rows *rows, const struct ovsdb_idl_row *header)
{
    const struct sluicerec_security_group_rule *row =
        CONTAINER_OF(header, struct sluicerec_security_group_rule, header_);
    struct rule_row *rule = new_rule(rows);
    struct rule_columns *c = &rule->columns.rule;

    rule->id = header->uuid;
    rule->name = row->name;
    rule->log = row->n_log > 0 && *row->log;
    c->direction = row->direction;
    c->ethertype = row->ethertype;
    c->protocol = row->protocol;
    c->remote_cidr = row->remote_cidr;
    c->has_port_min = optional_integer(row->port_min, row->n_port_min, &c->port_min);
    c->has_port_max = optional_integer(row->port_max, row->n_port_max, &c->port_max);
    c->has_icmp_type = optional_integer(row->icmp_type, row->n_icmp_type, &c->icmp_type);
    c->has_icmp_code = optional_integer(row->icmp_code, row->n_icmp_code, &c->icmp_code);
    rule->has_remote_group =
        copy_uuid(sluicerec_security_group_rule_get_remote_group(row, OVSDB_TYPE_UUID), &rule->remote_group);
    rule->has_remote_addresses =
        copy_uuid(sluicerec_security_group_rule_get_remote_addresses(row, OVSDB_TYPE_UUID), &rule->remote_addresses);
}

/* The columns of an ACL that a rule has as well. */
static void read_acl_match(struct rule_row *rule, const struct sluicerec_acl *row)
{
    struct rule_columns *c = &rule->columns.rule;

    c->direction = row->direction;
    c->ethertype = row->ethertype;
    c->protocol = row->protocol;
    c->remote_cidr = row->remote_cidr;
    c->has_port_min = optional_integer(row->port_min, row->n_port_min, &c->port_min);
    c->has_port_max = optional_integer(row->port_max, row->n_port_max, &c->port_max);
    c->has_icmp_type = optional_integer(row->icmp_type, row->n_icmp_type, &c->icmp_type);
    c->has_icmp_code = optional_integer(row->icmp_code, row->n_icmp_code, &c->icmp_code);
    rule->has_remote_group = copy_uuid(sluicerec_acl_get_remote_group(row, OVSDB_TYPE_UUID), &rule->remote_group);
    rule->has_remote_addresses =
        copy_uuid(sluicerec_acl_get_remote_addresses(row, OVSDB_TYPE_UUID), &rule->remote_addresses);
}

static void read_acl(struct policy_rows *rows, const struct ovsdb_idl_row *header)
{
    const struct sluicerec_acl *row = CONTAINER_OF(header, struct sluicerec_acl, header_);
    struct rule_row *rule = new_rule(rows);
    struct acl_columns *c = &rule->columns;

    rule->id = header->uuid;
    rule->name = row->name;
    rule->is_acl = true;
    rule->log = row->n_log > 0 && *row->log;
    c->action = row->action;
    c->mode = row->mode;
    c->has_tier = optional_integer(row->tier, row->n_tier, &c->tier);
    c->has_priority = optional_integer(row->priority, row->n_priority, &c->priority);
    c->local_cidr = row->local_cidr;
    c->has_src_port_min = optional_integer(row->src_port_min, row->n_src_port_min, &c->src_port_min);
    c->has_src_port_max = optional_integer(row->src_port_max, row->n_src_port_max, &c->src_port_max);
    c->src_mac = row->src_mac;
    c->dst_mac = row->dst_mac;
    c->has_vlan = optional_integer(row->vlan, row->n_vlan, &c->vlan);
    c->tcp_flags = row->tcp_flags;
    c->has_dscp = optional_integer(row->dscp, row->n_dscp, &c->dscp);
    read_acl_match(rule, row);
}

static void read_group(struct policy_rows *rows, const struct ovsdb_idl_row *header)
{
    const struct sluicerec_security_group *row = CONTAINER_OF(header, struct sluicerec_security_group, header_);
    struct group_row *group;

    rows->groups = grow(rows->groups, rows->n_groups, sizeof *rows->groups);
    group = &rows->groups[rows->n_groups++];
    *group = (struct group_row){
        .id = header->uuid,
        .name = row->name,
        .stateful = row->n_stateful == 0 || *row->stateful,
        .is_audit = is_text(row->mode, "audit"),
        .on_change = is_text(row->on_change, "keep")    ? RULE_KEEP
                     : is_text(row->on_change, "flush") ? RULE_FLUSH
                                                        : RULE_REEVALUATE,
    };
    group->rules = copy_uuids(sluicerec_security_group_get_rules(row, OVSDB_TYPE_UUID), &group->n_rules);
}

static void read_port(struct policy_rows *rows, const struct ovsdb_idl_row *header)
{
    const struct sluicerec_logical_port *row = CONTAINER_OF(header, struct sluicerec_logical_port, header_);
    struct port_row *port;

    rows->ports = grow(rows->ports, rows->n_ports, sizeof *rows->ports);
    port = &rows->ports[rows->n_ports++];
    *port = (struct port_row){
        .id = header->uuid,
        .name = row->name,
        .addresses = row->addresses,
        .n_addresses = row->n_addresses,
        .port_security = row->n_port_security == 0 || *row->port_security,
        .enabled = row->n_enabled == 0 || *row->enabled,
        .conntrack = &row->conntrack,
    };
    port->groups = copy_uuids(sluicerec_logical_port_get_security_groups(row, OVSDB_TYPE_UUID), &port->n_groups);
    port->acls = copy_uuids(sluicerec_logical_port_get_acls(row, OVSDB_TYPE_UUID), &port->n_acls);
}

static void read_network(struct policy_rows *rows, const struct ovsdb_idl_row *header)
{
    const struct sluicerec_logical_network *row = CONTAINER_OF(header, struct sluicerec_logical_network, header_);
    struct acl_network_row *network;

    rows->networks = grow(rows->networks, rows->n_networks, sizeof *rows->networks);
    network = &rows->networks[rows->n_networks++];
    *network = (struct acl_network_row){
        .id = header->uuid,
        .name = row->name,
        .bridge = row->bridge,
        .tag = row->n_tag > 0 ? *row->tag : 0,
    };
    network->acls = copy_uuids(sluicerec_logical_network_get_acls(row, OVSDB_TYPE_UUID), &network->n_acls);
}

static const struct {
    const struct ovsdb_idl_table_class *table;
    void (*read)(struct policy_rows *rows, const struct ovsdb_idl_row *row);
} tables[] = {
    {&sluicerec_table_address_group, read_address_group},
    {&sluicerec_table_security_group_rule, read_rule},
    {&sluicerec_table_acl, read_acl},
    {&sluicerec_table_security_group, read_group},
    {&sluicerec_table_logical_port, read_port},
    {&sluicerec_table_logical_network, read_network},
};

static void note_gone(struct gone_rows *gone, const struct uuid *id)
{
    if (gone->n == gone->allocated)
        gone->ids = x2nrealloc(gone->ids, &gone->allocated, sizeof *gone->ids);
    gone->ids[gone->n++] = *id;
}

/* The library reports a row also when only a row that it refers to changed; then it says the same as before. */
static bool was_touched(const struct ovsdb_idl_row *row)
{
    return row->updated != NULL || row->change_seqno[OVSDB_IDL_CHANGE_INSERT] > 0;
}

/* False when there was nothing: the library lost track. */
static bool read_changes(struct policy_rows *rows, const struct ovsdb_idl *idl)
{
    bool any = ovsdb_idl_track_get_first(idl, &sluicerec_table_sluice) != NULL;

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        const struct ovsdb_idl_row *row = ovsdb_idl_track_get_first(idl, tables[i].table);

        for (; row != NULL; row = ovsdb_idl_track_get_next(row)) {
            any = true;
            if (row->change_seqno[OVSDB_IDL_CHANGE_DELETE] > 0)
                note_gone(&rows->gone, &row->uuid);
            else if (was_touched(row))
                tables[i].read(rows, row);
        }
    }
    return any;
}

/* A root row that is new is that of another database, or of this one read from the start. */
static bool has_new_root(const struct ovsdb_idl *idl)
{
    const struct ovsdb_idl_row *row = ovsdb_idl_track_get_first(idl, &sluicerec_table_sluice);

    for (; row != NULL; row = ovsdb_idl_track_get_next(row)) {
        if (row->change_seqno[OVSDB_IDL_CHANGE_INSERT] > 0)
            return true;
    }
    return false;
}

void policy_rows_read(struct policy_rows *rows, const struct ovsdb_idl *idl, bool whole)
{
    const struct sluicerec_sluice *root = sluicerec_sluice_first(idl);

    memset(rows, 0, sizeof *rows);
    rows->deny_unknown = root != NULL && is_text(smap_get(&root->options, "unknown-ports"), "deny");
    rows->pick_up = root != NULL && is_text(smap_get(&root->options, "tcp-pickup"), "true");
    rows->is_partial = !whole && !has_new_root(idl) && read_changes(rows, idl);
    if (rows->is_partial)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        const struct ovsdb_idl_row *row = ovsdb_idl_first_row(idl, tables[i].table);

        for (; row != NULL; row = ovsdb_idl_next_row(row))
            tables[i].read(rows, row);
    }
}

void policy_rows_free(struct policy_rows *rows)
{
    for (size_t i = 0; i < rows->n_groups; i++)
        free(rows->groups[i].rules);
    for (size_t i = 0; i < rows->n_ports; i++) {
        free(rows->ports[i].groups);
        free(rows->ports[i].acls);
    }
    for (size_t i = 0; i < rows->n_networks; i++)
        free(rows->networks[i].acls);
    free(rows->gone.ids);
    free(rows->address_groups);
    free(rows->rules);
    free(rows->groups);
    free(rows->ports);
    free(rows->networks);
}
