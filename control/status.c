// SPDX-License-Identifier: Apache-2.0
#include "control/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <smap.h>
#include <vswitch-idl.h>

#include "control/applied.h"
#include "control/eal.h"
#include "dataplane/port_types.h"

static void write_number(void (*set)(const struct ovsrec_interface *, const int64_t *, size_t),
                         const struct ovsrec_interface *row, int64_t value, bool known)
{
    set(row, &value, known ? 1 : 0);
}

/* A failed interface has its number -1, its error, and nothing else. */
static void write_failed(const struct interface *interface, const struct ovsrec_interface *row)
{
    int64_t ofport = -1;

    ovsrec_interface_set_ofport(row, &ofport, 1);
    ovsrec_interface_set_error(row, interface->error);
    ovsrec_interface_set_status(row, NULL);
    ovsrec_interface_set_admin_state(row, NULL);
    ovsrec_interface_set_duplex(row, NULL);
    ovsrec_interface_set_link_speed(row, NULL, 0);
    ovsrec_interface_set_link_state(row, NULL);
    ovsrec_interface_set_link_resets(row, NULL, 0);
    ovsrec_interface_set_mac_in_use(row, NULL);
    ovsrec_interface_set_mtu(row, NULL, 0);
    ovsrec_interface_set_ifindex(row, NULL, 0);
    ovsrec_interface_set_statistics(row, NULL, NULL, 0);
}

static void write_open(const struct interface *interface, const struct ovsrec_interface *row)
{
    const struct port_status *status = &interface->status;
    struct smap pairs = SMAP_INITIALIZER(&pairs);
    char mac[MAC_TEXT_LEN];

    for (size_t i = 0; i < status->n_pairs; i++)
        smap_replace(&pairs, status->pairs[i].key, status->pairs[i].value);
    write_number(ovsrec_interface_set_ofport, row, interface->ofport, true);
    ovsrec_interface_set_error(row, interface->error != NULL ? interface->error : interface->complaint);
    ovsrec_interface_set_status(row, &pairs);
    ovsrec_interface_set_admin_state(row, status->admin_up ? "up" : "down");
    ovsrec_interface_set_link_state(row, status->link_up ? "up" : "down");
    ovsrec_interface_set_duplex(row, status->link_speed == 0 ? NULL : status->full_duplex ? "full" : "half");
    write_number(ovsrec_interface_set_link_speed, row, (int64_t)status->link_speed, status->link_speed != 0);
    write_number(ovsrec_interface_set_link_resets, row, status->link_resets, true);
    write_number(ovsrec_interface_set_ifindex, row, status->ifindex, true);
    write_number(ovsrec_interface_set_mtu, row, status->mtu, !interface->is_tunnel);
    ovsrec_interface_set_mac_in_use(row, mac_addr_format(&status->mac, mac));
    smap_destroy(&pairs);
}

/* Not there yet: the builder is at it. */
static void write_pending(const struct interface *interface, const struct ovsrec_interface *row)
{
    struct smap pairs = SMAP_CONST1(&pairs, "probe", "in progress");

    if (interface->ofport != OFPORT_NONE)
        write_number(ovsrec_interface_set_ofport, row, interface->ofport, true);
    ovsrec_interface_set_error(row, NULL);
    ovsrec_interface_set_status(row, &pairs);
    ovsrec_interface_set_link_state(row, "down");
}

static void write_interface(struct interface *interface, const struct ovsdb_idl *idl)
{
    const struct ovsrec_interface *row =
        interface->has_row ? ovsrec_interface_get_for_uuid(idl, &interface->uuid) : NULL;

    if (row == NULL)
        return;
    if (interface->state == INTERFACE_OPEN)
        write_open(interface, row);
    else if (interface->state == INTERFACE_FAILED)
        write_failed(interface, row);
    else
        write_pending(interface, row);
    interface->status_dirty = false;
}

/* There is no OpenFlow here, so a controller is never connected; saying so keeps its watchers from guessing. */
static void write_controllers(const struct ovsrec_bridge *row)
{
    for (size_t i = 0; i < row->n_controller; i++) {
        ovsrec_controller_set_is_connected(row->controller[i], false);
        ovsrec_controller_set_role(row->controller[i], NULL);
    }
}

static bool is_datapath_id(const char *text)
{
    return text != NULL && strlen(text) == 16 && strspn(text, "0123456789abcdefABCDEF") == 16 &&
           strcmp(text, "0000000000000000") != 0;
}

static void write_bridge(const struct applied *applied, const struct ovsrec_bridge *row)
{
    const struct applied_bridge *bridge = applied_find_bridge(applied, row->name);
    const char *wish = smap_get(&row->other_config, "datapath-id");
    const uint8_t *mac;
    char id[20];

    write_controllers(row);
    if (bridge == NULL) {
        ovsrec_bridge_set_datapath_id(row, NULL);
        return;
    }
    mac = bridge->mac.bytes;
    snprintf(id, sizeof id, "0000%02x%02x%02x%02x%02x%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    ovsrec_bridge_set_datapath_id(row, is_datapath_id(wish) ? wish : id);
    ovsrec_bridge_set_datapath_version(row, "<built-in>");
}

void status_write(struct applied *applied, const struct ovsrec_open_vswitch *cfg, struct ovsdb_idl *idl, bool all)
{
    struct interface *interface;

    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        if (all || interface->status_dirty)
            write_interface(interface, idl);
    }
    for (size_t i = 0; all && i < cfg->n_bridges; i++)
        write_bridge(applied, cfg->bridges[i]);
}

#define IFACE_TYPES_MAX 32

void status_write_root(const struct applied *applied, const struct ovsrec_open_vswitch *cfg)
{
    static const char *const datapath_types[] = {"netdev", "system"};
    const char *types[IFACE_TYPES_MAX + 2];
    const struct port_ops *ops;
    size_t n = 0;

    for (size_t i = 0; n < IFACE_TYPES_MAX && (ops = port_ops_at(i)) != NULL; i++)
        types[n++] = ops->type;
    if (applied->tunnels != NULL) {
        types[n++] = "geneve";
        types[n++] = "vxlan";
    }
    ovsrec_open_vswitch_set_datapath_types(cfg, (const char **)datapath_types, 2);
    ovsrec_open_vswitch_set_iface_types(cfg, types, n);
    ovsrec_open_vswitch_set_dpdk_initialized(cfg, applied->no_data_plane == NULL);
    ovsrec_open_vswitch_set_dpdk_version(cfg, eal_version());
}
