// SPDX-License-Identifier: Apache-2.0
#include "control/attachments.h"

#include <stdlib.h>
#include <string.h>

#include <openvswitch/vlog.h>
#include <smap.h>
#include <util.h>
#include <vswitch-idl.h>

#include "acl/conntrack.h"
#include "control/applied.h"
#include "control/ids.h"
#include "control/interfaces.h"
#include "control/policies.h"
#include "control/tunnels.h"
#include "dataplane/dataplane.h"

VLOG_DEFINE_THIS_MODULE(attachments);

static const char *iface_id(const struct interface *interface, const struct ovsdb_idl *idl)
{
    const struct ovsrec_interface *row =
        interface->has_row ? ovsrec_interface_get_for_uuid(idl, &interface->uuid) : NULL;

    return row != NULL ? smap_get(&row->external_ids, "iface-id") : NULL;
}

static bool is_internal(const struct interface *interface)
{
    return strcmp(interface->settings->type, "internal") == 0;
}

static void read_facts(const struct applied *applied, const struct interface *interface, struct attachment_facts *facts)
{
    facts->ofport = interface->ofport;
    facts->port = interface->port->index;
    facts->bridge = interface->bridge->index;
    facts->mtu = interface->status.mtu;
    facts->internal = is_internal(interface);
    facts->mac = interface->status.mac;
    facts->vlan = interface->vlan;
    facts->disabled = !applied->policy_known;
    /* The host's own ports and tunnels are not what "unknown-ports=deny" is about. */
    if (!facts->has_policy && !facts->internal && !interface->is_tunnel && policies_deny_unknown(applied->policies))
        facts->disabled = true;
}

/* Opens, changes or closes the account that sessions of the interface are charged to. Without one they are not limited. */
static void update_account(struct interface *interface, bool has_policy, const struct session_limits *limits)
{
    struct ct_limits wanted = {.max = limits->max, .half_open = limits->half_open};
    struct conntrack *ct = dataplane_conntrack();

    if (has_policy && interface->account == 0) {
        interface->account = conntrack_account_open(ct, &wanted);
        if (interface->account == 0)
            VLOG_WARN("interface %s: no account is free for its sessions: they are not limited",
                      interface->settings->name);
    } else if (has_policy) {
        if (conntrack_account_change(ct, interface->account, &wanted) != 0)
            VLOG_WARN("interface %s: out of memory: its sessions stay limited as before", interface->settings->name);
    } else if (interface->account != 0) {
        conntrack_account_close(ct, interface->account);
        interface->account = 0;
    }
}

static void set_tunnel(struct applied *applied, struct interface *interface, const struct attachment_facts *facts,
                       const struct port_policy *policy)
{
    struct tunnel_port port = {
        .name = interface->settings->name,
        .bridge = facts->bridge,
        .port = facts->port,
        .ofport = (uint32_t)facts->ofport,
        .vlan = facts->vlan,
        .config = interface->tunnel,
        .carries = interface->tunnel_carries && !facts->disabled,
        .has_policy = facts->has_policy,
        .policy_version = facts->policy_version,
        .policy = *policy,
        .account = interface->account,
    };
    char *error = NULL;
    int rc = tunnels_set_port(applied->tunnels, &port, &error);

    applied->tunnels_changed = true;
    if (rc < 0)
        interface_fail(applied, interface, error != NULL ? error : ovs_strerror(-rc));
    free(error);
}

static void set_attachment(struct applied *applied, struct interface *interface, const struct attachment_facts *facts,
                           const struct port_policy *policy)
{
    struct attachment *attachment = calloc(1, sizeof *attachment);

    if (interface->attachment == 0)
        interface->attachment = ids_take(attachment_ids());
    if (attachment == NULL || interface->attachment == 0 || applied_edit(applied) == NULL) {
        free(attachment);
        port_policy_unref(policy);
        interface_fail(applied, interface, "too many ports, or out of memory");
        return;
    }
    *attachment = (struct attachment){
        .id = interface->attachment,
        .kind = ATTACHMENT_PORT,
        .port = facts->port,
        .bridge = facts->bridge,
        .ofport = (uint32_t)facts->ofport,
        .mtu = facts->mtu,
        .disabled = facts->disabled,
        .internal = facts->internal,
        .mac = facts->mac,
        .vlan = facts->vlan,
        .has_policy = facts->has_policy,
        .policy = *policy,
        .account = interface->account,
    };
    if (snapshot_set_attachment(applied->edit, interface->attachment, attachment) < 0)
        interface_fail(applied, interface, "out of memory");
    if (facts->internal && applied->tunnels != NULL) {
        tunnels_add_internal_port(applied->tunnels, interface->settings->name, facts->bridge,
                                  facts->vlan.mode == VLAN_ACCESS ? facts->vlan.tag : 0);
        applied->tunnels_changed = true;
    }
}

static void update_one(struct applied *applied, struct interface *interface, const struct ovsdb_idl *idl)
{
    const char *id = iface_id(interface, idl);
    struct attachment_facts facts;
    struct port_policy policy;

    memset(&facts, 0, sizeof facts);
    memset(&policy, 0, sizeof policy);
    facts.policy_version = policies_version(applied->policies, id, interface->settings->name);
    facts.has_policy = facts.policy_version != 0;
    read_facts(applied, interface, &facts);
    if (interface->attached && memcmp(&facts, &interface->facts, sizeof facts) == 0)
        return;
    policies_lookup(applied->policies, id, interface->settings->name, &policy, &facts.policy_version);
    update_account(interface, facts.has_policy, &policy.limits);
    interface->facts = facts;
    interface->attached = true;
    if (interface->is_tunnel)
        set_tunnel(applied, interface, &facts, &policy);
    else
        set_attachment(applied, interface, &facts, &policy);
}

void attachments_update(struct applied *applied, const struct ovsdb_idl *idl)
{
    struct interface *interface;

    HMAP_FOR_EACH (interface, node, &applied->interfaces) {
        if (interface->state == INTERFACE_OPEN)
            update_one(applied, interface, idl);
    }
}
