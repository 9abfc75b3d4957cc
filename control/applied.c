// SPDX-License-Identifier: Apache-2.0
#include "control/applied.h"

#include <string.h>

#include <hash.h>
#include <openvswitch/vlog.h>
#include <util.h>

#include "dataplane/dataplane.h"

VLOG_DEFINE_THIS_MODULE(applied);

void applied_init(struct applied *applied)
{
    memset(applied, 0, sizeof *applied);
    hmap_init(&applied->bridges);
    hmap_init(&applied->interfaces);
    ovs_list_init(&applied->closing);
    rule_flush_init(&applied->flush);
}

void applied_destroy(struct applied *applied)
{
    hmap_destroy(&applied->bridges);
    hmap_destroy(&applied->interfaces);
    rule_flush_destroy(&applied->flush);
}

struct snapshot *applied_edit(struct applied *applied)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);

    if (applied->edit == NULL) {
        applied->edit = dataplane_edit();
        if (applied->edit == NULL)
            VLOG_ERR_RL(&rl, "out of memory for a new snapshot");
    }
    return applied->edit;
}

bool applied_publish(struct applied *applied)
{
    if (applied->edit == NULL)
        return false;
    applied->sequence = dataplane_publish(applied->edit);
    applied->edit = NULL;
    return true;
}

struct interface *applied_find_interface(const struct applied *applied, const char *name)
{
    struct interface *interface;

    HMAP_FOR_EACH_WITH_HASH (interface, node, hash_string(name, 0), &applied->interfaces) {
        if (strcmp(interface->settings->name, name) == 0)
            return interface;
    }
    return NULL;
}

struct applied_bridge *applied_find_bridge(const struct applied *applied, const char *name)
{
    struct applied_bridge *bridge;

    HMAP_FOR_EACH_WITH_HASH (bridge, node, hash_string(name, 0), &applied->bridges) {
        if (strcmp(bridge->name, name) == 0)
            return bridge;
    }
    return NULL;
}

static bool is_pending(const struct interface *interface)
{
    return interface->state == INTERFACE_WAITING || interface->state == INTERFACE_OPENING;
}

bool applied_is_busy(const struct applied *applied)
{
    const struct interface *interface;
    const struct closing *closing;

    LIST_FOR_EACH (closing, node, &applied->closing) {
        if (!closing->overdue)
            return true;
    }
    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        if (is_pending(interface) && !interface->overdue)
            return true;
    }
    return false;
}

void applied_set_overdue(struct applied *applied)
{
    struct interface *interface;
    struct closing *closing;

    LIST_FOR_EACH (closing, node, &applied->closing)
        closing->overdue = true;
    HMAP_FOR_EACH (interface, node, &applied->interfaces)
        interface->overdue = is_pending(interface);
}
