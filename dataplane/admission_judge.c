// SPDX-License-Identifier: Apache-2.0
#include "dataplane/admission_private.h"

#include "acl/rule_query.h"
#include "dataplane/rule_counters.h"
#include "dataplane/verdict_log.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_IPV6 0x86dd

/* Which flags of a verdict are a side's. */
struct side_flags {
    uint8_t stateless;
    uint8_t keep;
    uint8_t flush;
};
static const struct side_flags flags_of[] = {
    [RULE_EGRESS] = {VERDICT_EGRESS_STATELESS, VERDICT_EGRESS_KEEP, VERDICT_EGRESS_FLUSH},
    [RULE_INGRESS] = {VERDICT_INGRESS_STATELESS, VERDICT_INGRESS_KEEP, VERDICT_INGRESS_FLUSH},
};

/* A connection whose rule is gone may go on when its group says so and nothing but the lack of a rule refuses it. */
static bool is_kept(const struct session_verdict *former, enum rule_direction direction,
                    const struct side_answer *answer)
{
    return former != NULL && former->allowed && answer->by_default && (former->flags & flags_of[direction].keep) != 0;
}

static void keep(const struct session_verdict *former, enum rule_direction direction, struct side_answer *answer)
{
    bool stateless = (former->flags & flags_of[direction].stateless) != 0;

    *answer = (struct side_answer){
        .action = stateless ? RULE_ALLOW_STATELESS : RULE_ALLOW,
        .on_change = RULE_KEEP,
        .rule = direction == RULE_EGRESS ? former->egress_rule : former->ingress_rule,
        .of_packet = answer->of_packet,
    };
}

/* Adds one side's answer to the verdict; false when it refuses. */
static bool add_side(const struct admission *a, struct judgement *judgement, const struct side *side,
                     const struct ct_tuple *tuple, const struct session_traits *traits,
                     const struct session_verdict *former)
{
    struct side_answer *answer = side->direction == RULE_EGRESS ? &judgement->egress : &judgement->ingress;
    struct session_verdict *verdict = &judgement->verdict;
    struct rule_query query;

    if (!side_is_policed(side))
        return true;
    query = rule_query_from_session(tuple, traits, a->zone & PACKET_VLAN_ID, side->direction);
    side_ask(side, &a->snapshot->sets, &query, answer);
    judgement->of_packet |= answer->of_packet;
    if (is_kept(former, side->direction, answer))
        keep(former, side->direction, answer);
    *(side->direction == RULE_EGRESS ? &verdict->egress_rule : &verdict->ingress_rule) = answer->rule;
    if (!side_answer_allows(answer))
        return false;
    judgement->stateful |= answer->action == RULE_ALLOW;
    if (answer->action == RULE_ALLOW_STATELESS)
        verdict->flags |= flags_of[side->direction].stateless;
    if (answer->on_change == RULE_KEEP)
        verdict->flags |= flags_of[side->direction].keep;
    if (answer->on_change == RULE_FLUSH)
        verdict->flags |= flags_of[side->direction].flush;
    if (verdict->audit_rule == 0)
        verdict->audit_rule = answer->audit_rule;
    return true;
}

/* A refusal names the rule that refused and no other. */
static void refuse(struct judgement *judgement, enum rule_direction direction)
{
    const struct side_answer *answer = direction == RULE_EGRESS ? &judgement->egress : &judgement->ingress;
    struct session_verdict *verdict = &judgement->verdict;

    judgement->drop = drop_of_side(direction);
    verdict->allowed = false;
    verdict->egress_rule = direction == RULE_EGRESS ? answer->rule : 0;
    verdict->ingress_rule = direction == RULE_INGRESS ? answer->rule : 0;
    verdict->audit_rule = 0;
    verdict->flags = answer->action == RULE_REJECT ? VERDICT_REJECT : 0;
}

struct judgement admission_judge(const struct admission *a, const struct ct_tuple *tuple,
                                 const struct session_traits *traits, const struct attachment *sender,
                                 const struct attachment *receiver, const struct session_verdict *former)
{
    struct side egress = admission_side(a, sender, RULE_EGRESS);
    struct side ingress = admission_side(a, receiver, RULE_INGRESS);
    struct judgement judgement = {.verdict = {.sequence = a->snapshot->sequence, .allowed = true}};

    if (!add_side(a, &judgement, &egress, tuple, traits, former))
        refuse(&judgement, RULE_EGRESS);
    else if (!add_side(a, &judgement, &ingress, tuple, traits, former))
        refuse(&judgement, RULE_INGRESS);
    judgement.cut = former != NULL && former->allowed && judgement.drop != DROP_NONE;
    return judgement;
}

static void post(const struct admission *a, uint32_t rule, enum verdict verdict, enum rule_direction direction,
                 const struct attachment *attachment, const struct ct_tuple *tuple)
{
    struct verdict_event event = {.rule = rule,
                                  .attachment = attachment != NULL ? attachment->id : 0,
                                  .verdict = verdict,
                                  .side = direction,
                                  .is_arp = a->packet->kind == PACKET_ARP,
                                  .tuple = *tuple};

    verdict_log_post(a->pipeline->worker, &event, a->pipeline->now);
}

static void note_answer(const struct admission *a, const struct side_answer *answer, enum rule_direction direction,
                        const struct attachment *attachment, const struct ct_tuple *tuple, bool cut)
{
    static const enum verdict verdicts[] = {[RULE_ALLOW] = VERDICT_ALLOW,
                                            [RULE_ALLOW_STATELESS] = VERDICT_ALLOW,
                                            [RULE_DENY] = VERDICT_DENY,
                                            [RULE_REJECT] = VERDICT_REJECTED,
                                            [RULE_PASS] = VERDICT_ALLOW};

    rule_counters_hit(a->pipeline->worker, answer->rule, a->pipeline->now);
    rule_counters_hit(a->pipeline->worker, answer->audit_rule, a->pipeline->now);
    if (answer->log)
        post(a, answer->rule, cut ? VERDICT_CUT : verdicts[answer->action], direction, attachment, tuple);
    if (answer->audit_log)
        post(a, answer->audit_rule, VERDICT_WOULD_DENY, direction, attachment, tuple);
}

void admission_note(const struct admission *a, const struct judgement *judgement, const struct ct_tuple *tuple,
                    const struct attachment *sender, const struct attachment *receiver)
{
    if (judgement->drop != DROP_POLICY_INGRESS)
        note_answer(a, &judgement->egress, RULE_EGRESS, sender, tuple, judgement->cut);
    if (judgement->drop != DROP_POLICY_EGRESS)
        note_answer(a, &judgement->ingress, RULE_INGRESS, receiver, tuple, judgement->cut);
}

void admission_name_rules(struct resolution *resolution, const struct session_verdict *verdict)
{
    resolution->rules = (struct flow_rules){
        .egress = verdict->egress_rule, .ingress = verdict->ingress_rule, .audit = verdict->audit_rule};
}

/* A guest cannot live without ARP: groups have no say about it, enforced or in audit mode. */
static void exempt_arp(struct side_answer *answer)
{
    if (answer->by_default)
        *answer = (struct side_answer){.action = RULE_ALLOW};
    if (answer->audit_by_default) {
        answer->audit_rule = 0;
        answer->audit_log = false;
    }
}

/* IP or ARP in a frame of another type, which common stacks unwrap (CVE-2021-27853): it must not slip past the rules about
 * what it is. */
static bool hides_ip(const struct packet *packet)
{
    uint16_t inner;

    if (packet->kind != PACKET_L2)
        return false;
    inner = packet_inner_ethertype(packet);
    return inner != packet->ethertype && (inner == ETHERTYPE_IPV4 || inner == ETHERTYPE_IPV6 || inner == ETHERTYPE_ARP);
}

struct side_answer admission_ask_packet(const struct admission *a, const struct side *side)
{
    struct rule_query query = rule_query_from_packet(a->packet, a->zone & PACKET_VLAN_ID, side->direction);
    struct side_answer answer;
    bool is_arp = a->packet->kind == PACKET_ARP;
    struct ct_tuple tuple = {.src = a->packet->src,
                             .dst = a->packet->dst,
                             .zone = a->zone,
                             .src_port = a->packet->src_port,
                             .dst_port = a->packet->dst_port,
                             .protocol = is_arp ? 0 : a->packet->protocol,
                             .icmp_type = a->packet->icmp_type};

    side_ask(side, &a->snapshot->sets, &query, &answer);
    if (is_arp)
        exempt_arp(&answer);
    if (hides_ip(a->packet))
        answer = (struct side_answer){.action = RULE_DENY};
    note_answer(a, &answer, side->direction, side->attachment, &tuple, false);
    return answer;
}

enum drop_reason admission_take_answer(struct admission *a, enum rule_direction direction,
                                       const struct side_answer *answer, uint32_t *rule)
{
    struct resolution *resolution = a->resolution;

    if (answer->of_packet)
        resolution->cacheable = false;
    if (side_answer_allows(answer)) {
        *rule = answer->rule;
        if (resolution->rules.audit == 0)
            resolution->rules.audit = answer->audit_rule;
        return DROP_NONE;
    }
    resolution->rules = (struct flow_rules){0};
    *rule = answer->rule;
    resolution->reject = answer->action == RULE_REJECT;
    return drop_of_side(direction);
}
