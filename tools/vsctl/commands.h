// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "db-ctl-base.h"

// The commands, one table per noun, each ended by an all-NULL row. Help, option parsing and dispatch all read these tables.

// On the database Open_vSwitch, with the meaning, messages and exit status they have in ovs-vsctl(8).
extern const struct ctl_command_syntax vsctl_switch_commands[];
extern const struct ctl_command_syntax vsctl_bridge_commands[];
extern const struct ctl_command_syntax vsctl_port_commands[];
extern const struct ctl_command_syntax vsctl_bond_commands[];
extern const struct ctl_command_syntax vsctl_controller_commands[];

// On the database Sluice.
extern const struct ctl_command_syntax vsctl_network_commands[];
extern const struct ctl_command_syntax vsctl_lport_commands[];
extern const struct ctl_command_syntax vsctl_group_commands[];
extern const struct ctl_command_syntax vsctl_rule_commands[];
extern const struct ctl_command_syntax vsctl_acl_commands[];
extern const struct ctl_command_syntax vsctl_address_group_commands[];
