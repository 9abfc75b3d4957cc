// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_print.h"

#include <stdio.h>

static const char *const action_names[] = {"allow", "allow-stateless", "deny", "reject", "pass"};

static void print_conditions(const struct rule *rule)
{
    char text[INET_TEXT_LEN];

    if (rule->conditions & RULE_IF_LOCAL)
        printf(" local %s", inet_prefix_format(&rule->local, text));
    if (rule->conditions & RULE_IF_SRC_PORT)
        printf(" from port %u-%u", rule->src_port_min, rule->src_port_max);
    if (rule->conditions & RULE_IF_SRC_MAC)
        printf(" from mac %u", rule->src_mac.bytes[5]);
    if (rule->conditions & RULE_IF_DST_MAC)
        printf(" to mac %u", rule->dst_mac.bytes[5]);
    if (rule->conditions & RULE_IF_ETHERTYPE)
        printf(" type %#06x", rule->ethertype);
    if (rule->conditions & RULE_IF_VLAN)
        printf(" vlan %u", rule->vlan);
    if (rule->conditions & RULE_IF_TCP_FLAGS)
        printf(" flags %#x/%#x", rule->tcp_flags, rule->tcp_mask);
    if (rule->conditions & RULE_IF_DSCP)
        printf(" dscp %u", rule->dscp);
}

static void print_rule(const struct rule *rule)
{
    char text[INET_TEXT_LEN];

    printf("#%u %s %s family %d protocol %d ports %u-%u icmp %d/%d", rule->id,
           rule->direction == RULE_INGRESS ? "ingress" : "egress", action_names[rule->action], rule->family,
           rule->protocol, rule->port_min, rule->port_max, rule->icmp_type, rule->icmp_code);
    if (rule->remote == RULE_REMOTE_PREFIX)
        printf(" remote %s", inet_prefix_format(&rule->prefix, text));
    if (rule->remote == RULE_REMOTE_SET)
        printf(" remote set %u", rule->set);
    print_conditions(rule);
    printf("\n");
}

static void print_acls(const struct model_acls *acls)
{
    for (size_t i = 0; i < acls->n; i++) {
        printf("    acl tier %u priority %u%s uuid %u ", acls->rows[i].tier, acls->rows[i].priority,
               acls->rows[i].audit ? " audit" : "", acls->rows[i].uuid);
        print_rule(&acls->rows[i].rule);
    }
}

void model_print_guest(const struct model_policies *policies, uint32_t guest)
{
    const struct model_port *port = &policies->ports[guest];

    printf("guest %u:%s%s%s%s%s groups %#x max %u half-open %u%s\n", guest, port->has_row ? " row" : "",
           port->disabled ? " disabled" : "", port->broken ? " broken" : "", port->security ? " security" : "",
           port->pick_up ? " pick-up" : "", port->groups, port->max, port->half_open,
           port->short_times ? " short times" : "");
    print_acls(&port->acls);
    for (uint32_t g = 0; g < MODEL_GROUPS; g++) {
        const struct model_group *group = &policies->groups[g];

        if ((port->groups >> g & 1) == 0)
            continue;
        printf("    group %u%s%s on_change %d default #%u\n", g, group->stateful ? "" : " stateless",
               group->audit ? " audit" : "", group->on_change, group->default_rule);
        for (size_t i = 0; i < group->n; i++) {
            printf("        ");
            print_rule(&group->rules[i]);
        }
    }
}

void model_print_network(const struct model_policies *policies, uint16_t vlan)
{
    printf("network of VLAN %u, sets %#x %#x %#x:\n", vlan, policies->sets[0], policies->sets[1], policies->sets[2]);
    print_acls(&policies->networks[vlan != 0]);
}

void model_print_session(const struct model_session *session)
{
    char text[MODEL_TEXT_LEN];

    printf("session %s state %s last seen %u deadline %u %s%s egress #%u%s ingress #%u%s audit #%u charged %u\n",
           model_packet_format(&session->first, text), session_state_name(session->state), session->last_seen,
           model_session_deadline(session), session->allowed ? "allowed" : "cut", session->kept ? " kept" : "",
           session->egress.rule, session->egress.stateless ? " stateless" : "", session->ingress.rule,
           session->ingress.stateless ? " stateless" : "", session->audit_rule, session->charged);
}
