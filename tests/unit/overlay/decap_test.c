// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/overlay/decap_fixture.h"

/* Decapsulates exactly these bytes; what is left of them goes to 'out' when that is not NULL. */
static enum decap_verdict decap_bytes(uint16_t bridge, const uint8_t *bytes, uint32_t len, uint8_t *out,
                                      uint32_t *out_len, enum drop_reason *reason)
{
    struct rte_mbuf *packet = mbuf_segment(bytes, (uint16_t)len, 0);
    uint32_t attachment = 0;
    enum decap_verdict verdict;

    *reason = DROP_NONE;
    verdict = decap_packet(table, bridge, 0, packet, &attachment, reason);
    if (verdict == DECAP_STRIPPED)
        assert_int_equal(attachment, ATTACHMENT);
    if (out != NULL)
        *out_len = mbuf_bytes(packet, out);
    mbuf_free(packet);
    return verdict;
}

static void assert_stripped(uint16_t bridge, const uint8_t *bytes, uint32_t len, const uint8_t *inner,
                            uint32_t inner_len)
{
    enum drop_reason reason;
    uint32_t out_len;
    uint8_t out[512];

    assert_int_equal(decap_bytes(bridge, bytes, len, out, &out_len, &reason), DECAP_STRIPPED);
    assert_int_equal(out_len, inner_len);
    assert_memory_equal(out, inner, inner_len);
}

static void assert_dropped(const uint8_t *bytes, uint32_t len, enum drop_reason expected)
{
    enum drop_reason reason;

    assert_int_equal(decap_bytes(BRIDGE, bytes, len, NULL, NULL, &reason), DECAP_DROP);
    assert_string_equal(drop_reason_name(reason), drop_reason_name(expected));
}

static void assert_passed(uint16_t bridge, const uint8_t *bytes, uint32_t len)
{
    enum drop_reason reason;
    uint8_t out[512];
    uint32_t out_len;

    assert_int_equal(decap_bytes(bridge, bytes, len, out, &out_len, &reason), DECAP_PASS);
    assert_int_equal(out_len, len);
    assert_memory_equal(out, bytes, len);
}

static void decap_strips_both_types(void **state)
{
    uint8_t bytes[256];

    for (enum tunnel_type type = TUNNEL_VXLAN; type <= TUNNEL_GENEVE; type++) {
        for (int csum = 0; csum < 2; csum++) {
            uint32_t len = outer_bytes(type, csum, 0, inner_ipv4, sizeof inner_ipv4, bytes);

            assert_stripped(BRIDGE, bytes, len, inner_ipv4, sizeof inner_ipv4);
        }
    }
}

static void decap_takes_the_endpoints_vlan_only(void **state)
{
    uint8_t bytes[256];
    uint32_t len = outer_bytes(TUNNEL_VXLAN, false, 100, inner_arp, sizeof inner_arp, bytes);

    assert_stripped(BRIDGE_VLAN, bytes, len, inner_arp, sizeof inner_arp);
    assert_passed(BRIDGE, bytes, len);
    bytes[15] = 101;
    assert_passed(BRIDGE_VLAN, bytes, len);
    bytes[15] = 0; /* a priority tag */
    assert_stripped(BRIDGE, bytes, len, inner_arp, sizeof inner_arp);
}

static void decap_trims_ethernet_padding(void **state)
{
    uint8_t bytes[256] = {0};
    uint32_t len = outer_bytes(TUNNEL_GENEVE, true, 0, inner_arp, sizeof inner_arp, bytes);

    assert_stripped(BRIDGE, bytes, len + 18, inner_arp, sizeof inner_arp);
}

static void decap_skips_ip_options(void **state)
{
    uint8_t bytes[256];
    uint32_t len = outer_bytes(TUNNEL_VXLAN, true, 0, inner_arp, sizeof inner_arp, bytes);

    memmove(bytes + AT_UDP + 4, bytes + AT_UDP, len - AT_UDP);
    memset(bytes + AT_UDP, 1, 4); /* four times NOP */
    bytes[AT_IP] = 0x46;
    bytes[AT_IP + 3] += 4;
    fix_ip_checksum(bytes + AT_IP);
    assert_stripped(BRIDGE, bytes, len + 4, inner_arp, sizeof inner_arp);
}

/* RFC 8926 3.5: options that are not critical are passed over. */
static void decap_skips_geneve_options(void **state)
{
    static const uint8_t options[] = {0x01, 0x02, 0x03, 0x01, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x02, 0x7f, 0x00};
    uint8_t bytes[256];
    uint32_t len = outer_bytes(TUNNEL_GENEVE, false, 0, inner_arp, sizeof inner_arp, bytes);

    memmove(bytes + AT_INNER + sizeof options, bytes + AT_INNER, len - AT_INNER);
    memcpy(bytes + AT_INNER, options, sizeof options);
    bytes[AT_TUNNEL] = sizeof options / 4;
    bytes[AT_IP + 3] += sizeof options;
    bytes[AT_UDP + 5] += sizeof options;
    fix_ip_checksum(bytes + AT_IP);
    len += sizeof options;
    assert_stripped(BRIDGE, bytes, len, inner_arp, sizeof inner_arp);

    bytes[AT_INNER + 8 + 2] = 0x80; /* the last one is critical, though C is not set */
    assert_dropped(bytes, len, DROP_TUNNEL_OPTION);
    bytes[AT_INNER + 8 + 3] = 1; /* longer than the options */
    assert_dropped(bytes, len, DROP_TUNNEL_HEADER);
}

/* One byte changed, the IP checksum made right again unless it is what is wrong. */
struct fault {
    enum tunnel_type type;
    uint16_t offset;
    uint8_t value;
    bool keep_ip_checksum;
    enum drop_reason reason;
};

static void decap_fault_has_its_reason(void **state)
{
    static const struct fault faults[] = {
        {TUNNEL_VXLAN, AT_IP + 10, 0xee, true, DROP_TUNNEL_CHECKSUM},
        {TUNNEL_VXLAN, AT_IP + 3, 100, false, DROP_TUNNEL_HEADER},         /* total length beyond the frame */
        {TUNNEL_VXLAN, AT_IP + 3, 77, false, DROP_TUNNEL_HEADER},          /* less than UDP says */
        {TUNNEL_VXLAN, AT_IP + 3, 10, false, DROP_TUNNEL_HEADER},          /* less than the headers */
        {TUNNEL_VXLAN, AT_IP + 6, 0x20, false, DROP_TUNNEL_HEADER},        /* first fragment */
        {TUNNEL_VXLAN, AT_UDP + 5, 57, false, DROP_TUNNEL_HEADER},         /* UDP length disagrees */
        {TUNNEL_VXLAN, AT_UDP + 5, 7, false, DROP_TUNNEL_HEADER},          /* shorter than its header */
        {TUNNEL_VXLAN, AT_UDP + 7, 1, false, DROP_TUNNEL_CHECKSUM},        /* UDP checksum */
        {TUNNEL_VXLAN, AT_TUNNEL, 0xf7, false, DROP_TUNNEL_HEADER},        /* I flag missing */
        {TUNNEL_VXLAN, AT_TUNNEL + 6, 43, false, DROP_TUNNEL_UNKNOWN_VNI}, /* VNI 43 */
        {TUNNEL_VXLAN, AT_IP + 15, 9, false, DROP_TUNNEL_UNKNOWN_VTEP},    /* from 192.0.2.9 */
        {TUNNEL_GENEVE, AT_TUNNEL, 0x40, false, DROP_TUNNEL_HEADER},       /* version 1 */
        {TUNNEL_GENEVE, AT_TUNNEL, 0x3f, false, DROP_TUNNEL_HEADER},       /* options longer than the packet */
        {TUNNEL_GENEVE, AT_TUNNEL + 1, 0x80, false, DROP_TUNNEL_OPTION},   /* control packet */
        {TUNNEL_GENEVE, AT_TUNNEL + 1, 0x40, false, DROP_TUNNEL_OPTION},   /* critical options */
        {TUNNEL_GENEVE, AT_TUNNEL + 2, 0x08, false, DROP_TUNNEL_HEADER},   /* no Ethernet inside */
        {TUNNEL_GENEVE, AT_TUNNEL + 6, 43, false, DROP_TUNNEL_UNKNOWN_VNI},
    };

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        uint8_t bytes[256];
        uint32_t len = outer_bytes(faults[i].type, false, 0, inner_arp, sizeof inner_arp, bytes);

        bytes[faults[i].offset] = faults[i].value;
        if (!faults[i].keep_ip_checksum)
            fix_ip_checksum(bytes + AT_IP);
        assert_dropped(bytes, len, faults[i].reason);
    }
}

/* RFC 7348 5: reserved bits are ignored on receipt. */
static void decap_vxlan_ignores_reserved_bits(void **state)
{
    uint8_t bytes[256];
    uint32_t len = outer_bytes(TUNNEL_VXLAN, false, 0, inner_arp, sizeof inner_arp, bytes);

    memset(bytes + AT_TUNNEL, 0xff, 4);
    bytes[AT_TUNNEL + 7] = 0xff;
    assert_stripped(BRIDGE, bytes, len, inner_arp, sizeof inner_arp);
}

/* Changes that make it somebody else's packet. */
static void decap_passes_what_is_not_ours(void **state)
{
    static const struct fault faults[] = {
        {.offset = 5, .value = 0x0c},          /* destination MAC */
        {.offset = 12, .value = 0x86},         /* ethertype */
        {.offset = AT_IP, .value = 0x65},      /* IP version */
        {.offset = AT_IP, .value = 0x44},      /* header length 16 */
        {.offset = AT_IP + 7, .value = 1},     /* a later fragment */
        {.offset = AT_IP + 9, .value = 6},     /* TCP */
        {.offset = AT_IP + 19, .value = 9},    /* destination address */
        {.offset = AT_UDP + 3, .value = 0xb6}, /* port 4790 */
    };
    uint8_t bytes[256];
    uint32_t len;

    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        len = outer_bytes(TUNNEL_VXLAN, false, 0, inner_arp, sizeof inner_arp, bytes);
        bytes[faults[i].offset] = faults[i].value;
        assert_passed(BRIDGE, bytes, len);
    }
    len = outer_bytes(TUNNEL_VXLAN, false, 0, inner_arp, sizeof inner_arp, bytes);
    assert_passed(BRIDGE + 7, bytes, len);
}

static void decap_udp_checksum_covers_every_byte(void **state)
{
    uint8_t bytes[256];
    uint32_t len = outer_bytes(TUNNEL_GENEVE, true, 0, inner_ipv4, sizeof inner_ipv4, bytes);

    for (uint32_t i = AT_INNER; i < len; i++) {
        bytes[i] ^= 0x10;
        assert_dropped(bytes, len, DROP_TUNNEL_CHECKSUM);
        bytes[i] ^= 0x10;
    }
}

/* An inner frame of 13 bytes is none; one of 14 is. */
static void decap_needs_an_inner_ethernet_header(void **state)
{
    uint8_t bytes[256];

    for (enum tunnel_type type = TUNNEL_VXLAN; type <= TUNNEL_GENEVE; type++) {
        uint32_t len = outer_bytes(type, true, 0, inner_arp, 13, bytes);

        assert_dropped(bytes, len, DROP_TUNNEL_HEADER);
        memset(bytes + len, 0, 20);
        assert_dropped(bytes, len + 20, DROP_TUNNEL_HEADER);
        len = outer_bytes(type, true, 0, inner_arp, 14, bytes);
        assert_stripped(BRIDGE, bytes, len, inner_arp, 14);
    }
}

/* Whatever is cut off, and whatever the lengths then say: nothing beyond the end is read, nothing short is accepted. */
static void decap_truncated_anywhere_is_not_taken(void **state)
{
    static const uint8_t lengths_at[] = {AT_IP + 3, AT_UDP + 5};
    uint8_t bytes[256];

    for (enum tunnel_type type = TUNNEL_VXLAN; type <= TUNNEL_GENEVE; type++) {
        uint32_t len = outer_bytes(type, false, 0, inner_ipv4, sizeof inner_ipv4, bytes);

        for (uint32_t cut = 0; cut < len; cut++) {
            enum drop_reason reason;

            assert_int_not_equal(decap_bytes(BRIDGE, bytes, cut, NULL, NULL, &reason), DECAP_STRIPPED);
        }
        for (uint32_t cut = 1; cut < len - AT_UDP; cut++) {
            enum drop_reason reason;
            enum decap_verdict verdict;

            bytes[lengths_at[0]]--;
            bytes[lengths_at[1]]--;
            fix_ip_checksum(bytes + AT_IP);
            verdict = decap_bytes(BRIDGE, bytes, len - cut, NULL, NULL, &reason);
            assert_int_equal(verdict == DECAP_STRIPPED, len - cut >= AT_INNER + 14);
        }
    }
}

static void decap_outer_header_across_segments_is_not_taken(void **state)
{
    uint8_t bytes[256];
    uint32_t len = outer_bytes(TUNNEL_GENEVE, true, 0, inner_ipv4, sizeof inner_ipv4, bytes);

    for (uint16_t segment = 1; segment < len; segment++) {
        struct rte_mbuf *packet = mbuf_chain(bytes, len, segment, 0);
        enum drop_reason reason;
        uint32_t attachment;
        enum decap_verdict verdict = decap_packet(table, BRIDGE, 0, packet, &attachment, &reason);
        uint8_t out[256];

        assert_int_equal(verdict == DECAP_STRIPPED, segment >= AT_INNER + 14);
        if (verdict == DECAP_STRIPPED) {
            assert_int_equal(mbuf_bytes(packet, out), sizeof inner_ipv4);
            assert_memory_equal(out, inner_ipv4, sizeof inner_ipv4);
        }
        mbuf_free(packet);
    }
}

static void decap_believes_a_device_that_says_good(void **state)
{
    uint8_t bytes[256];
    uint32_t len = outer_bytes(TUNNEL_VXLAN, true, 0, inner_arp, sizeof inner_arp, bytes);
    struct rte_mbuf *packet;
    enum drop_reason reason;
    uint32_t attachment;

    bytes[AT_IP + 10] ^= 1;
    bytes[AT_UDP + 6] ^= 1;
    packet = mbuf_make(bytes, (uint16_t)len);
    packet->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
    assert_int_equal(decap_packet(table, BRIDGE, 0, packet, &attachment, &reason), DECAP_STRIPPED);
    assert_int_equal(packet->ol_flags, 0);
    mbuf_free(packet);
}

/* RFC 6040 4.2, figure 4; -1: dropped. Rows: inner; columns: outer Not-ECT, ECT(1), ECT(0), CE. */
static void decap_merges_ecn(void **state)
{
    static const int figure[4][4] = {{0, 0, 0, -1}, {1, 1, 1, 3}, {2, 1, 2, 3}, {3, 3, 3, 3}};
    uint8_t bytes[256], out[256];

    for (uint8_t inner = 0; inner < 4; inner++) {
        for (uint8_t outer = 0; outer < 4; outer++) {
            uint32_t len = outer_bytes(TUNNEL_VXLAN, false, 0, inner_ipv4, sizeof inner_ipv4, bytes);
            enum drop_reason reason;

            bytes[AT_INNER_TOS] = (uint8_t)(0xb8 | inner);
            fix_ip_checksum(bytes + AT_INNER + 14);
            bytes[AT_IP + 1] = outer;
            fix_ip_checksum(bytes + AT_IP);
            if (figure[inner][outer] < 0) {
                assert_dropped(bytes, len, DROP_TUNNEL_ECN);
                continue;
            }
            assert_int_equal(decap_bytes(BRIDGE, bytes, len, out, &len, &reason), DECAP_STRIPPED);
            assert_int_equal(out[15], 0xb8 | figure[inner][outer]);
            assert_int_equal(naive_sum(out + 14, 20, 0), 0xffff);
        }
    }
}

static void decap_marks_tagged_ipv6(void **state)
{
    uint8_t bytes[256], out[256];
    uint32_t len = outer_bytes(TUNNEL_GENEVE, false, 0, inner_ipv6_tagged, sizeof inner_ipv6_tagged, bytes);
    enum drop_reason reason;

    bytes[AT_IP + 1] = 3;
    fix_ip_checksum(bytes + AT_IP);
    assert_int_equal(decap_bytes(BRIDGE, bytes, len, out, &len, &reason), DECAP_STRIPPED);
    assert_int_equal(out[18], 0x62);
    assert_int_equal(out[19], 0xf0); /* 0x2d became 0x2f */
    assert_memory_equal(out + 20, inner_ipv6_tagged + 20, sizeof inner_ipv6_tagged - 20);
}

/* A random inner frame in random segments comes back as it was. */
static void decap_round_trip_random(void **state)
{
    uint8_t inner[1600], out[1600];

    srandom(20);
    print_message("seed 20\n");
    for (int i = 0; i < 20000; i++) {
        struct tunnel_config tunnel = tunnel_make(random() % 2 ? TUNNEL_VXLAN : TUNNEL_GENEVE, 42);
        struct next_hop hop = tunnel_next_hop();
        uint32_t len = 14 + (uint32_t)random() % 1500;
        struct encap_template template;
        struct rte_mbuf *packet;
        enum drop_reason reason;
        uint32_t attachment;

        for (uint32_t b = 0; b < len; b++)
            inner[b] = (uint8_t)random();
        tunnel.csum = random() % 2;
        packet = mbuf_chain(inner, len, (uint16_t)(14 + random() % 1500), 128);
        encap_template_init(&template, &tunnel, &hop, 0);
        assert_int_equal(encap_apply(&template, packet, (uint32_t)random(), (uint16_t)random()), 0);
        assert_int_equal(decap_packet(table, BRIDGE, 0, packet, &attachment, &reason), DECAP_STRIPPED);
        assert_int_equal(mbuf_bytes(packet, out), len);
        assert_memory_equal(out, inner, len);
        mbuf_free(packet);
    }
}

/* Random bytes after a good start: any verdict, but no read outside (under AddressSanitizer) and no crash. */
static void decap_survives_random_damage(void **state)
{
    uint8_t bytes[256];

    srandom(21);
    print_message("seed 21\n");
    for (int i = 0; i < 100000; i++) {
        uint32_t len = outer_bytes(random() % 2 ? TUNNEL_VXLAN : TUNNEL_GENEVE, random() % 2, 0, inner_ipv4,
                                   sizeof inner_ipv4, bytes);
        enum drop_reason reason;

        for (int n = (int)(random() % 4); n >= 0; n--)
            bytes[random() % 64] = (uint8_t)random();
        len -= (uint32_t)random() % 3 == 0 ? (uint32_t)random() % len : 0;
        if (len > AT_UDP)
            fix_ip_checksum(bytes + AT_IP);
        decap_bytes(BRIDGE, bytes, len, NULL, NULL, &reason);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decap_strips_both_types),
        cmocka_unit_test(decap_takes_the_endpoints_vlan_only),
        cmocka_unit_test(decap_trims_ethernet_padding),
        cmocka_unit_test(decap_skips_ip_options),
        cmocka_unit_test(decap_skips_geneve_options),
        cmocka_unit_test(decap_fault_has_its_reason),
        cmocka_unit_test(decap_vxlan_ignores_reserved_bits),
        cmocka_unit_test(decap_passes_what_is_not_ours),
        cmocka_unit_test(decap_udp_checksum_covers_every_byte),
        cmocka_unit_test(decap_needs_an_inner_ethernet_header),
        cmocka_unit_test(decap_truncated_anywhere_is_not_taken),
        cmocka_unit_test(decap_outer_header_across_segments_is_not_taken),
        cmocka_unit_test(decap_believes_a_device_that_says_good),
        cmocka_unit_test(decap_merges_ecn),
        cmocka_unit_test(decap_marks_tagged_ipv6),
        cmocka_unit_test(decap_round_trip_random),
        cmocka_unit_test(decap_survives_random_damage),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
