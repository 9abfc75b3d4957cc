// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct vswitch;

/* Commands of the control socket (ovs-appctl), each file with a const table of its own. Those of the Open vSwitch
 * library (version, list-commands, vlog/..., coverage/..., memory/show) come by themselves. Control thread. */
struct unixctl_conn;

struct unixctl_command {
    const char *name;
    const char *usage;
    int min_args;
    int max_args;
    void (*run)(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch);
};

extern const struct unixctl_command unixctl_fdb_commands[];
extern const struct unixctl_command unixctl_dpctl_commands[];
extern const struct unixctl_command unixctl_conntrack_commands[];
extern const struct unixctl_command unixctl_drop_commands[];
extern const struct unixctl_command unixctl_tunnel_commands[];
extern const struct unixctl_command unixctl_pmd_commands[];
extern const struct unixctl_command unixctl_pmd_rxq_commands[];
extern const struct unixctl_command unixctl_acl_commands[];
extern const struct unixctl_command unixctl_acl_why_commands[];
extern const struct unixctl_command unixctl_acl_list_commands[];
extern const struct unixctl_command unixctl_acl_drops_commands[];
extern const struct unixctl_command unixctl_mem_commands[];
extern const struct unixctl_command unixctl_dpdk_commands[];

void unixctl_commands_register(struct vswitch *vswitch);

/* For commands that are of no use without a data plane: answers so, and returns false, when there is none. */
bool unixctl_need_data_plane(struct unixctl_conn *conn, const struct vswitch *vswitch);
