// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "acl/conntrack.h"
#include "acl/tcp_states.h"
#include "dataplane/core/qsbr.h"

/* Packets as the parser would describe them, and a table with a clock. */

#define SYN     TCP_FLAG_SYN
#define SYN_ACK (TCP_FLAG_SYN | TCP_FLAG_ACK)
#define ACK     TCP_FLAG_ACK
#define FIN_ACK (TCP_FLAG_FIN | TCP_FLAG_ACK)
#define RST     TCP_FLAG_RST

enum { TCP = 6, UDP = 17, ICMP = 1, ICMPV6 = 58, GRE = 47, SCTP = 132 };

#define START_TICK 0xfffffff0u /* the clock's wrap is part of every test */
#define ZONE       7u

static inline struct packet make_packet(const char *src, const char *dst, uint8_t protocol)
{
    struct packet packet = {.protocol = protocol, .l3_offset = 14, .l4_offset = 34};

    assert_int_equal(inet_addr_parse(src, &packet.src), 0);
    assert_int_equal(inet_addr_parse(dst, &packet.dst), 0);
    packet.kind = inet_addr_is_v4(&packet.src) ? PACKET_IPV4 : PACKET_IPV6;
    return packet;
}

static inline struct packet make_tcp(uint16_t src_port, uint16_t dst_port, uint8_t flags)
{
    struct packet packet = make_packet("10.0.0.1", "10.0.0.2", TCP);

    packet.src_port = htons(src_port);
    packet.dst_port = htons(dst_port);
    packet.tcp_flags = flags;
    return packet;
}

static inline struct packet make_udp(uint16_t src_port, uint16_t dst_port)
{
    struct packet packet = make_packet("10.0.0.1", "10.0.0.2", UDP);

    packet.src_port = htons(src_port);
    packet.dst_port = htons(dst_port);
    return packet;
}

/* 'flags' as PACKET_SCTP_* say. */
static inline struct packet make_sctp(uint16_t src_port, uint16_t dst_port, uint8_t flags)
{
    struct packet packet = make_tcp(src_port, dst_port, flags);

    packet.protocol = SCTP;
    return packet;
}

static inline struct packet make_echo(const char *src, const char *dst, uint8_t type, uint16_t id)
{
    struct packet packet = make_packet(src, dst, strchr(src, ':') == NULL ? ICMP : ICMPV6);

    packet.icmp_type = type;
    packet.icmp_id = htons(id);
    return packet;
}

static inline struct ct_tuple tuple_of(const struct packet *packet, uint32_t zone)
{
    struct ct_tuple tuple;

    assert_true(ct_tuple_from_packet(packet, zone, &tuple));
    return tuple;
}

static inline struct conntrack *make_table(uint32_t capacity, unsigned int n_workers)
{
    struct conntrack_config config = {.capacity = capacity, .n_workers = n_workers};
    struct conntrack *ct = NULL;

    assert_int_equal(qsbr_init(), 0);
    ct = conntrack_create(&config);
    assert_non_null(ct);
    return ct;
}

static inline int open_in(struct conntrack *ct, unsigned int worker, const struct packet *packet, uint32_t zone,
                          uint32_t now, struct ct_match *match)
{
    struct ct_new new_session = {
        .tuple = tuple_of(packet, zone),
        .packet = packet,
        .source = 11,
        .destination = 22,
        .verdict = {.sequence = 5, .egress_rule = 1, .ingress_rule = 2, .allowed = true},
    };

    return conntrack_open(ct, worker, &new_session, now, match);
}

static inline uint32_t open_ok(struct conntrack *ct, const struct packet *packet, uint32_t now)
{
    struct ct_match match;

    assert_int_equal(open_in(ct, 0, packet, ZONE, now, &match), 0);
    assert_int_equal(match.direction, CT_ORIGINAL);
    assert_int_not_equal(match.session, 0);
    return match.session;
}

static inline bool finds(struct conntrack *ct, const struct packet *packet, uint32_t zone)
{
    struct ct_tuple tuple = tuple_of(packet, zone);
    struct ct_match match;

    return conntrack_find(ct, &tuple, &match);
}

/* Runs a worker until its slices have covered everything there is at 'now'. */
static inline void run_fully(struct conntrack *ct, unsigned int worker, uint32_t now)
{
    for (uint32_t n = 0; n < 8 + 4 * conntrack_capacity(ct) / 256; n++)
        conntrack_run(ct, worker, now);
}

/* Lets the clock go from 'from' to 'to' tick by tick. */
static inline void run_until(struct conntrack *ct, unsigned int worker, uint32_t from, uint32_t to)
{
    for (uint32_t tick = from; tick != to + 1; tick++)
        run_fully(ct, worker, tick);
}
