// SPDX-License-Identifier: Apache-2.0
#include "control/network_rows.h"

#include <string.h>

#include <openvswitch/util.h>
#include <smap.h>
#include <util.h>

#include "control/networks.h"
#include "control/policies.h"
#include "control/schema/sluice-idl.h"
#include "control/text_list.h"

struct network_row *network_rows_read(const struct ovsdb_idl *idl, size_t *n)
{
    const struct sluicerec_logical_network *row;
    struct network_row *rows = NULL;
    size_t allocated = 0;

    *n = 0;
    SLUICEREC_LOGICAL_NETWORK_FOR_EACH(row, idl)
    {
        if (*n == allocated)
            rows = x2nrealloc(rows, &allocated, sizeof *rows);
        rows[(*n)++] = (struct network_row){
            .id = row->header_.uuid,
            .name = row->name,
            .encap = row->encap,
            .bridge = row->bridge,
            .has_vni = row->n_vni > 0,
            .vni = row->n_vni > 0 ? *row->vni : 0,
            .tag = row->n_tag > 0 ? *row->tag : 0,
            .mtu = row->n_mtu > 0 ? *row->mtu : 0,
            .learning = row->n_learning == 0 || *row->learning,
            .vteps = row->vteps,
            .n_vteps = row->n_vteps,
        };
    }
    return rows;
}

static bool same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A database may serve many hosts that do not all think the same of a row. Each says what it has to say once, and again
 * when the row has lost its status (ovsdb-server was restarted), so that two hosts never overwrite each other for
 * ever. */
static bool has_to_say(const struct network *network, const char *error, const char *bridge, const struct smap *status)
{
    const char *said = smap_get(status, "error");
    const char *bridge_said = smap_get(status, "bridge");

    if (same_text(said, error) && same_text(bridge_said, bridge))
        return false;
    return (said == NULL && bridge_said == NULL) || !network->status_written ||
           !same_text(error, network->error_written) || network->absent_written != (bridge != NULL);
}

static const char *bridge_status(const struct network *network)
{
    return network->bridge != NULL && network->bridge_index == 0 ? "not on this host" : NULL;
}

void network_rows_write_status(struct networks *networks, const struct policies *policies, const struct ovsdb_idl *idl)
{
    const struct sluicerec_logical_network *row;

    SLUICEREC_LOGICAL_NETWORK_FOR_EACH(row, idl)
    {
        struct network *network = networks_find(networks, &row->header_.uuid);

        if (network == NULL)
            continue;
        const char *bridge = bridge_status(network);
        const char *error = network->error;

        if (error == NULL)
            error = policies_network_error(policies, &row->header_.uuid);
        if (!has_to_say(network, error, bridge, &row->status))
            continue;
        struct smap status = SMAP_INITIALIZER(&status);

        if (error != NULL)
            smap_add(&status, "error", error);
        if (bridge != NULL)
            smap_add(&status, "bridge", bridge);
        sluicerec_logical_network_set_status(row, &status);
        smap_destroy(&status);
        network->status_written = true;
        network->absent_written = bridge != NULL;
        text_assign(&network->error_written, error);
    }
}
