// SPDX-License-Identifier: Apache-2.0
#include "control/acl_flow_private.h"

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

bool acl_flow_has_src_mac(const struct acl_flow *flow)
{
    return acl_flow_has(flow, DL_SRC);
}

bool acl_flow_has_vlan(const struct acl_flow *flow)
{
    return acl_flow_has(flow, DL_VLAN);
}

static int take_number(struct acl_flow *flow, enum field field, const char *value, char **error)
{
    char *end;
    unsigned long number = strtoul(value, &end, 0);

    if (!isdigit((unsigned char)value[0]) || *end != '\0' || number > acl_flow_fields[field].max) {
        err_set(error, "%s \"%s\" is not a number from 0 to %d", acl_flow_fields[field].name, value,
                acl_flow_fields[field].max);
        return -EINVAL;
    }
    *(uint16_t *)((char *)flow + acl_flow_fields[field].offset) = (uint16_t)number;
    return 0;
}

static int take_address(struct acl_flow *flow, enum field field, const char *value, char **error)
{
    struct inet_addr *addr = (struct inet_addr *)((char *)flow + acl_flow_fields[field].offset);
    bool v4 = acl_flow_fields[field].kind == KIND_IPV4;

    if (inet_addr_parse(value, addr) != 0 || inet_addr_is_v4(addr) != v4) {
        err_set(error, "%s \"%s\" is not an %s address", acl_flow_fields[field].name, value, v4 ? "IPv4" : "IPv6");
        return -EINVAL;
    }
    return 0;
}

static int take_mac(struct acl_flow *flow, enum field field, const char *value, char **error)
{
    if (mac_addr_parse(value, (struct mac_addr *)((char *)flow + acl_flow_fields[field].offset)) == 0)
        return 0;
    err_set(error, "%s \"%s\" is not a MAC address like 02:00:00:00:00:01", acl_flow_fields[field].name, value);
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
    switch (acl_flow_fields[field].kind) {
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

    while (field < N_FIELDS && strcmp(acl_flow_fields[field].name, name) != 0)
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
    for (enum field other = 0; other < N_FIELDS; other++) {
        if (other != field && acl_flow_has(flow, other) &&
            acl_flow_fields[other].offset == acl_flow_fields[field].offset) {
            err_set(error, "only one of %s and %s can be given", acl_flow_fields[other].name, name);
            return -EINVAL;
        }
    }
    return take_value(flow, field, value, error);
}

static int say_type(struct acl_flow *flow, const char *name, uint16_t ethertype, uint16_t protocol, char **error)
{
    if ((ethertype != 0 && acl_flow_has(flow, DL_TYPE) && flow->ethertype != ethertype) ||
        (protocol != 0 && acl_flow_has(flow, NW_PROTO) && flow->protocol != protocol)) {
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
    if (acl_flow_has(flow, DL_TYPE))
        return;
    if (acl_flow_has(flow, IPV6_SRC) || acl_flow_has(flow, IPV6_DST))
        flow->ethertype = ETHERTYPE_IPV6;
    else if (acl_flow_has(flow, NW_SRC) || acl_flow_has(flow, NW_DST) || acl_flow_has(flow, NW_PROTO))
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
    rc = acl_flow_check(flow, error);
    if (rc == 0)
        acl_flow_fill_in(flow);
    return rc;
}
