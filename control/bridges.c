// SPDX-License-Identifier: Apache-2.0
#include "control/bridges.h"

#include <stdlib.h>
#include <string.h>

#include <hash.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <vswitch-idl.h>

#include "control/applied.h"
#include "control/desired.h"
#include "control/ids.h"
#include "control/interfaces.h"
#include "dataplane/dataplane.h"
#include "dataplane/fdb.h"

VLOG_DEFINE_THIS_MODULE(bridges);

/* An address of the locally administered range that follows from the row. */
static struct mac_addr mac_from_uuid(const struct uuid *uuid)
{
    struct mac_addr mac;

    memcpy(mac.bytes, uuid, sizeof mac.bytes);
    mac.bytes[0] = (uint8_t)((mac.bytes[0] & ~0x01) | 0x02);
    return mac;
}

static struct applied_bridge *bridge_create(struct applied *applied, const struct desired_bridge *desired)
{
    uint16_t index = (uint16_t)ids_take(bridge_ids());
    struct applied_bridge *bridge;

    if (index == 0) {
        VLOG_ERR("bridge %s: too many bridges", desired->name);
        return NULL;
    }
    bridge = xzalloc(sizeof *bridge);
    bridge->fdb = fdb_create();
    if (bridge->fdb == NULL) {
        VLOG_ERR("bridge %s: out of memory", desired->name);
        ids_give(bridge_ids(), index);
        free(bridge);
        return NULL;
    }
    bridge->name = xstrdup(desired->name);
    bridge->uuid = desired->row->header_.uuid;
    bridge->index = index;
    bridge->mac = mac_from_uuid(&bridge->uuid);
    hmap_insert(&applied->bridges, &bridge->node, hash_string(bridge->name, 0));
    VLOG_INFO("bridge %s: added", bridge->name);
    return bridge;
}

static void publish(struct applied *applied, struct applied_bridge *bridge)
{
    struct bridge *copy = calloc(1, sizeof *copy);

    if (copy == NULL || applied_edit(applied) == NULL) {
        free(copy);
        return;
    }
    copy->index = bridge->index;
    copy->secure = bridge->secure;
    copy->forward_bpdu = bridge->forward_bpdu;
    copy->fdb = bridge->fdb;
    ovs_strlcpy(copy->name, bridge->name, sizeof copy->name);
    bridge->published = snapshot_set_bridge(applied->edit, bridge->index, copy) == 0;
}

static void update(struct applied *applied, struct applied_bridge *bridge, const struct desired_bridge *desired)
{
    if (!uuid_equals(&bridge->uuid, &desired->row->header_.uuid)) {
        /* Deleted and made again in one transaction: what it had learned is not the new one's. */
        bridge->uuid = desired->row->header_.uuid;
        fdb_flush(bridge->fdb, 0);
        dataplane_revalidate();
    }
    bridge->has_mac = desired->has_mac;
    if (desired->has_mac)
        bridge->mac = desired->mac;
    if (bridge->table_size != desired->table_size || bridge->aging_s != desired->aging_s) {
        bridge->table_size = desired->table_size;
        bridge->aging_s = desired->aging_s;
        fdb_set_limits(bridge->fdb, bridge->table_size, bridge->aging_s);
    }
    if (bridge->published && bridge->secure == desired->secure && bridge->forward_bpdu == desired->forward_bpdu)
        return;
    if (desired->secure && !bridge->secure)
        VLOG_INFO("bridge %s: fail_mode=secure: only ports with a Logical_Port row take part", bridge->name);
    bridge->secure = desired->secure;
    bridge->forward_bpdu = desired->forward_bpdu;
    publish(applied, bridge);
}

static bool is_wanted(const struct applied_bridge *bridge, const struct desired *desired)
{
    const struct desired_bridge *found = shash_find_data(&desired->bridges, bridge->name);

    return found != NULL && found->refused == NULL;
}

void bridges_update(struct applied *applied, const struct desired *desired)
{
    const struct shash_node *node;
    struct applied_bridge *existing;

    HMAP_FOR_EACH (existing, node, &applied->bridges)
        existing->leaving = !is_wanted(existing, desired);
    SHASH_FOR_EACH (node, &desired->bridges) {
        const struct desired_bridge *wanted = node->data;
        struct applied_bridge *bridge;

        if (wanted->refused != NULL)
            continue;
        bridge = applied_find_bridge(applied, wanted->name);
        if (bridge == NULL)
            bridge = bridge_create(applied, wanted);
        if (bridge != NULL)
            update(applied, bridge, wanted);
    }
}

void bridges_remove_unwanted(struct applied *applied)
{
    struct applied_bridge *bridge;

    HMAP_FOR_EACH_SAFE (bridge, node, &applied->bridges) {
        if (!bridge->leaving || applied_edit(applied) == NULL)
            continue;
        VLOG_INFO("bridge %s: removed", bridge->name);
        snapshot_set_bridge(applied->edit, bridge->index, NULL);
        ids_give(bridge_ids(), bridge->index);
        hmap_remove(&applied->bridges, &bridge->node);
        free(bridge->name);
        free(bridge);
    }
}

static bool is_candidate(const struct interface *interface)
{
    const struct mac_addr *mac = &interface->status.mac;

    return !interface->local && interface->state == INTERFACE_OPEN && !mac_addr_is_multicast(mac) &&
           !mac_addr_is_zero(mac) && !(mac->bytes[0] & 0x02);
}

static struct mac_addr choose_mac(const struct applied *applied, const struct applied_bridge *bridge)
{
    const struct interface *interface, *best = NULL;

    if (bridge->has_mac)
        return bridge->mac;
    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        if (interface->bridge != bridge || !is_candidate(interface))
            continue;
        if (best == NULL || memcmp(&interface->status.mac, &best->status.mac, sizeof best->status.mac) < 0)
            best = interface;
    }
    return best != NULL ? best->status.mac : mac_from_uuid(&bridge->uuid);
}

void bridges_choose_macs(struct applied *applied)
{
    struct applied_bridge *bridge;

    HMAP_FOR_EACH (bridge, node, &applied->bridges) {
        struct interface *local = applied_find_interface(applied, bridge->name);

        bridge->mac = choose_mac(applied, bridge);
        if (local != NULL && local->bridge == bridge &&
            (!local->settings->has_mac || !mac_addr_equal(&local->settings->mac, &bridge->mac)))
            interface_set_mac(applied, local, &bridge->mac);
    }
}
