// SPDX-License-Identifier: Apache-2.0
#include "dataplane/admission.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>

#include "acl/ct_fragments.h"
#include "acl/policy_chain.h"
#include "dataplane/snapshot_private.h"

static bool is_stateful(const struct attachment *attachment)
{
    return attachment->has_policy && port_policy_polices(&attachment->policy);
}

/* Does the chain let it through? '*rule' says by or against which rule. */
static bool allows(const struct policy_chain *chain, const struct snapshot *snapshot, const struct rule_query *query,
                   uint32_t *rule)
{
    const struct policy_rule *decided = policy_chain_decide(chain, &snapshot->sets, query);

    *rule = decided != NULL ? decided->id : 0;
    return decided == NULL || decided->action <= RULE_ALLOW_STATELESS;
}

/* Snapshot sequences wrap. */
static bool is_later(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b) > 0;
}

/* The question to ask of one side about a session: 'tuple' is its original direction. */
static struct rule_query session_query(const struct ct_tuple *tuple, enum rule_direction direction)
{
    return (struct rule_query){
        .remote = direction == RULE_EGRESS ? tuple->dst : tuple->src,
        .family = inet_addr_is_v4(&tuple->src) ? RULE_IPV4 : RULE_IPV6,
        .protocol = tuple->protocol,
        .has_ports = packet_protocol_has_ports(tuple->protocol),
        .dst_port = ntohs(tuple->dst_port),
        .icmp_type = tuple->icmp_type,
    };
}

/* Asks both sides of a session in its original direction; NULL sides are not asked. Returns DROP_NONE or who refused,
 * and fills the verdict. */
static enum drop_reason ask_policy(const struct snapshot *snapshot, const struct ct_tuple *tuple,
                                   const struct attachment *sender, const struct attachment *receiver,
                                   struct session_verdict *verdict)
{
    enum drop_reason drop = DROP_NONE;

    *verdict = (struct session_verdict){.sequence = snapshot->sequence};
    if (sender != NULL && is_stateful(sender) && sender->policy.egress != NULL) {
        struct rule_query query = session_query(tuple, RULE_EGRESS);

        if (!allows(sender->policy.egress, snapshot, &query, &verdict->egress_rule))
            drop = DROP_POLICY_EGRESS;
    }
    if (drop == DROP_NONE && receiver != NULL && is_stateful(receiver) && receiver->policy.ingress != NULL) {
        struct rule_query query = session_query(tuple, RULE_INGRESS);

        if (!allows(receiver->policy.ingress, snapshot, &query, &verdict->ingress_rule))
            drop = DROP_POLICY_INGRESS;
    }
    verdict->allowed = drop == DROP_NONE;
    return drop;
}

/* What policy says of a session between the ends it is known to have; asked anew when it was asked before the policy of
 * either changed. Ends that are gone are NULL. */
static enum drop_reason current_verdict(struct pipeline *pipeline, const struct snapshot *snapshot, uint32_t session,
                                        const struct ct_tuple *original, const struct attachment *sender,
                                        const struct attachment *receiver)
{
    struct session_verdict verdict = conntrack_verdict(pipeline->conntrack, session);

    if ((sender != NULL && is_later(sender->changed, verdict.sequence)) ||
        (receiver != NULL && is_later(receiver->changed, verdict.sequence))) {
        ask_policy(snapshot, original, sender, receiver, &verdict);
        conntrack_set_verdict(pipeline->conntrack, session, &verdict);
    }
    return verdict.allowed ? DROP_NONE : DROP_POLICY_CUT;
}

/* A session was found for the packet: may it pass? 'source' and 'destination' are the packet's; 'destination' NULL: not
 * learned yet; a reply goes to whom the session knows. */
static enum drop_reason judge_session(struct pipeline *pipeline, const struct snapshot *snapshot,
                                      const struct ct_tuple *tuple, const struct attachment *source,
                                      const struct attachment *destination, const struct ct_match *match,
                                      struct resolution *resolution)
{
    bool reply = match->direction == CT_REPLY;
    struct ct_tuple original = reply ? ct_tuple_reverse(tuple) : *tuple;
    const struct attachment *sender, *receiver;
    struct session_verdict verdict;
    uint32_t session_source, session_destination;

    conntrack_ends(pipeline->conntrack, match->session, &session_source, &session_destination);
    if (destination == NULL && !reply) {
        /* Each receiver of the flood is asked for himself. */
        return ask_policy(snapshot, &original, source, NULL, &verdict);
    }
    if (destination == NULL) {
        destination = snapshot_attachment(snapshot, session_source);
        if (destination == NULL)
            return DROP_NO_DESTINATION;
        resolution->reply_to = session_source;
    }
    sender = reply ? destination : source;
    receiver = reply ? source : destination;
    if (session_source != sender->id || session_destination != receiver->id) {
        /* Not between the ends it was opened between: a guest that moved, the far side of a flood, or somebody who
         * forges the other's addresses. Its own ends' policy decides, and only a yes is remembered. */
        enum drop_reason drop = ask_policy(snapshot, &original, sender, receiver, &verdict);

        if (drop == DROP_NONE)
            conntrack_set_ends(pipeline->conntrack, match->session, sender->id, receiver->id, &verdict);
        return drop;
    }
    return current_verdict(pipeline, snapshot, match->session, &original, sender, receiver);
}

/* Shows the packet to its session. '*gone' is set when the session ended with this packet (a SYN that opens the tuple's
 * next connection): look again. */
static enum drop_reason track(struct pipeline *pipeline, const struct packet *packet, const struct ct_match *match,
                              struct resolution *resolution, bool *gone)
{
    enum ct_result result =
        conntrack_track(pipeline->conntrack, match->session, match->direction, packet->tcp_flags, pipeline->now);

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

/* ICMP errors pass with the connection whose packet they quote, to the end that sent it. */
static enum drop_reason admit_related(struct pipeline *pipeline, const struct snapshot *snapshot,
                                      const struct packet *packet, const struct attachment *destination, uint32_t zone,
                                      struct resolution *resolution)
{
    struct ct_tuple original;
    struct ct_match match;
    uint32_t session_source, session_destination, end;

    if (!conntrack_find_related(pipeline->conntrack, packet, zone, &match))
        return DROP_CT_INVALID;
    conntrack_ends(pipeline->conntrack, match.session, &session_source, &session_destination);
    end = match.direction == CT_REPLY ? session_source : session_destination;
    if (destination == NULL)
        resolution->reply_to = end;
    else if (end != 0 && destination->id != end)
        return DROP_CT_INVALID;
    original = conntrack_original(pipeline->conntrack, match.session);
    return current_verdict(pipeline, snapshot, match.session, &original, snapshot_attachment(snapshot, session_source),
                           snapshot_attachment(snapshot, session_destination));
}

/* A packet that no session can be made of (ARP, ND, other L2): each side by itself, exempt or not. */
static enum drop_reason admit_stateless(const struct snapshot *snapshot, const struct packet *packet,
                                        const struct attachment *source, const struct attachment *destination)
{
    bool is_ip = packet->kind == PACKET_IPV4 || packet->kind == PACKET_IPV6;
    uint32_t rule;

    if (is_stateful(source) && source->policy.egress != NULL && !policy_is_exempt(packet, RULE_EGRESS)) {
        struct rule_query query = rule_query_from_packet(packet, RULE_EGRESS);

        if (!is_ip || !allows(source->policy.egress, snapshot, &query, &rule))
            return DROP_POLICY_EGRESS;
    }
    if (destination != NULL && is_stateful(destination) && destination->policy.ingress != NULL &&
        !policy_is_exempt(packet, RULE_INGRESS)) {
        struct rule_query query = rule_query_from_packet(packet, RULE_INGRESS);

        if (!is_ip || !allows(destination->policy.ingress, snapshot, &query, &rule))
            return DROP_POLICY_INGRESS;
    }
    return DROP_NONE;
}

/* Opens the session of a packet that policy allows. 'destination' NULL: not known yet (unknown unicast). */
static enum drop_reason open_session(struct pipeline *pipeline, const struct snapshot *snapshot,
                                     const struct packet *packet, const struct ct_tuple *tuple,
                                     const struct attachment *source, const struct attachment *destination,
                                     struct resolution *resolution, bool *gone)
{
    struct ct_new new_session = {
        .tuple = *tuple, .packet = packet, .source = source->id, .destination = destination ? destination->id : 0};
    struct ct_match match;
    enum drop_reason drop;

    if (conntrack_admission(packet) != CT_ADMIT) {
        resolution->cacheable = false; /* the same key may come with a SYN next */
        return DROP_CT_INVALID;
    }
    drop = ask_policy(snapshot, tuple, source, destination, &new_session.verdict);
    if (drop != DROP_NONE) {
        resolution->if_no_session = true;
        return drop;
    }
    if (conntrack_open(pipeline->conntrack, pipeline->worker, &new_session, pipeline->now, &match) != 0) {
        resolution->cacheable = false;
        return DROP_CT_TABLE_FULL;
    }
    return track(pipeline, packet, &match, resolution, gone);
}

static enum drop_reason admit_with_ports(struct pipeline *pipeline, const struct snapshot *snapshot,
                                         const struct packet *packet, const struct attachment *source,
                                         const struct attachment *destination, uint32_t zone,
                                         struct resolution *resolution)
{
    struct ct_tuple tuple;
    struct ct_match match;
    enum drop_reason drop;

    if (packet_is_icmp_error(packet))
        return admit_related(pipeline, snapshot, packet, destination, zone, resolution);
    if (!ct_tuple_from_packet(packet, zone, &tuple))
        return admit_stateless(snapshot, packet, source, destination);

    /* Twice at most: a session that ends with this very packet makes room for the next one. */
    for (int attempt = 0; attempt < 2; attempt++) {
        bool gone = false;

        if (conntrack_find(pipeline->conntrack, &tuple, &match)) {
            drop = judge_session(pipeline, snapshot, &tuple, source, destination, &match, resolution);
            if (drop == DROP_NONE)
                drop = track(pipeline, packet, &match, resolution, &gone);
        } else if (policy_is_exempt(packet, RULE_EGRESS) || policy_is_exempt(packet, RULE_INGRESS)) {
            /* What a guest cannot live without passes without a session; the other side is asked as usual. */
            return admit_stateless(snapshot, packet, source, destination);
        } else {
            drop = open_session(pipeline, snapshot, packet, &tuple, source, destination, resolution, &gone);
        }
        if (!gone)
            return drop;
    }
    resolution->cacheable = false;
    return DROP_CT_INVALID;
}

/* Later fragments go where the first one went, under the policy that let it through and no older one. */
static enum drop_reason admit(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                              const struct attachment *source, const struct attachment *destination, uint32_t zone,
                              struct resolution *resolution)
{
    struct ct_fragment_way way = {zone, source->id, destination ? destination->id : 0};
    enum drop_reason drop;
    uint32_t sequence;

    if (packet->fragment == PACKET_LATER_FRAGMENT) {
        if (!conntrack_find_fragment(pipeline->conntrack, packet, &way, pipeline->now, &sequence) ||
            is_later(source->changed, sequence) || (destination != NULL && is_later(destination->changed, sequence)))
            return DROP_CT_FRAGMENT;
        return DROP_NONE;
    }
    drop = admit_with_ports(pipeline, snapshot, packet, source, destination, zone, resolution);
    if (drop == DROP_NONE && packet->fragment == PACKET_FIRST_FRAGMENT)
        conntrack_note_fragment(pipeline->conntrack, packet, &way, snapshot->sequence, pipeline->now);
    return drop;
}

bool admission_unicast(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                       const struct attachment *source, const struct attachment *destination, uint32_t zone,
                       struct resolution *resolution)
{
    if (is_stateful(source) || is_stateful(destination))
        resolution->drop = admit(pipeline, snapshot, packet, source, destination, zone, resolution);
    return resolution->drop == DROP_NONE;
}

bool admission_flood_source(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                            const struct attachment *source, uint32_t zone, struct resolution *resolution)
{
    if (mac_addr_is_multicast(&packet->dst_mac)) {
        resolution->drop = admit_stateless(snapshot, packet, source, NULL);
        return resolution->drop == DROP_NONE;
    }
    if (is_stateful(source))
        resolution->drop = admit(pipeline, snapshot, packet, source, NULL, zone, resolution);
    return resolution->drop == DROP_NONE;
}

/* A packet of a session whose other end is known to be elsewhere. */
static bool belongs_elsewhere(struct pipeline *pipeline, const struct packet *packet,
                              const struct attachment *destination, uint32_t zone, enum ct_direction *direction)
{
    struct ct_tuple tuple;
    struct ct_match match;
    uint32_t session_source, session_destination, end;

    if (!ct_tuple_from_packet(packet, zone, &tuple) || !conntrack_find(pipeline->conntrack, &tuple, &match))
        return false;
    *direction = match.direction;
    conntrack_ends(pipeline->conntrack, match.session, &session_source, &session_destination);
    end = match.direction == CT_REPLY ? session_source : session_destination;
    return end != 0 && end != destination->id;
}

bool admission_flood_receiver(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                              const struct attachment *source, const struct attachment *destination, uint32_t zone,
                              struct resolution *resolution)
{
    enum ct_direction direction = CT_ORIGINAL;
    struct rule_query query;
    uint32_t rule;

    if (resolution->reply_to != 0)
        return destination->id == resolution->reply_to;
    if (!is_stateful(destination) || destination->policy.ingress == NULL || policy_is_exempt(packet, RULE_INGRESS))
        return true;
    if (packet->kind != PACKET_IPV4 && packet->kind != PACKET_IPV6)
        return false;
    if (!mac_addr_is_multicast(&packet->dst_mac) && resolution->session == 0) {
        if (!belongs_elsewhere(pipeline, packet, destination, zone, &direction))
            return admit(pipeline, snapshot, packet, source, destination, zone, resolution) == DROP_NONE;
        /* A copy for a bystander must not make him an end of the session. */
        if (direction == CT_REPLY)
            return false;
    }
    query = rule_query_from_packet(packet, RULE_INGRESS);
    return allows(destination->policy.ingress, snapshot, &query, &rule);
}
