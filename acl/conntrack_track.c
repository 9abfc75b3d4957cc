// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <netinet/in.h>

#include <rte_pause.h>

#include "acl/conntrack_private.h"
#include "acl/ct_accounts.h"
#include "acl/ct_tuple.h"
#include "acl/sctp_states.h"
#include "acl/tcp_states.h"

/* Of the protocols with states: the first packet with these flags. */
static enum ct_admission admission_of(bool opens, bool plain)
{
    return opens ? CT_ADMIT : plain ? CT_PICK_UP : CT_REFUSE;
}

enum ct_admission conntrack_admission(const struct packet *packet)
{
    if ((packet->kind != PACKET_IPV4 && packet->kind != PACKET_IPV6) || packet->fragment == PACKET_LATER_FRAGMENT)
        return CT_REFUSE;
    if (packet->protocol == IPPROTO_TCP) {
        enum tcp_class class = tcp_class_of(packet->tcp_flags);

        return admission_of(class == TCP_SYN, class == TCP_ACK);
    }
    if (packet->protocol == IPPROTO_SCTP) {
        enum sctp_class class = sctp_class_of(packet->tcp_flags);

        return admission_of(class == SCTP_INIT, class == SCTP_PLAIN);
    }
    if (ct_protocol_is_icmp(packet->kind, packet->protocol))
        return ct_icmp_is_request(packet->kind, packet->icmp_type) ? CT_ADMIT : CT_REFUSE;
    return CT_ADMIT;
}

enum session_state ct_next_state(uint8_t protocol, enum session_state state, enum ct_direction direction, uint8_t flags)
{
    if (protocol == IPPROTO_TCP) {
        enum tcp_class class = tcp_class_of(flags);

        return class == TCP_IMPOSSIBLE ? SESSION_NONE : tcp_next_state(state, direction, class);
    }
    if (protocol == IPPROTO_SCTP) {
        enum sctp_class class = sctp_class_of(flags);

        return class == SCTP_IMPOSSIBLE ? SESSION_NONE : sctp_next_state(state, direction, class);
    }
    return direction == CT_REPLY ? SESSION_TWO_WAY : state == SESSION_NONE ? SESSION_ONE_WAY : state;
}

static void touch(struct session *s, uint32_t now)
{
    uint32_t last_seen = atomic_load_explicit(&s->last_seen, memory_order_relaxed);

    /* Workers read the clock one after another: never back. */
    if ((int32_t)(now - last_seen) > 0)
        atomic_store_explicit(&s->last_seen, now, memory_order_relaxed);
}

enum ct_result conntrack_track(struct conntrack *ct, uint32_t session, enum ct_direction direction, uint8_t tcp_flags,
                               uint32_t now)
{
    struct session *s = ct_session(ct, session);
    uint32_t word = atomic_load_explicit(&s->state, memory_order_acquire);
    uint8_t protocol = s->original.protocol;
    enum session_state state = SESSION_NONE;
    uint32_t next = 0;

    if (session_word_life(word) != LIFE_LIVE)
        return CT_GONE;
    for (;;) {
        state = ct_next_state(protocol, session_word_state(word), direction, tcp_flags);
        if (state == SESSION_NONE)
            return CT_INVALID;
        if (state == SESSION_REOPEN) {
            conntrack_close(ct, session);
            return CT_GONE;
        }
        if (state == session_word_state(word))
            break;
        next = session_word(state, LIFE_LIVE, session_word_incarnation(word));
        if (atomic_compare_exchange_weak_explicit(&s->state, &word, next, memory_order_acq_rel, memory_order_acquire)) {
            if (ct_is_half_open(word) != ct_is_half_open(next))
                ct_half_open_note(ct, session);
            break;
        }
        if (session_word_life(word) != LIFE_LIVE)
            return CT_GONE;
    }
    touch(s, now);
    /* One way for now: only a reply can change that, and it is shown by itself. */
    return state == SESSION_ESTABLISHED || state == SESSION_TWO_WAY || state == SESSION_ONE_WAY ? CT_SETTLED : CT_TRACK;
}

struct session_verdict conntrack_verdict(const struct conntrack *ct, uint32_t session)
{
    struct session *s = ct_session(ct, session);
    struct session_verdict verdict = {0};
    uint32_t version = 0;

    /* A writer holds an odd version for four stores. */
    for (;;) {
        version = atomic_load_explicit(&s->verdict_version, memory_order_acquire);
        verdict.sequence = atomic_load_explicit(&s->verdict_sequence, memory_order_acquire);
        verdict.egress_rule = atomic_load_explicit(&s->verdict_egress_rule, memory_order_acquire);
        verdict.ingress_rule = atomic_load_explicit(&s->verdict_ingress_rule, memory_order_acquire);
        verdict.audit_rule = atomic_load_explicit(&s->verdict_audit_rule, memory_order_acquire);
        verdict.flags = atomic_load_explicit(&s->verdict_flags, memory_order_acquire);
        verdict.allowed = atomic_load_explicit(&s->verdict_allowed, memory_order_acquire);
        if ((version & 1) == 0 && atomic_load_explicit(&s->verdict_version, memory_order_relaxed) == version)
            return verdict;
        rte_pause();
    }
}

void ct_verdict_store(struct session *s, const struct session_verdict *verdict, const struct ct_ends *ends)
{
    uint32_t version = atomic_load_explicit(&s->verdict_version, memory_order_relaxed) & ~1u;

    while (!atomic_compare_exchange_weak_explicit(&s->verdict_version, &version, version + 1, memory_order_acq_rel,
                                                  memory_order_relaxed)) {
        version &= ~1u;
        rte_pause();
    }
    if ((int32_t)(verdict->sequence - atomic_load_explicit(&s->verdict_sequence, memory_order_relaxed)) >= 0) {
        atomic_store_explicit(&s->verdict_sequence, verdict->sequence, memory_order_release);
        atomic_store_explicit(&s->verdict_egress_rule, verdict->egress_rule, memory_order_release);
        atomic_store_explicit(&s->verdict_ingress_rule, verdict->ingress_rule, memory_order_release);
        atomic_store_explicit(&s->verdict_audit_rule, verdict->audit_rule, memory_order_release);
        atomic_store_explicit(&s->verdict_flags, verdict->flags, memory_order_release);
        atomic_store_explicit(&s->verdict_allowed, verdict->allowed, memory_order_release);
        if (ends != NULL) {
            atomic_store_explicit(&s->source, ends->source, memory_order_relaxed);
            atomic_store_explicit(&s->destination, ends->destination, memory_order_relaxed);
        }
    }
    atomic_store_explicit(&s->verdict_version, version + 2, memory_order_release);
}

void conntrack_set_verdict(struct conntrack *ct, uint32_t session, const struct session_verdict *verdict)
{
    ct_verdict_store(ct_session(ct, session), verdict, NULL);
}
