// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "overlay/encap.h"
#include "tests/support/mbuf.h"
#include "tests/unit/overlay/tunnel_fixture.h"

/* Encapsulates 'inner', in one segment and in several of 'segment_len', and compares with 'expected' + 'inner'. */
static void assert_encap(const struct tunnel_config *tunnel, uint16_t vlan, uint32_t entropy, uint16_t id,
                         const uint8_t *expected, uint32_t expected_len, const uint8_t *inner, uint32_t inner_len)
{
    struct next_hop hop = tunnel_next_hop();
    uint16_t segment_lens[] = {UINT16_MAX, 41};

    for (int i = 0; i < 2; i++) {
        struct rte_mbuf *packet = mbuf_chain(inner, inner_len, segment_lens[i], 128);
        struct encap_template template;
        uint8_t out[256];

        encap_template_init(&template, tunnel, &hop, vlan);
        assert_int_equal(encap_apply(&template, packet, entropy, id), 0);
        assert_int_equal(packet->pkt_len, expected_len + inner_len);
        assert_int_equal(mbuf_bytes(packet, out), expected_len + inner_len);
        assert_memory_equal(out, expected, expected_len);
        assert_memory_equal(out + expected_len, inner, inner_len);
        mbuf_free(packet);
    }
}
#define ASSERT_ENCAP(tunnel, vlan, entropy, id, expected, inner) \
    assert_encap(tunnel, vlan, entropy, id, expected, sizeof expected, inner, sizeof inner)

/* RFC 7348 5: flags 0x08, 24 reserved bits, VNI 0x123456, 8 reserved bits; UDP to 4789 without a checksum, from a port
 * of the dynamic range: 0xc000 | 0x1234. IP length 78 = 20 + 8 + 8 + 42. */
static void encap_vxlan(void **state)
{
    static const uint8_t expected[] = {
        0x02, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x08, 0x00, /* Ethernet */
        0x45, 0x00, 0x00, 0x4e, 0x00, 0x07, 0x40, 0x00, 0x40, 0x11, 0xb6, 0x94,             /* IPv4, DF, TTL 64 */
        0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02,                                     /* addresses */
        0xd2, 0x34, 0x12, 0xb5, 0x00, 0x3a, 0x00, 0x00,                                     /* UDP */
        0x08, 0x00, 0x00, 0x00, 0x12, 0x34, 0x56, 0x00,                                     /* VXLAN */
    };
    struct tunnel_config tunnel = tunnel_make(TUNNEL_VXLAN, 0x123456);

    ASSERT_ENCAP(&tunnel, 0, 0x1234, 7, expected, inner_arp);
}

/* The same with a VLAN tag in front and the checksum of RFC 768 over pseudo header and datagram. */
static void encap_vxlan_with_vlan_and_checksum(void **state)
{
    static const uint8_t expected[] = {
        0x02, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, /* MAC addresses */
        0x81, 0x00, 0x00, 0x64, 0x08, 0x00,                                     /* VLAN 100 */
        0x45, 0x00, 0x00, 0x4e, 0xff, 0xff, 0x40, 0x00, 0x40, 0x11, 0xb6, 0x9b, /* IPv4, id 0xffff */
        0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02,                         /* addresses */
        0xff, 0xff, 0x12, 0xb5, 0x00, 0x3a, 0x08, 0xf4,                         /* UDP */
        0x08, 0x00, 0x00, 0x00, 0x00, 0x13, 0x89, 0x00,                         /* VXLAN, VNI 5001 */
    };
    struct tunnel_config tunnel = tunnel_make(TUNNEL_VXLAN, 5001);

    tunnel.csum = true;
    ASSERT_ENCAP(&tunnel, 100, 0x3fff, 0xffff, expected, inner_arp);
}

/* RFC 8926 3.4: version 0, no options, neither O nor C, protocol 0x6558, VNI, 8 reserved bits; UDP to 6081. */
static void encap_geneve(void **state)
{
    static const uint8_t expected[] = {
        0x02, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x08, 0x00, /* Ethernet */
        0x45, 0x00, 0x00, 0x4e, 0x00, 0x01, 0x00, 0x00, 0x40, 0x11, 0xf6, 0x9a,             /* IPv4, no DF */
        0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02,                                     /* addresses */
        0xc0, 0x00, 0x17, 0xc1, 0x00, 0x3a, 0x00, 0x00,                                     /* UDP */
        0x00, 0x00, 0x65, 0x58, 0xff, 0xff, 0xff, 0x00,                                     /* GENEVE */
    };
    struct tunnel_config tunnel = tunnel_make(TUNNEL_GENEVE, TUNNEL_VNI_MAX);

    tunnel.df = false;
    ASSERT_ENCAP(&tunnel, 0, 0, 1, expected, inner_arp);
}

/* TOS is not inherited: only ECT(0), 2, comes out of the inner 0xba. */
static void encap_geneve_with_checksum_and_ttl(void **state)
{
    static const uint8_t expected[] = {
        0x02, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x08, 0x00, /* Ethernet */
        0x45, 0x02, 0x00, 0x54, 0x00, 0x02, 0x40, 0x00, 0x09, 0x11, 0xed, 0x91,             /* IPv4, TTL 9 */
        0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02,                                     /* addresses */
        0xc0, 0x00, 0x17, 0xc2, 0x00, 0x40, 0x7b, 0xc5,                                     /* UDP to 6082 */
        0x00, 0x00, 0x65, 0x58, 0x00, 0x00, 0x2a, 0x00,                                     /* GENEVE, VNI 42 */
    };
    struct tunnel_config tunnel = tunnel_make(TUNNEL_GENEVE, 42);

    tunnel.csum = true;
    tunnel.ttl = 9;
    tunnel.dst_port = 6082;
    ASSERT_ENCAP(&tunnel, 0, 0, 2, expected, inner_ipv4);
}

static void encap_inherits_from_ipv4(void **state)
{
    static const uint8_t expected[] = {
        0x02, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x08, 0x00, /* Ethernet */
        0x45, 0xba, 0x00, 0x54, 0x00, 0x00, 0x40, 0x00, 0x3f, 0x11, 0xb6, 0xdb,             /* TOS 0xba, TTL 63 */
        0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02,                                     /* addresses */
        0xc0, 0x00, 0x12, 0xb5, 0x00, 0x40, 0x00, 0x00,                                     /* UDP */
        0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,                                     /* VXLAN, VNI 1 */
    };
    struct tunnel_config tunnel = tunnel_make(TUNNEL_VXLAN, 1);

    tunnel.tos_inherit = true;
    tunnel.ttl_inherit = true;
    ASSERT_ENCAP(&tunnel, 0, 0, 0, expected, inner_ipv4);
}

static void encap_inherits_from_tagged_ipv6(void **state)
{
    static const uint8_t expected[] = {
        0x02, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x08, 0x00, /* Ethernet */
        0x45, 0x2d, 0x00, 0x69, 0x00, 0x00, 0x40, 0x00, 0x11, 0x11, 0xe5, 0x53,             /* TOS 0x2d, TTL 17 */
        0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02,                                     /* addresses */
        0xc0, 0x00, 0x17, 0xc1, 0x00, 0x55, 0x00, 0x00,                                     /* UDP */
        0x00, 0x00, 0x65, 0x58, 0x00, 0x00, 0x01, 0x00,                                     /* GENEVE, VNI 1 */
    };
    struct tunnel_config tunnel = tunnel_make(TUNNEL_GENEVE, 1);

    tunnel.tos_inherit = true;
    tunnel.ttl_inherit = true;
    ASSERT_ENCAP(&tunnel, 0, 0, 0, expected, inner_ipv6_tagged);
}

/* RFC 6040 4.1: DSCP 46 is configured, ECT(1) comes from inside: 0xb9. ECN bits in the configured TOS are not sent. */
static void encap_copies_ecn_beside_configured_tos(void **state)
{
    static const uint8_t expected[] = {
        0x02, 0x00, 0x00, 0x00, 0x00, 0x0b, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a, 0x08, 0x00, /* Ethernet */
        0x45, 0xb9, 0x00, 0x69, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0xb5, 0xc7,             /* IPv4 */
        0xc0, 0x00, 0x02, 0x01, 0xc0, 0x00, 0x02, 0x02,                                     /* addresses */
        0xc0, 0x00, 0x12, 0xb5, 0x00, 0x55, 0x00, 0x00,                                     /* UDP */
        0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,                                     /* VXLAN, VNI 1 */
    };
    struct tunnel_config tunnel = tunnel_make(TUNNEL_VXLAN, 1);

    tunnel.tos = 0xbb;
    ASSERT_ENCAP(&tunnel, 0, 0, 0, expected, inner_ipv6_tagged);
}

static void encap_inherit_without_ip_uses_defaults(void **state)
{
    struct tunnel_config tunnel = tunnel_make(TUNNEL_VXLAN, 1);
    struct next_hop hop = tunnel_next_hop();
    struct rte_mbuf *packet = mbuf_make(inner_arp, sizeof inner_arp);
    struct encap_template template;
    const uint8_t *ip;

    tunnel.ttl = 1;
    tunnel.ttl_inherit = true;
    tunnel.tos = 0xb8;
    tunnel.tos_inherit = true;
    encap_template_init(&template, &tunnel, &hop, 0);
    assert_int_equal(encap_apply(&template, packet, 0, 0), 0);
    ip = rte_pktmbuf_mtod(packet, const uint8_t *) + 14;
    assert_int_equal(ip[1], 0);
    assert_int_equal(ip[8], TUNNEL_TTL_DEFAULT);
    assert_int_equal(naive_sum(ip, 20, 0), 0xffff);
    mbuf_free(packet);
}

/* RFC 768: a checksum that comes out as zero is sent as all ones. The first pass, with zero in the last two bytes,
 * yields the very word that makes it zero when put there. */
static void encap_zero_udp_checksum_becomes_ones(void **state)
{
    struct tunnel_config tunnel = tunnel_make(TUNNEL_VXLAN, 1);
    struct next_hop hop = tunnel_next_hop();
    struct encap_template template;
    uint8_t inner[60] = {0};
    uint8_t sent[2];

    tunnel.csum = true;
    encap_template_init(&template, &tunnel, &hop, 0);
    for (int pass = 0; pass < 2; pass++) {
        struct rte_mbuf *packet = mbuf_make(inner, sizeof inner);

        assert_int_equal(encap_apply(&template, packet, 0, 0), 0);
        memcpy(sent, rte_pktmbuf_mtod(packet, const uint8_t *) + 14 + 20 + 6, sizeof sent);
        memcpy(inner + 58, sent, sizeof sent);
        mbuf_free(packet);
    }
    assert_int_equal(sent[0] << 8 | sent[1], 0xffff);
}

static void encap_source_port_is_dynamic(void **state)
{
    struct tunnel_config tunnel = tunnel_make(TUNNEL_GENEVE, 1);
    struct next_hop hop = tunnel_next_hop();
    struct encap_template template;

    encap_template_init(&template, &tunnel, &hop, 0);
    for (uint32_t entropy = 0; entropy < 1u << 31; entropy += 0x1234567) {
        struct rte_mbuf *packet = mbuf_make(inner_arp, sizeof inner_arp);
        const uint8_t *udp;

        assert_int_equal(encap_apply(&template, packet, entropy, 0), 0);
        udp = rte_pktmbuf_mtod(packet, const uint8_t *) + 34;
        assert_true((udp[0] << 8 | udp[1]) >= 49152);
        mbuf_free(packet);
    }
}

static void encap_without_headroom_changes_nothing(void **state)
{
    struct tunnel_config tunnel = tunnel_make(TUNNEL_VXLAN, 1);
    struct next_hop hop = tunnel_next_hop();
    struct rte_mbuf *packet = mbuf_segment(inner_arp, sizeof inner_arp, ENCAP_HEADER_MAX - 1);
    struct encap_template template;

    encap_template_init(&template, &tunnel, &hop, 0);
    assert_int_equal(encap_apply(&template, packet, 0, 0), -ENOBUFS);
    assert_int_equal(packet->pkt_len, sizeof inner_arp);
    assert_memory_equal(rte_pktmbuf_mtod(packet, void *), inner_arp, sizeof inner_arp);
    mbuf_free(packet);
}

/* The largest inner frame is 65535 - 20 - 8 - 8 bytes. */
static void encap_refuses_more_than_ip_can_carry(void **state)
{
    struct tunnel_config tunnel = tunnel_make(TUNNEL_VXLAN, 1);
    struct next_hop hop = tunnel_next_hop();
    uint8_t *inner = calloc(1, 65500);
    struct encap_template template;

    tunnel.csum = true;
    encap_template_init(&template, &tunnel, &hop, 0);
    for (uint32_t len = 65499; len <= 65500; len++) {
        struct rte_mbuf *packet = mbuf_chain(inner, len, 2048, 128);

        assert_int_equal(encap_apply(&template, packet, 0, 0), len == 65499 ? 0 : -ENOBUFS);
        mbuf_free(packet);
    }
    free(inner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encap_vxlan),
        cmocka_unit_test(encap_vxlan_with_vlan_and_checksum),
        cmocka_unit_test(encap_geneve),
        cmocka_unit_test(encap_geneve_with_checksum_and_ttl),
        cmocka_unit_test(encap_inherits_from_ipv4),
        cmocka_unit_test(encap_inherits_from_tagged_ipv6),
        cmocka_unit_test(encap_copies_ecn_beside_configured_tos),
        cmocka_unit_test(encap_inherit_without_ip_uses_defaults),
        cmocka_unit_test(encap_zero_udp_checksum_becomes_ones),
        cmocka_unit_test(encap_source_port_is_dynamic),
        cmocka_unit_test(encap_without_headroom_changes_nothing),
        cmocka_unit_test(encap_refuses_more_than_ip_can_carry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
