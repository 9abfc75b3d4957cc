// SPDX-License-Identifier: Apache-2.0
#include "control/acl_flow.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "control/acl_text.h"
#include "dataplane/core/err.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_IPV6 0x86dd
#define ETHERTYPE_ARP  0x0806

#define SOURCE_PORT_DEFAULT 40000 /* some port that clients use */
#define ICMP_ECHO_REQUEST   8
#define ICMPV6_ECHO_REQUEST 128
#define TCP_SYN             0x02

enum field_kind { KIND_IPV4, KIND_IPV6, KIND_MAC, KIND_NUMBER, KIND_FLAGS };

/* Fields by name; a bit in acl_flow.given for each. */
enum field {
    NW_SRC,
    NW_DST,
    IPV6_SRC,
    IPV6_DST,
    DL_SRC,
    DL_DST,
    DL_TYPE,
    DL_VLAN,
    NW_PROTO,
    TP_SRC,
    TP_DST,
    ICMP_TYPE,
    ICMP_CODE,
    TCP_FLAGS,
    IP_DSCP,
    ARP_OP,
    ND_TARGET,
    N_FIELDS
};

static const struct {
    const char *name;
    enum field_kind kind;
    size_t offset;
    uint16_t max; /* numbers */
} fields[N_FIELDS] = {
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

/* Words without a value, and what they say; 0: nothing. */
static const struct {
    const char *name;
    uint16_t ethertype;
    uint16_t protocol;
} words[] = {
    {"ip", ETHERTYPE_IPV4, 0},
    {"ipv6", ETHERTYPE_IPV6, 0},
    {"arp", ETHERTYPE_ARP, 0},
    {"tcp", 0, IPPROTO_TCP},
    {"udp", 0, IPPROTO_UDP},
    {"sctp", 0, IPPROTO_SCTP},
    {"tcp6", ETHERTYPE_IPV6, IPPROTO_TCP},
    {"udp6", ETHERTYPE_IPV6, IPPROTO_UDP},
    {"sctp6", ETHERTYPE_IPV6, IPPROTO_SCTP},
    {"icmp", ETHERTYPE_IPV4, IPPROTO_ICMP},
    {"icmp6", ETHERTYPE_IPV6, IPPROTO_ICMPV6},
};

static bool has(const struct acl_flow *flow, enum field field)
{
    return (flow->given >> field & 1) != 0;
}

bool acl_flow_has_src_mac(const struct acl_flow *flow)
{
    return has(flow, DL_SRC);
}

bool acl_flow_has_vlan(const struct acl_flow *flow)
{
    return has(flow, DL_VLAN);
}

static int take_number(struct acl_flow *flow, enum field field, const char *value, char **error)
{
    char *end;
    unsigned long number = strtoul(value, &end, 0);

    if (!isdigit((unsigned char)value[0]) || *end != '\0' || number > fields[field].max) {
        err_set(error, "%s \"%s\" is not a number from 0 to %d", fields[field].name, value, fields[field].max);
        return -EINVAL;
    }
    *(uint16_t *)((char *)flow + fields[field].offset) = (uint16_t)number;
    return 0;
}

static int take_address(struct acl_flow *flow, enum field field, const char *value, char **error)
{
    struct inet_addr *addr = (struct inet_addr *)((char *)flow + fields[field].offset);
    bool v4 = fields[field].kind == KIND_IPV4;

    if (inet_addr_parse(value, addr) != 0 || inet_addr_is_v4(addr) != v4) {
        err_set(error, "%s \"%s\" is not an %s address", fields[field].name, value, v4 ? "IPv4" : "IPv6");
        return -EINVAL;
    }
    return 0;
}

static int take_mac(struct acl_flow *flow, enum field field, const char *value, char **error)
{
    if (mac_addr_parse(value, (struct mac_addr *)((char *)flow + fields[field].offset)) == 0)
        return 0;
    err_set(error, "%s \"%s\" is not a MAC address like 02:00:00:00:00:01", fields[field].name, value);
    return -EINVAL;
}

/* The flag that 'text' begins with, or -1. */
static int flag_at(const char *text)
{
    for (int bit = 0; bit < ACL_TEXT_N_FLAGS; bit++) {
        if (strncmp(text, acl_text_flags[bit], 3) == 0)
            return bit;
    }
    return -1;
}

/* "+syn-ack": set, and not set; what is not named is not set either. */
static int take_flags(struct acl_flow *flow, const char *value, char **error)
{
    const char *p = value;

    flow->tcp_flags = 0;
    while (*p == '+' || *p == '-') {
        int bit = flag_at(p + 1);

        if (bit < 0)
            break;
        if (*p == '+')
            flow->tcp_flags |= (uint8_t)(1u << bit);
        p += 4;
    }
    if (p != value && *p == '\0')
        return 0;
    err_set(error, "tcp_flags \"%s\" is not a list like +syn-ack of fin, syn, rst, psh, ack, urg, ece and cwr", value);
    return -EINVAL;
}

static int take_value(struct acl_flow *flow, enum field field, const char *value, char **error)
{
    switch (fields[field].kind) {
    case KIND_IPV4:
    case KIND_IPV6:
        return take_address(flow, field, value, error);
    case KIND_MAC:
        return take_mac(flow, field, value, error);
    case KIND_NUMBER:
        return take_number(flow, field, value, error);
    case KIND_FLAGS:
        break;
    }
    return take_flags(flow, value, error);
}

static enum field find_field(const char *name)
{
    enum field field = 0;

    while (field < N_FIELDS && strcmp(fields[field].name, name) != 0)
        field++;
    return field;
}

static int take_field(struct acl_flow *flow, const char *name, const char *value, char **error)
{
    enum field field = find_field(name);
    uint32_t former = flow->given;

    if (field == N_FIELDS) {
        err_set(error,
                "\"%s\" is not a field; there are nw_src, nw_dst, ipv6_src, ipv6_dst, dl_src, dl_dst, dl_type, "
                "dl_vlan, nw_proto, tp_src, tp_dst, icmp_type, icmp_code, tcp_flags, ip_dscp, arp_op and nd_target",
                name);
        return -EINVAL;
    }
    flow->given |= 1u << field;
    if (flow->given == former) {
        err_set(error, "%s is given twice", name);
        return -EINVAL;
    }
    return take_value(flow, field, value, error);
}

static int say_type(struct acl_flow *flow, const char *name, uint16_t ethertype, uint16_t protocol, char **error)
{
    if ((ethertype != 0 && has(flow, DL_TYPE) && flow->ethertype != ethertype) ||
        (protocol != 0 && has(flow, NW_PROTO) && flow->protocol != protocol)) {
        err_set(error, "\"%s\" contradicts what comes before it about the protocol", name);
        return -EINVAL;
    }
    if (ethertype != 0) {
        flow->ethertype = ethertype;
        flow->given |= 1u << DL_TYPE;
    }
    if (protocol != 0) {
        flow->protocol = protocol;
        flow->given |= 1u << NW_PROTO;
    }
    return 0;
}

static int take_word(struct acl_flow *flow, const char *name, char **error)
{
    if (strcmp(name, "ingress") == 0 || strcmp(name, "egress") == 0) {
        enum rule_direction direction = name[0] == 'i' ? RULE_INGRESS : RULE_EGRESS;

        if (flow->has_direction && flow->direction != direction) {
            err_set(error, "only one of ingress and egress can be asked at once");
            return -EINVAL;
        }
        flow->has_direction = true;
        flow->direction = direction;
        return 0;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(name, words[i].name) == 0)
            return say_type(flow, name, words[i].ethertype, words[i].protocol, error);
    }
    if (find_field(name) != N_FIELDS)
        err_set(error, "%s needs a value, as in %s=...", name, name);
    else
        err_set(error, "\"%s\" is not ingress, egress, ip, ipv6, arp, tcp, udp, sctp, icmp, icmp6 or a field=value",
                name);
    return -EINVAL;
}

static int take_words(struct acl_flow *flow, char *text, char **error)
{
    char *save = NULL;

    for (char *word = strtok_r(text, ", ", &save); word != NULL; word = strtok_r(NULL, ", ", &save)) {
        char *value = strchr(word, '=');
        int rc;

        if (value != NULL)
            *value++ = '\0';
        rc = value != NULL ? take_field(flow, word, value, error) : take_word(flow, word, error);
        if (rc != 0)
            return rc;
    }
    return 0;
}

/* The Ethernet type, when only addresses tell. */
static void settle_type(struct acl_flow *flow)
{
    if (has(flow, DL_TYPE))
        return;
    if (has(flow, IPV6_SRC) || has(flow, IPV6_DST))
        flow->ethertype = ETHERTYPE_IPV6;
    else if (has(flow, NW_SRC) || has(flow, NW_DST) || has(flow, NW_PROTO))
        flow->ethertype = ETHERTYPE_IPV4;
}

static enum packet_kind kind_of(uint16_t ethertype)
{
    switch (ethertype) {
    case ETHERTYPE_IPV4:
        return PACKET_IPV4;
    case ETHERTYPE_IPV6:
        return PACKET_IPV6;
    case ETHERTYPE_ARP:
        return PACKET_ARP;
    default:
        return PACKET_L2;
    }
}

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
        return BIT(DL_TYPE);
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

static int check_fields(const struct acl_flow *flow, char **error)
{
    uint32_t needed = fields_needed(flow);
    uint32_t allowed = fields_of_kind(flow);

    for (enum field field = 0; field < N_FIELDS; field++) {
        if (has(flow, field) && (allowed & BIT(field)) == 0) {
            err_set(error, "%s is only for %s", fields[field].name, home_of(field));
            return -EINVAL;
        }
    }
    for (enum field field = 0; field < N_FIELDS; field++) {
        if (!has(flow, field) && (needed & BIT(field)) != 0) {
            err_set(error, "%s is missing", fields[field].name);
            return -EINVAL;
        }
    }
    return 0;
}

static void fill_in(struct acl_flow *flow)
{
    static const struct mac_addr some_source = {{0x02, 0, 0, 0, 0, 0x01}};
    static const struct mac_addr some_destination = {{0x02, 0, 0, 0, 0, 0x02}};

    if (!has(flow, DL_SRC))
        flow->src_mac = some_source;
    if (!has(flow, DL_DST))
        flow->dst_mac = some_destination;
    if (!has(flow, TP_SRC))
        flow->src_port = SOURCE_PORT_DEFAULT;
    if (!has(flow, ICMP_TYPE))
        flow->icmp_type = flow->kind == PACKET_IPV6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST;
    if (!has(flow, TCP_FLAGS))
        flow->tcp_flags = TCP_SYN;
    if (!has(flow, ARP_OP))
        flow->arp_op = 1;
    if (!has(flow, ND_TARGET))
        flow->nd_target = flow->icmp_type == 136 ? flow->src : flow->dst;
}

int acl_flow_parse(const char *text, struct acl_flow *flow, char **error)
{
    char *copy = strdup(text);
    int rc;

    memset(flow, 0, sizeof *flow);
    if (copy == NULL) {
        err_set(error, "out of memory");
        return -ENOMEM;
    }
    rc = take_words(flow, copy, error);
    free(copy);
    if (rc != 0)
        return rc;
    if (!flow->has_direction) {
        err_set(error, "ingress (towards the guest) or egress (from it) is missing");
        return -EINVAL;
    }
    settle_type(flow);
    flow->kind = kind_of(flow->ethertype);
    rc = check_fields(flow, error);
    if (rc == 0)
        fill_in(flow);
    return rc;
}
