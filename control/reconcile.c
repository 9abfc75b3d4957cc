// SPDX-License-Identifier: Apache-2.0
#include "control/reconcile.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/vlog.h>
#include <util.h>
#include <uuid.h>
#include <vswitch-idl.h>

#include "control/applied.h"
#include "control/attachments.h"
#include "control/bridges.h"
#include "control/closings.h"
#include "control/desired.h"
#include "control/interfaces.h"
#include "control/policies.h"
#include "control/rxq_affinity.h"
#include "control/tunnels.h"
#include "dataplane/dataplane.h"

VLOG_DEFINE_THIS_MODULE(reconcile);

/* True when the interface may stay what it is and only change. */
static bool is_same(const struct interface *interface, const struct desired_interface *wanted)
{
    return wanted != NULL && wanted->refused == NULL && interface->bridge != NULL &&
           strcmp(interface->bridge->name, wanted->bridge->name) == 0 && interface->local == wanted->local &&
           strcmp(interface->settings->type, wanted->settings->type) == 0 &&
           interface->ofport_request == wanted->ofport_request;
}

/* True when it is what its row was refused for before: only its text is to be brought up to date. A row of the same name
 * that was made anew needs to be told itself. */
static bool stays_refused(const struct interface *interface, const struct desired_interface *wanted)
{
    return wanted != NULL && wanted->refused != NULL && interface->state == INTERFACE_FAILED &&
           (wanted->row == NULL || uuid_equals(&interface->uuid, &wanted->row->header_.uuid));
}

/* Removes or updates what exists. An interface that has to be made anew keeps its port number. */
static void update_existing(struct applied *applied, const struct desired *desired)
{
    struct interface *interface;

    HMAP_FOR_EACH_SAFE (interface, node, &applied->interfaces) {
        struct desired_interface *wanted = shash_find_data(&desired->interfaces, interface->settings->name);
        bool same = is_same(interface, wanted);

        if (stays_refused(interface, wanted))
            continue;
        if (same && interface_update(applied, interface, wanted))
            continue;
        if (same)
            wanted->ofport_before = interface->ofport;
        interface_remove(applied, interface);
    }
}

static void create_missing(struct applied *applied, const struct desired *desired)
{
    const struct shash_node *node;

    SHASH_FOR_EACH (node, &desired->interfaces) {
        const struct desired_interface *wanted = node->data;
        struct interface *interface = applied_find_interface(applied, node->name);

        if (interface == NULL)
            interface = interface_create(applied, wanted);
        if (wanted->refused != NULL)
            interface_fail(applied, interface, wanted->refused);
    }
}

/* Numbers asked for come first, then those that interfaces had, then free ones: so that nobody takes another's. */
static void assign_ofports(struct applied *applied)
{
    for (int round = 0; round < 3; round++) {
        struct interface *interface;

        HMAP_FOR_EACH (interface, node, &applied->interfaces) {
            int64_t wish = round == 0 ? interface->ofport_request : interface->ofport_before;

            if (interface->state != INTERFACE_WAITING || interface->ofport != OFPORT_NONE || interface->bridge == NULL)
                continue;
            if (round == 2)
                interface->ofport = ofports_take_any(&interface->bridge->ofports);
            else if (ofports_take(&interface->bridge->ofports, wish))
                interface->ofport = wish;
        }
    }
}

static void open_waiting(struct applied *applied)
{
    struct interface *interface;

    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        if (interface->state == INTERFACE_WAITING)
            interface_open(applied, interface);
    }
}

/* More or fewer receive queues than at the last publication: workers must be assigned anew. */
static void follow_queues(struct applied *applied)
{
    struct interface *interface;

    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        uint16_t n_rxq;

        if (interface->state != INTERFACE_OPEN || interface->is_tunnel)
            continue;
        n_rxq = atomic_load_explicit(&interface->port->n_rxq, memory_order_relaxed);
        if (n_rxq != interface->n_rxq && applied_edit(applied) != NULL)
            interface->n_rxq = n_rxq;
    }
}

static uint16_t bridge_index(void *applied, const char *name)
{
    const struct applied_bridge *bridge = applied_find_bridge(applied, name);

    return bridge != NULL && !bridge->leaving ? bridge->index : 0;
}

static void update_policies(struct applied *applied, struct ovsdb_idl *sluice_idl)
{
    if (sluice_idl != NULL) {
        uint32_t *ended;
        size_t n;

        if (policies_update(applied->policies, sluice_idl, applied->policies_whole))
            applied->policies_changed = true;
        applied->policies_whole = false;
        ended = policies_take_ended(applied->policies, &n);
        rule_flush_add(&applied->flush, ended, n);
    }
    if (policies_place_networks(applied->policies, bridge_index, applied))
        applied->policies_changed = true;
}

/* Without a data plane nobody looks at what changed, and the library would remember it for ever. */
static void forget_changes(struct ovsdb_idl *sluice_idl)
{
    if (sluice_idl != NULL)
        ovsdb_idl_track_clear(sluice_idl);
}

static void update_networks(struct applied *applied, struct ovsdb_idl *sluice_idl)
{
    if (applied->tunnels != NULL && sluice_idl != NULL &&
        tunnels_update_networks(applied->tunnels, sluice_idl, bridge_index, applied))
        applied->tunnels_changed = true;
}

static void publish_parts(struct applied *applied)
{
    if (applied->policies_changed && applied_edit(applied) != NULL)
        applied->policies_changed = policies_publish(applied->policies, applied->edit, dataplane_conntrack()) < 0;
    if (applied->tunnels_changed && applied_edit(applied) != NULL)
        applied->tunnels_changed = tunnels_publish(applied->tunnels, applied->edit) < 0;
}

static void forget_removed_bridges(struct applied *applied, const struct desired *desired)
{
    struct interface *interface;

    /* What is left on a bridge that goes is failed interfaces only: they hold no port, but point at it. */
    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        const struct desired_interface *wanted = shash_find_data(&desired->interfaces, interface->settings->name);

        if (wanted != NULL && wanted->refused != NULL)
            interface->bridge = NULL;
    }
}

void reconcile_run(struct applied *applied, const struct ovsrec_open_vswitch *cfg, const struct ovsdb_idl *idl,
                   struct ovsdb_idl *sluice_idl)
{
    struct desired desired;

    desired_init(&desired, cfg);
    update_existing(applied, &desired);
    if (applied->no_data_plane == NULL)
        bridges_update(applied, &desired);
    create_missing(applied, &desired);
    if (applied->no_data_plane == NULL)
        assign_ofports(applied);
    open_waiting(applied);
    bridges_choose_macs(applied);
    forget_removed_bridges(applied, &desired);

    if (applied->no_data_plane == NULL) {
        update_policies(applied, sluice_idl);
        attachments_update(applied, idl);
        follow_queues(applied);
        rxq_affinity_apply(applied);
        update_networks(applied, sluice_idl);
        publish_parts(applied);
        closings_unlink(applied);
        bridges_remove_unwanted(applied);
        applied_publish(applied);
    } else {
        forget_changes(sluice_idl);
    }
    desired_destroy(&desired);
}

void reconcile_policies(struct applied *applied, const struct ovsdb_idl *idl, struct ovsdb_idl *sluice_idl)
{
    if (applied->no_data_plane != NULL) {
        forget_changes(sluice_idl);
        return;
    }
    update_policies(applied, sluice_idl);
    attachments_update(applied, idl);
    update_networks(applied, sluice_idl);
    publish_parts(applied);
    applied_publish(applied);
}

bool reconcile_take_results(struct applied *applied)
{
    struct build_result result;
    bool any = false;

    while (builder_take(applied->builder, &result)) {
        struct interface *interface;

        any = true;
        if (!closings_finish(applied, &result)) {
            HMAP_FOR_EACH (interface, node, &applied->interfaces) {
                if (interface->port == result.port && interface->state == INTERFACE_OPENING) {
                    interface_finish_open(applied, interface, &result);
                    break;
                }
            }
        }
        free(result.reason);
    }
    return any;
}

void reconcile_retry_failed(struct applied *applied)
{
    struct interface *interface;

    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        if (interface->state == INTERFACE_FAILED && interface->bridge != NULL &&
            strcmp(interface->settings->type, "dpdk") != 0)
            interface->state = INTERFACE_WAITING;
    }
}

bool reconcile_check_devices(struct applied *applied)
{
    struct interface *interface;
    bool due = false;

    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        unsigned int ifindex;

        if (!interface_is_foreign(interface) ||
            (interface->state != INTERFACE_FAILED && interface->state != INTERFACE_OPEN))
            continue;
        ifindex = if_nametoindex(interface->settings->name);
        if (interface->state == INTERFACE_FAILED && ifindex != 0 && ifindex != interface->ifindex_seen) {
            interface->state = INTERFACE_WAITING;
            due = true;
        } else if (interface->state == INTERFACE_OPEN && ifindex != interface->ifindex_seen) {
            char *reason = xasprintf("could not open network device %s (No such device)", interface->settings->name);

            interface_fail(applied, interface, reason);
            free(reason);
            if (ifindex != 0)
                interface->state = INTERFACE_WAITING;
            due = true;
        }
    }
    return due;
}
