// SPDX-License-Identifier: Apache-2.0
#include "control/interfaces.h"

#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <hash.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <vswitch-idl.h>

#include "acl/conntrack.h"
#include "control/closings.h"
#include "control/desired.h"
#include "control/ids.h"
#include "control/rxq_affinity.h"
#include "control/tunnels.h"
#include "dataplane/dataplane.h"
#include "dataplane/fdb.h"
#include "dataplane/port_types.h"

VLOG_DEFINE_THIS_MODULE(interfaces);

static bool is_internal(const struct interface *interface)
{
    return strcmp(interface->settings->type, "internal") == 0;
}

bool interface_is_foreign(const struct interface *interface)
{
    return strcmp(interface->settings->type, "system") == 0;
}

static void set_error(struct interface *interface, const char *error)
{
    if (nullable_string_is_equal(interface->error, error))
        return;
    free(interface->error);
    interface->error = error != NULL ? xstrdup(error) : NULL;
    interface->status_dirty = true;
    if (error != NULL)
        VLOG_WARN("interface %s: %s", interface->settings->name, error);
}

static void set_complaint(struct interface *interface, const char *complaint)
{
    if (nullable_string_is_equal(interface->complaint, complaint))
        return;
    free(interface->complaint);
    interface->complaint = complaint != NULL ? xstrdup(complaint) : NULL;
    interface->status_dirty = true;
    if (complaint != NULL)
        VLOG_WARN("interface %s: %s", interface->settings->name, complaint);
}

static void read_affinity(struct interface *interface, const struct ovsrec_interface *row)
{
    rxq_affinity_read(interface, row != NULL ? smap_get(&row->other_config, "pmd-rxq-affinity") : NULL);
}

struct interface *interface_create(struct applied *applied, const struct desired_interface *desired)
{
    struct interface *interface = xzalloc(sizeof *interface);

    interface->bridge = applied_find_bridge(applied, desired->bridge->name);
    interface->local = desired->local;
    interface->has_row = desired->row != NULL;
    if (desired->row != NULL)
        interface->uuid = desired->row->header_.uuid;
    interface->state = INTERFACE_WAITING;
    interface->settings = port_settings_clone(desired->settings);
    interface->ofport_request = desired->ofport_request;
    interface->ofport_before = desired->ofport_before;
    interface->vlan = desired->vlan;
    interface->status_dirty = true;
    set_complaint(interface, desired->complaint);
    read_affinity(interface, desired->row);
    hmap_insert(&applied->interfaces, &interface->node, hash_string(desired->settings->name, 0));
    return interface;
}

static void detach(struct applied *applied, struct interface *interface)
{
    const char *name = interface->settings->name;

    if (interface->is_tunnel) {
        tunnels_remove_port(applied->tunnels, name);
        applied->tunnels_changed = true;
        interface->is_tunnel = false;
    } else if (is_internal(interface) && applied->tunnels != NULL) {
        tunnels_remove_internal_port(applied->tunnels, name);
        applied->tunnels_changed = true;
    }
    if (interface->attached && applied_edit(applied) != NULL)
        snapshot_set_attachment(applied->edit, interface->attachment, NULL);
    if (interface->attachment != 0)
        ids_give(attachment_ids(), interface->attachment);
    if (interface->account != 0)
        conntrack_account_close(dataplane_conntrack(), interface->account);
    interface->attachment = 0;
    interface->account = 0;
    interface->attached = false;
}

static void release(struct applied *applied, struct interface *interface)
{
    detach(applied, interface);
    if (interface->state == INTERFACE_OPENING)
        closings_add_opening(applied, interface->port, interface->settings);
    else if (interface->port != NULL)
        closings_add(applied, interface->port, interface->settings);
    interface->port = NULL;
    if (interface->bridge != NULL && interface->ofport != OFPORT_NONE)
        ofports_give(&interface->bridge->ofports, interface->ofport);
    interface->ofport = OFPORT_NONE;
}

void interface_remove(struct applied *applied, struct interface *interface)
{
    VLOG_INFO("interface %s: removed", interface->settings->name);
    release(applied, interface);
    hmap_remove(&applied->interfaces, &interface->node);
    port_settings_destroy(interface->settings);
    rxq_affinity_forget(interface);
    free(interface->complaint);
    free(interface->error);
    free(interface);
}

void interface_fail(struct applied *applied, struct interface *interface, const char *reason)
{
    if (interface->ofport != OFPORT_NONE)
        interface->ofport_before = interface->ofport;
    release(applied, interface);
    if (interface->state != INTERFACE_FAILED) {
        interface->state = INTERFACE_FAILED;
        interface->status_dirty = true;
    }
    memset(&interface->status, 0, sizeof interface->status);
    if (interface_is_foreign(interface))
        interface->ifindex_seen = if_nametoindex(interface->settings->name);
    set_error(interface, reason);
}

static void fail_with(struct applied *applied, struct interface *interface, const char *cause)
{
    char *reason = xasprintf("could not open network device %s (%s)", interface->settings->name, cause);

    interface_fail(applied, interface, reason);
    free(reason);
}

/* The port is open: it joins the snapshot being edited. */
static void join(struct applied *applied, struct interface *interface)
{
    struct port *port = interface->port;

    if (applied_edit(applied) == NULL || snapshot_set_port(applied->edit, port->index, port) < 0) {
        fail_with(applied, interface, "Cannot allocate memory");
        return;
    }
    interface->state = INTERFACE_OPEN;
    interface->status_dirty = true;
    interface->n_rxq = atomic_load_explicit(&port->n_rxq, memory_order_relaxed);
    set_error(interface, NULL);
    VLOG_INFO("interface %s: added to bridge %s as port %" PRId64 " (%s)", interface->settings->name,
              interface->bridge->name, interface->ofport, interface->settings->type);
    interface_refresh_status(applied, interface);
    if (interface_is_foreign(interface))
        interface->ifindex_seen = if_nametoindex(interface->settings->name);
}

static bool is_tunnel_type(const char *type)
{
    return strcmp(type, "vxlan") == 0 || strcmp(type, "geneve") == 0;
}

static void open_tunnel(struct applied *applied, struct interface *interface, uint16_t index)
{
    const struct port_settings *settings = interface->settings;
    char *error = NULL;

    if (applied->tunnels == NULL) {
        ids_give(port_ids(), index);
        fail_with(applied, interface, "netlink is not available");
    } else if (tunnel_config_from_options(settings->name, settings->type, &settings->options, &interface->tunnel,
                                          &interface->tunnel_carries, &error) < 0) {
        ids_give(port_ids(), index);
        interface_fail(applied, interface, error != NULL ? error : "tunnel options are not valid");
    } else if (interface->tunnel_carries &&
               tunnels_admit_port(applied->tunnels, settings->name, &interface->tunnel, &error) < 0) {
        ids_give(port_ids(), index);
        interface_fail(applied, interface, error);
    } else {
        interface->port = port_create(settings->name, index, NULL);
        if (interface->port == NULL) {
            ids_give(port_ids(), index);
            fail_with(applied, interface, "Cannot allocate memory");
        } else {
            interface->is_tunnel = true;
            join(applied, interface);
        }
    }
    free(error);
}

static void discard_port(struct interface *interface)
{
    ids_give(port_ids(), interface->port->index);
    port_destroy(interface->port);
    interface->port = NULL;
}

void interface_finish_open(struct applied *applied, struct interface *interface, const struct build_result *result)
{
    interface->state = INTERFACE_WAITING; /* the port is ours again */
    if (result->error == 0) {
        join(applied, interface);
        return;
    }
    discard_port(interface);
    if (result->reason != NULL)
        interface_fail(applied, interface, result->reason);
    else
        fail_with(applied, interface, ovs_strerror(-result->error));
}

static void open_device(struct applied *applied, struct interface *interface, const struct port_ops *ops,
                        uint16_t index)
{
    struct port_settings *settings = interface->settings;
    struct build_result result = {.kind = BUILD_OPEN};
    struct port_config config;

    interface->port = port_create(settings->name, index, ops);
    if (interface->port == NULL) {
        ids_give(port_ids(), index);
        fail_with(applied, interface, "Cannot allocate memory");
        return;
    }
    if (strcmp(settings->type, "dpdk") == 0) {
        interface->state = INTERFACE_OPENING;
        interface->status_dirty = true;
        builder_open(applied->builder, interface->port, settings);
        return;
    }
    port_config_init(&config, settings);
    result.error = ops->open(interface->port, &config, &result.reason);
    port_config_fini(&config);
    interface_finish_open(applied, interface, &result);
    free(result.reason);
}

void interface_open(struct applied *applied, struct interface *interface)
{
    const char *type = interface->settings->type;
    const struct port_ops *ops = port_ops_find(type);
    uint16_t index;

    if (applied->no_data_plane != NULL) {
        interface_fail(applied, interface, applied->no_data_plane);
        return;
    }
    if (interface->bridge == NULL || interface->ofport == OFPORT_NONE) {
        fail_with(applied, interface, "no free port number");
        return;
    }
    if (ops == NULL && !is_tunnel_type(type)) {
        fail_with(applied, interface, "Address family not supported by protocol");
        return;
    }
    if (closings_conflict(applied, interface->settings)) {
        interface->state = INTERFACE_WAITING;
        return;
    }
    index = (uint16_t)ids_take(port_ids());
    if (index == 0)
        fail_with(applied, interface, "too many ports");
    else if (ops == NULL)
        open_tunnel(applied, interface, index);
    else
        open_device(applied, interface, ops, index);
}

static bool reconfigure(struct applied *applied, struct interface *interface)
{
    struct port_config config;
    char *error = NULL;
    int rc;

    port_config_init(&config, interface->settings);
    rc = interface->port->ops->reconfigure(interface->port, &config, &error);
    port_config_fini(&config);
    if (rc == -EAGAIN) {
        free(error);
        return false;
    }
    if (rc < 0 && error == NULL)
        error = xasprintf("%s: %s", interface->settings->name, ovs_strerror(-rc));
    set_error(interface, error);
    free(error);
    interface_refresh_status(applied, interface);
    return true;
}

/* New options of a tunnel that exists: they are checked before the old ones are given up. */
static void update_tunnel(struct applied *applied, struct interface *interface)
{
    const struct port_settings *settings = interface->settings;
    char *error = NULL;

    if (tunnel_config_from_options(settings->name, settings->type, &settings->options, &interface->tunnel,
                                   &interface->tunnel_carries, &error) < 0)
        interface_fail(applied, interface, error != NULL ? error : "tunnel options are not valid");
    else
        tunnels_change_port(applied->tunnels, settings->name, &interface->tunnel, interface->tunnel_carries);
    free(error);
    interface->attached = false;
}

bool interface_update(struct applied *applied, struct interface *interface, const struct desired_interface *desired)
{
    struct port_settings *settings;

    interface->has_row = desired->row != NULL;
    if (desired->row != NULL)
        interface->uuid = desired->row->header_.uuid;
    interface->vlan = desired->vlan;
    set_complaint(interface, desired->complaint);
    read_affinity(interface, desired->row);
    settings = port_settings_clone(desired->settings);
    if (interface->local && !settings->has_mac) {
        settings->has_mac = interface->settings->has_mac;
        settings->mac = interface->settings->mac;
    }
    if (port_settings_equal(settings, interface->settings)) {
        port_settings_destroy(settings);
        return true;
    }
    if (interface->state == INTERFACE_OPENING) {
        port_settings_destroy(settings);
        return false;
    }
    port_settings_destroy(interface->settings);
    interface->settings = settings;
    if (interface->state == INTERFACE_FAILED && interface->bridge != NULL)
        interface->state = INTERFACE_WAITING; /* what was wrong may have been put right */
    if (interface->state != INTERFACE_OPEN)
        return true;
    if (interface->is_tunnel) {
        update_tunnel(applied, interface);
        return true;
    }
    return reconfigure(applied, interface);
}

void interface_set_mac(struct applied *applied, struct interface *interface, const struct mac_addr *mac)
{
    interface->settings->has_mac = true;
    interface->settings->mac = *mac;
    if (interface->state == INTERFACE_OPEN)
        reconfigure(applied, interface);
}

/* A tunnel has no address of its own, but its clients expect one: always the same, and locally administered, so that
 * no bridge takes it for its own. */
static struct mac_addr tunnel_mac(const struct uuid *row)
{
    struct mac_addr mac;

    memcpy(mac.bytes, row, sizeof mac.bytes);
    mac.bytes[0] = (uint8_t)((mac.bytes[0] & ~0x01) | 0x02);
    return mac;
}

static void tunnel_status(struct applied *applied, struct interface *interface, struct port_status *status)
{
    bool carrier = false;
    const char *egress = tunnels_egress_iface(applied->tunnels, interface->settings->name, &carrier);

    status->admin_up = true;
    status->link_up = true;
    status->mac = tunnel_mac(&interface->uuid);
    if (egress != NULL) {
        port_status_add(status, "tunnel_egress_iface", "%s", egress);
        port_status_add(status, "tunnel_egress_iface_carrier", "%s", carrier ? "up" : "down");
    }
}

/* What was heard at a port without a link may be at another by now: an uplink that takes over. A guest that reboots comes
 * back to the same port, and what is sent to it meanwhile is not for the others. */
static void forget_learned(const struct interface *interface)
{
    if (interface->attached && interface->bridge->fdb != NULL &&
        strncmp(interface->settings->type, "dpdkvhostuser", strlen("dpdkvhostuser")) != 0 &&
        fdb_flush(interface->bridge->fdb, interface->attachment) > 0)
        dataplane_revalidate();
}

bool interface_refresh_status(struct applied *applied, struct interface *interface)
{
    struct port_status status;
    bool relevant;

    if (interface->state != INTERFACE_OPEN)
        return false;
    memset(&status, 0, sizeof status);
    if (interface->is_tunnel)
        tunnel_status(applied, interface, &status);
    else
        interface->port->ops->get_status(interface->port, &status);
    relevant = status.mtu != interface->status.mtu || !mac_addr_equal(&status.mac, &interface->status.mac) ||
               (!interface->is_tunnel &&
                atomic_load_explicit(&interface->port->n_rxq, memory_order_relaxed) != interface->n_rxq);
    if (interface->status.link_up && !status.link_up)
        forget_learned(interface);
    if (status.link_up != interface->status.link_up)
        VLOG_INFO("interface %s: link %s", interface->settings->name, status.link_up ? "up" : "down");
    if (memcmp(&status, &interface->status, sizeof status) != 0) {
        interface->status = status;
        interface->status_dirty = true;
    }
    return relevant;
}
