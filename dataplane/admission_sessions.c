// SPDX-License-Identifier: Apache-2.0
#include "dataplane/admission_private.h"

#include <errno.h>

#include "acl/rule_query.h"

/* A session that was found, and where its packet stands to it. */
struct found {
    struct ct_match match;
    struct ct_tuple original;
    const struct attachment *sender; /* of the original direction; NULL: gone or not known */
    const struct attachment *receiver;
    enum drop_reason refusal; /* what a refusal of this packet is counted as */
    bool of_stranger;         /* an error from neither end: its sender's side has not been asked */
};

/* Whom the session is charged to: the guest that opened it, else the one that it was opened to. */
static const struct attachment *charged(const struct admission *a)
{
    if (admission_polices(a, a->source))
        return a->source;
    return admission_polices(a, a->destination) ? a->destination : NULL;
}

/* Is what policy said under 'sequence' out of date? */
static bool is_stale(const struct admission *a, const struct found *found, uint32_t sequence)
{
    return (found->sender != NULL && sequence_is_later(found->sender->changed, sequence)) ||
           (found->receiver != NULL && sequence_is_later(found->receiver->changed, sequence)) ||
           (a->zone_policy != NULL && sequence_is_later(a->zone_policy->changed, sequence));
}

/* The rule of a group with on_change=flush let it in, and policy does not any more. */
static bool is_flushed(const struct session_verdict *former, const struct judgement *judgement)
{
    uint8_t flag = judgement->drop == DROP_POLICY_EGRESS ? VERDICT_EGRESS_FLUSH : VERDICT_INGRESS_FLUSH;

    return judgement->cut && (former->flags & flag) != 0;
}

/* A session that another rule allows by now still ends with the rule of on_change=flush that let it in: it keeps that one's
 * name, by which control finds it (conntrack_flush_rules()). */
static void remember_flush(const struct session_verdict *former, struct session_verdict *verdict)
{
    if (!former->allowed || !verdict->allowed)
        return;
    if ((former->flags & VERDICT_EGRESS_FLUSH) != 0 && former->egress_rule != verdict->egress_rule) {
        verdict->egress_rule = former->egress_rule;
        verdict->flags = (uint8_t)((verdict->flags & ~VERDICT_EGRESS_KEEP) | VERDICT_EGRESS_FLUSH);
    }
    if ((former->flags & VERDICT_INGRESS_FLUSH) != 0 && former->ingress_rule != verdict->ingress_rule) {
        verdict->ingress_rule = former->ingress_rule;
        verdict->flags = (uint8_t)((verdict->flags & ~VERDICT_INGRESS_KEEP) | VERDICT_INGRESS_FLUSH);
    }
}

/* The verdict of a session between the ends it is known to have, asked anew when it is out of date. '*gone': the session
 * ended over it. */
static struct session_verdict current_verdict(const struct admission *a, const struct found *found, bool *gone)
{
    struct conntrack *ct = a->pipeline->conntrack;
    struct session_verdict verdict = conntrack_verdict(ct, found->match.session);
    struct session_traits traits;
    struct judgement judgement;

    if (!is_stale(a, found, verdict.sequence))
        return verdict;
    traits = conntrack_traits(ct, found->match.session);
    judgement = admission_judge(a, &found->original, &traits, found->sender, found->receiver, &verdict);
    remember_flush(&verdict, &judgement.verdict);
    if (judgement.cut)
        admission_note(a, &judgement, &found->original, found->sender, found->receiver);
    if (is_flushed(&verdict, &judgement)) {
        conntrack_close(ct, found->match.session);
        *gone = true;
    } else {
        conntrack_set_verdict(ct, found->match.session, &judgement.verdict);
    }
    return judgement.verdict;
}

/* Not between the ends it was opened between: a guest that moved, the far side of a flood, or somebody who forges the
 * other's addresses. Its own ends' policy decides, and only a yes is remembered. */
static struct session_verdict moved_verdict(const struct admission *a, struct found *found)
{
    struct conntrack *ct = a->pipeline->conntrack;
    struct session_traits traits = conntrack_traits(ct, found->match.session);
    struct judgement judgement = admission_judge(a, &found->original, &traits, found->sender, found->receiver, NULL);

    found->refusal = judgement.drop;
    if (judgement.drop == DROP_NONE)
        conntrack_set_ends(ct, found->match.session, found->sender->id, found->receiver->id, &judgement.verdict);
    return judgement.verdict;
}

/* A side that keeps no state is asked about each packet against the original direction, and about errors. */
static enum drop_reason ask_stateless_sides(struct admission *a, const struct session_verdict *verdict,
                                            const struct found *found)
{
    /* In the order in which the packet meets them; 'rule' is where the session's own is named. */
    bool from_receiver = found->match.direction == CT_REPLY;
    struct {
        bool stateless;
        uint32_t *rule;
    } egress = {(verdict->flags & VERDICT_EGRESS_STATELESS) != 0, &a->resolution->rules.egress},
      ingress = {(verdict->flags & VERDICT_INGRESS_STATELESS) != 0, &a->resolution->rules.ingress},
      first = from_receiver ? ingress : egress, second = from_receiver ? egress : ingress;
    struct side sides[] = {admission_side(a, a->source, RULE_EGRESS), admission_side(a, a->destination, RULE_INGRESS)};
    enum drop_reason drop = DROP_NONE;
    struct side_answer answer;

    if ((first.stateless || found->of_stranger) && side_is_policed(&sides[0])) {
        answer = admission_ask_packet(a, &sides[0]);
        drop = admission_take_answer(a, RULE_EGRESS, &answer, first.rule);
    }
    if (drop == DROP_NONE && second.stateless && side_is_policed(&sides[1])) {
        answer = admission_ask_packet(a, &sides[1]);
        drop = admission_take_answer(a, RULE_INGRESS, &answer, second.rule);
    }
    /* The session may end without the entry's knowing. */
    if (drop != DROP_NONE)
        a->resolution->cacheable = false;
    return drop;
}

/* A session was found for the packet: may it pass? A reply to an address that is not learned goes to whom the session
 * knows. */
static enum drop_reason judge_session(struct admission *a, const struct ct_tuple *tuple, const struct ct_match *match,
                                      bool *gone)
{
    bool reply = match->direction == CT_REPLY;
    struct found found = {
        .match = *match, .original = reply ? ct_tuple_reverse(tuple) : *tuple, .refusal = DROP_POLICY_CUT};
    struct session_verdict verdict;
    uint32_t source, destination;

    conntrack_ends(a->pipeline->conntrack, match->session, &source, &destination);
    if (a->destination == NULL && !reply) {
        /* Each receiver of the flood is asked for himself. */
        struct session_traits traits = conntrack_traits(a->pipeline->conntrack, match->session);
        struct judgement judgement = admission_judge(a, tuple, &traits, a->source, NULL, NULL);

        admission_name_rules(a->resolution, &judgement.verdict);
        a->resolution->reject = (judgement.verdict.flags & VERDICT_REJECT) != 0;
        return judgement.drop;
    }
    if (a->destination == NULL) {
        a->destination = snapshot_attachment(a->snapshot, source);
        if (a->destination == NULL)
            return DROP_NO_DESTINATION;
        a->resolution->reply_to = source;
    }
    found.sender = reply ? a->destination : a->source;
    found.receiver = reply ? a->source : a->destination;
    if (source != found.sender->id || destination != found.receiver->id)
        verdict = moved_verdict(a, &found);
    else
        verdict = current_verdict(a, &found, gone);
    admission_name_rules(a->resolution, &verdict);
    if (!verdict.allowed) {
        a->resolution->reject = (verdict.flags & VERDICT_REJECT) != 0;
        return found.refusal;
    }
    return reply ? ask_stateless_sides(a, &verdict, &found) : DROP_NONE;
}

/* Shows the packet to its session. '*gone' is set when the session ended with this packet (a SYN that opens the tuple's
 * next connection): look again. */
static enum drop_reason track(struct admission *a, const struct ct_match *match, bool *gone)
{
    struct resolution *resolution = a->resolution;
    enum ct_result result = conntrack_track(a->pipeline->conntrack, match->session, match->direction,
                                            a->packet->tcp_flags, a->pipeline->now);

    *gone = result == CT_GONE;
    if (*gone)
        return DROP_CT_INVALID;
    if (result == CT_INVALID) {
        resolution->cacheable = false;
        return DROP_CT_INVALID;
    }
    resolution->session = match->session;
    resolution->direction = match->direction;
    resolution->track = result == CT_TRACK;
    return DROP_NONE;
}

/* Would a packet the other way open a session, or may one with other flags? Then one may come to exist that this flow
 * belongs to. */
static bool reverse_keeps_state(const struct admission *a, const struct ct_tuple *tuple,
                                const struct session_traits *traits)
{
    struct ct_tuple reverse = ct_tuple_reverse(tuple);
    struct session_traits back = *traits;
    struct judgement judgement;

    back.src_mac = traits->dst_mac;
    back.dst_mac = traits->src_mac;
    judgement = admission_judge(a, &reverse, &back, a->destination, a->source, NULL);
    return judgement.of_packet || (judgement.drop == DROP_NONE && judgement.stateful);
}

static bool may_start(const struct admission *a, const struct attachment *account)
{
    switch (conntrack_admission(a->packet)) {
    case CT_ADMIT:
        return true;
    case CT_PICK_UP:
        return account != NULL && account->policy.limits.pick_up;
    case CT_REFUSE:
        break;
    }
    return false;
}

static enum drop_reason open_error(int error)
{
    switch (error) {
    case 0:
        return DROP_NONE;
    case -EDQUOT:
        return DROP_CT_QUOTA;
    default:
        return DROP_CT_TABLE_FULL;
    }
}

/* Opens the session of a packet that policy allows. */
static enum drop_reason open_session(struct admission *a, const struct ct_tuple *tuple,
                                     const struct judgement *judgement, bool *gone)
{
    const struct attachment *account = charged(a);
    struct ct_new new_session = {
        .tuple = *tuple,
        .packet = a->packet,
        .account = account != NULL ? account->account : 0,
        .timeouts = account != NULL ? account->policy.limits.timeouts : 0,
        .pick_up = account != NULL && account->policy.limits.pick_up,
        .source = a->source->id,
        .destination = a->destination != NULL ? a->destination->id : 0,
        .verdict = judgement->verdict,
    };
    struct ct_match match;
    enum drop_reason drop;

    if (!may_start(a, account)) {
        a->resolution->cacheable = false; /* the same key may come with a SYN next */
        return DROP_CT_INVALID;
    }
    drop =
        open_error(conntrack_open(a->pipeline->conntrack, a->pipeline->worker, &new_session, a->pipeline->now, &match));
    if (drop != DROP_NONE) {
        a->resolution->cacheable = false;
        return drop;
    }
    admission_note(a, judgement, tuple, a->source, a->destination);
    return track(a, &match, gone);
}

/* Refused by a port that lets connections in, for want of a rule. */
static bool is_refused_by_default(const struct judgement *judgement)
{
    const struct side_answer *answer = judgement->drop == DROP_POLICY_EGRESS ? &judgement->egress : &judgement->ingress;

    return judgement->drop != DROP_NONE && answer->by_default && answer->keeps_state;
}

/* No session yet: policy is asked, and what it allows with state becomes one. */
static enum drop_reason admit_new(struct admission *a, const struct ct_tuple *tuple, bool *gone)
{
    struct session_traits traits;
    struct judgement judgement;

    session_traits_from_packet(a->packet, &traits);
    judgement = admission_judge(a, tuple, &traits, a->source, a->destination, NULL);

    /* What cannot start a connection is told from what may not, unless a rule says that it may not. */
    if (is_refused_by_default(&judgement) && !may_start(a, charged(a))) {
        a->resolution->cacheable = false;
        return DROP_CT_INVALID;
    }
    admission_name_rules(a->resolution, &judgement.verdict);
    if (judgement.drop == DROP_NONE && judgement.stateful)
        return open_session(a, tuple, &judgement, gone);

    admission_note(a, &judgement, tuple, a->source, a->destination);
    if (judgement.of_packet)
        a->resolution->cacheable = false;
    a->resolution->reject = (judgement.verdict.flags & VERDICT_REJECT) != 0;
    a->resolution->if_no_session = judgement.drop != DROP_NONE || reverse_keeps_state(a, tuple, &traits);
    return judgement.drop;
}

enum drop_reason admission_with_session(struct admission *a)
{
    struct ct_tuple tuple;
    struct ct_match match;
    enum drop_reason drop;

    if (!ct_tuple_from_packet(a->packet, a->zone, &tuple))
        return admission_stateless(a);

    /* Twice at most: a session that ends over this very packet makes room for the next one. */
    for (int attempt = 0; attempt < 2; attempt++) {
        bool gone = false;

        if (conntrack_find(a->pipeline->conntrack, &tuple, &match)) {
            drop = judge_session(a, &tuple, &match, &gone);
            if (drop == DROP_NONE && !gone)
                drop = track(a, &match, &gone);
        } else if (policy_is_exempt(a->packet, RULE_EGRESS) || policy_is_exempt(a->packet, RULE_INGRESS)) {
            /* What a guest cannot live without passes without a session; the other side is asked as usual. */
            return admission_stateless(a);
        } else {
            drop = admit_new(a, &tuple, &gone);
        }
        if (!gone)
            return drop;
        a->resolution->reject = false;
    }
    a->resolution->cacheable = false;
    return DROP_CT_INVALID;
}

/* An error that belongs to no session passes where nothing keeps state and rules let it. */
static enum drop_reason admit_unrelated(struct admission *a)
{
    struct side sides[] = {admission_side(a, a->source, RULE_EGRESS), admission_side(a, a->destination, RULE_INGRESS)};
    uint32_t *rules[] = {&a->resolution->rules.egress, &a->resolution->rules.ingress};

    for (int i = 0; i < 2; i++) {
        struct side_answer answer;

        if (!side_is_policed(&sides[i]))
            continue;
        answer = admission_ask_packet(a, &sides[i]);
        if (answer.action != RULE_ALLOW_STATELESS)
            return DROP_CT_INVALID;
        *rules[i] = answer.rule;
    }
    return DROP_NONE;
}

enum drop_reason admission_related(struct admission *a)
{
    struct conntrack *ct = a->pipeline->conntrack;
    struct session_verdict verdict;
    uint32_t source, destination, end, far_end;
    struct found found = {.refusal = DROP_POLICY_CUT};
    bool gone = false;

    if (!conntrack_find_related(ct, a->packet, a->zone, &found.match))
        return admit_unrelated(a);
    conntrack_ends(ct, found.match.session, &source, &destination);
    end = found.match.direction == CT_REPLY ? source : destination;
    far_end = found.match.direction == CT_REPLY ? destination : source;
    found.of_stranger = far_end != 0 && far_end != a->source->id;
    if (a->destination == NULL && end != 0) {
        a->destination = snapshot_attachment(a->snapshot, end);
        if (a->destination == NULL)
            return DROP_NO_DESTINATION;
        a->resolution->reply_to = end;
    } else if (end != 0 && a->destination->id != end) {
        return DROP_CT_INVALID;
    }
    found.original = conntrack_original(ct, found.match.session);
    found.sender = snapshot_attachment(a->snapshot, source);
    found.receiver = far_end != 0 ? snapshot_attachment(a->snapshot, destination) : a->source;
    verdict = far_end != 0 ? current_verdict(a, &found, &gone) : moved_verdict(a, &found);
    admission_name_rules(a->resolution, &verdict);
    if (!verdict.allowed)
        return found.refusal;
    return ask_stateless_sides(a, &verdict, &found);
}
