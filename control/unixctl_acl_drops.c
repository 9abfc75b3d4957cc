// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <unixctl.h>
#include <util.h>

#include "control/acl_ports.h"
#include "control/policies.h"
#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"
#include "dataplane/rule_counters.h"

/* Drops by port, reason and rule: what drop/show sums up over rules. */

struct drop_list {
    struct rule_drops *drops;
    size_t n;
    size_t allocated;
};

static void add_drops(void *list_, const struct rule_drops *drops)
{
    struct drop_list *list = list_;

    if (drops->packets == 0)
        return;
    if (list->n == list->allocated)
        list->drops = x2nrealloc(list->drops, &list->allocated, sizeof *list->drops);
    list->drops[list->n++] = *drops;
}

static const char *port_name(uint16_t index)
{
    const struct port *port = snapshot_port(dataplane_current(), index);

    return port != NULL ? port->name : NULL;
}

/* By reason, and the most packets first. */
static int compare_drops(const void *a_, const void *b_)
{
    const struct rule_drops *a = a_, *b = b_;

    if (a->reason != b->reason)
        return a->reason < b->reason ? -1 : 1;
    return a->packets > b->packets ? -1 : a->packets < b->packets;
}

static void put_drops(struct ds *out, const char *port, enum drop_reason reason, uint64_t packets, const char *rule)
{
    ds_put_format(out, "%-16s  %-22s  %12" PRIu64 "  %-24s  %s\n", port, drop_reason_name(reason), packets, rule,
                  drop_reason_help(reason));
}

static const char *rule_name(const struct policies *policies, uint32_t rule)
{
    const char *name = policies_rule_name(policies, rule);

    if (rule == RULE_DROPS_OTHER)
        return "other rules";
    return name != NULL ? name : rule == 0 ? "-" : "a rule that is gone";
}

/* One reason of a port: its rules, then what no rule is to be blamed for. */
static size_t put_reason(struct ds *out, const struct policies *policies, const char *port, enum drop_reason reason,
                         uint64_t total, const struct drop_list *list, size_t next)
{
    for (; next < list->n && list->drops[next].reason == reason; next++) {
        const struct rule_drops *drops = &list->drops[next];

        total -= MIN(total, drops->packets);
        put_drops(out, port, reason, drops->packets, rule_name(policies, drops->rule));
    }
    if (total > 0)
        put_drops(out, port, reason, total, "-");
    return next;
}

static void put_port(struct ds *out, const struct policies *policies, uint16_t index)
{
    const struct port *port = snapshot_port(dataplane_current(), index);
    struct drop_list list = {NULL, 0, 0};
    struct port_counters sum;
    size_t next = 0;

    rule_drops_visit(index, add_drops, &list);
    if (list.n > 0)
        qsort(list.drops, list.n, sizeof *list.drops, compare_drops);
    port_counters_sum(port, &sum);
    for (int reason = DROP_NONE + 1; reason < DROP_N_REASONS; reason++)
        next = put_reason(out, policies, port->name, (enum drop_reason)reason, sum.drops[reason], &list, next);
    free(list.drops);
}

static void show_drops(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct ds out = DS_EMPTY_INITIALIZER;
    struct acl_port named = {.interface = NULL};
    const char *name = argc > 1 ? argv[1] : NULL;
    bool found = name == NULL;

    if (name != NULL && acl_ports_find(vswitch, name, &named) && named.interface != NULL)
        name = named.interface->settings->name;
    if (acl_ports_data_plane(vswitch))
        dataplane_harvest();
    ds_put_format(&out, "%-16s  %-22s  %12s  %-24s  %s\n", "port", "reason", "packets", "rule", "meaning");
    for (unsigned int i = 1; acl_ports_data_plane(vswitch) && i < PORTS_MAX; i++) {
        const char *one = port_name((uint16_t)i);

        if (one == NULL || (name != NULL && strcmp(one, name) != 0))
            continue;
        put_port(&out, vswitch->applied.policies, (uint16_t)i);
        found = true;
    }
    if (found)
        unixctl_command_reply(conn, ds_cstr(&out));
    else
        unixctl_command_reply_error(conn, "no such port");
    ds_destroy(&out);
}

const struct unixctl_command unixctl_acl_drops_commands[] = {
    {"acl/drops", "[port]", 0, 1, show_drops},
    {NULL, NULL, 0, 0, NULL},
};
