// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "acl/conntrack_private.h"

static void load_tuple(struct ct_tuple *to, const struct ct_tuple *from)
{
    uint64_t words[sizeof *from / sizeof(uint64_t)];
    const _Atomic uint64_t *in = (const _Atomic uint64_t *)from;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        words[i] = atomic_load_explicit(&in[i], memory_order_acquire);
    memcpy(to, words, sizeof words);
}

/* The dumper holds no grace period up, so the session may end and be reused meanwhile; the state word's incarnation
 * tells. False: no living session. */
static bool copy_session(const struct conntrack *ct, uint32_t index, struct session_copy *copy)
{
    struct session *s = ct_session(ct, index);
    uint32_t word = atomic_load_explicit(&s->state, memory_order_acquire);
    uint32_t after = 0;

    if (session_word_life(word) != LIFE_LIVE)
        return false;
    *copy = (struct session_copy){.id = index, .state = session_word_state(word)};
    load_tuple(&copy->original, &s->original);
    load_tuple(&copy->reply, &s->reply);
    copy->source = atomic_load_explicit(&s->source, memory_order_acquire);
    copy->destination = atomic_load_explicit(&s->destination, memory_order_acquire);
    copy->expires = atomic_load_explicit(&s->last_seen, memory_order_acquire) +
                    ct_timeout(ct, s, copy->original.protocol, copy->state);
    copy->verdict = conntrack_verdict(ct, index);
    after = atomic_load_explicit(&s->state, memory_order_acquire);
    return session_word_life(after) == LIFE_LIVE && session_word_incarnation(after) == session_word_incarnation(word);
}

size_t conntrack_dump(const struct conntrack *ct, uint32_t *cursor, struct session_copy *copies, size_t n)
{
    size_t count = 0;

    while (count < n && *cursor < ct->capacity) {
        (*cursor)++;
        if (copy_session(ct, *cursor, &copies[count]))
            count++;
    }
    return count;
}

static const char *protocol_name(const struct ct_tuple *tuple, char buf[4])
{
    switch (tuple->protocol) {
    case IPPROTO_TCP:
        return "tcp";
    case IPPROTO_UDP:
        return "udp";
    case IPPROTO_UDPLITE:
        return "udplite";
    case IPPROTO_SCTP:
        return "sctp";
    case IPPROTO_ICMP:
        return "icmp";
    case IPPROTO_ICMPV6:
        return "icmpv6";
    default:
        snprintf(buf, 4, "%u", tuple->protocol);
        return buf;
    }
}

static int format_tuple(const struct ct_tuple *tuple, const char *name, char *buf, size_t size)
{
    char src[INET_TEXT_LEN];
    char dst[INET_TEXT_LEN];
    char tail[48] = "";

    if (packet_protocol_has_ports(tuple->protocol))
        snprintf(tail, sizeof tail, ",sport=%u,dport=%u", ntohs(tuple->src_port), ntohs(tuple->dst_port));
    else if (tuple->protocol == IPPROTO_ICMP || tuple->protocol == IPPROTO_ICMPV6)
        snprintf(tail, sizeof tail, ",id=%u,type=%u,code=0", ntohs(tuple->src_port), tuple->icmp_type);
    return snprintf(buf, size, ",%s=(src=%s,dst=%s%s)", name, inet_addr_format(&tuple->src, src),
                    inet_addr_format(&tuple->dst, dst), tail);
}

const char *session_copy_format(const struct session_copy *copy, char buf[CONNTRACK_TEXT_LEN])
{
    char number[4];
    size_t size = CONNTRACK_TEXT_LEN;
    int n = snprintf(buf, size, "%s", protocol_name(&copy->original, number));

    /* The longest line, two IPv6 tuples with all of the rest, is well below CONNTRACK_TEXT_LEN. */
    n += format_tuple(&copy->original, "orig", buf + n, size - n);
    n += format_tuple(&copy->reply, "reply", buf + n, size - n);
    if (copy->original.zone != 0)
        n += snprintf(buf + n, size - n, ",zone=%u", copy->original.zone);
    if (copy->original.protocol == IPPROTO_TCP || copy->original.protocol == IPPROTO_SCTP)
        snprintf(buf + n, size - n, ",protoinfo=(state=%s)", session_state_name(copy->state));
    return buf;
}
