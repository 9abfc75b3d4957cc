// SPDX-License-Identifier: Apache-2.0
#include "control/unixctl_commands.h"

#include <stddef.h>
#include <unixctl.h>
#include <util.h>

#include "control/vswitch.h"

void unixctl_commands_register(struct vswitch *vswitch)
{
    const struct unixctl_command *const tables[] = {
        unixctl_fdb_commands,       unixctl_dpctl_commands, unixctl_conntrack_commands, unixctl_drop_commands,
        unixctl_tunnel_commands,    unixctl_acl_commands,   unixctl_acl_why_commands,   unixctl_acl_list_commands,
        unixctl_acl_drops_commands, unixctl_mem_commands,   unixctl_dpdk_commands,      unixctl_pmd_commands,
        unixctl_pmd_rxq_commands,
    };

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        for (const struct unixctl_command *c = tables[i]; c->name != NULL; c++)
            unixctl_command_register(c->name, c->usage, c->min_args, c->max_args, c->run, vswitch);
    }
}

bool unixctl_need_data_plane(struct unixctl_conn *conn, const struct vswitch *vswitch)
{
    if (vswitch_has_data_plane(vswitch))
        return true;
    unixctl_command_reply_error(conn, "the data plane is not running");
    return false;
}
