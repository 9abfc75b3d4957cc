// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model_sessions.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "tests/model/model_sctp.h"
#include "tests/model/model_tcp.h"

/* An ICMP query and its answer, 0 when it is neither. */
static uint8_t icmp_answer_to(uint8_t protocol, uint8_t type)
{
    static const uint8_t v4[][2] = {{8, 0}, {13, 14}};

    if (protocol == IPPROTO_ICMPV6)
        return type == 128 ? 129 : 0;
    return type == v4[0][0] ? v4[0][1] : type == v4[1][0] ? v4[1][1] : 0;
}

static bool is_icmp_request(uint8_t protocol, uint8_t type)
{
    return protocol == IPPROTO_ICMPV6 ? type == 128 : type == 8 || type == 13;
}

static bool is_icmp_query(uint8_t protocol, uint8_t type)
{
    return is_icmp_request(protocol, type) || (protocol == IPPROTO_ICMPV6 ? type == 129 : type == 0 || type == 14);
}

bool model_has_tuple(const struct model_packet *packet)
{
    if ((packet->kind != MODEL_IPV4 && packet->kind != MODEL_IPV6) || packet->fragment == MODEL_LATER)
        return false;
    return !model_is_icmp(packet) || is_icmp_query(packet->protocol, packet->icmp_type);
}

/* What names a packet's connection, in the packet's own direction. */
struct name {
    struct inet_addr src, dst;
    uint8_t protocol, icmp_type;
    uint16_t src_port, dst_port, vlan;
    bool v6;
};

static bool continues(const struct model_packet *first, const struct name *name, bool reply)
{
    bool icmp = model_is_icmp(first);
    bool ports = model_has_ports(first->protocol);

    if (first->vlan != name->vlan || first->protocol != name->protocol || (first->kind == MODEL_IPV6) != name->v6 ||
        !inet_addr_equal(&first->src, reply ? &name->dst : &name->src) ||
        !inet_addr_equal(&first->dst, reply ? &name->src : &name->dst))
        return false;
    if (icmp) {
        /* A request and its answer share the identifier; two requests crossing are two connections. */
        uint8_t type = reply ? icmp_answer_to(first->protocol, first->icmp_type) : first->icmp_type;

        return type == name->icmp_type && first->src_port == name->src_port;
    }
    return !ports || (first->src_port == (reply ? name->dst_port : name->src_port) &&
                      first->dst_port == (reply ? name->src_port : name->dst_port));
}

static struct model_session *find(struct model_sessions *sessions, const struct name *name,
                                  enum model_direction *direction)
{
    for (uint32_t i = 0; i < sessions->n; i++) {
        struct model_session *session = &sessions->list[i];

        if (!session->alive)
            continue;
        for (*direction = MODEL_ORIGINAL; *direction <= MODEL_REPLY; ++*direction) {
            if (continues(&session->first, name, *direction == MODEL_REPLY))
                return session;
        }
    }
    *direction = MODEL_NONE;
    return NULL;
}

struct model_session *model_sessions_find(struct model_sessions *sessions, const struct model_packet *packet,
                                          enum model_direction *direction)
{
    struct name name = {.src = packet->src,
                        .dst = packet->dst,
                        .protocol = packet->protocol,
                        .icmp_type = packet->icmp_type,
                        .src_port = packet->src_port,
                        .dst_port = packet->dst_port,
                        .vlan = packet->vlan,
                        .v6 = packet->kind == MODEL_IPV6};

    return find(sessions, &name, direction);
}

struct model_session *model_sessions_find_quoted(struct model_sessions *sessions, const struct model_packet *error,
                                                 enum model_direction *direction)
{
    const struct model_quote *quote = &error->quote;
    struct name name = {.src = quote->src,
                        .dst = quote->dst,
                        .protocol = quote->protocol,
                        .icmp_type = quote->icmp_type,
                        .src_port = quote->src_port,
                        .dst_port = quote->dst_port,
                        .vlan = error->vlan,
                        .v6 = error->kind == MODEL_IPV6};
    struct model_session *session;

    *direction = MODEL_NONE;
    /* A redirect is advice on routing that no connection asks for. */
    if (error->kind == MODEL_IPV4 && error->icmp_type == 5)
        return NULL;
    if (quote->cut_short && quote->protocol != 47)
        return NULL;
    /* It must travel towards whoever sent what it quotes. */
    if (!inet_addr_equal(&error->dst, &quote->src))
        return NULL;
    session = find(sessions, &name, direction);
    if (session != NULL)
        *direction = *direction == MODEL_ORIGINAL ? MODEL_REPLY : MODEL_ORIGINAL;
    return session;
}

enum model_start model_start_of(const struct model_packet *packet)
{
    if (packet->protocol == IPPROTO_TCP) {
        switch (model_segment_of(packet->tcp_flags)) {
        case MODEL_SYN:
            return MODEL_STARTS;
        case MODEL_ACK:
            return MODEL_PICKS_UP;
        default:
            return MODEL_STARTS_NOTHING;
        }
    }
    if (packet->protocol == IPPROTO_SCTP)
        return model_sctp_start(packet->sctp_chunk);
    if (model_is_icmp(packet))
        return is_icmp_request(packet->protocol, packet->icmp_type) ? MODEL_STARTS : MODEL_STARTS_NOTHING;
    return MODEL_STARTS;
}

static enum session_state first_state(const struct model_packet *packet)
{
    bool stateless = packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_SCTP;

    if (stateless)
        return SESSION_ONE_WAY;
    if (model_start_of(packet) == MODEL_PICKS_UP)
        return SESSION_ESTABLISHED;
    return packet->protocol == IPPROTO_TCP ? SESSION_SYN_SENT : SESSION_COOKIE_WAIT;
}

struct model_session *model_sessions_open(struct model_sessions *sessions, const struct model_packet *packet,
                                          uint32_t now)
{
    struct model_session *session = NULL;

    for (uint32_t i = 0; i < sessions->n && session == NULL; i++) {
        if (!sessions->list[i].alive)
            session = &sessions->list[i];
    }
    if (session == NULL) {
        if (sessions->n == MODEL_SESSIONS)
            abort();
        session = &sessions->list[sessions->n++];
    }
    *session = (struct model_session){
        .alive = true, .first = *packet, .last_seen = now, .number = sessions->n_opened++, .allowed = true};
    session->half_open_since = session->number;
    session->state = first_state(packet);
    return session;
}

enum model_track model_sessions_track(struct model_session *session, const struct model_packet *packet,
                                      enum model_direction direction, uint32_t now)
{
    enum model_track track = MODEL_FITS;

    if (packet->protocol == IPPROTO_TCP)
        track = model_tcp_track(&session->state, model_segment_of(packet->tcp_flags), direction);
    else if (packet->protocol == IPPROTO_SCTP)
        track = model_sctp_track(&session->state, packet->sctp_chunk, direction);
    else if (direction == MODEL_REPLY)
        session->state = SESSION_TWO_WAY;
    if (track == MODEL_FITS)
        session->last_seen = now;
    return track;
}

/* Linux's times, in seconds. */
static uint32_t tcp_time(const struct model_session *session)
{
    switch (session->state) {
    case SESSION_SYN_SENT:
    case SESSION_SYN_SENT2:
        return 120;
    case SESSION_SYN_RECV:
        return 60;
    case SESSION_ESTABLISHED:
        return session->short_times ? 20 : 432000;
    case SESSION_FIN_WAIT:
    case SESSION_TIME_WAIT:
    case SESSION_RESET_ORIGINAL:
    case SESSION_RESET_REPLY:
        return 120;
    case SESSION_CLOSE_WAIT:
        return 60;
    case SESSION_LAST_ACK:
        return 30;
    default:
        return 10;
    }
}

static uint32_t sctp_time(const struct model_session *session)
{
    switch (session->state) {
    case SESSION_ESTABLISHED:
        return 210;
    case SESSION_CLOSED:
        return 10;
    case SESSION_ABORTED:
        return 120;
    default:
        return 8; /* Linux has 3, but none is shorter than a cached flow may idle */
    }
}

uint32_t model_session_deadline(const struct model_session *session)
{
    uint32_t time;

    switch (session->first.protocol) {
    case IPPROTO_TCP:
        time = tcp_time(session);
        break;
    case IPPROTO_SCTP:
        time = sctp_time(session);
        break;
    case IPPROTO_UDP:
    case IPPROTO_UDPLITE:
        time = session->state == SESSION_TWO_WAY ? 120 : session->short_times ? 9 : 30;
        break;
    case IPPROTO_ICMP:
    case IPPROTO_ICMPV6:
        time = 30;
        break;
    default:
        time = 600;
        break;
    }
    return session->last_seen + time;
}

bool model_session_is_half_open(const struct model_session *session)
{
    return session->state == SESSION_SYN_SENT || session->state == SESSION_SYN_SENT2 ||
           session->state == SESSION_SYN_RECV;
}

uint32_t model_sessions_charged(const struct model_sessions *sessions, uint32_t guest, bool half_open)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < sessions->n; i++) {
        const struct model_session *session = &sessions->list[i];

        n += session->alive && session->charged == guest && (!half_open || model_session_is_half_open(session));
    }
    return n;
}
