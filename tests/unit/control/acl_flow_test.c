// SPDX-License-Identifier: Apache-2.0
#include "control/acl_flow.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The packet that a text describes, as the parser of frames sees it. */
static struct packet packet_of(const char *text, uint16_t vlan)
{
    static uint8_t frame[ACL_FLOW_FRAME_MAX];
    struct acl_flow flow;
    struct packet packet;
    char *error = NULL;
    uint32_t len;

    if (acl_flow_parse(text, &flow, &error) != 0)
        fail_msg("%s", error);
    len = (uint32_t)acl_flow_frame(&flow, vlan, frame);
    assert_in_range(len, 14, ACL_FLOW_FRAME_MAX);
    assert_int_equal(packet_parse(frame, len, len, &packet), DROP_NONE);
    return packet;
}

static void assert_addr(const struct inet_addr *addr, const char *expected)
{
    char text[INET_TEXT_LEN];

    assert_string_equal(inet_addr_format(addr, text), expected);
}

static void assert_mac(const struct mac_addr *mac, const char *expected)
{
    char text[MAC_TEXT_LEN];

    assert_string_equal(mac_addr_format(mac, text), expected);
}

static void tcp_opens_a_connection_unless_flags_say_otherwise(void **state)
{
    struct packet packet = packet_of("egress,tcp,nw_src=10.0.0.5,nw_dst=10.0.0.1,tp_src=4711,tp_dst=22", 0);

    assert_int_equal(packet.kind, PACKET_IPV4);
    assert_int_equal(packet.protocol, IPPROTO_TCP);
    assert_addr(&packet.src, "10.0.0.5");
    assert_addr(&packet.dst, "10.0.0.1");
    assert_int_equal(ntohs(packet.src_port), 4711);
    assert_int_equal(ntohs(packet.dst_port), 22);
    assert_int_equal(packet.tcp_flags, 0x02);
    packet = packet_of("egress tcp nw_src=10.0.0.5 nw_dst=10.0.0.1 tp_dst=22 tcp_flags=+syn+ack-rst", 0);
    assert_int_equal(packet.tcp_flags, 0x12);
}

static void family_follows_from_the_addresses(void **state)
{
    struct packet packet = packet_of("ingress,udp,ipv6_src=fd00::5,ipv6_dst=fd00::1,tp_dst=53", 0);

    assert_int_equal(packet.kind, PACKET_IPV6);
    assert_int_equal(packet.protocol, IPPROTO_UDP);
    assert_addr(&packet.src, "fd00::5");
    assert_int_equal(ntohs(packet.dst_port), 53);
    assert_true(packet.src_port != 0);
    packet = packet_of("ingress,tcp6,ipv6_src=fd00::5,ipv6_dst=fd00::1,tp_dst=53", 0);
    assert_int_equal(packet.protocol, IPPROTO_TCP);
}

static void icmp_is_an_echo_request_unless_it_has_a_type(void **state)
{
    struct packet packet = packet_of("ingress,icmp,nw_src=10.0.0.5,nw_dst=10.0.0.1", 0);

    assert_int_equal(packet.icmp_type, 8);
    packet = packet_of("ingress,icmp6,ipv6_src=fd00::5,ipv6_dst=fd00::1", 0);
    assert_int_equal(packet.icmp_type, 128);
    packet = packet_of("ingress,icmp,nw_src=10.0.0.5,nw_dst=10.0.0.1,icmp_type=3,icmp_code=4", 0);
    assert_int_equal(packet.icmp_type, 3);
    assert_int_equal(packet.icmp_code, 4);
}

static void nd_asks_about_its_destination_with_the_right_hop_limit(void **state)
{
    struct packet packet =
        packet_of("egress,icmp6,ipv6_src=fd00::5,ipv6_dst=ff02::1,icmp_type=135,nd_target=fd00::1", 0);

    assert_true(packet_is_nd(&packet));
    assert_int_equal(packet.ttl, 255);
    assert_int_equal(packet.data[packet.l4_offset + 23], 1);
    packet = packet_of("egress,icmp6,ipv6_src=fd00::5,ipv6_dst=fd00::9,icmp_type=136", 0);
    assert_int_equal(packet.data[packet.l4_offset + 23], 5);
}

static void every_ip_protocol_can_be_asked_about(void **state)
{
    struct packet packet = packet_of("egress,ip,nw_src=10.0.0.5,nw_dst=10.0.0.1,nw_proto=47,ip_dscp=46", 0);

    assert_int_equal(packet.protocol, 47);
    assert_int_equal(packet.tos, 46 << 2);
    packet = packet_of("egress,ipv6,ipv6_src=fd00::5,ipv6_dst=fd00::1,nw_proto=89,ip_dscp=46", 0);
    assert_int_equal(packet.protocol, 89);
    assert_int_equal(packet.tos, 46 << 2);
    packet = packet_of("egress,sctp,nw_src=10.0.0.5,nw_dst=10.0.0.1,tp_dst=80", 0);
    assert_int_equal(packet.protocol, IPPROTO_SCTP);
    packet = packet_of("egress,nw_src=10.0.0.5,nw_dst=10.0.0.1,nw_proto=136,tp_dst=80", 0);
    assert_int_equal(ntohs(packet.dst_port), 80);
}

static void arp_has_sender_target_and_operation(void **state)
{
    struct packet packet = packet_of("egress,arp,nw_src=10.0.0.5,nw_dst=10.0.0.1,dl_src=02:00:00:00:00:05", 0);

    assert_int_equal(packet.kind, PACKET_ARP);
    assert_int_equal(packet.protocol, 1);
    assert_addr(&packet.src, "10.0.0.5");
    assert_addr(&packet.dst, "10.0.0.1");
    assert_mac(&packet.src_mac, "02:00:00:00:00:05");
    packet = packet_of("egress,arp,nw_src=10.0.0.5,nw_dst=10.0.0.1,arp_op=2", 0);
    assert_int_equal(packet.protocol, 2);
}

static void frame_of_another_type_goes_by_macs_and_tag(void **state)
{
    struct packet packet =
        packet_of("egress,dl_type=0x88cc,dl_src=02:00:00:00:00:05,dl_dst=02:00:00:00:00:06,dl_vlan=7", 7);

    assert_int_equal(packet.kind, PACKET_L2);
    assert_int_equal(packet.ethertype, 0x88cc);
    assert_mac(&packet.dst_mac, "02:00:00:00:00:06");
    assert_int_equal(packet.vlan & PACKET_VLAN_ID, 7);
}

static void packet_for_a_group_has_the_groups_mac(void **state)
{
    struct packet packet = packet_of("egress,udp,nw_src=10.0.0.5,nw_dst=224.129.2.3,tp_dst=1", 0);

    assert_mac(&packet.dst_mac, "01:00:5e:01:02:03");
    packet = packet_of("egress,udp,ipv6_src=fd00::5,ipv6_dst=ff02::1:2,tp_dst=1", 0);
    assert_mac(&packet.dst_mac, "33:33:00:01:00:02");
}

static void given_fields_are_told_from_defaults(void **state)
{
    struct acl_flow flow;

    assert_int_equal(acl_flow_parse("ingress,arp,nw_src=10.0.0.5,nw_dst=10.0.0.1", &flow, NULL), 0);
    assert_int_equal(flow.direction, RULE_INGRESS);
    assert_false(acl_flow_has_src_mac(&flow));
    assert_false(acl_flow_has_vlan(&flow));
    assert_int_equal(
        acl_flow_parse("egress,arp,nw_src=10.0.0.5,nw_dst=10.0.0.1,dl_src=02:00:00:00:00:05,dl_vlan=0", &flow, NULL),
        0);
    assert_int_equal(flow.direction, RULE_EGRESS);
    assert_true(acl_flow_has_src_mac(&flow));
    assert_true(acl_flow_has_vlan(&flow));
}

#define IP4 "nw_src=10.0.0.5,nw_dst=10.0.0.1"

static void mistakes_are_answered_with_what_would_be_right(void **state)
{
    static const struct {
        const char *text;
        const char *error;
    } mistakes[] = {
        {"", "ingress (towards the guest) or egress (from it) is missing"},
        {"tcp," IP4 ",tp_dst=22", "ingress (towards the guest) or egress (from it) is missing"},
        {"ingress,egress", "only one of ingress and egress can be asked at once"},
        {"ingress,tcp", "nw_src is missing"},
        {"ingress,tcp,nw_src=10.0.0.5", "nw_dst is missing"},
        {"ingress,tcp," IP4, "tp_dst is missing"},
        {"ingress,ipv6,ipv6_dst=fd00::1", "ipv6_src is missing"},
        {"ingress", "what packet it is is missing: ip, ipv6, arp, tcp, udp, sctp, icmp, icmp6 or dl_type=..."},
        {"ingress,nw_src=fd00::1", "nw_src \"fd00::1\" is not an IPv4 address"},
        {"ingress,ipv6_dst=10.0.0.1", "ipv6_dst \"10.0.0.1\" is not an IPv6 address"},
        {"ingress,nd_target=x", "nd_target \"x\" is not an IPv6 address"},
        {"ingress,dl_src=5", "dl_src \"5\" is not a MAC address like 02:00:00:00:00:01"},
        {"ingress,dl_dst=", "dl_dst \"\" is not a MAC address like 02:00:00:00:00:01"},
        {"ingress,tp_dst=http", "tp_dst \"http\" is not a number from 0 to 65535"},
        {"ingress,tp_src=65536", "tp_src \"65536\" is not a number from 0 to 65535"},
        {"ingress,nw_proto=-1", "nw_proto \"-1\" is not a number from 0 to 255"},
        {"ingress,icmp_type=256", "icmp_type \"256\" is not a number from 0 to 255"},
        {"ingress,icmp_code=", "icmp_code \"\" is not a number from 0 to 255"},
        {"ingress,ip_dscp=64", "ip_dscp \"64\" is not a number from 0 to 63"},
        {"ingress,dl_vlan=4095", "dl_vlan \"4095\" is not a number from 0 to 4094"},
        {"ingress,dl_type=ip", "dl_type \"ip\" is not a number from 0 to 65535"},
        {"ingress,tcp_flags=syn",
         "tcp_flags \"syn\" is not a list like +syn-ack of fin, syn, rst, psh, ack, urg, ece and cwr"},
        {"ingress,tcp_flags=+syn-ac",
         "tcp_flags \"+syn-ac\" is not a list like +syn-ack of fin, syn, rst, psh, ack, urg, ece and cwr"},
        {"ingress,tp_dst", "tp_dst needs a value, as in tp_dst=..."},
        {"ingress,quic",
         "\"quic\" is not ingress, egress, ip, ipv6, arp, tcp, udp, sctp, icmp, icmp6 or a field=value"},
        {"ingress,tp_dst=1,tp_dst=1", "tp_dst is given twice"},
        {"ingress,tcp,udp", "\"udp\" contradicts what comes before it about the protocol"},
        {"ingress,arp,icmp", "\"icmp\" contradicts what comes before it about the protocol"},
        {"ingress,ip," IP4 ",tp_dst=1", "tp_dst is only for tcp, udp or sctp"},
        {"ingress,udp," IP4 ",tp_dst=1,tcp_flags=+syn", "tcp_flags is only for tcp"},
        {"ingress,udp," IP4 ",tp_dst=1,icmp_type=1", "icmp_type is only for icmp or icmp6"},
        {"ingress,arp," IP4 ",ip_dscp=1", "ip_dscp is only for ip or ipv6"},
        {"ingress,ip," IP4 ",arp_op=1", "arp_op is only for arp"},
        {"ingress,icmp," IP4 ",nd_target=fd00::1", "nd_target is only for icmp6"},
        {"ingress,ip," IP4 ",ipv6_src=fd00::1", "only one of nw_src and ipv6_src can be given"},
        {"ingress,ipv6," IP4, "nw_src is only for IPv4 or arp"},
        {"ingress,dl_type=0x88cc,nw_src=10.0.0.1", "nw_src is only for IPv4 or arp"},
    };

    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct acl_flow flow;
        char *error = NULL;

        assert_int_not_equal(acl_flow_parse(mistakes[i].text, &flow, &error), 0);
        assert_non_null(error);
        assert_string_equal(error, mistakes[i].error);
        free(error);
    }
}

static void unknown_field_is_answered_with_those_there_are(void **state)
{
    struct acl_flow flow;
    char *error = NULL;

    assert_int_not_equal(acl_flow_parse("ingress,in_port=1", &flow, &error), 0);
    assert_non_null(strstr(error, "\"in_port\" is not a field; there are nw_src, "));
    free(error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_opens_a_connection_unless_flags_say_otherwise),
        cmocka_unit_test(family_follows_from_the_addresses),
        cmocka_unit_test(icmp_is_an_echo_request_unless_it_has_a_type),
        cmocka_unit_test(nd_asks_about_its_destination_with_the_right_hop_limit),
        cmocka_unit_test(every_ip_protocol_can_be_asked_about),
        cmocka_unit_test(arp_has_sender_target_and_operation),
        cmocka_unit_test(frame_of_another_type_goes_by_macs_and_tag),
        cmocka_unit_test(packet_for_a_group_has_the_groups_mac),
        cmocka_unit_test(given_fields_are_told_from_defaults),
        cmocka_unit_test(mistakes_are_answered_with_what_would_be_right),
        cmocka_unit_test(unknown_field_is_answered_with_those_there_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
