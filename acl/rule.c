// SPDX-License-Identifier: Apache-2.0
#include "acl/rule.h"

#include <errno.h>
#include <netinet/in.h>
#include <strings.h>

#include "acl/rule_columns.h"
#include "dataplane/core/err.h"
#include "dataplane/core/packet.h"

/* Names of https://www.iana.org/assignments/protocol-numbers as Neutron, iptables and OVN spell them. */
static const struct {
    const char *name;
    uint8_t number;
} protocol_names[] = {
    {"tcp", IPPROTO_TCP},
    {"udp", IPPROTO_UDP},
    {"icmp", IPPROTO_ICMP},
    {"icmpv6", IPPROTO_ICMPV6},
    {"ipv6-icmp", IPPROTO_ICMPV6},
    {"icmp6", IPPROTO_ICMPV6},
    {"sctp", IPPROTO_SCTP},
    {"udplite", IPPROTO_UDPLITE},
    {"gre", IPPROTO_GRE},
    {"esp", IPPROTO_ESP},
    {"ah", IPPROTO_AH},
    {"igmp", IPPROTO_IGMP},
    {"vrrp", 112},
    {"ospf", 89},
    {"pim", IPPROTO_PIM},
    {"dccp", IPPROTO_DCCP},
    {"egp", IPPROTO_EGP},
    {"rsvp", IPPROTO_RSVP},
    {"pgm", 113},
    {"l2tp", 115},
    {"ipip", IPPROTO_IPIP},
    {"ipencap", IPPROTO_IPIP},
    {"ipv6-encap", IPPROTO_IPV6},
    {"ipv6-frag", IPPROTO_FRAGMENT},
    {"ipv6-nonxt", IPPROTO_NONE},
    {"ipv6-opts", IPPROTO_DSTOPTS},
    {"ipv6-route", IPPROTO_ROUTING},
};

/* A decimal number of 0..255 and nothing else, -EINVAL otherwise. */
static int protocol_number(const char *text)
{
    int number = 0;

    for (const char *p = text; *p != '\0'; p++) {
        if (*p < '0' || *p > '9')
            return -EINVAL;
        number = 10 * number + (*p - '0');
        if (number > 255)
            return -EINVAL;
    }
    return number;
}

static int protocol_by_name(const char *text)
{
    for (size_t i = 0; i < sizeof protocol_names / sizeof protocol_names[0]; i++) {
        if (strcasecmp(text, protocol_names[i].name) == 0)
            return protocol_names[i].number;
    }
    return -EINVAL;
}

int rule_protocol_parse(const char *text, enum rule_family family, bool *any)
{
    int number;

    *any = text[0] == '\0' || strcasecmp(text, "any") == 0;
    if (*any)
        return 0;
    number = text[0] >= '0' && text[0] <= '9' ? protocol_number(text) : protocol_by_name(text);
    return number == IPPROTO_ICMP && family == RULE_IPV6 ? IPPROTO_ICMPV6 : number;
}

static bool is_icmp(int protocol)
{
    return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

static int direction_from_columns(const struct rule_columns *columns, struct rule *rule, char **error)
{
    if (columns->direction != NULL && strcmp(columns->direction, "ingress") == 0) {
        rule->direction = RULE_INGRESS;
    } else if (columns->direction != NULL && strcmp(columns->direction, "egress") == 0) {
        rule->direction = RULE_EGRESS;
    } else {
        err_set(error, "direction \"%s\" is not \"ingress\" or \"egress\"",
                columns->direction ? columns->direction : "");
        return -EINVAL;
    }
    return 0;
}

static int family_from_columns(const struct rule_columns *columns, struct rule *rule, char **error)
{
    if (columns->ethertype == NULL || columns->ethertype[0] == '\0') {
        rule->family = RULE_ANY_FAMILY;
    } else if (strcasecmp(columns->ethertype, "IPv4") == 0) {
        rule->family = RULE_IPV4;
    } else if (strcasecmp(columns->ethertype, "IPv6") == 0) {
        rule->family = RULE_IPV6;
    } else {
        err_set(error, "ethertype \"%s\" is not \"IPv4\" or \"IPv6\"", columns->ethertype);
        return -EINVAL;
    }
    return 0;
}

static const char *family_name(enum rule_family family)
{
    return family == RULE_IPV6 ? "IPv6" : "IPv4";
}

int rule_cidr_parse(const char *column, const char *cidr, struct rule *rule, struct inet_prefix *prefix, char **error)
{
    enum rule_family family = strchr(cidr, ':') != NULL ? RULE_IPV6 : RULE_IPV4;

    if (inet_prefix_parse(cidr, prefix) != 0) {
        err_set(error, "%s \"%s\" is not an IPv4 or IPv6 address with an optional /length", column, cidr);
        return -EINVAL;
    }
    /* ::ffff:10.0.0.1 never is on the wire (RFC 4942 2.2), so such a rule could only be a mistake. */
    if (family == RULE_IPV6 && inet_addr_is_v4(&prefix->addr)) {
        err_set(error, "%s \"%s\" is an IPv4 address in IPv6 form, write it as IPv4", column, cidr);
        return -EINVAL;
    }
    if (rule->family != RULE_ANY_FAMILY && rule->family != family) {
        err_set(error, "%s \"%s\" is %s but ethertype is %s", column, cidr, family_name(family),
                family_name(rule->family));
        return -EINVAL;
    }
    rule->family = family;
    return 0;
}

static int remote_from_columns(const struct rule_columns *columns, struct rule *rule, char **error)
{
    bool has_cidr = columns->remote_cidr != NULL; /* an empty one is an error, not "any" */

    if (has_cidr && columns->has_set) {
        err_set(error, "remote_cidr is given beside remote_group or remote_addresses, only one remote may be");
        return -EINVAL;
    }
    if (has_cidr) {
        rule->remote = RULE_REMOTE_PREFIX;
        return rule_cidr_parse("remote_cidr", columns->remote_cidr, rule, &rule->prefix, error);
    }
    if (columns->has_set) {
        rule->remote = RULE_REMOTE_SET;
        rule->set = columns->set;
    }
    return 0;
}

/* Needs the family, which the remote may have settled. */
static int protocol_from_columns(const struct rule_columns *columns, struct rule *rule, char **error)
{
    const char *text = columns->protocol != NULL ? columns->protocol : "";
    bool any;
    int protocol = rule_protocol_parse(text, rule->family, &any);

    if (any)
        return 0;
    if (protocol < 0) {
        err_set(error, "protocol \"%s\" is not a known name or a number from 0 to 255", text);
        return -EINVAL;
    }
    if (protocol == IPPROTO_ICMPV6 && rule->family == RULE_IPV4) {
        err_set(error, "protocol \"%s\" is IPv6 only, but the rule is for IPv4", text);
        return -EINVAL;
    }
    if (is_icmp(protocol))
        rule->family = protocol == IPPROTO_ICMP ? RULE_IPV4 : RULE_IPV6;
    rule->protocol = (int16_t)protocol;
    return 0;
}

int rule_range_check(const char *column, int64_t value, int64_t max, char **error)
{
    if (value >= 0 && value <= max)
        return 0;
    err_set(error, "%s %lld is not from 0 to %lld", column, (long long)value, (long long)max);
    return -EINVAL;
}

int rule_ports_parse(const struct rule_port_columns *columns, const struct rule *rule, uint16_t *min, uint16_t *max,
                     char **error)
{
    int64_t first = columns->has_min ? columns->min : columns->max;
    int64_t last = columns->has_max ? columns->max : columns->min;

    if (!columns->has_min && !columns->has_max)
        return 0;
    if (rule->protocol == RULE_PROTOCOL_ANY || !packet_protocol_has_ports((uint8_t)rule->protocol)) {
        err_set(error, "%s needs protocol tcp, udp, sctp or udplite",
                columns->has_min ? columns->min_column : columns->max_column);
        return -EINVAL;
    }
    if (columns->has_min && rule_range_check(columns->min_column, first, UINT16_MAX, error) != 0)
        return -EINVAL;
    if (columns->has_max && rule_range_check(columns->max_column, last, UINT16_MAX, error) != 0)
        return -EINVAL;
    if (first > last) {
        err_set(error, "%s %lld is above %s %lld", columns->min_column, (long long)first, columns->max_column,
                (long long)last);
        return -EINVAL;
    }
    *min = (uint16_t)first;
    *max = (uint16_t)last;
    return 0;
}

static int ports_from_columns(const struct rule_columns *columns, struct rule *rule, char **error)
{
    const struct rule_port_columns ports = {.min_column = "port_min",
                                            .max_column = "port_max",
                                            .has_min = columns->has_port_min,
                                            .has_max = columns->has_port_max,
                                            .min = columns->port_min,
                                            .max = columns->port_max};

    return rule_ports_parse(&ports, rule, &rule->port_min, &rule->port_max, error);
}

static int icmp_from_columns(const struct rule_columns *columns, struct rule *rule, char **error)
{
    if (!columns->has_icmp_type && !columns->has_icmp_code)
        return 0;
    if (!columns->has_icmp_type) {
        err_set(error, "icmp_code needs icmp_type");
        return -EINVAL;
    }
    if (!is_icmp(rule->protocol)) {
        err_set(error, "icmp_type needs protocol icmp or icmpv6");
        return -EINVAL;
    }
    if (rule_range_check("icmp_type", columns->icmp_type, UINT8_MAX, error) != 0)
        return -EINVAL;
    rule->icmp_type = (int16_t)columns->icmp_type;
    if (!columns->has_icmp_code)
        return 0;
    if (rule_range_check("icmp_code", columns->icmp_code, UINT8_MAX, error) != 0)
        return -EINVAL;
    rule->icmp_code = (int16_t)columns->icmp_code;
    return 0;
}

int rule_from_columns(const struct rule_columns *columns, struct rule *rule, char **error)
{
    *rule = (struct rule){
        .protocol = RULE_PROTOCOL_ANY,
        .port_max = UINT16_MAX,
        .icmp_type = RULE_ICMP_ANY,
        .icmp_code = RULE_ICMP_ANY,
    };
    if (direction_from_columns(columns, rule, error) != 0 || family_from_columns(columns, rule, error) != 0 ||
        remote_from_columns(columns, rule, error) != 0 || protocol_from_columns(columns, rule, error) != 0 ||
        ports_from_columns(columns, rule, error) != 0 || icmp_from_columns(columns, rule, error) != 0)
        return -EINVAL;
    return 0;
}
