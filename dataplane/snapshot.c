// SPDX-License-Identifier: Apache-2.0
#include "dataplane/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "acl/addr_directory.h"
#include "dataplane/fdb.h"
#include "dataplane/snapshot_private.h"
#include "dataplane/zone_policies.h"

#define ATTACHMENTS_FIRST 256u
#define NEXT_HOPS_FIRST   64u

void attachment_destroy(struct attachment *attachment)
{
    if (attachment == NULL)
        return;
    port_policy_unref(&attachment->policy);
    free(attachment);
}

static void bridge_destroy(struct bridge *bridge, bool with_fdb)
{
    if (bridge == NULL)
        return;
    if (with_fdb)
        fdb_destroy(bridge->fdb);
    free(bridge);
}

struct port *retired_free(const struct retired *retired)
{
    switch (retired->kind) {
    case RETIRED_PORT:
        return retired->object;
    case RETIRED_BRIDGE:
        bridge_destroy(retired->object, true);
        break;
    case RETIRED_BRIDGE_VERSION:
        bridge_destroy(retired->object, false);
        break;
    case RETIRED_ATTACHMENT:
        attachment_destroy(retired->object);
        break;
    case RETIRED_DECAP_TABLE:
        decap_table_destroy(retired->object);
        break;
    case RETIRED_ADDRESS_SET:
        addr_set_unref(retired->object);
        break;
    case RETIRED_ADDRESS_DIRECTORY:
        addr_directory_destroy(retired->object);
        break;
    case RETIRED_ZONE_POLICY:
        zone_policy_destroy(retired->object);
        break;
    }
    return NULL;
}

int snapshot_retire(struct snapshot *snapshot, enum retired_kind kind, void *object)
{
    if (object == NULL)
        return 0;
    if (snapshot->n_retired == snapshot->retired_space) {
        uint32_t space = snapshot->retired_space ? snapshot->retired_space * 2 : 16;
        struct retired *bigger = realloc(snapshot->retired, space * sizeof *bigger);

        if (bigger == NULL)
            return -ENOMEM;
        snapshot->retired = bigger;
        snapshot->retired_space = space;
    }
    snapshot->retired[snapshot->n_retired++] = (struct retired){kind, object};
    return 0;
}

/* Returns 'table' of 'n' elements copied to a new one with room for 'space' (the rest zeroed), or NULL. */
static void *table_copy(const void *table, size_t n, size_t space, size_t size)
{
    void *copy = calloc(space ? space : 1, size);

    if (copy != NULL && n > 0)
        memcpy(copy, table, n * size);
    return copy;
}

struct snapshot *snapshot_copy(const struct snapshot *from)
{
    struct snapshot *copy = calloc(1, sizeof *copy);

    if (copy == NULL)
        return NULL;
    if (from == NULL) {
        copy->n_attachments = ATTACHMENTS_FIRST;
        copy->n_next_hops = NEXT_HOPS_FIRST;
        copy->attachments = table_copy(NULL, 0, copy->n_attachments, sizeof *copy->attachments);
        copy->next_hops = table_copy(NULL, 0, copy->n_next_hops, sizeof *copy->next_hops);
        copy->sets.sets = table_copy(NULL, 0, 1, sizeof *copy->sets.sets);
        copy->zone_policies = table_copy(NULL, 0, 1, sizeof *copy->zone_policies);
    } else {
        *copy = *from;
        copy->attachments =
            table_copy(from->attachments, from->n_attachments, from->n_attachments, sizeof *from->attachments);
        copy->next_hops = table_copy(from->next_hops, from->n_next_hops, from->n_next_hops, sizeof *from->next_hops);
        copy->sets.sets = table_copy(from->sets.sets, from->sets.n, from->sets.n, sizeof *from->sets.sets);
        copy->zone_policies =
            table_copy(from->zone_policies, from->n_zone_policies, from->n_zone_policies, sizeof *from->zone_policies);
        for (int i = 0; i < BRIDGES_MAX; i++) {
            if (copy->members[i] != NULL)
                copy->members[i]->refs++;
        }
        memset(copy->plans, 0, sizeof copy->plans);
    }
    copy->retired = NULL;
    copy->n_retired = copy->retired_space = 0;
    copy->owns_directory = false;
    copy->sequence = from ? from->sequence + 1 : 1;
    if (copy->attachments == NULL || copy->next_hops == NULL || copy->sets.sets == NULL ||
        copy->zone_policies == NULL) {
        snapshot_free(copy);
        return NULL;
    }
    return copy;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    for (int i = 0; i < BRIDGES_MAX; i++) {
        if (snapshot->members[i] != NULL && --snapshot->members[i]->refs == 0)
            free(snapshot->members[i]);
    }
    for (int i = 0; i < WORKERS_MAX; i++)
        free(snapshot->plans[i]);
    free(snapshot->attachments);
    free(snapshot->next_hops);
    free(snapshot->sets.sets);
    free(snapshot->zone_policies);
    free(snapshot->retired);
    free(snapshot);
}

static bool is_named_by(const struct snapshot *snapshot, const struct retired *retired)
{
    const void *object = retired->object;

    switch (retired->kind) {
    case RETIRED_PORT:
        return true; /* the caller's, until it is published */
    case RETIRED_BRIDGE:
    case RETIRED_BRIDGE_VERSION:
        return snapshot->bridges[((const struct bridge *)object)->index] == object;
    case RETIRED_ATTACHMENT:
        return snapshot_attachment(snapshot, ((const struct attachment *)object)->id) == object;
    case RETIRED_DECAP_TABLE:
        return snapshot->decap_table == object;
    case RETIRED_ADDRESS_SET:
        for (uint32_t i = 0; i < snapshot->sets.n; i++) {
            if (snapshot->sets.sets[i] == object)
                return true;
        }
        return false;
    case RETIRED_ADDRESS_DIRECTORY:
        return snapshot->sets.directory == object;
    case RETIRED_ZONE_POLICY:
        return snapshot_zone_policy(snapshot, ((const struct zone_policy *)object)->zone) == object;
    }
    return true;
}

/* What the edit set and set again was never in force; a bridge's FDB goes with the version that is left. */
static void discard_retired(struct snapshot *snapshot, const struct snapshot *current)
{
    for (uint32_t i = 0; i < snapshot->n_retired; i++) {
        struct retired *retired = &snapshot->retired[i];

        if (is_named_by(current, retired))
            continue;
        if (retired->kind == RETIRED_BRIDGE)
            retired->kind = RETIRED_BRIDGE_VERSION;
        retired_free(retired);
    }
}

void snapshot_discard(struct snapshot *snapshot, const struct snapshot *current)
{
    for (uint32_t i = 0; i < snapshot->n_attachments; i++) {
        if (snapshot->attachments[i] != snapshot_attachment(current, i))
            attachment_destroy(snapshot->attachments[i]);
    }
    for (int i = 0; i < BRIDGES_MAX; i++) {
        if (snapshot->bridges[i] != current->bridges[i])
            bridge_destroy(snapshot->bridges[i], current->bridges[i] == NULL);
    }
    if (snapshot->decap_table != current->decap_table)
        decap_table_destroy(snapshot->decap_table);
    for (uint32_t i = 0; i < snapshot->sets.n; i++) {
        if (i >= current->sets.n || snapshot->sets.sets[i] != current->sets.sets[i])
            addr_set_unref(snapshot->sets.sets[i]);
    }
    if (snapshot->sets.directory != current->sets.directory)
        addr_directory_destroy(snapshot->sets.directory);
    for (uint32_t i = 0; i < snapshot->n_zone_policies; i++) {
        if (snapshot_zone_policy(current, snapshot->zone_policies[i]->zone) != snapshot->zone_policies[i])
            zone_policy_destroy(snapshot->zone_policies[i]);
    }
    discard_retired(snapshot, current);
    snapshot_free(snapshot);
}

int snapshot_set_port(struct snapshot *snapshot, uint16_t index, struct port *port)
{
    if (index == 0 || index >= PORTS_MAX)
        return -EINVAL;
    if (snapshot->ports[index] != port && snapshot_retire(snapshot, RETIRED_PORT, snapshot->ports[index]) != 0)
        return -ENOMEM;
    snapshot->ports[index] = port;
    return 0;
}

int snapshot_set_bridge(struct snapshot *snapshot, uint16_t index, struct bridge *bridge)
{
    struct bridge *old;

    if (index == 0 || index >= BRIDGES_MAX)
        return -EINVAL;
    old = snapshot->bridges[index];
    if (snapshot_retire(snapshot, RETIRED_BRIDGE, old) != 0) {
        bridge_destroy(bridge, false);
        return -ENOMEM;
    }
    if (bridge != NULL) {
        bridge->index = index;
        bridge->changed = snapshot->sequence;
    }
    snapshot->bridges[index] = bridge;
    snapshot->dirty_bridges[index] = true;
    return 0;
}

static int attachments_grow(struct snapshot *snapshot, uint32_t id)
{
    uint32_t space = snapshot->n_attachments;
    struct attachment **bigger;

    if (id < space)
        return 0;
    while (space <= id)
        space *= 2;
    bigger = table_copy(snapshot->attachments, snapshot->n_attachments, space, sizeof *bigger);
    if (bigger == NULL)
        return -ENOMEM;
    free(snapshot->attachments);
    snapshot->attachments = bigger;
    snapshot->n_attachments = space;
    return 0;
}

int snapshot_set_attachment(struct snapshot *snapshot, uint32_t id, struct attachment *attachment)
{
    struct attachment *old;

    if (id == 0 || id >= ATTACHMENTS_MAX) {
        attachment_destroy(attachment);
        return -EINVAL;
    }
    old = id < snapshot->n_attachments ? snapshot->attachments[id] : NULL;
    if (attachments_grow(snapshot, id) != 0 || snapshot_retire(snapshot, RETIRED_ATTACHMENT, old) != 0) {
        attachment_destroy(attachment);
        return -ENOMEM;
    }
    if (old != NULL) {
        snapshot->dirty_bridges[old->bridge] = true;
        if (old->kind == ATTACHMENT_PORT && snapshot->port_attachments[old->port] == id)
            snapshot->port_attachments[old->port] = 0;
    }
    if (attachment != NULL) {
        attachment->id = id;
        attachment->changed = snapshot->sequence;
        snapshot->dirty_bridges[attachment->bridge] = true;
        if (attachment->kind == ATTACHMENT_PORT)
            snapshot->port_attachments[attachment->port] = id;
    }
    snapshot->attachments[id] = attachment;
    return 0;
}

int snapshot_set_next_hop(struct snapshot *snapshot, uint32_t index, const struct next_hop *hop)
{
    if (index == 0 || index >= NEXT_HOPS_MAX)
        return -EINVAL;
    if (index >= snapshot->n_next_hops) {
        uint32_t space = snapshot->n_next_hops;
        struct next_hop *bigger;

        while (space <= index)
            space *= 2;
        bigger = table_copy(snapshot->next_hops, snapshot->n_next_hops, space, sizeof *bigger);
        if (bigger == NULL)
            return -ENOMEM;
        free(snapshot->next_hops);
        snapshot->next_hops = bigger;
        snapshot->n_next_hops = space;
    }
    snapshot->next_hops[index] = hop ? *hop : (struct next_hop){.state = NEXT_HOP_NO_ROUTE};
    snapshot->next_hops[index].changed = snapshot->sequence;
    return 0;
}

int snapshot_set_decap_table(struct snapshot *snapshot, struct decap_table *table)
{
    if (snapshot_retire(snapshot, RETIRED_DECAP_TABLE, snapshot->decap_table) != 0) {
        decap_table_destroy(table);
        return -ENOMEM;
    }
    snapshot->decap_table = table;
    return 0;
}

/* A directory that this edit may change. Without memory there is none, which only costs speed. */
static int own_directory(struct snapshot *snapshot)
{
    struct addr_directory *directory = snapshot->sets.directory;

    if (snapshot->owns_directory)
        return 0;
    if (snapshot_retire(snapshot, RETIRED_ADDRESS_DIRECTORY, directory) != 0)
        return -ENOMEM;
    snapshot->sets.directory = directory != NULL ? addr_directory_copy(directory) : NULL;
    snapshot->owns_directory = true;
    return 0;
}

int snapshot_set_address_set(struct snapshot *snapshot, uint32_t index, struct addr_set *set)
{
    if (index >= snapshot->sets.n) {
        struct addr_set **bigger = table_copy(snapshot->sets.sets, snapshot->sets.n, index + 1, sizeof *bigger);

        if (bigger == NULL) {
            addr_set_unref(set);
            return -ENOMEM;
        }
        free(snapshot->sets.sets);
        snapshot->sets.sets = bigger;
        snapshot->sets.n = index + 1;
    }
    if (own_directory(snapshot) != 0 ||
        snapshot_retire(snapshot, RETIRED_ADDRESS_SET, snapshot->sets.sets[index]) != 0) {
        addr_set_unref(set);
        return -ENOMEM;
    }
    addr_sets_put(&snapshot->sets, index, set);
    return 0;
}

/* The members of one bridge: internal ports first. */
static struct bridge_members *derive_members(const struct snapshot *snapshot, uint16_t bridge)
{
    uint32_t n = 0, n_internal = 0;
    struct bridge_members *members;

    for (uint32_t id = 1; id < snapshot->n_attachments; id++) {
        const struct attachment *a = snapshot->attachments[id];

        if (a != NULL && a->bridge == bridge) {
            n++;
            n_internal += a->internal;
        }
    }
    members = malloc(sizeof *members + n * sizeof members->ids[0]);
    if (members == NULL)
        return NULL;
    *members = (struct bridge_members){.changed = snapshot->sequence, .refs = 1, .n = n, .n_internal = n_internal};
    for (uint32_t id = 1, internal = 0, other = n_internal; id < snapshot->n_attachments; id++) {
        const struct attachment *a = snapshot->attachments[id];

        if (a != NULL && a->bridge == bridge)
            members->ids[a->internal ? internal++ : other++] = id;
    }
    /* Only the decap table knows endpoints; any bridge with a port of the host's may hold one. */
    members->is_underlay = n_internal > 0;
    return members;
}

/* A bridge's FDB goes on with its next version: only the last version to be retired destroys it. */
static bool fdb_goes_on(const struct snapshot *snapshot, uint32_t retired)
{
    const struct bridge *old = snapshot->retired[retired].object;

    if (snapshot->bridges[old->index] != NULL && snapshot->bridges[old->index]->fdb == old->fdb)
        return true;
    for (uint32_t i = retired + 1; i < snapshot->n_retired; i++) {
        const struct bridge *later = snapshot->retired[i].object;

        if (snapshot->retired[i].kind == RETIRED_BRIDGE && later->fdb == old->fdb)
            return true;
    }
    return false;
}

int snapshot_finish(struct snapshot *snapshot)
{
    for (uint16_t i = 0; i < BRIDGES_MAX; i++) {
        struct bridge_members *members = NULL;

        if (!snapshot->dirty_bridges[i])
            continue;
        if (snapshot->bridges[i] != NULL && (members = derive_members(snapshot, i)) == NULL)
            return -ENOMEM;
        if (snapshot->members[i] != NULL && --snapshot->members[i]->refs == 0)
            free(snapshot->members[i]);
        snapshot->members[i] = members;
        snapshot->dirty_bridges[i] = false;
    }
    for (uint32_t i = 0; i < snapshot->n_retired; i++) {
        if (snapshot->retired[i].kind == RETIRED_BRIDGE && fdb_goes_on(snapshot, i))
            snapshot->retired[i].kind = RETIRED_BRIDGE_VERSION;
    }
    return 0;
}

const struct attachment *snapshot_attachment(const struct snapshot *snapshot, uint32_t id)
{
    return id < snapshot->n_attachments ? snapshot->attachments[id] : NULL;
}

const struct bridge *snapshot_bridge(const struct snapshot *snapshot, uint16_t index)
{
    return index < BRIDGES_MAX ? snapshot->bridges[index] : NULL;
}

const struct next_hop *snapshot_next_hop(const struct snapshot *snapshot, uint32_t index)
{
    return index != 0 && index < snapshot->n_next_hops && snapshot->next_hops[index].remote != 0
               ? &snapshot->next_hops[index]
               : NULL;
}

struct port *snapshot_port(const struct snapshot *snapshot, uint16_t index)
{
    return index < PORTS_MAX ? snapshot->ports[index] : NULL;
}
