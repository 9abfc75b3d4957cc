// SPDX-License-Identifier: Apache-2.0
#include "control/acl_why.h"

#include <inttypes.h>
#include <netinet/in.h>

#include <openvswitch/dynamic-string.h>

#include "acl/conntrack.h"
#include "acl/policy_chain.h"
#include "acl/rule_query.h"
#include "control/acl_text.h"
#include "control/effective_list.h"
#include "control/policies.h"
#include "control/set_names.h"
#include "dataplane/dataplane.h"
#include "dataplane/pipeline.h"
#include "dataplane/side.h"
#include "dataplane/snapshot_private.h"
#include "dataplane/vlan.h"

/* One packet on its way; the steps follow dataplane/pipeline.c and dataplane/admission_sessions.c. */
struct why {
    struct ds *out;
    const struct policies *policies;
    const struct snapshot *snapshot;
    const struct acl_port *port;
    const struct attachment *attachment;
    const struct acl_flow *flow;
    struct packet packet;
    uint8_t frame[ACL_FLOW_FRAME_MAX];
    uint16_t vlan;
    uint32_t zone;
    struct side side;
    struct rule_query query;
    struct effective_list rules; /* of the side that is asked */
    struct set_names sets;
    size_t stage; /* the next one that is enforced */

    /* The session of the packet, when there is one. */
    bool has_session;
    bool judged_again; /* policy is newer than its verdict */
    enum ct_direction way;
    struct session_copy session;
};

static const char *name_of(const struct why *why, uint32_t rule)
{
    const char *name = policies_rule_name(why->policies, rule);

    return name != NULL ? name : "-";
}

static void put_verdict(struct why *why, const char *verdict, uint32_t rule, const char *more)
{
    ds_put_format(why->out, "verdict: %s", verdict);
    if (rule != 0)
        ds_put_format(why->out, " by rule \"%s\"", name_of(why, rule));
    ds_put_format(why->out, "%s\n", more);
}

/* 'word' is "drop", or "reject". */
static void put_drop(struct why *why, const char *word, enum drop_reason reason, uint32_t rule)
{
    ds_put_format(why->out, "verdict: %s (%s)", word, drop_reason_name(reason));
    if (rule != 0)
        ds_put_format(why->out, " by rule \"%s\"", name_of(why, rule));
    else
        ds_put_format(why->out, ": %s", drop_reason_help(reason));
    ds_put_char(why->out, '\n');
}

/* Steps before policy. Each answers why the packet ends there. */

static enum drop_reason check_port(const struct why *why)
{
    return pipeline_check_attachment(snapshot_bridge(why->snapshot, why->attachment->bridge), why->attachment);
}

/* The VLAN that the packet is in on the bridge: the one that was asked about, or that of untagged packets. */
static enum drop_reason find_vlan(struct why *why, bool *tagged)
{
    const struct vlan_config *config = &why->attachment->vlan;
    bool egress = why->flow->direction == RULE_EGRESS;

    why->vlan = why->flow->vlan;
    if (!acl_flow_has_vlan(why->flow) && !vlan_ingress(config, 0, &why->vlan))
        return egress ? DROP_VLAN_INGRESS : DROP_VLAN_EGRESS;
    if (!vlan_egress(config, why->vlan, tagged))
        return egress ? DROP_VLAN_INGRESS : DROP_VLAN_EGRESS;
    why->zone = zone_of(why->attachment->bridge, why->vlan);
    return DROP_NONE;
}

static enum drop_reason make_packet(struct why *why, bool tagged)
{
    size_t len = acl_flow_frame(why->flow, tagged ? why->vlan : 0, why->frame);

    return packet_parse(why->frame, (uint32_t)len, (uint32_t)len, &why->packet);
}

static enum drop_reason check_security(struct why *why)
{
    const struct port_policy *policy = &why->attachment->policy;
    enum drop_reason drop;

    if (why->flow->direction != RULE_EGRESS)
        return DROP_NONE;
    if (!why->attachment->has_policy || policy->security == NULL) {
        ds_put_cstr(why->out, "port security: off, any address may be used\n");
        return DROP_NONE;
    }
    if (!acl_flow_has_src_mac(why->flow)) {
        ds_put_cstr(why->out, "port security: not asked, because dl_src is not given\n");
        return DROP_NONE;
    }
    drop = port_security_check(policy->security, &why->packet);
    ds_put_format(why->out, "port security: %s\n", drop == DROP_NONE ? "the addresses are the port's" : "refused");
    return drop;
}

/* Policy: the chains of one side, asked and told. */

static void put_match(struct why *why, const char *stage, const struct policy_rule *rule, const char *nothing)
{
    const struct listed_rule *listed = rule != NULL ? effective_list_find(&why->rules, rule->id) : NULL;

    ds_put_format(why->out, "%s: ", stage);
    if (rule == NULL) {
        ds_put_format(why->out, "%s\n", nothing);
        return;
    }
    ds_put_format(why->out, "rule \"%s\" matches: %s", name_of(why, rule->id),
                  acl_text_action((enum rule_action)rule->action));
    if (listed != NULL && !listed->is_default) {
        ds_put_char(why->out, ' ');
        acl_text_put_match(why->out, &listed->rule, &why->sets);
    }
    ds_put_cstr(why->out, rule->action == RULE_PASS ? "; the next is asked\n" : "\n");
}

static const char *next_stage(struct why *why, const char *general)
{
    const char *stage = effective_list_enforced_stage(&why->rules, why->stage++);

    return stage != NULL ? stage : general;
}

/* True when the chain decides. */
static bool put_chain(struct why *why, const struct policy_chain *chain)
{
    const struct addr_sets *sets = &why->snapshot->sets;
    const struct policy_rule *rule;

    for (size_t i = 0; chain != NULL && i < policy_chain_tier_count(chain); i++) {
        rule = policy_match(policy_chain_tier(chain, i), sets, &why->query);
        put_match(why, next_stage(why, "tier"), rule, "no rule matches");
        if (rule != NULL && rule->action != RULE_PASS)
            return true;
    }
    if (chain == NULL || policy_chain_groups(chain) == NULL)
        return false;
    rule = policy_match(policy_chain_groups(chain), sets, &why->query);
    put_match(why, next_stage(why, "groups"), rule, "no rule matches, so the default of groups refuses it");
    return true;
}

static struct side_answer ask(struct why *why)
{
    const struct port_policy *policy = &why->attachment->policy;
    const struct zone_policy *zone = why->side.zone;
    bool egress = why->side.direction == RULE_EGRESS;
    struct side_answer answer;
    bool decided = false;

    policies_visit_port(why->policies, why->port->logical, why->zone, why->side.direction, effective_list_add,
                        &why->rules);
    if (zone != NULL)
        decided = put_chain(why, egress ? zone->egress : zone->ingress);
    if (!decided)
        decided = put_chain(why, egress ? policy->egress : policy->ingress);
    if (!decided)
        ds_put_cstr(why->out, "nothing decides: it is allowed\n");
    side_ask(&why->side, &why->snapshot->sets, &why->query, &answer);
    if (answer.audit_rule != 0)
        ds_put_format(why->out, "audit: rule \"%s\" would refuse it, and counts it\n", name_of(why, answer.audit_rule));
    return answer;
}

/* Sessions. */

/* What has several receivers belongs to no session. */
static bool takes_part(const struct why *why, struct ct_tuple *tuple)
{
    return ct_tuple_from_packet(&why->packet, why->zone, tuple) && !mac_addr_is_multicast(&why->packet.dst_mac);
}

/* What is exempt on either side opens none. */
static bool may_open(const struct why *why)
{
    struct ct_tuple tuple;

    return takes_part(why, &tuple) && !policy_is_exempt(&why->packet, RULE_EGRESS) &&
           !policy_is_exempt(&why->packet, RULE_INGRESS);
}

static bool find_session(struct why *why)
{
    struct conntrack *ct = dataplane_conntrack();
    struct ct_tuple tuple;
    struct ct_match match;
    uint32_t cursor;

    if (!takes_part(why, &tuple) || !conntrack_find(ct, &tuple, &match))
        return false;
    cursor = match.session - 1;
    why->way = match.direction;
    return conntrack_dump(ct, &cursor, &why->session, 1) == 1 && why->session.id == match.session;
}

static bool is_later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* Is the verdict of the session older than the policy of the port or its network? */
static bool is_stale(const struct why *why)
{
    uint32_t sequence = why->session.verdict.sequence;

    return is_later(why->attachment->changed, sequence) ||
           (why->side.zone != NULL && is_later(why->side.zone->changed, sequence));
}

static void put_session(struct why *why)
{
    char text[CONNTRACK_TEXT_LEN];

    ds_put_format(why->out, "session: %s of %s\n", why->way == CT_ORIGINAL ? "a packet" : "a reply",
                  session_copy_format(&why->session, text));
}

/* The side of the port in the session's original direction. */
static enum rule_direction session_side(const struct why *why)
{
    bool egress = (why->flow->direction == RULE_EGRESS) == (why->way == CT_ORIGINAL);

    return egress ? RULE_EGRESS : RULE_INGRESS;
}

static void ask_about_first_packet(struct why *why)
{
    struct session_traits traits = conntrack_traits(dataplane_conntrack(), why->session.id);

    ds_put_cstr(why->out, "policy has changed since: the connection is judged again\n");
    why->judged_again = true;
    why->side.direction = session_side(why);
    why->query = rule_query_from_session(&why->session.original, &traits, why->vlan, why->side.direction);
}

/* What the session says. False: rules have to be asked, about what 'side' and 'query' say now. */
static bool pass_by_session(struct why *why)
{
    const struct session_verdict *verdict = &why->session.verdict;
    bool egress = session_side(why) == RULE_EGRESS;
    uint32_t rule = egress ? verdict->egress_rule : verdict->ingress_rule;

    put_session(why);
    if (is_stale(why)) {
        ask_about_first_packet(why);
        return false;
    }
    if (!verdict->allowed) {
        put_drop(why, verdict->flags & VERDICT_REJECT ? "reject" : "drop", DROP_POLICY_CUT,
                 verdict->egress_rule != 0 ? verdict->egress_rule : verdict->ingress_rule);
        return true;
    }
    if (why->way == CT_REPLY &&
        (verdict->flags & (egress ? VERDICT_EGRESS_STATELESS : VERDICT_INGRESS_STATELESS)) != 0) {
        ds_put_cstr(why->out, "this side keeps no state: the packet is asked about by itself\n");
        return false;
    }
    put_verdict(why, "allow", rule, ", as part of the session");
    return true;
}

/* The verdict. */

static bool may_start(const struct why *why)
{
    enum ct_admission admission = conntrack_admission(&why->packet);

    return admission == CT_ADMIT || (admission == CT_PICK_UP && why->attachment->policy.limits.pick_up);
}

static bool is_kept(const struct why *why, const struct side_answer *answer)
{
    uint8_t flag = why->side.direction == RULE_EGRESS ? VERDICT_EGRESS_KEEP : VERDICT_INGRESS_KEEP;

    return why->judged_again && why->session.verdict.allowed && answer->by_default &&
           (why->session.verdict.flags & flag) != 0;
}

static void put_refusal(struct why *why, const struct side_answer *answer)
{
    enum drop_reason reason = why->flow->direction == RULE_EGRESS ? DROP_POLICY_EGRESS : DROP_POLICY_INGRESS;

    if (is_kept(why, answer)) {
        put_verdict(why, "allow", 0, ", because the group keeps connections whose rule is gone (on_change)");
        return;
    }
    if (why->judged_again)
        reason = DROP_POLICY_CUT;
    else if (!why->has_session && answer->by_default && answer->keeps_state && may_open(why) && !may_start(why)) {
        put_drop(why, "drop", DROP_CT_INVALID, 0);
        return;
    }
    put_drop(why, answer->action == RULE_REJECT ? "reject" : "drop", reason, answer->rule);
}

/* No room for another session of this port's? Only the sender's account is known to be the one that is charged. */
static bool is_over_quota(const struct why *why)
{
    struct ct_usage usage;

    if (why->attachment->account == 0 || why->flow->direction != RULE_EGRESS)
        return false;
    conntrack_account_usage(dataplane_conntrack(), why->attachment->account, &usage);
    return usage.sessions >= acl_ports_limits(why->attachment).max;
}

static void put_answer(struct why *why, const struct side_answer *answer)
{
    bool is_error = packet_is_icmp_error(&why->packet) && !mac_addr_is_multicast(&why->packet.dst_mac);

    if (is_error && answer->action != RULE_ALLOW_STATELESS) {
        ds_put_cstr(why->out, "an ICMP error passes when it quotes a packet of a session; this one quotes none\n");
        put_drop(why, "drop", DROP_CT_INVALID, 0);
    } else if (!side_answer_allows(answer)) {
        put_refusal(why, answer);
    } else if (answer->action == RULE_ALLOW_STATELESS) {
        put_verdict(why, "allow", answer->rule, ", this packet by itself");
    } else if (why->has_session) {
        put_verdict(why, "allow", answer->rule, ", as part of the session");
    } else if (!may_open(why)) {
        put_verdict(why, "allow", answer->rule, ", without a session");
    } else if (!may_start(why)) {
        put_drop(why, "drop", DROP_CT_INVALID, 0);
    } else if (is_over_quota(why)) {
        put_drop(why, "drop", DROP_CT_QUOTA, 0);
    } else {
        put_verdict(why, "allow", answer->rule, ", with a session");
    }
}

/* What is exempt passes before sessions and rules; but ARP by an ACL that names it. */
static bool pass_by_exemption(struct why *why)
{
    struct side_answer answer;

    if (why->has_session || !policy_is_exempt(&why->packet, why->flow->direction))
        return false;
    if (why->packet.kind == PACKET_ARP) {
        side_ask(&why->side, &why->snapshot->sets, &why->query, &answer);
        if (!side_answer_allows(&answer) && !answer.by_default)
            return false;
    }
    put_verdict(why, "allow", 0, ": no guest can live without it, so rules are not asked");
    return true;
}

static void put_policy(struct why *why)
{
    struct side_answer answer;

    why->side = (struct side){.attachment = why->attachment,
                              .zone = snapshot_zone_policy(why->snapshot, why->zone),
                              .direction = why->flow->direction};
    if (!side_is_policed(&why->side)) {
        put_verdict(why, "allow", 0, ": nothing polices this port");
        return;
    }
    why->query = rule_query_from_packet(&why->packet, why->vlan, why->side.direction);
    why->has_session = find_session(why);
    if (pass_by_exemption(why))
        return;
    if (!why->has_session)
        ds_put_cstr(why->out, "session: none\n");
    else if (pass_by_session(why))
        return;
    answer = ask(why);
    put_answer(why, &answer);
}

void acl_why_explain(struct ds *out, const struct policies *policies, const struct acl_port *port,
                     const struct acl_flow *flow)
{
    struct why why = {.out = out,
                      .policies = policies,
                      .snapshot = dataplane_current(),
                      .port = port,
                      .attachment = port->attachment,
                      .flow = flow,
                      .rules = EFFECTIVE_LIST_EMPTY};
    enum drop_reason drop = check_port(&why);
    bool tagged = false;

    if (drop == DROP_NONE)
        drop = find_vlan(&why, &tagged);
    if (drop == DROP_NONE)
        drop = make_packet(&why, tagged);
    if (drop == DROP_NONE)
        drop = check_security(&why);
    if (drop != DROP_NONE) {
        put_drop(&why, "drop", drop, 0);
        return;
    }
    set_names_init(&why.sets, policies);
    put_policy(&why);
    set_names_destroy(&why.sets);
    effective_list_free(&why.rules);
}
