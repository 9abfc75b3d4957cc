// SPDX-License-Identifier: Apache-2.0
#include "tests/model/random_history.h"

#include <netinet/in.h>
#include <string.h>

#define FIN 0x01u
#define SYN 0x02u
#define RST 0x04u
#define PSH 0x08u
#define ACK 0x10u

/* What the two hosts of a TCP connection send, in order. */
struct segment {
    bool from_b;
    uint8_t flags; /* 0: the end of the script */
};
static const struct segment scripts[][16] = {
    {{0, SYN},
     {1, SYN | ACK},
     {0, ACK},
     {0, ACK | PSH},
     {1, ACK},
     {1, ACK | PSH},
     {0, ACK},
     {0, FIN | ACK},
     {1, ACK},
     {1, ACK | PSH},
     {1, FIN | ACK},
     {0, ACK}},
    {{0, SYN}, {1, SYN | ACK}, {0, ACK}, {1, ACK}, {0, ACK}, {1, ACK | PSH}, {0, ACK}, {1, ACK}, {1, RST | ACK}},
    {{0, SYN},
     {1, SYN},
     {0, SYN | ACK},
     {1, SYN | ACK},
     {0, ACK},
     {1, ACK},
     {0, FIN | ACK},
     {1, FIN | ACK},
     {0, ACK},
     {1, ACK}},                           /* simultaneous open and close */
    {{0, SYN}, {0, SYN}, {1, RST | ACK}}, /* nobody there */
    {{0, SYN}},                           /* half open */
    {{0, ACK}, {1, ACK}, {0, ACK | PSH}, {1, ACK | PSH}, {0, ACK}, {1, ACK}, {0, RST}},     /* in mid-stream */
    {{0, SYN}, {1, ACK}, {0, RST}, {0, SYN}, {1, SYN | ACK}, {0, ACK}, {0, ACK}, {1, ACK}}, /* half-open discovery */
};
#define N_SCRIPTS (sizeof scripts / sizeof scripts[0])

static uint32_t pick(struct history *h, uint32_t n)
{
    return random_pick(h->random, n);
}

static void begin(struct history *h, struct history_connection *c)
{
    static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_TCP,  IPPROTO_TCP,  IPPROTO_TCP,     IPPROTO_UDP,
                                        IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_GRE};

    *c = (struct history_connection){.a = 1 + pick(h, MODEL_GUESTS),
                                     .b = 1 + pick(h, MODEL_GUESTS),
                                     .vlan = pick(h, 4) == 0 ? MODEL_VLAN : 0,
                                     .v6 = pick(h, 4) == 0,
                                     .protocol = protocols[pick(h, sizeof protocols)],
                                     .a_port = (uint16_t)(5000 + pick(h, 4)),
                                     .b_port = (uint16_t)(pick(h, 6) == 0 ? 443 : 80 + pick(h, 2)),
                                     .dscp = pick(h, 4) == 0 ? 46 : 0,
                                     .script = pick(h, 3) == 0 ? pick(h, N_SCRIPTS) : 0};
    if (c->v6 && c->protocol == IPPROTO_ICMP)
        c->protocol = IPPROTO_ICMPV6;
    if (c->a == c->b && pick(h, 10) != 0)
        c->b = 1 + c->a % MODEL_GUESTS;
}

void history_start(struct history *h, struct random *random)
{
    memset(h, 0, sizeof *h);
    h->random = random;
    for (uint32_t i = 0; i < HISTORY_CONNECTIONS; i++)
        begin(h, &h->connections[i]);
}

/* An IP packet between the ends of the connection. */
static struct model_packet between(const struct history_connection *c, bool from_b)
{
    uint32_t from = from_b ? c->b : c->a, to = from_b ? c->a : c->b;

    return (struct model_packet){.from = from,
                                 .to = to,
                                 .vlan = c->vlan,
                                 .kind = c->v6 ? MODEL_IPV6 : MODEL_IPV4,
                                 .ethertype = c->v6 ? 0x86dd : 0x0800,
                                 .src_mac = model_mac(from),
                                 .dst_mac = model_mac(to),
                                 .src = model_address(from, c->v6),
                                 .dst = model_address(to, c->v6),
                                 .protocol = c->protocol,
                                 .dscp = c->dscp};
}

static void set_ports(struct model_packet *packet, const struct history_connection *c, bool from_b)
{
    packet->src_port = from_b ? c->b_port : c->a_port;
    packet->dst_port = from_b ? c->a_port : c->b_port;
}

/* Likewise of an SCTP association: types of chunks. */
struct chunk {
    bool from_b;
    uint8_t type; /* 15: the end */
};
static const struct chunk chunks[][16] = {
    {{0, 1}, {1, 2}, {0, 10}, {1, 11}, {0, 0}, {1, 3}, {1, 0}, {0, 3}, {0, 7}, {1, 8}, {0, 14}, {0, 15}},
    {{0, 1}, {1, 2}, {0, 10}, {0, 0}, {1, 11}, {0, 0}, {1, 6}, {1, 0}, {0, 0}, {0, 15}},
    {{0, 1}, {1, 6}, {0, 15}},
    {{0, 0}, {1, 3}, {0, 0}, {0, 15}}, /* in mid-stream */
};
#define N_CHUNK_SCRIPTS (sizeof chunks / sizeof chunks[0])

static uint8_t rare_flags(struct history *h)
{
    static const uint8_t rare[] = {0,   SYN | FIN, SYN | RST, FIN,       RST,       RST | ACK,
                                   SYN, SYN | ACK, ACK,       FIN | ACK, ACK | 0x20};

    return rare[pick(h, sizeof rare)];
}

static struct model_packet next_tcp(struct history *h, struct history_connection *c)
{
    const struct segment *segment = &scripts[c->script][c->step];
    bool from_b = segment->from_b;
    struct model_packet packet;

    if (pick(h, 12) == 0) {
        from_b = pick(h, 2);
        packet = between(c, from_b);
        packet.tcp_flags = pick(h, 3) ? ACK : rare_flags(h);
    } else {
        packet = between(c, from_b);
        packet.tcp_flags = segment->flags;
        /* Some segments are sent again, some packets of an established connection go on for a while. */
        if (pick(h, 6) != 0)
            c->step = segment->flags == (ACK | PSH) && pick(h, 2) ? c->step - (c->step > 3) : c->step + 1;
    }
    set_ports(&packet, c, from_b);
    if (scripts[c->script][c->step].flags == 0) {
        c->step = 0;
        if (pick(h, 3) != 0)
            begin(h, c);
    }
    return packet;
}

static struct model_packet next_sctp(struct history *h, struct history_connection *c)
{
    static const uint8_t types[] = {0, 0, 0, 1, 2, 3, 6, 7, 8, 10, 11, 14};
    const struct chunk *chunk = &chunks[c->script % N_CHUNK_SCRIPTS][c->step];
    bool stray = pick(h, 8) == 0;
    bool from_b = stray ? pick(h, 2) : chunk->from_b;
    struct model_packet packet = between(c, from_b);

    set_ports(&packet, c, from_b);
    packet.sctp_chunk = stray ? types[pick(h, sizeof types)] : chunk->type;
    if (!stray && pick(h, 4) != 0)
        c->step++;
    if (chunks[c->script % N_CHUNK_SCRIPTS][c->step].type == 15) {
        c->step = 0;
        if (pick(h, 3) != 0)
            begin(h, c);
    }
    return packet;
}

static struct model_packet next_icmp(struct history *h, struct history_connection *c)
{
    static const uint8_t odd[] = {13, 14, 10, 40};
    bool from_b = pick(h, 5) < 2;
    struct model_packet packet = between(c, from_b);

    packet.icmp_type = c->v6 ? (uint8_t)(128 + from_b) : from_b ? 0 : 8;
    if (pick(h, 20) == 0)
        packet.icmp_type = c->v6 ? (uint8_t)(pick(h, 2) ? 150 : 128 + !from_b) : odd[pick(h, sizeof odd)];
    packet.src_port = packet.dst_port = (uint16_t)(c->a_port & 1);
    return packet;
}

static struct model_packet next_of_connection(struct history *h, struct history_connection *c)
{
    struct model_packet packet;
    bool from_b;

    if (c->protocol == IPPROTO_TCP)
        return next_tcp(h, c);
    if (c->protocol == IPPROTO_SCTP)
        return next_sctp(h, c);
    if (c->protocol == IPPROTO_ICMP || c->protocol == IPPROTO_ICMPV6) {
        packet = next_icmp(h, c);
    } else {
        from_b = pick(h, 3) == 0;
        packet = between(c, from_b);
        if (model_has_ports(c->protocol))
            set_ports(&packet, c, from_b);
    }
    if (pick(h, 30) == 0)
        begin(h, c);
    return packet;
}

/* An error about a packet of the connection, by its receiver or by somebody else, true or spoilt. */
static struct model_packet next_error(struct history *h, struct history_connection *c)
{
    static const uint8_t types[] = {3, 3, 3, 11, 12, 4, 5}, types6[] = {1, 1, 2, 3, 4};
    bool from_b = pick(h, 2);
    struct model_packet quoted = between(c, !from_b);
    struct model_packet error = between(c, from_b);

    if (c->protocol == IPPROTO_ICMP || c->protocol == IPPROTO_ICMPV6) {
        quoted.icmp_type = c->v6 ? (uint8_t)(128 + from_b) : from_b ? 0 : 8;
        quoted.icmp_type = c->v6 ? (uint8_t)(from_b ? 128 : 129) : from_b ? 8 : 0;
        quoted.src_port = quoted.dst_port = (uint16_t)(c->a_port & 1);
    } else if (model_has_ports(c->protocol)) {
        set_ports(&quoted, c, !from_b);
    }
    if (pick(h, 8) == 0) {
        error.from = 1 + pick(h, MODEL_GUESTS);
        error.src_mac = model_mac(error.from);
        error.src = model_address(error.from, c->v6);
    }
    error.protocol = c->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
    error.icmp_type = c->v6 ? types6[pick(h, sizeof types6)] : types[pick(h, sizeof types)];
    error.icmp_code = (uint8_t)pick(h, 2);
    error.quote = (struct model_quote){.src = quoted.src,
                                       .dst = quoted.dst,
                                       .protocol = quoted.protocol,
                                       .icmp_type = quoted.icmp_type,
                                       .src_port = quoted.src_port,
                                       .dst_port = quoted.dst_port};
    switch (pick(h, 10)) {
    case 0:
        error.quote.cut_short = true;
        break;
    case 1:
        error.quote.dst_port++;
        error.quote.src_port += error.quote.icmp_type != 0 || c->protocol == IPPROTO_ICMP;
        break;
    case 2:
        error.quote.src = model_address(1 + pick(h, MODEL_GUESTS), c->v6);
        break;
    default:
        break;
    }
    return error;
}

/* Three fragments of a datagram, in any order, some twice, some never. */
static struct model_packet next_fragment(struct history *h, const struct model_switch *model,
                                         struct history_connection *c)
{
    uint32_t from = c->a;
    struct history_datagram *datagram = &h->datagrams[from][pick(h, HISTORY_DATAGRAMS)];
    struct model_packet packet;
    uint32_t which;

    /* Those of one datagram come close to each other. */
    if (h->last_datagram != NULL && model->now - h->last_datagram->began <= 1 && pick(h, 4) != 0)
        datagram = h->last_datagram;
    h->last_datagram = datagram;
    if (datagram->began == 0 || model->now - datagram->began > MODEL_FRAGMENT_TIME + 1) {
        datagram->first = between(c, false);
        packet = datagram->first;
        if (c->protocol == IPPROTO_TCP)
            datagram->first.tcp_flags = pick(h, 3) ? SYN : ACK;
        datagram->first.sctp_chunk = 1;
        if (model_has_ports(c->protocol))
            set_ports(&datagram->first, c, false);
        else if (c->protocol == IPPROTO_ICMP || c->protocol == IPPROTO_ICMPV6)
            datagram->first.icmp_type = c->v6 ? 128 : 8;
        datagram->first.fragment_id = ++h->last_fragment_id % 60000;
        datagram->began = model->now;
    }
    packet = datagram->first;
    which = pick(h, 4);
    packet.fragment = which == 0 ? MODEL_FIRST : MODEL_LATER;
    packet.more_fragments = which < 3;
    if (which != 0) {
        packet.fragment_offset = (uint16_t)(which * 24);
        packet.src_port = packet.dst_port = 0;
        packet.tcp_flags = packet.icmp_type = 0;
    }
    return packet;
}

static void address_to(struct model_packet *packet, uint32_t to)
{
    packet->to = to;
    packet->dst_mac = model_mac(to);
}

/* Frames that are no part of connections. */
static struct model_packet next_other(struct history *h, const struct history_connection *c)
{
    struct model_packet packet = between(c, false);
    uint32_t what = pick(h, 6);

    packet.protocol = 0;
    packet.dscp = 0;
    switch (what) {
    case 0:
    case 1:
        packet.kind = MODEL_ARP;
        packet.ethertype = 0x0806;
        packet.src = model_address(packet.from, false);
        packet.dst = model_address(packet.to, false);
        break;
    case 2:
        packet.kind = MODEL_L2;
        packet.ethertype = pick(h, 2) ? 0x88b5 : 0x8847;
        packet.src = packet.dst = (struct inet_addr){0};
        break;
    case 3:
        packet.protocol = IPPROTO_UDP;
        packet.src_port = c->v6 ? 546 : 68;
        packet.dst_port = c->v6 ? 547 : 67;
        if (pick(h, 3) == 0) {
            packet.dst_port = packet.src_port;
            packet.src_port = c->v6 ? 547 : 67;
        }
        break;
    case 4:
        packet.kind = MODEL_IPV6;
        packet.ethertype = 0x86dd;
        packet.src = model_address(packet.from, true);
        packet.dst = model_address(packet.to, true);
        packet.protocol = IPPROTO_ICMPV6;
        packet.icmp_type = (uint8_t)(135 + pick(h, 2));
        break;
    default:
        packet.protocol = IPPROTO_UDP;
        packet.src_port = c->a_port;
        packet.dst_port = c->b_port;
        packet.dst_mac = model_mac(MODEL_EVERYBODY);
        break;
    }
    if (what == 5 || (what < 4 && pick(h, 2)))
        address_to(&packet, MODEL_EVERYBODY);
    return packet;
}

/* Forged, where port security is to stop it; elsewhere it would move addresses in the switch. */
static void forge(struct history *h, const struct model_switch *model, struct model_packet *packet)
{
    const struct model_port *port = &model->policies.ports[packet->from];
    uint32_t other = 1 + packet->from % MODEL_GUESTS;

    if (!port->has_row || !port->security)
        return;
    if (pick(h, 2) == 0)
        packet->src_mac = model_mac(other);
    else if (packet->kind != MODEL_L2 && (port->security_v4 || port->security_v6) &&
             !(packet->kind == MODEL_IPV6 && packet->protocol == IPPROTO_ICMPV6 && packet->icmp_type >= 133))
        packet->src = model_address(other, packet->kind == MODEL_IPV6);
}

struct model_packet history_next(struct history *h, const struct model_switch *model)
{
    /* A few connections at a time are busy, so that flows are met again. */
    struct history_connection *c = &h->connections[pick(h, 5) == 0 ? pick(h, HISTORY_CONNECTIONS) : pick(h, 12)];
    struct model_packet packet;
    uint32_t what = pick(h, 100);

    if (what < 6)
        packet = next_error(h, c);
    else if (what < 14)
        packet = next_fragment(h, model, c);
    else if (what < 18)
        packet = next_other(h, c);
    else
        packet = next_of_connection(h, c);
    if (pick(h, 60) == 0)
        forge(h, model, &packet);
    return packet;
}
