// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/snapshot.h"

struct ovsrec_port;

/* The VLAN configuration that the columns tag, trunks and vlan_mode of a Port ask for (OVSDB contract 1.4). Returns
 * NULL, or a constant sentence on what is ignored or refused. A port whose only VLAN is the reserved 4095 is blocked:
 * that is how clients park a port. */
const char *vlan_config_from_port(const struct ovsrec_port *port, struct vlan_config *vlan);
