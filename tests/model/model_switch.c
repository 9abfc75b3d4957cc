// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_switch.h"

#include <netinet/in.h>
#include <string.h>

#define BIT(REASON) (1ull << (REASON))

static struct model_outcome dropped(uint64_t reasons)
{
    return (struct model_outcome){.reasons = reasons};
}

static struct model_outcome passes(const struct model_packet *packet)
{
    return (struct model_outcome){.receivers = 1u << packet->to};
}

/* Is anybody to be told that the packet was refused? (RFC 1122 3.2.2, RFC 9293 3.10.7.1) */
static bool has_reply(const struct model_packet *packet)
{
    bool rst = packet->protocol == IPPROTO_TCP && (packet->tcp_flags & 0x04) != 0;

    return (packet->kind == MODEL_IPV4 || packet->kind == MODEL_IPV6) && packet->to != MODEL_EVERYBODY && !rst &&
           packet->fragment != MODEL_LATER && !model_is_icmp_error(packet);
}

static struct model_outcome refused(const struct model_packet *packet, enum rule_direction side, bool reject)
{
    struct model_outcome outcome = dropped(BIT(side == RULE_EGRESS ? DROP_POLICY_EGRESS : DROP_POLICY_INGRESS));

    outcome.reply = reject && has_reply(packet);
    return outcome;
}

/* Who sends what it should not. */
static uint64_t check_security(const struct model_port *port, const struct model_packet *packet)
{
    struct mac_addr mac = model_mac(packet->from);
    struct inet_addr address = model_address(packet->from, packet->kind == MODEL_IPV6);
    bool v6 = packet->kind == MODEL_IPV6;
    uint64_t reasons = 0;
    bool listed;

    if (!port->security)
        return 0;
    if (!mac_addr_equal(&packet->src_mac, &mac))
        return BIT(DROP_SPOOFED_MAC);
    if (packet->kind == MODEL_L2)
        return 0;
    /* A pair without addresses may use any. */
    listed = (!port->security_v4 && !port->security_v6) ||
             ((v6 ? port->security_v6 : port->security_v4) && inet_addr_equal(&packet->src, &address));
    if (!listed)
        reasons |= BIT(packet->kind == MODEL_ARP ? DROP_SPOOFED_ARP : v6 ? DROP_SPOOFED_IPV6 : DROP_SPOOFED_IPV4);
    if (packet->kind == MODEL_ARP || packet->fragment == MODEL_LATER)
        return reasons;
    if (packet->protocol == IPPROTO_UDP && (packet->src_port == (v6 ? 547 : 67) || packet->dst_port == (v6 ? 546 : 68)))
        reasons |= BIT(DROP_GUEST_DHCP_SERVER);
    if (model_is_icmp(packet) && !v6 && (packet->icmp_type == 5 || packet->icmp_type == 9))
        reasons |= BIT(DROP_GUEST_ROUTER);
    return reasons;
}

/* One side's answer about the packet itself; what is not policed or exempt is not asked. */
static bool ask(const struct model_switch *model, uint32_t guest, enum rule_direction side,
                const struct model_packet *packet, struct model_answer *answer)
{
    *answer = (struct model_answer){.action = RULE_ALLOW};
    if (!model_is_policed(&model->policies, guest, packet->vlan) || model_is_exempt(packet, side))
        return false;
    *answer = model_ask(&model->policies, guest, side, packet);
    return true;
}

/* Both sides about the packet alone; '*stateful' when one of them keeps state. */
static struct model_outcome ask_both(const struct model_switch *model, const struct model_packet *packet,
                                     struct model_answer answers[2], bool *stateful)
{
    static const enum rule_direction sides[] = {RULE_EGRESS, RULE_INGRESS};

    *stateful = false;
    answers[1] = (struct model_answer){.action = RULE_ALLOW};
    for (int i = 0; i < 2; i++) {
        bool asked = ask(model, i == 0 ? packet->from : packet->to, sides[i], packet, &answers[i]);

        if (!model_answer_allows(&answers[i]))
            return refused(packet, sides[i], answers[i].action == RULE_REJECT);
        *stateful |= asked && answers[i].action == RULE_ALLOW;
    }
    return passes(packet);
}

static struct model_side side_of(const struct model_answer *answer, bool asked)
{
    return (struct model_side){.asked = asked,
                               .stateless = asked && answer->action == RULE_ALLOW_STATELESS,
                               .on_change = asked ? answer->on_change : RULE_REEVALUATE,
                               .rule = asked ? answer->rule : 0};
}

/* Judges one side of the session anew. False: it refuses, '*answer' says why. */
static bool judge_side(const struct model_switch *model, struct model_session *session, enum rule_direction direction,
                       struct model_answer *answer)
{
    struct model_side *side = direction == RULE_EGRESS ? &session->egress : &session->ingress;
    uint32_t guest = direction == RULE_EGRESS ? session->first.from : session->first.to;
    bool asked = ask(model, guest, direction, &session->first, answer);

    if (!model_answer_allows(answer)) {
        /* keep: when nothing but the lack of a rule refuses, the old yes stays. */
        if (!session->allowed || !answer->by_default || side->on_change != RULE_KEEP)
            return false;
        session->kept = true;
        return true;
    }
    /* flush: the end of the rule that let the session in is its own, whatever allows it now. */
    if (session->allowed && side->on_change == RULE_FLUSH && side->rule != answer->rule)
        side->stateless = asked && answer->action == RULE_ALLOW_STATELESS;
    else
        *side = side_of(answer, asked);
    if (session->audit_rule == 0)
        session->audit_rule = answer->audit_rule;
    return true;
}

static void cut(struct model_session *session, enum rule_direction direction, const struct model_answer *answer)
{
    session->allowed = false;
    session->reject = answer->action == RULE_REJECT;
    session->audit_rule = 0;
    session->egress = (struct model_side){.rule = direction == RULE_EGRESS ? answer->rule : 0};
    session->ingress = (struct model_side){.rule = direction == RULE_INGRESS ? answer->rule : 0};
}

/* What policy says of the session by now: asked again when that of an end, or of the network, has changed. */
static void judge_session(const struct model_switch *model, struct model_session *session)
{
    static const enum rule_direction directions[] = {RULE_EGRESS, RULE_INGRESS};
    struct model_session former = *session;

    if (model->guests[session->first.from] <= session->judged && model->guests[session->first.to] <= session->judged &&
        model->networks[session->first.vlan != 0] <= session->judged)
        return;
    session->judged = model->policy;
    session->kept = false;
    session->audit_rule = 0;
    for (int i = 0; i < 2; i++) {
        const struct model_side *side = i == 0 ? &former.egress : &former.ingress;
        struct model_answer answer;

        if (judge_side(model, session, directions[i], &answer))
            continue;
        /* flush: it ends instead of being cut. */
        if (former.allowed && side->on_change == RULE_FLUSH)
            session->alive = false;
        cut(session, directions[i], &answer);
        return;
    }
    session->allowed = true;
    session->reject = false;
}

/* A side that keeps no state is asked about the packet in the packet's own direction. */
static struct model_outcome ask_stateless_sides(const struct model_switch *model, const struct model_session *session,
                                                const struct model_packet *packet, bool reply)
{
    bool stateless[2] = {reply ? session->ingress.stateless : session->egress.stateless,
                         reply ? session->egress.stateless : session->ingress.stateless};
    static const enum rule_direction sides[] = {RULE_EGRESS, RULE_INGRESS};

    for (int i = 0; i < 2; i++) {
        struct model_answer answer;

        if (!stateless[i])
            continue;
        ask(model, i == 0 ? packet->from : packet->to, sides[i], packet, &answer);
        if (!model_answer_allows(&answer))
            return refused(packet, sides[i], answer.action == RULE_REJECT);
    }
    return passes(packet);
}

/* The guest that a new session is charged to. */
static uint32_t charged_guest(const struct model_switch *model, const struct model_packet *packet)
{
    if (model_is_policed(&model->policies, packet->from, packet->vlan))
        return packet->from;
    return model_is_policed(&model->policies, packet->to, packet->vlan) ? packet->to : 0;
}

static struct model_session *oldest_half_open(struct model_sessions *sessions, uint32_t guest)
{
    struct model_session *oldest = NULL;

    for (uint32_t i = 0; i < sessions->n; i++) {
        struct model_session *session = &sessions->list[i];

        if (session->alive && session->charged == guest && model_session_is_half_open(session) &&
            (oldest == NULL || session->half_open_since < oldest->half_open_since))
            oldest = session;
    }
    return oldest;
}

/* A half-open session makes way. */
static void early_drop(struct model_switch *model, struct model_session *session)
{
    session->alive = false;
    model->dropped_cut |= !session->allowed;
}

/* Is there room in the guest's account? When it is full, or has half-open sessions enough and this is one more, its oldest
 * half-open session makes way. */
static bool make_room(struct model_switch *model, const struct model_port *port, uint32_t guest, bool half_open)
{
    struct model_sessions *sessions = &model->sessions;
    struct model_session *oldest = oldest_half_open(sessions, guest);

    if (port->max != 0 && model_sessions_charged(sessions, guest, false) >= port->max) {
        if (oldest == NULL)
            return false;
        early_drop(model, oldest);
        /* The limit may have been lowered meanwhile. */
        if (model_sessions_charged(sessions, guest, false) >= port->max)
            return false;
    }
    if (half_open && port->half_open != 0 && model_sessions_charged(sessions, guest, true) >= port->half_open)
        early_drop(model, oldest_half_open(sessions, guest));
    return true;
}

static struct model_outcome open_session(struct model_switch *model, const struct model_packet *packet,
                                         const struct model_answer answers[2])
{
    uint32_t guest = charged_guest(model, packet);
    const struct model_port *port = &model->policies.ports[guest];
    enum model_start start = model_start_of(packet);
    struct model_session *session;

    if (start == MODEL_STARTS_NOTHING || (start == MODEL_PICKS_UP && !port->pick_up))
        return dropped(BIT(DROP_CT_INVALID));
    if (!make_room(model, port, guest, packet->protocol == IPPROTO_TCP && start == MODEL_STARTS))
        return dropped(BIT(DROP_CT_QUOTA));
    session = model_sessions_open(&model->sessions, packet, model->now);
    session->judged = model->policy;
    session->charged = guest;
    session->short_times = port->short_times;
    session->egress = side_of(&answers[0], model_is_policed(&model->policies, packet->from, packet->vlan));
    session->ingress = side_of(&answers[1], model_is_policed(&model->policies, packet->to, packet->vlan));
    session->audit_rule = answers[0].audit_rule != 0 ? answers[0].audit_rule : answers[1].audit_rule;
    return passes(packet);
}

/* No session knows the packet. */
static struct model_outcome judge_new(struct model_switch *model, const struct model_packet *packet)
{
    struct model_answer answers[2];
    struct model_outcome outcome;
    bool stateful;

    outcome = ask_both(model, packet, answers, &stateful);
    if (outcome.reasons != 0) {
        /* Both are true of a packet that starts nothing. */
        if (model_start_of(packet) != MODEL_STARTS)
            outcome.reasons |= BIT(DROP_CT_INVALID);
        return outcome;
    }
    if (!stateful || model_is_exempt(packet, RULE_EGRESS) || model_is_exempt(packet, RULE_INGRESS))
        return passes(packet);
    if (model_is_icmp_error(packet))
        return dropped(BIT(DROP_CT_INVALID));
    return model_has_tuple(packet) ? open_session(model, packet, answers) : passes(packet);
}

static struct model_outcome is_cut(const struct model_session *session, const struct model_packet *packet)
{
    struct model_outcome outcome = dropped(BIT(DROP_POLICY_CUT));

    outcome.reply = session->reject && has_reply(packet);
    return outcome;
}

/* A connection whose handshake starts anew is half-open once more, as the newest. */
static void become_half_open(struct model_switch *model, struct model_session *session)
{
    const struct model_port *port = &model->policies.ports[session->charged];

    session->half_open_since = model->sessions.n_opened++;
    if (session->charged != 0 && port->half_open != 0 &&
        model_sessions_charged(&model->sessions, session->charged, true) > port->half_open)
        early_drop(model, oldest_half_open(&model->sessions, session->charged));
}

static struct model_outcome judge_with_session(struct model_switch *model, const struct model_packet *packet)
{
    enum model_direction direction;
    struct model_session *session = model_sessions_find(&model->sessions, packet, &direction);
    struct model_outcome outcome;
    bool half_open;

    if (session == NULL)
        return judge_new(model, packet);
    judge_session(model, session);
    if (!session->alive)
        return judge_new(model, packet);
    if (!session->allowed)
        return is_cut(session, packet);
    if (direction == MODEL_REPLY) {
        outcome = ask_stateless_sides(model, session, packet, true);
        if (outcome.reasons != 0)
            return outcome;
    }
    half_open = model_session_is_half_open(session);
    switch (model_sessions_track(session, packet, direction, model->now)) {
    case MODEL_FITS:
        if (!half_open && model_session_is_half_open(session))
            become_half_open(model, session);
        return passes(packet);
    case MODEL_DOES_NOT_FIT:
        return dropped(BIT(DROP_CT_INVALID));
    case MODEL_OPENS_ANEW:
        break;
    }
    session->alive = false;
    return judge_new(model, packet);
}

/* An ICMP error passes with the session that it is about, to the end that sent what it quotes. */
static struct model_outcome judge_error(struct model_switch *model, const struct model_packet *packet)
{
    enum model_direction direction;
    struct model_session *session = model_sessions_find_quoted(&model->sessions, packet, &direction);
    struct model_outcome outcome;

    if (session == NULL)
        return judge_new(model, packet);
    if (packet->to != (direction == MODEL_REPLY ? session->first.from : session->first.to))
        return dropped(BIT(DROP_CT_INVALID));
    judge_session(model, session);
    if (!session->alive)
        return dropped(BIT(DROP_POLICY_CUT) | BIT(DROP_CT_INVALID) | BIT(DROP_POLICY_EGRESS) |
                       BIT(DROP_POLICY_INGRESS));
    if (!session->allowed)
        return dropped(BIT(DROP_POLICY_CUT));
    outcome = ask_stateless_sides(model, session, packet, direction == MODEL_REPLY);
    /* From a third guest, who is no side of the connection. */
    outcome.either = packet->from != (direction == MODEL_REPLY ? session->first.to : session->first.from);
    return outcome;
}

static struct model_outcome judge_later_fragment(struct model_switch *model, const struct model_packet *packet)
{
    struct model_datagram *datagram = model_fragments_find(&model->fragments, packet, model->now);
    struct model_outcome outcome = {0};

    if (!datagram->judged) {
        if (datagram->n_held < MODEL_HELD) {
            datagram->held_under[datagram->n_held] = model->policy;
            datagram->held_since[datagram->n_held++] = model->now;
        }
        return outcome;
    }
    outcome = datagram->passed ? passes(packet) : dropped(BIT(DROP_CT_FRAGMENT));
    /* Policy that has changed since may forbid what the first one was allowed. */
    outcome.either = datagram->passed && datagram->policy != model->policy;
    datagram->perhaps_held |= outcome.either;
    return outcome;
}

/* The first fragment decides about those that were held. */
static void release(struct model_switch *model, const struct model_packet *packet, struct model_outcome *outcome)
{
    struct model_datagram *datagram = model_fragments_find(&model->fragments, packet, model->now);

    datagram->used = datagram->judged = true;
    datagram->judged_at = model->now;
    datagram->passed = outcome->receivers != 0;
    datagram->policy = model->policy;
    for (uint32_t i = 0; i < datagram->n_held; i++) {
        if (!datagram->passed)
            outcome->reasons |= BIT(DROP_CT_FRAGMENT);
        else if (datagram->held_under[i] == model->policy)
            outcome->released++;
        else
            outcome->perhaps++;
    }
    if (datagram->perhaps_held && datagram->passed)
        outcome->perhaps += MODEL_HELD;
    else if (datagram->perhaps_held)
        outcome->reasons |= BIT(DROP_CT_FRAGMENT);
    datagram->perhaps_held = false;
    datagram->n_held = 0;
}

/* Between two guests. */
static struct model_outcome judge(struct model_switch *model, const struct model_packet *packet)
{
    bool is_ip = packet->kind == MODEL_IPV4 || packet->kind == MODEL_IPV6;

    if (!model_is_policed(&model->policies, packet->from, packet->vlan) &&
        !model_is_policed(&model->policies, packet->to, packet->vlan))
        return passes(packet);
    if (packet->fragment == MODEL_LATER)
        return judge_later_fragment(model, packet);
    if (model_is_icmp_error(packet))
        return judge_error(model, packet);
    if (is_ip && model_has_tuple(packet))
        return judge_with_session(model, packet);
    return judge_new(model, packet);
}

/* Each receiver by himself, and no session. */
static struct model_outcome judge_broadcast(const struct model_switch *model, const struct model_packet *packet)
{
    struct model_outcome outcome = {0};
    struct model_answer answer;

    ask(model, packet->from, RULE_EGRESS, packet, &answer);
    if (!model_answer_allows(&answer))
        return refused(packet, RULE_EGRESS, false);
    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++) {
        const struct model_port *port = &model->policies.ports[guest];

        if (guest == packet->from || (port->has_row && (port->disabled || port->broken)))
            continue;
        ask(model, guest, RULE_INGRESS, packet, &answer);
        if (model_answer_allows(&answer))
            outcome.receivers |= 1u << guest;
    }
    if (outcome.receivers == 0)
        outcome.reasons = BIT(DROP_POLICY_INGRESS) | BIT(DROP_NO_DESTINATION);
    return outcome;
}

static uint64_t check_port(const struct model_port *port)
{
    if (port->has_row && port->disabled)
        return BIT(DROP_PORT_DISABLED);
    return port->has_row && port->broken ? BIT(DROP_POLICY_BROKEN) : 0;
}

struct model_outcome model_switch_send(struct model_switch *model, const struct model_packet *packet)
{
    const struct model_port *ports = model->policies.ports;
    const struct model_port *source = &ports[packet->from];
    uint64_t reasons = check_port(source);
    struct model_outcome outcome;

    if (reasons == 0 && source->has_row)
        reasons = check_security(source, packet);
    if (reasons != 0)
        return dropped(reasons);
    if (packet->to == MODEL_EVERYBODY)
        return judge_broadcast(model, packet);
    if (packet->to == packet->from)
        return dropped(BIT(DROP_SAME_PORT));
    reasons = check_port(&ports[packet->to]);
    if (reasons != 0)
        return dropped(reasons);
    outcome = judge(model, packet);
    if (packet->fragment == MODEL_FIRST)
        release(model, packet, &outcome);
    return outcome;
}

void model_switch_flush(struct model_switch *model, const uint32_t *rules, size_t n)
{
    for (uint32_t i = 0; i < model->sessions.n; i++) {
        struct model_session *session = &model->sessions.list[i];

        for (size_t r = 0; r < n; r++) {
            if (session->allowed && (session->egress.rule == rules[r] || session->ingress.rule == rules[r]))
                session->alive = false;
        }
    }
}
