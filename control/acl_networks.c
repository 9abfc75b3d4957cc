// SPDX-License-Identifier: Apache-2.0
#include "control/acl_networks.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/util.h>
#include <openvswitch/vlog.h>
#include <util.h>
#include <uuid.h>

#include "acl/policy_chain.h"
#include "control/policy_work.h"
#include "control/security_rules.h"
#include "control/shared_chains.h"
#include "control/text_list.h"
#include "dataplane/snapshot.h"

VLOG_DEFINE_THIS_MODULE(acl_networks);

static struct vlog_rate_limit bad_rows = VLOG_RATE_LIMIT_INIT(20, 60);

void acl_networks_init(struct acl_networks *networks)
{
    memset(networks, 0, sizeof *networks);
    hmap_init(&networks->by_row);
}

static void network_free(struct acl_networks *networks, struct acl_network *network)
{
    hmap_remove(&networks->by_row, &network->node);
    policy_chain_unref(network->shut);
    free(network->acls.acls);
    free(network->name);
    free(network->bridge);
    free(network->error);
    free(network);
}

void acl_networks_destroy(struct acl_networks *networks)
{
    struct acl_network *network;

    HMAP_FOR_EACH_SAFE (network, node, &networks->by_row) {
        network_free(networks, network);
    }
    hmap_destroy(&networks->by_row);
    free(networks->freed);
}

struct acl_network *acl_networks_find(const struct acl_networks *networks, const struct uuid *row)
{
    struct acl_network *network;

    HMAP_FOR_EACH_WITH_HASH (network, node, uuid_hash(row), &networks->by_row) {
        if (uuid_equals(&network->row, row))
            return network;
    }
    return NULL;
}

static struct hmapx *network_owners(struct security_rule *acl)
{
    return &acl->networks;
}

static void give_zone(struct acl_networks *networks, struct acl_network *network)
{
    if (network->zone == 0)
        return;
    if (networks->n_freed == networks->allocated_freed)
        networks->freed = x2nrealloc(networks->freed, &networks->allocated_freed, sizeof *networks->freed);
    networks->freed[networks->n_freed++] = network->zone;
    network->zone = 0;
}

static void leave_chains(struct acl_network *network, struct policy_work *work)
{
    for (int direction = 0; direction < 2; direction++) {
        struct shared_chain *chain = network->chains[direction];

        network->chains[direction] = NULL;
        if (chain == NULL)
            continue;
        hmapx_find_and_delete(&chain->networks, network);
        shared_chains_leave(chain, work);
    }
}

void acl_networks_set(struct acl_networks *networks, const struct acl_network_row *row, struct security_rules *rules,
                      struct policy_work *work)
{
    struct acl_network *network = acl_networks_find(networks, &row->id);
    bool changed = network == NULL;

    if (network == NULL) {
        network = xzalloc(sizeof *network);
        network->row = row->id;
        ovs_list_init(&network->work);
        hmap_insert(&networks->by_row, &network->node, uuid_hash(&row->id));
    }
    network->seen = work->pass;
    changed = text_assign(&network->name, row->name) || changed;
    changed = text_assign(&network->bridge, row->bridge) || network->tag != row->tag || changed;
    network->tag = row->tag;
    changed = acl_list_assign(&network->acls, row->acls, row->n_acls, rules, network_owners, network, work) || changed;
    if (changed)
        policy_work_add(&work->networks, &network->work);
}

void acl_networks_remove(struct acl_networks *networks, struct acl_network *network, struct policy_work *work)
{
    leave_chains(network, work);
    acl_list_clear(&network->acls, network_owners, network, work);
    policy_work_forget(&network->work);
    give_zone(networks, network);
    network_free(networks, network);
    networks->dirty = true;
    work->changed = true;
}

static void join_chains(struct acl_network *network, struct shared_chains *chains, struct policy_work *work)
{
    for (int direction = 0; direction < 2; direction++) {
        struct shared_chain *before = network->chains[direction];
        struct shared_chain *chain = shared_chains_get(chains, (enum rule_direction)direction, network->acls.acls,
                                                       network->acls.n, NULL, 0, work);

        network->chains[direction] = chain;
        if (chain != NULL)
            hmapx_add(&chain->networks, network);
        if (before != NULL && before != chain) {
            hmapx_find_and_delete(&before->networks, network);
            shared_chains_leave(before, work);
        }
    }
}

/* Nothing passes in a network with an ACL that denies we know not what: a chain of a group without rules, whose default
 * has the name of the ACL. */
static struct policy_chain *shut(const struct acl_network *network)
{
    const struct security_rule *acl = acl_list_breaking(&network->acls);
    struct policy_rule refusal = {.action = RULE_DENY};
    struct policy_chain *chain;
    struct policy *nothing;

    if (acl == NULL)
        return NULL;
    refusal.id = acl->id.id;
    nothing = policy_compile(NULL, 0);
    chain = nothing != NULL ? policy_chain_create(NULL, 0, nothing, &refusal) : NULL;
    policy_unref(nothing);
    return chain;
}

void acl_networks_work(struct acl_networks *networks, struct acl_network *network, struct shared_chains *chains,
                       struct policy_work *work)
{
    char *error = acl_list_error(&network->acls);

    join_chains(network, chains, work);
    policy_chain_unref(network->shut);
    network->shut = shut(network);
    if (text_assign(&network->error, error) && error != NULL)
        VLOG_WARN_RL(&bad_rows, "network %s%s: %s", network->name, network->shut != NULL ? " is closed" : "", error);
    free(error);
    network->dirty = true;
    networks->dirty = true;
    work->changed = true;
}

static int network_order(const void *a_, const void *b_)
{
    const struct acl_network *a = *(const struct acl_network *const *)a_;
    const struct acl_network *b = *(const struct acl_network *const *)b_;

    if ((a->zone != 0) != (b->zone != 0))
        return a->zone != 0 ? -1 : 1;
    return strcmp(a->name, b->name);
}

static uint32_t place_of(const struct acl_network *network, acl_networks_bridge_index *bridge_index, void *aux)
{
    uint16_t bridge;

    if (network->acls.n == 0 || network->bridge == NULL || network->tag < 0 || network->tag > 4094)
        return 0;
    bridge = bridge_index(aux, network->bridge);
    return bridge != 0 ? zone_of(bridge, (uint16_t)network->tag) : 0;
}

static bool is_taken(struct acl_network *const *list, size_t n, uint32_t zone)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i]->zone == zone)
            return true;
    }
    return false;
}

/* Those that are where they were keep their zone. The others give theirs back before anybody looks for one, so that networks
 * may change places. */
static void leave_places(struct acl_networks *networks, acl_networks_bridge_index *bridge_index, void *aux)
{
    struct acl_network *network;

    HMAP_FOR_EACH (network, node, &networks->by_row) {
        uint32_t zone = place_of(network, bridge_index, aux);

        network->is_lost = zone != network->zone;
        if (network->is_lost && network->zone != 0)
            networks->dirty = true;
        if (network->is_lost)
            give_zone(networks, network);
    }
}

bool acl_networks_place(struct acl_networks *networks, acl_networks_bridge_index *bridge_index, void *aux)
{
    size_t n = hmap_count(&networks->by_row);
    struct acl_network **list = xmalloc((n + 1) * sizeof(struct acl_network *));
    struct acl_network *network;

    leave_places(networks, bridge_index, aux);
    n = 0;
    HMAP_FOR_EACH (network, node, &networks->by_row) {
        if (network->zone != 0 || network->is_lost)
            list[n++] = network;
    }
    qsort(list, n, sizeof(struct acl_network *), network_order);
    for (size_t i = 0; i < n; i++) {
        uint32_t zone = list[i]->zone == 0 ? place_of(list[i], bridge_index, aux) : 0;

        if (zone == 0 || is_taken(list, n, zone))
            continue;
        list[i]->zone = zone;
        list[i]->dirty = true;
        networks->dirty = true;
    }
    free(list);
    return networks->dirty;
}

static struct policy_chain *ref_or_null(struct policy_chain *chain)
{
    return chain != NULL ? policy_chain_ref(chain) : NULL;
}

static int publish_one(struct acl_network *network, struct snapshot *snapshot)
{
    const struct shared_chain *ingress = network->chains[RULE_INGRESS];
    const struct shared_chain *egress = network->chains[RULE_EGRESS];
    struct zone_policy policy = {.zone = network->zone};
    int error;

    if (network->shut != NULL) {
        policy.ingress = policy_chain_ref(network->shut);
        policy.egress = policy_chain_ref(network->shut);
    } else if (ingress != NULL && egress != NULL) {
        policy.ingress = ref_or_null(ingress->enforced.chain);
        policy.egress = ref_or_null(egress->enforced.chain);
        policy.ingress_audit = ref_or_null(ingress->audit.chain);
        policy.egress_audit = ref_or_null(egress->audit.chain);
    }
    error = snapshot_set_zone_policy(snapshot, network->zone, &policy);
    if (error != 0) {
        policy_chain_unref(policy.ingress);
        policy_chain_unref(policy.egress);
        policy_chain_unref(policy.ingress_audit);
        policy_chain_unref(policy.egress_audit);
    }
    return error;
}

int acl_networks_publish(struct acl_networks *networks, struct snapshot *snapshot)
{
    struct acl_network *network;

    if (!networks->dirty)
        return 0;
    for (; networks->n_freed > 0; networks->n_freed--) {
        int error = snapshot_set_zone_policy(snapshot, networks->freed[networks->n_freed - 1], NULL);

        if (error != 0)
            return error;
    }
    HMAP_FOR_EACH (network, node, &networks->by_row) {
        int error = network->zone != 0 && network->dirty ? publish_one(network, snapshot) : 0;

        if (error != 0)
            return error;
        network->dirty = false;
    }
    networks->dirty = false;
    return 0;
}
