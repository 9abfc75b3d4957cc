// SPDX-License-Identifier: Apache-2.0
#include "dataplane/vlan.h"

#include "dataplane/core/packet.h"

static bool is_trunked(const struct vlan_config *config, uint16_t id)
{
    return config->all_trunks || (config->trunks[id / 64] >> (id % 64) & 1) != 0;
}

static bool is_native(const struct vlan_config *config)
{
    return config->mode == VLAN_NATIVE_TAGGED || config->mode == VLAN_NATIVE_UNTAGGED;
}

bool vlan_ingress(const struct vlan_config *config, uint16_t vlan, uint16_t *id)
{
    uint16_t tag = (vlan & PACKET_VLAN_PRESENT) ? vlan & PACKET_VLAN_ID : 0;

    if (config->blocked)
        return false;
    if (config->mode == VLAN_ACCESS) {
        *id = config->tag;
        return tag == 0;
    }
    *id = tag == 0 && is_native(config) ? config->tag : tag;
    return (is_native(config) && *id == config->tag) || is_trunked(config, *id);
}

bool vlan_egress(const struct vlan_config *config, uint16_t id, bool *tagged)
{
    if (config->blocked)
        return false;
    switch (config->mode) {
    case VLAN_ACCESS:
        *tagged = false;
        return id == config->tag;
    case VLAN_TRUNK:
        *tagged = id != 0;
        return is_trunked(config, id);
    case VLAN_NATIVE_TAGGED:
        *tagged = id != 0;
        return id == config->tag || is_trunked(config, id);
    case VLAN_NATIVE_UNTAGGED:
        *tagged = id != 0 && id != config->tag;
        return id == config->tag || is_trunked(config, id);
    }
    return false;
}

enum vlan_change vlan_change(uint16_t vlan, uint16_t id, bool tagged)
{
    bool has_tag = (vlan & PACKET_VLAN_PRESENT) != 0;

    if (!tagged)
        return has_tag ? VLAN_POP : VLAN_KEEP;
    if (!has_tag)
        return VLAN_PUSH;
    return (vlan & PACKET_VLAN_ID) == id ? VLAN_KEEP : VLAN_SET;
}
