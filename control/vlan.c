// SPDX-License-Identifier: Apache-2.0
#include "control/vlan.h"

#include <string.h>

#include <vswitch-idl.h>

#define VLAN_DEAD 4095

static void set_trunk(struct vlan_config *vlan, int64_t id)
{
    if (id >= 0 && id <= 4095)
        vlan->trunks[id / 64] |= UINT64_C(1) << (id % 64);
}

static void set_trunks(struct vlan_config *vlan, const struct ovsrec_port *port)
{
    vlan->all_trunks = port->n_trunks == 0;
    for (size_t i = 0; i < port->n_trunks; i++)
        set_trunk(vlan, port->trunks[i]);
}

static bool only_dead_trunk(const struct ovsrec_port *port)
{
    for (size_t i = 0; i < port->n_trunks; i++) {
        if (port->trunks[i] != VLAN_DEAD)
            return false;
    }
    return port->n_trunks > 0;
}

static const char *set_access(struct vlan_config *vlan, const struct ovsrec_port *port)
{
    vlan->mode = VLAN_ACCESS;
    vlan->blocked = vlan->tag == VLAN_DEAD;
    return port->n_trunks > 0 ? "trunks are ignored because the port is an access port" : NULL;
}

const char *vlan_config_from_port(const struct ovsrec_port *port, struct vlan_config *vlan)
{
    bool has_tag = port->n_tag > 0 && port->tag[0] >= 0 && port->tag[0] <= 4095;
    const char *mode = port->vlan_mode;

    memset(vlan, 0, sizeof *vlan);
    if (has_tag)
        vlan->tag = (uint16_t)port->tag[0];
    if (mode == NULL)
        mode = has_tag ? "access" : "trunk";
    if (strcmp(mode, "access") == 0)
        return set_access(vlan, port);

    set_trunks(vlan, port);
    vlan->blocked = only_dead_trunk(port);
    if (strcmp(mode, "native-tagged") == 0 || strcmp(mode, "native-untagged") == 0) {
        vlan->mode = mode[7] == 't' ? VLAN_NATIVE_TAGGED : VLAN_NATIVE_UNTAGGED;
        vlan->blocked = vlan->blocked && vlan->tag == VLAN_DEAD;
        set_trunk(vlan, vlan->tag);
        return NULL;
    }
    vlan->mode = VLAN_TRUNK;
    vlan->tag = 0;
    if (strcmp(mode, "trunk") == 0)
        return NULL;
    vlan->blocked = true;
    return "vlan_mode is not supported (access, trunk, native-tagged and native-untagged are); the port is blocked";
}
