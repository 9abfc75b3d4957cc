// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/rule_user.h"
#include "tools/vsctl/sluice_row.h"

#include "control/schema/sluice-idl.h"

#include <stdlib.h>

#include "db-ctl-base.h"
#include "openvswitch/util.h"
#include "util.h"

const struct sluicerec_security_group *rule_user_find(struct ctl_context *ctx,
                                                      const struct sluicerec_security_group_rule *rule,
                                                      const struct sluicerec_security_group *except)
{
    const struct sluicerec_security_group *group;
    SLUICEREC_SECURITY_GROUP_FOR_EACH(group, ctx->idl)
    {
        sluicerec_security_group_verify_rules(group);
        for (size_t i = 0; i < group->n_rules && group != except; i++) {
            if (group->rules[i] == rule) {
                return group;
            }
        }
    }
    return NULL;
}

void rule_user_prerequisites(struct ctl_context *ctx)
{
    static const struct sluice_noun network_noun = {.table = &sluicerec_table_logical_network,
                                                    .name = &sluicerec_logical_network_col_name};
    static const struct sluice_noun lport_noun = {.table = &sluicerec_table_logical_port,
                                                  .name = &sluicerec_logical_port_col_name};
    static const struct ovsdb_idl_column *const columns[] = {
        &sluicerec_logical_port_col_acls, &sluicerec_acl_col_remote_group, &sluicerec_acl_col_remote_addresses};
    static const struct ovsdb_idl_column *const network_columns[] = {&sluicerec_logical_network_col_acls};
    sluice_row_prerequisites(ctx, &lport_noun, columns, ARRAY_SIZE(columns));
    sluice_row_prerequisites(ctx, &network_noun, network_columns, ARRAY_SIZE(network_columns));
}

static bool lists(struct sluicerec_acl *const *acls, size_t n, const struct sluicerec_acl *acl)
{
    for (size_t i = 0; i < n; i++) {
        if (acls[i] == acl) {
            return true;
        }
    }
    return false;
}

// Who lists the ACL, in words that the caller frees, or NULL.
static char *acl_user(struct ctl_context *ctx, const struct sluicerec_acl *acl)
{
    const struct sluicerec_logical_port *port;
    SLUICEREC_LOGICAL_PORT_FOR_EACH(port, ctx->idl)
    {
        sluicerec_logical_port_verify_acls(port);
        if (lists(port->acls, port->n_acls, acl)) {
            return xasprintf("logical port %s", port->name);
        }
    }
    const struct sluicerec_logical_network *network;
    SLUICEREC_LOGICAL_NETWORK_FOR_EACH(network, ctx->idl)
    {
        sluicerec_logical_network_verify_acls(network);
        if (lists(network->acls, network->n_acls, acl)) {
            return xasprintf("logical network %s", network->name);
        }
    }
    return NULL;
}

void rule_user_clear_acls(struct ctl_context *ctx, const struct ovsdb_idl_row *group, const char *what)
{
    const struct sluicerec_acl *acl;
    SLUICEREC_ACL_FOR_EACH(acl, ctx->idl)
    {
        bool as_group = acl->remote_group && &acl->remote_group->header_ == group;
        bool as_addresses = acl->remote_addresses && &acl->remote_addresses->header_ == group;
        if (!as_group && !as_addresses) {
            continue;
        }
        char *user = acl_user(ctx, acl);
        if (user) {
            ctl_fatal("cannot delete %s because an ACL of %s refers to it", what, user);
        }
        if (as_group) {
            sluicerec_acl_set_remote_group(acl, NULL);
        } else {
            sluicerec_acl_set_remote_addresses(acl, NULL);
        }
    }
}
