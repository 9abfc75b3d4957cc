// SPDX-License-Identifier: Apache-2.0
#include "control/desired.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/vlog.h>
#include <util.h>
#include <vswitch-idl.h>

#include "control/ofports.h"
#include "control/vlan.h"
#include "dataplane/fdb.h"

VLOG_DEFINE_THIS_MODULE(desired);

static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(20, 20);

/* Every bridge is ours whatever it calls its datapath: clients write "", "system" or "netdev" alike. */
static bool is_known_datapath(const char *type)
{
    return type[0] == '\0' || strcmp(type, "system") == 0 || strcmp(type, "netdev") == 0;
}

/* The number at 'key' of a bridge's other_config, drawn to 'min' or 'max' when it is beyond them, as ovs-vswitchd does;
 * 'fallback' when it is absent or no number. Says so when it is not what was written. */
static uint32_t number_in(const struct ovsrec_bridge *row, const char *key, uint32_t min, uint32_t max,
                          uint32_t fallback)
{
    const char *text = smap_get(&row->other_config, key);
    unsigned long written;
    uint32_t value;
    char *end;

    if (text == NULL)
        return fallback;
    written = strtoul(text, &end, 10); /* ULONG_MAX when it is larger still */
    if (text[0] < '0' || text[0] > '9' || *end != '\0')
        value = fallback;
    else if (written >= min && written <= max)
        return (uint32_t)written;
    else
        value = written < min ? min : max;
    VLOG_WARN_RL(&rl,
                 "bridge %s: other_config:%s \"%s\" is not a number from %" PRIu32 " to %" PRIu32 "; taking %" PRIu32,
                 row->name, key, text, min, max, value);
    return value;
}

static void read_bridge(struct desired_bridge *bridge, const struct ovsrec_bridge *row)
{
    const char *hwaddr = smap_get(&row->other_config, "hwaddr");

    bridge->row = row;
    bridge->name = row->name;
    bridge->secure = row->fail_mode != NULL && strcmp(row->fail_mode, "secure") == 0;
    bridge->forward_bpdu = smap_get_bool(&row->other_config, "forward-bpdu", false);
    bridge->table_size = number_in(row, "mac-table-size", 10, 1000000, FDB_SIZE_DEFAULT);
    bridge->aging_s = number_in(row, "mac-aging-time", 15, 3600, FDB_AGING_DEFAULT);
    if (hwaddr != NULL) {
        bridge->has_mac = mac_addr_parse(hwaddr, &bridge->mac) == 0 && !mac_addr_is_multicast(&bridge->mac) &&
                          !mac_addr_is_zero(&bridge->mac);
        if (!bridge->has_mac)
            VLOG_WARN_RL(&rl, "bridge %s: other_config:hwaddr \"%s\" is not a unicast MAC address", row->name, hwaddr);
    }
    if (!is_known_datapath(row->datapath_type))
        bridge->refused =
            xasprintf("could not create bridge %s: unknown datapath_type %s", row->name, row->datapath_type);
    else if (strlen(row->name) >= PORT_NAME_LEN)
        bridge->refused = xasprintf("could not create bridge %.20s...: name too long", row->name);
}

static const char *effective_type(const struct desired_bridge *bridge, const struct ovsrec_interface *row)
{
    if (strcmp(row->name, bridge->name) == 0)
        return "internal";
    return row->type[0] == '\0' ? "system" : row->type;
}

static void read_mtu(struct desired_interface *interface, const struct ovsrec_interface *row)
{
    int64_t mtu = row->n_mtu_request > 0 ? row->mtu_request[0] : 0;

    if (row->n_mtu_request == 0)
        return;
    if (mtu >= PORT_MTU_MIN && mtu <= PORT_MTU_MAX)
        interface->settings->mtu = (uint16_t)mtu;
    else
        interface->complaint =
            xasprintf("mtu_request %" PRId64 " is out of range %d to %d", mtu, PORT_MTU_MIN, PORT_MTU_MAX);
}

static void read_mac(struct desired_interface *interface, const struct ovsrec_interface *row)
{
    struct port_settings *settings = interface->settings;

    if (row->mac == NULL)
        return;
    if (interface->local) {
        VLOG_WARN_RL(&rl, "interface %s: ignoring mac: a bridge's address is set by other_config:hwaddr", row->name);
        return;
    }
    settings->has_mac = strcmp(settings->type, "internal") == 0 && mac_addr_parse(row->mac, &settings->mac) == 0 &&
                        !mac_addr_is_multicast(&settings->mac) && !mac_addr_is_zero(&settings->mac);
    if (!settings->has_mac)
        VLOG_WARN_RL(&rl, "interface %s: ignoring mac \"%s\"", row->name, row->mac);
}

static void read_ofport(struct desired_interface *interface, const struct ovsrec_interface *row)
{
    if (row->n_ofport_request > 0)
        interface->ofport_request = row->ofport_request[0];
    if (row->n_ofport > 0 && row->ofport[0] > 0)
        interface->ofport_before = row->ofport[0];
}

static void refuse(struct desired_interface *interface, const struct ovsrec_port *port)
{
    const char *name = interface->settings->name;

    if (interface->bridge->refused != NULL)
        interface->refused = xstrdup(interface->bridge->refused);
    else if (port->n_interfaces > 1)
        interface->refused = xasprintf("bonded ports are not supported yet; give port %.60s one interface", port->name);
    else if (strlen(name) >= PORT_NAME_LEN)
        interface->refused = xasprintf("could not open network device %.20s... (File name too long)", name);
}

static struct desired_interface *add_interface(struct desired *desired, struct desired_bridge *bridge, const char *name,
                                               const char *type, const struct smap *options)
{
    struct desired_interface *interface = xzalloc(sizeof *interface);

    interface->bridge = bridge;
    interface->local = strcmp(name, bridge->name) == 0;
    interface->settings = port_settings_create(name, type, options);
    interface->vlan.all_trunks = true;
    if (interface->local)
        interface->ofport_request = OFPORT_LOCAL;
    shash_add(&desired->interfaces, name, interface);
    return interface;
}

static void read_interface(struct desired *desired, struct desired_bridge *bridge, const struct ovsrec_port *port,
                           const struct ovsrec_interface *row)
{
    struct desired_interface *interface;
    const char *warning;

    if (shash_find(&desired->interfaces, row->name) != NULL) {
        VLOG_WARN_RL(&rl, "bridge %s, port %s: interface %s is in use already, ignored here", bridge->name, port->name,
                     row->name);
        return;
    }
    interface = add_interface(desired, bridge, row->name, effective_type(bridge, row), &row->options);
    interface->row = row;
    read_mtu(interface, row);
    read_mac(interface, row);
    if (!interface->local)
        read_ofport(interface, row);
    warning = vlan_config_from_port(port, &interface->vlan);
    if (warning != NULL)
        VLOG_WARN_RL(&rl, "port %s: %s", port->name, warning);
    refuse(interface, port);
}

static void read_bridge_ports(struct desired *desired, struct desired_bridge *bridge)
{
    const struct ovsrec_bridge *row = bridge->row;

    for (size_t i = 0; i < row->n_ports; i++) {
        for (size_t j = 0; j < row->ports[i]->n_interfaces; j++)
            read_interface(desired, bridge, row->ports[i], row->ports[i]->interfaces[j]);
    }
}

/* A bridge has its own port even when a client forgot the row. */
static void add_local_interface(struct desired *desired, struct desired_bridge *bridge)
{
    if (bridge->refused == NULL && shash_find(&desired->interfaces, bridge->name) == NULL)
        add_interface(desired, bridge, bridge->name, "internal", NULL);
}

void desired_init(struct desired *desired, const struct ovsrec_open_vswitch *cfg)
{
    struct shash_node *node;

    shash_init(&desired->bridges);
    shash_init(&desired->interfaces);
    for (size_t i = 0; cfg != NULL && i < cfg->n_bridges; i++) {
        const struct ovsrec_bridge *row = cfg->bridges[i];
        struct desired_bridge *bridge;

        if (strpbrk(row->name, "/\\") != NULL || row->name[0] == '\0') {
            /* The name becomes part of paths. */
            VLOG_WARN_RL(&rl, "ignoring bridge with invalid name '%s'", row->name);
            continue;
        }
        bridge = xzalloc(sizeof *bridge);
        read_bridge(bridge, row);
        if (bridge->refused != NULL)
            VLOG_ERR_RL(&rl, "%s", bridge->refused);
        if (!shash_add_once(&desired->bridges, bridge->name, bridge)) {
            free(bridge->refused);
            free(bridge);
        }
    }
    SHASH_FOR_EACH (node, &desired->bridges)
        read_bridge_ports(desired, node->data);
    SHASH_FOR_EACH (node, &desired->bridges)
        add_local_interface(desired, node->data);
}

void desired_destroy(struct desired *desired)
{
    struct shash_node *node;

    SHASH_FOR_EACH (node, &desired->interfaces) {
        struct desired_interface *interface = node->data;

        port_settings_destroy(interface->settings);
        free(interface->refused);
        free(interface->complaint);
        free(interface);
    }
    shash_destroy(&desired->interfaces);
    SHASH_FOR_EACH (node, &desired->bridges) {
        struct desired_bridge *bridge = node->data;

        free(bridge->refused);
        free(bridge);
    }
    shash_destroy(&desired->bridges);
}
