// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <unixctl.h>
#include <util.h>

#include "acl/conntrack.h"
#include "control/acl_ports.h"
#include "control/acl_text.h"
#include "control/policies.h"
#include "control/set_names.h"
#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"
#include "dataplane/rule_counters.h"

/* What rules a port has and what they did, and how far its sessions are from its limits. */

struct listing {
    struct ds *out;
    struct set_names sets;
    uint32_t now;
    char *stage; /* whose heading stands there */
    bool closed; /* ends in a default */
    size_t n;
};

static void put_last_hit(struct ds *out, const struct rule_counter *sum, uint32_t now)
{
    char text[32];

    if (sum->last_hit == 0)
        snprintf(text, sizeof text, "never");
    else
        snprintf(text, sizeof text, "%" PRIu32 " s ago", (int32_t)(now - sum->last_hit) > 0 ? now - sum->last_hit : 0);
    ds_put_format(out, "%-12s  ", text);
}

static void put_marks(struct ds *out, const struct effective_rule *rule)
{
    if (rule->audit)
        ds_put_cstr(out, rule->rule->log ? " [audit,log]" : " [audit]");
    else if (rule->rule->log)
        ds_put_cstr(out, " [log]");
}

static void put_heading(struct listing *listing, const char *stage)
{
    if (listing->stage != NULL && strcmp(listing->stage, stage) == 0)
        return;
    if (listing->stage == NULL)
        ds_put_format(listing->out, "  %10s  %12s  %14s  %-12s  %-15s  %-24s  %s\n", "hits", "packets", "bytes",
                      "last hit", "action", "rule", "match");
    free(listing->stage);
    listing->stage = xstrdup(stage);
    ds_put_format(listing->out, " %s\n", stage);
}

static void put_rule(void *listing_, const struct effective_rule *effective)
{
    struct listing *listing = listing_;
    const struct rule *rule = effective->rule;
    struct ds *out = listing->out;
    struct rule_counter sum;

    put_heading(listing, effective->stage);
    rule_counters_sum(rule->id, &sum);
    ds_put_format(out, "  %10" PRIu64 "  %12" PRIu64 "  %14" PRIu64 "  ", sum.hits, sum.packets, sum.bytes);
    put_last_hit(out, &sum, listing->now);
    ds_put_format(out, "%-15s  %-24s  ", acl_text_action(rule->action), effective->name);
    if (effective->is_default)
        ds_put_cstr(out, "everything else");
    else
        acl_text_put_match(out, rule, &listing->sets);
    put_marks(out, effective);
    ds_put_char(out, '\n');
    listing->closed |= effective->is_default && !effective->audit;
    listing->n++;
}

static void put_direction(struct listing *listing, const struct vswitch *vswitch, const struct acl_port *port,
                          enum rule_direction direction)
{
    listing->closed = false;
    listing->n = 0;
    ds_put_format(listing->out, "\n%s\n",
                  direction == RULE_EGRESS ? "egress (from the guest)" : "ingress (towards the guest)");
    policies_visit_port(vswitch->applied.policies, port->logical, port->zone, direction, put_rule, listing);
    if (!listing->closed)
        ds_put_format(listing->out, " %s is allowed\n", listing->n > 0 ? "what no rule decides about" : "everything");
    free(listing->stage);
    listing->stage = NULL;
}

static void put_port(struct ds *out, const struct acl_port *port)
{
    const char *name = port->interface != NULL ? port->interface->settings->name : port->logical;

    ds_put_format(out, "port %s", name);
    if (port->interface != NULL)
        ds_put_format(out, ", bridge %s", port->interface->bridge->name);
    if (port->zone != 0)
        ds_put_format(out, ", VLAN %" PRIu32, port->zone & 0xfff);
    if (port->logical != NULL)
        ds_put_format(out, ", Logical_Port %s", port->logical);
    if (port->interface == NULL)
        ds_put_cstr(out, ", bound to no interface here");
    ds_put_char(out, '\n');
    if (port->attachment == NULL)
        return;
    if (port->attachment->disabled || port->attachment->policy.disabled)
        ds_put_cstr(out, "disabled: nothing passes (port_disabled)\n");
    else if (port->attachment->policy.broken)
        ds_put_cstr(out, "its policy cannot be built: nothing passes (policy_broken)\n");
}

static void put_sessions(struct ds *out, const struct acl_port *port)
{
    struct acl_limits limits;
    struct ct_usage usage;

    if (port->attachment == NULL || port->attachment->account == 0)
        return;
    limits = acl_ports_limits(port->attachment);
    conntrack_account_usage(dataplane_conntrack(), port->attachment->account, &usage);
    ds_put_format(out,
                  "\nsessions: %" PRIu32 " of at most %" PRIu32 ", half-open %" PRIu32 " of at most %" PRIu32
                  ", refused %" PRIu64 ", early drops %" PRIu64 "\n",
                  usage.sessions, limits.max, usage.half_open, limits.half_open, usage.refused, usage.early_drops);
}

static void show(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct ds out = DS_EMPTY_INITIALIZER;
    struct listing listing = {.out = &out};
    struct acl_port port;

    if (!acl_ports_find(vswitch, argv[1], &port)) {
        unixctl_command_reply_error(conn, "no such port");
        return;
    }
    put_port(&out, &port);
    if (port.logical == NULL) {
        ds_put_cstr(&out, "no Logical_Port names it: nothing polices it\n");
    } else {
        if (acl_ports_data_plane(vswitch))
            dataplane_harvest();
        set_names_init(&listing.sets, vswitch->applied.policies);
        listing.now = dataplane_now();
        put_direction(&listing, vswitch, &port, RULE_EGRESS);
        put_direction(&listing, vswitch, &port, RULE_INGRESS);
        set_names_destroy(&listing.sets);
        put_sessions(&out, &port);
    }
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

static void put_limits(void *out_, const struct acl_port *port)
{
    struct ds *out = out_;
    struct acl_limits limits;
    struct ct_usage usage;

    if (port->attachment == NULL || port->attachment->account == 0)
        return;
    limits = acl_ports_limits(port->attachment);
    conntrack_account_usage(dataplane_conntrack(), port->attachment->account, &usage);
    ds_put_format(out,
                  "%-16s  %10" PRIu32 "  %10" PRIu32 "  %10" PRIu32 "  %10" PRIu32 "  %10" PRIu64 "  %11" PRIu64 "\n",
                  port->interface->settings->name, usage.sessions, limits.max, usage.half_open, limits.half_open,
                  usage.refused, usage.early_drops);
}

static void show_limits(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    struct ds out = DS_EMPTY_INITIALIZER;

    ds_put_format(&out, "%-16s  %10s  %10s  %10s  %10s  %10s  %11s\n", "port", "sessions", "at most", "half-open",
                  "at most", "refused", "early drops");
    acl_ports_visit(vswitch, put_limits, &out);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

const struct unixctl_command unixctl_acl_commands[] = {
    {"acl/show", "port", 1, 1, show},
    {"acl/limits", "", 0, 0, show_limits},
    {NULL, NULL, 0, 0, NULL},
};
