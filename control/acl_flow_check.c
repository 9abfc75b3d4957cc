// SPDX-License-Identifier: Apache-2.0
#include "control/acl_flow_private.h"

#include <errno.h>
#include <netinet/in.h>

#include "dataplane/core/err.h"

#define SOURCE_PORT_DEFAULT 40000 /* some port that clients use */
#define ICMP_ECHO_REQUEST   8
#define ICMPV6_ECHO_REQUEST 128
#define TCP_SYN             0x02

const struct field_form acl_flow_fields[N_FIELDS] = {
    [NW_SRC] = {"nw_src", KIND_IPV4, offsetof(struct acl_flow, src), 0},
    [NW_DST] = {"nw_dst", KIND_IPV4, offsetof(struct acl_flow, dst), 0},
    [IPV6_SRC] = {"ipv6_src", KIND_IPV6, offsetof(struct acl_flow, src), 0},
    [IPV6_DST] = {"ipv6_dst", KIND_IPV6, offsetof(struct acl_flow, dst), 0},
    [DL_SRC] = {"dl_src", KIND_MAC, offsetof(struct acl_flow, src_mac), 0},
    [DL_DST] = {"dl_dst", KIND_MAC, offsetof(struct acl_flow, dst_mac), 0},
    [DL_TYPE] = {"dl_type", KIND_NUMBER, offsetof(struct acl_flow, ethertype), UINT16_MAX},
    [DL_VLAN] = {"dl_vlan", KIND_NUMBER, offsetof(struct acl_flow, vlan), 4094},
    [NW_PROTO] = {"nw_proto", KIND_NUMBER, offsetof(struct acl_flow, protocol), UINT8_MAX},
    [TP_SRC] = {"tp_src", KIND_NUMBER, offsetof(struct acl_flow, src_port), UINT16_MAX},
    [TP_DST] = {"tp_dst", KIND_NUMBER, offsetof(struct acl_flow, dst_port), UINT16_MAX},
    [ICMP_TYPE] = {"icmp_type", KIND_NUMBER, offsetof(struct acl_flow, icmp_type), UINT8_MAX},
    [ICMP_CODE] = {"icmp_code", KIND_NUMBER, offsetof(struct acl_flow, icmp_code), UINT8_MAX},
    [TCP_FLAGS] = {"tcp_flags", KIND_FLAGS, offsetof(struct acl_flow, tcp_flags), 0},
    [IP_DSCP] = {"ip_dscp", KIND_NUMBER, offsetof(struct acl_flow, dscp), 63},
    [ARP_OP] = {"arp_op", KIND_NUMBER, offsetof(struct acl_flow, arp_op), UINT16_MAX},
    [ND_TARGET] = {"nd_target", KIND_IPV6, offsetof(struct acl_flow, nd_target), 0},
};

#define BIT(FIELD)   (1u << (FIELD))
#define ADDRESSES_V4 (BIT(NW_SRC) | BIT(NW_DST))
#define ADDRESSES_V6 (BIT(IPV6_SRC) | BIT(IPV6_DST))
#define PORTS        (BIT(TP_SRC) | BIT(TP_DST))
#define ICMP_FIELDS  (BIT(ICMP_TYPE) | BIT(ICMP_CODE))
#define OF_ANY_FRAME (BIT(DL_SRC) | BIT(DL_DST) | BIT(DL_TYPE) | BIT(DL_VLAN))
#define OF_IP        (BIT(NW_PROTO) | BIT(IP_DSCP))

static uint32_t fields_of_protocol(const struct acl_flow *flow)
{
    if (flow->protocol == IPPROTO_TCP)
        return PORTS | BIT(TCP_FLAGS);
    if (packet_protocol_has_ports((uint8_t)flow->protocol))
        return PORTS;
    if (flow->protocol == (flow->kind == PACKET_IPV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
        return ICMP_FIELDS | (flow->kind == PACKET_IPV6 ? BIT(ND_TARGET) : 0);
    return 0;
}

static uint32_t fields_of_kind(const struct acl_flow *flow)
{
    switch (flow->kind) {
    case PACKET_IPV4:
        return OF_ANY_FRAME | OF_IP | ADDRESSES_V4 | fields_of_protocol(flow);
    case PACKET_IPV6:
        return OF_ANY_FRAME | OF_IP | ADDRESSES_V6 | fields_of_protocol(flow);
    case PACKET_ARP:
        return OF_ANY_FRAME | ADDRESSES_V4 | BIT(ARP_OP);
    case PACKET_L2:
        break;
    }
    return OF_ANY_FRAME;
}

/* What has no default, because rules mostly hang on it. */
static uint32_t fields_needed(const struct acl_flow *flow)
{
    uint32_t addresses = flow->kind == PACKET_IPV6 ? ADDRESSES_V6 : ADDRESSES_V4;

    if (flow->kind == PACKET_L2)
        return 0;
    if (flow->kind == PACKET_ARP)
        return addresses;
    return addresses | (packet_protocol_has_ports((uint8_t)flow->protocol) ? BIT(TP_DST) : 0);
}

/* What a field that is out of place would need. */
static const char *home_of(enum field field)
{
    uint32_t bit = BIT(field);

    if (bit & PORTS)
        return "tcp, udp or sctp";
    if (bit & ICMP_FIELDS)
        return "icmp or icmp6";
    if (bit & ADDRESSES_V6)
        return "IPv6";
    if (bit & ADDRESSES_V4)
        return "IPv4 or arp";
    if (field == TCP_FLAGS)
        return "tcp";
    if (field == ARP_OP)
        return "arp";
    return field == ND_TARGET ? "icmp6" : "ip or ipv6";
}

int acl_flow_check(const struct acl_flow *flow, char **error)
{
    uint32_t needed = fields_needed(flow);
    uint32_t allowed = fields_of_kind(flow);

    if (flow->kind == PACKET_L2 && !acl_flow_has(flow, DL_TYPE)) {
        err_set(error, "what packet it is is missing: ip, ipv6, arp, tcp, udp, sctp, icmp, icmp6 or dl_type=...");
        return -EINVAL;
    }
    for (enum field field = 0; field < N_FIELDS; field++) {
        if (acl_flow_has(flow, field) && (allowed & BIT(field)) == 0) {
            err_set(error, "%s is only for %s", acl_flow_fields[field].name, home_of(field));
            return -EINVAL;
        }
    }
    for (enum field field = 0; field < N_FIELDS; field++) {
        if (!acl_flow_has(flow, field) && (needed & BIT(field)) != 0) {
            err_set(error, "%s is missing", acl_flow_fields[field].name);
            return -EINVAL;
        }
    }
    return 0;
}

/* Where a packet goes that is for a group (RFC 1112 6.4, RFC 2464 7), else some guest. */
static struct mac_addr destination_of(const struct acl_flow *flow)
{
    const uint8_t *to = flow->dst.bytes;

    if (flow->kind == PACKET_IPV4 && to[12] >> 4 == 0xe)
        return (struct mac_addr){{0x01, 0x00, 0x5e, to[13] & 0x7f, to[14], to[15]}};
    if (flow->kind == PACKET_IPV6 && to[0] == 0xff)
        return (struct mac_addr){{0x33, 0x33, to[12], to[13], to[14], to[15]}};
    return (struct mac_addr){{0x02, 0, 0, 0, 0, 0x02}};
}

void acl_flow_fill_in(struct acl_flow *flow)
{
    static const struct mac_addr some_source = {{0x02, 0, 0, 0, 0, 0x01}};

    if (!acl_flow_has(flow, DL_SRC))
        flow->src_mac = some_source;
    if (!acl_flow_has(flow, DL_DST))
        flow->dst_mac = destination_of(flow);
    if (!acl_flow_has(flow, TP_SRC))
        flow->src_port = SOURCE_PORT_DEFAULT;
    if (!acl_flow_has(flow, ICMP_TYPE))
        flow->icmp_type = flow->kind == PACKET_IPV6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST;
    if (!acl_flow_has(flow, TCP_FLAGS))
        flow->tcp_flags = TCP_SYN;
    if (!acl_flow_has(flow, ARP_OP))
        flow->arp_op = 1;
    if (!acl_flow_has(flow, ND_TARGET))
        flow->nd_target = flow->icmp_type == 136 ? flow->src : flow->dst;
}
