// SPDX-License-Identifier: Apache-2.0
#include "control/closings.h"

#include <stdlib.h>
#include <string.h>

#include <util.h>

#include "control/applied.h"
#include "control/ids.h"
#include "dataplane/dataplane.h"

static struct closing *add(struct applied *applied, struct port *port, const struct port_settings *settings,
                           enum closing_phase phase)
{
    struct closing *closing = xzalloc(sizeof *closing);

    closing->port = port;
    closing->phase = phase;
    closing->settings = port_settings_clone(settings);
    ovs_list_push_back(&applied->closing, &closing->node);
    return closing;
}

void closings_add(struct applied *applied, struct port *port, const struct port_settings *settings)
{
    add(applied, port, settings, CLOSING_LINKED);
}

void closings_add_opening(struct applied *applied, struct port *port, const struct port_settings *settings)
{
    add(applied, port, settings, CLOSING_BUILDER);
}

static struct closing *find(const struct applied *applied, const struct port *port)
{
    struct closing *closing;

    LIST_FOR_EACH (closing, node, &applied->closing) {
        if (closing->port == port)
            return closing;
    }
    return NULL;
}

bool closings_conflict(const struct applied *applied, const struct port_settings *settings)
{
    const char *device = port_settings_device(settings);
    const struct closing *closing;

    LIST_FOR_EACH (closing, node, &applied->closing) {
        const char *other = port_settings_device(closing->settings);

        if (strcmp(closing->settings->name, settings->name) == 0)
            return true;
        if (device != NULL && other != NULL && strcmp(device, other) == 0)
            return true;
    }
    return false;
}

void closings_unlink(struct applied *applied)
{
    struct closing *closing;

    LIST_FOR_EACH (closing, node, &applied->closing) {
        if (closing->phase != CLOSING_LINKED || applied_edit(applied) == NULL)
            continue;
        snapshot_set_port(applied->edit, closing->port->index, NULL);
        closing->phase = CLOSING_GRACE;
    }
}

static void finish(struct closing *closing)
{
    uint16_t index = closing->port->index;

    port_destroy(closing->port);
    ids_give(port_ids(), index);
    port_settings_destroy(closing->settings);
    ovs_list_remove(&closing->node);
    free(closing);
}

bool closings_run(struct applied *applied)
{
    struct port *port;
    bool finished = false;

    while ((port = dataplane_next_closed_port()) != NULL) {
        struct closing *closing = find(applied, port);

        if (closing == NULL) {
            /* A counters-only port of a Logical_Network. */
            port_destroy(port);
        } else if (port->ops == NULL) {
            finish(closing);
            finished = true;
        } else {
            closing->phase = CLOSING_BUILDER;
            builder_close(applied->builder, port);
        }
    }
    return finished;
}

bool closings_finish(struct applied *applied, const struct build_result *result)
{
    struct closing *closing = find(applied, result->port);

    if (closing == NULL)
        return false;
    if (result->kind == BUILD_OPEN && result->error == 0)
        builder_close(applied->builder, result->port);
    else
        finish(closing);
    return true;
}
