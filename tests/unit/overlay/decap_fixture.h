// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "overlay/decap.h"
#include "overlay/encap.h"
#include "tests/support/mbuf.h"
#include "tests/unit/overlay/tunnel_fixture.h"

/* What the tests of decapsulation share: a table, and packets as a peer sends them. */

/* The switch under test is 192.0.2.2 on bridge 3; packets come from 192.0.2.1. A second endpoint is on VLAN 100. */
#define BRIDGE      3
#define BRIDGE_VLAN 4
#define ATTACHMENT  77

/* Offsets in a packet without a VLAN tag. */
enum { AT_IP = 14, AT_UDP = 34, AT_TUNNEL = 42, AT_INNER = 50, AT_INNER_TOS = AT_INNER + 15 };

static struct decap_table *table;

static inline int set_up(void **state)
{
    const struct decap_endpoint endpoints[] = {
        {.addr = REMOTE_ADDR, .bridge = BRIDGE, .vlan = 0, .mac = tunnel_next_hop().dst_mac},
        {.addr = REMOTE_ADDR, .bridge = BRIDGE_VLAN, .vlan = 100, .mac = tunnel_next_hop().dst_mac},
    };
    const struct decap_entry entries[] = {
        {TUNNEL_VXLAN, LOCAL_ADDR, 0, 42, TUNNEL_PORT_VXLAN, ATTACHMENT},
        {TUNNEL_GENEVE, LOCAL_ADDR, REMOTE_ADDR, 42, TUNNEL_PORT_GENEVE, ATTACHMENT},
    };

    table = decap_table_create(endpoints, 2, entries, 2);
    return table == NULL;
}

static inline int tear_down(void **state)
{
    decap_table_destroy(table);
    return 0;
}

/* 'inner' as the peer would send it over a tunnel of 'type' with VNI 42, as bytes; returns the length. */
static inline uint32_t outer_bytes(enum tunnel_type type, bool csum, uint16_t vlan, const uint8_t *inner,
                                   uint32_t inner_len, uint8_t *out)
{
    struct tunnel_config tunnel = tunnel_make(type, 42);
    struct next_hop hop = tunnel_next_hop();
    struct rte_mbuf *packet = mbuf_make(inner, (uint16_t)inner_len);
    struct encap_template template;
    uint32_t len;

    tunnel.csum = csum;
    encap_template_init(&template, &tunnel, &hop, vlan);
    assert_int_equal(encap_apply(&template, packet, 1, 1), 0);
    len = mbuf_bytes(packet, out);
    mbuf_free(packet);
    return len;
}

static inline void fix_ip_checksum(uint8_t *ip)
{
    uint16_t sum;

    ip[10] = ip[11] = 0;
    sum = (uint16_t)~naive_sum(ip, (ip[0] & 15u) * 4, 0);
    ip[10] = (uint8_t)(sum >> 8);
    ip[11] = (uint8_t)sum;
}
