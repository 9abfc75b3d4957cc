// SPDX-License-Identifier: Apache-2.0
#include "control/policy_rows.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/util.h>
#include <util.h>

#include "control/schema/sluice-idl.h"

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

static void read_address_groups(struct policy_rows *rows, const struct ovsdb_idl *idl)
{
    const struct sluicerec_address_group *row;
    size_t allocated = 0;

    SLUICEREC_ADDRESS_GROUP_FOR_EACH(row, idl)
    {
        if (rows->n_address_groups == allocated)
            rows->address_groups = x2nrealloc(rows->address_groups, &allocated, sizeof *rows->address_groups);
        rows->address_groups[rows->n_address_groups++] = (struct address_group_row){
            .id = row->header_.uuid,
            .name = row->name,
            .addresses = row->addresses,
            .n_addresses = row->n_addresses,
        };
    }
}

static void read_rules(struct policy_rows *rows, const struct ovsdb_idl *idl)
{
    const struct sluicerec_security_group_rule *row;
    size_t allocated = 0;

    SLUICEREC_SECURITY_GROUP_RULE_FOR_EACH(row, idl)
    {
        if (rows->n_rules == allocated)
            rows->rules = x2nrealloc(rows->rules, &allocated, sizeof *rows->rules);
        struct rule_row *rule = &rows->rules[rows->n_rules++];
        struct rule_columns *c = &rule->columns;

        memset(rule, 0, sizeof *rule);
        rule->id = row->header_.uuid;
        rule->name = row->name;
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
        rule->has_remote_addresses = copy_uuid(sluicerec_security_group_rule_get_remote_addresses(row, OVSDB_TYPE_UUID),
                                               &rule->remote_addresses);
    }
}

static void read_groups(struct policy_rows *rows, const struct ovsdb_idl *idl)
{
    const struct sluicerec_security_group *row;
    size_t allocated = 0;

    SLUICEREC_SECURITY_GROUP_FOR_EACH(row, idl)
    {
        if (rows->n_groups == allocated)
            rows->groups = x2nrealloc(rows->groups, &allocated, sizeof *rows->groups);
        struct group_row *group = &rows->groups[rows->n_groups++];

        *group = (struct group_row){
            .id = row->header_.uuid,
            .name = row->name,
            .stateful = row->n_stateful == 0 || *row->stateful,
        };
        group->rules = copy_uuids(sluicerec_security_group_get_rules(row, OVSDB_TYPE_UUID), &group->n_rules);
    }
}

static void read_ports(struct policy_rows *rows, const struct ovsdb_idl *idl)
{
    const struct sluicerec_logical_port *row;
    size_t allocated = 0;

    SLUICEREC_LOGICAL_PORT_FOR_EACH(row, idl)
    {
        if (rows->n_ports == allocated)
            rows->ports = x2nrealloc(rows->ports, &allocated, sizeof *rows->ports);
        struct port_row *port = &rows->ports[rows->n_ports++];

        *port = (struct port_row){
            .id = row->header_.uuid,
            .name = row->name,
            .addresses = row->addresses,
            .n_addresses = row->n_addresses,
            .port_security = row->n_port_security == 0 || *row->port_security,
            .enabled = row->n_enabled == 0 || *row->enabled,
        };
        port->groups = copy_uuids(sluicerec_logical_port_get_security_groups(row, OVSDB_TYPE_UUID), &port->n_groups);
    }
}

void policy_rows_read(struct policy_rows *rows, const struct ovsdb_idl *idl)
{
    const struct sluicerec_sluice *root = sluicerec_sluice_first(idl);

    memset(rows, 0, sizeof *rows);
    rows->deny_unknown = root != NULL && strcmp(smap_get_def(&root->options, "unknown-ports", "allow"), "deny") == 0;
    read_address_groups(rows, idl);
    read_rules(rows, idl);
    read_groups(rows, idl);
    read_ports(rows, idl);
}

void policy_rows_free(struct policy_rows *rows)
{
    for (size_t i = 0; i < rows->n_groups; i++)
        free(rows->groups[i].rules);
    for (size_t i = 0; i < rows->n_ports; i++)
        free(rows->ports[i].groups);
    free(rows->address_groups);
    free(rows->rules);
    free(rows->groups);
    free(rows->ports);
}
