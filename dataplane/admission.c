// SPDX-License-Identifier: Apache-2.0
#include "dataplane/admission_private.h"

#include "acl/ct_fragments.h"

/* What a guest cannot live without is not asked about, but for ARP (admission_ask_packet()). */
static bool is_exempt(const struct admission *a, const struct side *side)
{
    return a->packet->kind != PACKET_ARP && policy_is_exempt(a->packet, side->direction);
}

enum drop_reason admission_stateless(struct admission *a)
{
    struct side sides[] = {admission_side(a, a->source, RULE_EGRESS), admission_side(a, a->destination, RULE_INGRESS)};
    uint32_t *rules[] = {&a->resolution->rules.egress, &a->resolution->rules.ingress};
    enum drop_reason drop = DROP_NONE;

    for (int i = 0; i < 2 && drop == DROP_NONE; i++) {
        struct side_answer answer;

        if (!side_is_policed(&sides[i]) || is_exempt(a, &sides[i]))
            continue;
        answer = admission_ask_packet(a, &sides[i]);
        drop = admission_take_answer(a, sides[i].direction, &answer, rules[i]);
    }
    return drop;
}

/* What became of the first fragment holds for those behind it, as long as policy stays as it was. */
static enum drop_reason admit_later_fragment(struct admission *a, const struct ct_fragment_way *way)
{
    struct ct_fragment_note note;

    if (!conntrack_find_fragment(a->pipeline->conntrack, a->packet, way, a->pipeline->now, &note)) {
        a->resolution->hold = true;
        return DROP_CT_FRAGMENT;
    }
    if (!note.passed || sequence_is_later(a->source->changed, note.sequence) ||
        (a->destination != NULL && sequence_is_later(a->destination->changed, note.sequence)) ||
        (a->zone_policy != NULL && sequence_is_later(a->zone_policy->changed, note.sequence)))
        return DROP_CT_FRAGMENT;
    return DROP_NONE;
}

/* In tuples an IPv4 address looks the same whether it came in an IPv4 or, in disguise (RFC 4942 2.2), in an IPv6 packet,
 * which thus could pass for a packet of the other's connection. */
static bool is_disguised(const struct packet *packet)
{
    return packet->kind == PACKET_IPV6 && (inet_addr_is_v4(&packet->src) || inet_addr_is_v4(&packet->dst));
}

static enum drop_reason admit(struct admission *a)
{
    struct ct_fragment_way way = {a->zone, a->source->id, a->destination ? a->destination->id : 0};
    enum drop_reason drop;

    if (is_disguised(a->packet))
        return drop_of_side(admission_polices(a, a->source) ? RULE_EGRESS : RULE_INGRESS);
    if (a->packet->fragment == PACKET_LATER_FRAGMENT)
        return admit_later_fragment(a, &way);
    drop = packet_is_icmp_error(a->packet) ? admission_related(a) : admission_with_session(a);
    if (a->packet->fragment == PACKET_FIRST_FRAGMENT) {
        struct ct_fragment_note note = {.sequence = a->snapshot->sequence, .passed = drop == DROP_NONE};

        conntrack_note_fragment(a->pipeline->conntrack, a->packet, &way, &note, a->pipeline->now);
    }
    return drop;
}

bool admission_unicast(struct admission *a)
{
    if (admission_polices(a, a->source) || admission_polices(a, a->destination))
        a->resolution->drop = admit(a);
    return a->resolution->drop == DROP_NONE;
}

bool admission_flood_source(struct admission *a)
{
    if (mac_addr_is_multicast(&a->packet->dst_mac))
        a->resolution->drop = admission_stateless(a);
    else if (admission_polices(a, a->source))
        a->resolution->drop = admit(a);
    return a->resolution->drop == DROP_NONE;
}

/* A packet of a session whose other end is known to be elsewhere. */
static bool belongs_elsewhere(const struct admission *a, enum ct_direction *direction)
{
    uint32_t source, destination, end;
    struct ct_tuple tuple;
    struct ct_match match;

    if (!ct_tuple_from_packet(a->packet, a->zone, &tuple) || !conntrack_find(a->pipeline->conntrack, &tuple, &match))
        return false;
    *direction = match.direction;
    conntrack_ends(a->pipeline->conntrack, match.session, &source, &destination);
    end = match.direction == CT_REPLY ? source : destination;
    return end != 0 && end != a->destination->id;
}

static bool receiver_allows(struct admission *a)
{
    struct side side = admission_side(a, a->destination, RULE_INGRESS);
    bool is_ip = a->packet->kind == PACKET_IPV4 || a->packet->kind == PACKET_IPV6;
    enum ct_direction direction = CT_ORIGINAL;
    struct side_answer answer;

    if (!side_is_policed(&side) || is_exempt(a, &side))
        return true;
    if (is_ip && !mac_addr_is_multicast(&a->packet->dst_mac) && a->resolution->session == 0) {
        if (!belongs_elsewhere(a, &direction))
            return admit(a) == DROP_NONE;
        /* A copy for a bystander must not make him an end of the session. */
        if (direction == CT_REPLY)
            return false;
    }
    answer = admission_ask_packet(a, &side);
    a->resolution->cacheable &= !answer.of_packet;
    return side_answer_allows(&answer);
}

bool admission_flood_receiver(struct admission *a)
{
    struct resolution *resolution = a->resolution;
    struct flow_rules rules = resolution->rules;
    bool if_no_session = resolution->if_no_session;

    if (resolution->reply_to != 0)
        return a->destination->id == resolution->reply_to;
    if (receiver_allows(a))
        return true;
    /* One receiver's refusal says nothing about the packet, which others may have. */
    resolution->rules = rules;
    resolution->if_no_session = if_no_session;
    resolution->reject = false;
    resolution->hold = false;
    return false;
}
