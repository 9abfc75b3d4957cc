// SPDX-License-Identifier: Apache-2.0
#include "control/sluice_status.h"

#include <inttypes.h>
#include <string.h>

#include <openvswitch/shash.h>
#include <smap.h>
#include <vswitch-idl.h>

#include "acl/conntrack.h"
#include "control/applied.h"
#include "control/policies.h"
#include "control/schema/sluice-idl.h"
#include "control/tunnels.h"
#include "dataplane/dataplane.h"

static const char *bound(void *names, const char *logical_port)
{
    return shash_find_data(names, logical_port);
}

/* Interfaces by the names that a Logical_Port may call them: iface-id first, then their own. */
static void collect_names(const struct applied *applied, const struct ovsdb_idl *idl, struct shash *names)
{
    const struct interface *interface;

    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        const struct ovsrec_interface *row =
            interface->has_row ? ovsrec_interface_get_for_uuid(idl, &interface->uuid) : NULL;
        const char *id = row != NULL ? smap_get(&row->external_ids, "iface-id") : NULL;

        if (interface->state == INTERFACE_OPEN && id != NULL)
            shash_add_once(names, id, interface->settings->name);
    }
    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        if (interface->state == INTERFACE_OPEN)
            shash_add_once(names, interface->settings->name, interface->settings->name);
    }
}

void sluice_status_write(const struct applied *applied, struct ovsdb_idl *sluice_idl, const struct ovsdb_idl *idl,
                         bool all)
{
    const struct sluicerec_sluice *root = sluicerec_sluice_first(sluice_idl);
    struct shash names = SHASH_INITIALIZER(&names);

    all = all || policies_has_new_ports(applied->policies);
    if (all)
        collect_names(applied, idl, &names);
    policies_write_status(applied->policies, sluice_idl, all ? bound : NULL, &names);
    shash_destroy(&names);
    if (applied->tunnels != NULL)
        tunnels_write_status(applied->tunnels, applied->policies, sluice_idl);
    if (root != NULL && root->cur_cfg != root->next_cfg)
        sluicerec_sluice_set_cur_cfg(root, root->next_cfg);
}

void sluice_status_write_figures(const struct applied *applied, struct ovsdb_idl *sluice_idl)
{
    const struct sluicerec_sluice *root = sluicerec_sluice_first(sluice_idl);
    struct smap status = SMAP_INITIALIZER(&status);

    if (root == NULL || dataplane_conntrack() == NULL)
        return;
    smap_add_format(&status, "sessions", "%" PRIu32, conntrack_count(dataplane_conntrack()));
    smap_add_format(&status, "workers", "%zu", dataplane_worker_count());
    smap_add_format(&status, "last-compile-ms", "%lld", policies_last_compile_ms(applied->policies));
    if (!smap_equal(&status, &root->status))
        sluicerec_sluice_set_status(root, &status);
    smap_destroy(&status);
}
