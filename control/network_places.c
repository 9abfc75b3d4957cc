// SPDX-License-Identifier: Apache-2.0
#include "control/network_places.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/shash.h>
#include <util.h>

#include "control/networks.h"
#include "dataplane/core/port.h"

#define TAG_MAX 4094

enum tunnel_type network_tunnel_type(const struct network *network)
{
    return network->encap != NULL && strcmp(network->encap, "geneve") == 0 ? TUNNEL_GENEVE : TUNNEL_VXLAN;
}

char *network_find_fault(const struct network *network)
{
    if (network->has_vni && (network->vni < 0 || network->vni > TUNNEL_VNI_MAX))
        return xasprintf("vni %" PRId64 " is not from 0 to %u", network->vni, TUNNEL_VNI_MAX);
    if (network->tag < 0 || network->tag > TAG_MAX)
        return xasprintf("tag %" PRId64 " is not from 1 to %d", network->tag, TAG_MAX);
    if (network->mtu != 0 && (network->mtu < PORT_MTU_MIN || network->mtu > PORT_MTU_MAX))
        return xasprintf("mtu %" PRId64 " is not from %d to %d", network->mtu, PORT_MTU_MIN, PORT_MTU_MAX);
    return NULL;
}

/* Takes 'key' for 'network', or answers in a sentence who has it. */
static char *claim(struct shash *claims, const struct network *network, char *key, const char *what)
{
    const struct network *other = shash_find_data(claims, key);
    char *error = NULL;

    if (other == NULL)
        shash_add(claims, key, network);
    else
        error = xasprintf("%s %s is that of network %s", what, key, other->name);
    free(key);
    return error;
}

char *network_claim_places(struct shash *claims, const struct network *network)
{
    char *error = claim(claims, network, xasprintf("%s/%" PRId64, network->bridge, network->tag), "bridge/tag");

    if (error != NULL || !network->has_vni)
        return error;
    return claim(
        claims, network,
        xasprintf("%s:%" PRId64, network_tunnel_type(network) == TUNNEL_GENEVE ? "geneve" : "vxlan", network->vni),
        "encap:vni");
}
