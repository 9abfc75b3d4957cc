// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <openvswitch/shash.h>
#include <unixctl.h>
#include <util.h>

#include "acl/shadow.h"
#include "control/acl_ports.h"
#include "control/acl_text.h"
#include "control/effective_list.h"
#include "control/policies.h"
#include "control/set_names.h"
#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"
#include "dataplane/rule_counters.h"

/* Which rules are of no use, and which refuse packets. */

static void collect_port(const struct vswitch *vswitch, const struct acl_port *port, struct effective_list *list)
{
    const struct policies *policies = vswitch->applied.policies;

    if (port->logical == NULL)
        return;
    policies_visit_port(policies, port->logical, port->zone, RULE_EGRESS, effective_list_add, list);
    policies_visit_port(policies, port->logical, port->zone, RULE_INGRESS, effective_list_add, list);
}

/* What stands in the stage of 'group', or everything. */
struct collect_filter {
    const char *group;
    struct effective_list *list;
};

static void collect_of_group(void *filter_, const struct effective_rule *rule)
{
    struct collect_filter *filter = filter_;
    const char *stage = rule->stage;

    if (filter->group == NULL || (strncmp(stage, "group ", 6) == 0 && strcmp(stage + 6, filter->group) == 0))
        effective_list_add(filter->list, rule);
}

/* The rules of a port, of a group, or all. False when nothing is called 'name'. */
static bool collect(const struct vswitch *vswitch, const char *name, struct effective_list *list)
{
    struct collect_filter filter = {.group = name, .list = list};
    struct acl_port port;

    if (name != NULL && acl_ports_find(vswitch, name, &port)) {
        collect_port(vswitch, &port, list);
        return true;
    }
    policies_visit_all(vswitch->applied.policies, collect_of_group, &filter);
    return name == NULL || list->n > 0;
}

static void put_listed(struct ds *out, const struct effective_list *list, const struct listed_rule *rule,
                       const struct set_names *sets)
{
    ds_put_format(out, "%-24s  %-24s  %-7s  %-15s  ", rule->name, list->stages[rule->stage],
                  acl_text_direction(rule->rule.direction), acl_text_action(rule->rule.action));
    acl_text_put_match(out, &rule->rule, sets);
    ds_put_cstr(out, rule->audit ? " [audit]" : "");
}

static void put_title(struct ds *out, const char *last)
{
    ds_put_format(out, "%-24s  %-24s  %-7s  %-15s  %s\n", "rule", "stage", "side", "action", last);
}

static void show_unused(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct effective_list list = EFFECTIVE_LIST_EMPTY;
    struct ds out = DS_EMPTY_INITIALIZER;
    struct set_names sets;

    if (!collect(vswitch, argc > 1 ? argv[1] : NULL, &list)) {
        unixctl_command_reply_error(conn, "no such port or group");
        effective_list_free(&list);
        return;
    }
    if (acl_ports_data_plane(vswitch))
        dataplane_harvest();
    set_names_init(&sets, vswitch->applied.policies);
    put_title(&out, "match");
    for (size_t i = 0; i < list.n; i++) {
        struct rule_counter sum;

        rule_counters_sum(list.rules[i].rule.id, &sum);
        if (list.rules[i].is_default || sum.hits > 0 || sum.packets > 0)
            continue;
        put_listed(&out, &list, &list.rules[i], &sets);
        ds_put_char(&out, '\n');
    }
    set_names_destroy(&sets);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
    effective_list_free(&list);
}

/* Rules of one stage and direction, those in audit mode among them or not, and where each stands in the list. */
struct stage_rules {
    struct rule *rules;
    size_t *places;
    uint32_t *covered_by;
    size_t n;
};

struct shadow_listing {
    struct ds *out;
    const struct vswitch *vswitch;
    struct set_names sets;
    uint32_t steps; /* that may still be taken */
    size_t n;       /* rules looked at so far */
    size_t unknown; /* rules not looked at */
};

/* Rules of all ports that one answer looks at, so that the control thread is not held up. */
#define SHADOW_RULES_MAX 20000u

static void put_covered(const struct shadow_listing *listing, const struct effective_list *list,
                        const struct listed_rule *rule, const struct listed_rule *cover)
{
    put_listed(listing->out, list, rule, &listing->sets);
    ds_put_format(listing->out, "; covered by %s: ", cover->name);
    acl_text_put_match(listing->out, &cover->rule, &listing->sets);
    ds_put_char(listing->out, '\n');
}

static void put_shadows(struct shadow_listing *listing, const struct effective_list *list,
                        const struct stage_rules *stage, bool audit)
{
    if (shadow_find(stage->rules, stage->n, stage->covered_by, &listing->steps) != 0) {
        listing->unknown += stage->n;
        return;
    }
    for (size_t i = 0; i < stage->n; i++) {
        const struct listed_rule *rule = &list->rules[stage->places[i]];

        if (rule->audit != audit || stage->covered_by[i] == SHADOW_NONE)
            continue;
        if (stage->covered_by[i] == SHADOW_UNKNOWN)
            listing->unknown++;
        else
            put_covered(listing, list, rule, &list->rules[stage->places[stage->covered_by[i]]]);
    }
}

/* A rule in audit mode covers none that is enforced, which are decided about without it: so those are looked at first,
 * then all. */
static void put_stage(struct shadow_listing *listing, const struct effective_list *list, size_t first, size_t last)
{
    size_t n = last - first;
    struct stage_rules stage = {.rules = xcalloc(n, sizeof *stage.rules),
                                .places = xcalloc(n, sizeof *stage.places),
                                .covered_by = xcalloc(n, sizeof *stage.covered_by)};
    bool any_audit = false;

    for (size_t i = first; i < last; i++)
        any_audit |= list->rules[i].audit;
    for (int audit = 0; audit <= (any_audit ? 1 : 0); audit++) {
        stage.n = 0;
        for (size_t i = first; i < last; i++) {
            if (list->rules[i].is_default || (list->rules[i].audit && !audit))
                continue;
            stage.places[stage.n] = i;
            stage.rules[stage.n++] = list->rules[i].rule;
        }
        put_shadows(listing, list, &stage, audit);
    }
    free(stage.rules);
    free(stage.places);
    free(stage.covered_by);
}

/* Stages follow one another in a list; a stage ends where its name or its direction changes. */
static void put_stages(struct shadow_listing *listing, const struct effective_list *list)
{
    size_t first = 0;

    for (size_t i = 1; i <= list->n; i++) {
        if (i < list->n && list->rules[i].stage == list->rules[first].stage &&
            list->rules[i].rule.direction == list->rules[first].rule.direction)
            continue;
        put_stage(listing, list, first, i);
        first = i;
    }
}

static void put_port_shadows(void *listing_, const struct acl_port *port)
{
    struct shadow_listing *listing = listing_;
    struct effective_list list = EFFECTIVE_LIST_EMPTY;
    const char *name = port->interface != NULL ? port->interface->settings->name : port->logical;
    size_t before, heading;

    if (listing->n >= SHADOW_RULES_MAX || listing->steps == 0) {
        ds_put_format(listing->out, "port %s is not looked at: ask for it alone\n", name);
        return;
    }
    before = listing->out->length;
    ds_put_format(listing->out, "port %s\n", name);
    heading = listing->out->length;
    collect_port(listing->vswitch, port, &list);
    listing->n += list.n;
    put_stages(listing, &list);
    effective_list_free(&list);
    if (listing->out->length == heading)
        ds_truncate(listing->out, before);
}

static void show_shadowed(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct ds out = DS_EMPTY_INITIALIZER;
    struct shadow_listing listing = {.out = &out, .vswitch = vswitch, .steps = SHADOW_STEPS};
    struct acl_port port;

    if (argc > 1 && !acl_ports_find(vswitch, argv[1], &port)) {
        unixctl_command_reply_error(conn, "no such port");
        return;
    }
    set_names_init(&listing.sets, vswitch->applied.policies);
    put_title(&out, "match; covered by");
    if (argc > 1)
        put_port_shadows(&listing, &port);
    else
        acl_ports_visit(vswitch, put_port_shadows, &listing);
    if (listing.unknown > 0)
        ds_put_format(&out, "%" PRIuSIZE " rules are not looked at: too many that differ too much\n", listing.unknown);
    set_names_destroy(&listing.sets);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

const struct unixctl_command unixctl_acl_list_commands[] = {
    {"acl/unused", "[port|group]", 0, 1, show_unused},
    {"acl/shadowed", "[port]", 0, 1, show_shadowed},
    {NULL, NULL, 0, 0, NULL},
};
