// SPDX-License-Identifier: Apache-2.0
#include "acl/acl_rule.h"

#include <errno.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "acl/rule_columns.h"
#include "dataplane/core/err.h"

#define ETHERTYPE_IPV4_NUMBER 0x0800
#define ETHERTYPE_IPV6_NUMBER 0x86dd
#define ETHERTYPE_FIRST       0x0600 /* numbers below are lengths (IEEE 802.3 3.2.6) */
#define VLAN_ID_LAST          4094
#define DSCP_LAST             63

static const struct {
    const char *name;
    uint8_t bit; /* RFC 9293 3.1, RFC 3168 6.1 */
} flag_names[] = {
    {"fin", 0x01}, {"syn", 0x02}, {"rst", 0x04}, {"psh", 0x08},
    {"ack", 0x10}, {"urg", 0x20}, {"ece", 0x40}, {"cwr", 0x80},
};

static const struct {
    const char *name;
    enum rule_action action;
} action_names[] = {
    {"allow", RULE_ALLOW}, {"allow-stateless", RULE_ALLOW_STATELESS}, {"deny", RULE_DENY}, {"reject", RULE_REJECT},
    {"pass", RULE_PASS},
};

static int action_from_columns(const struct acl_columns *columns, struct rule *rule, char **error)
{
    const char *text = columns->action != NULL ? columns->action : "";

    for (size_t i = 0; i < sizeof action_names / sizeof action_names[0]; i++) {
        if (strcmp(text, action_names[i].name) == 0) {
            rule->action = action_names[i].action;
            return 0;
        }
    }
    err_set(error, "action \"%s\" is not \"allow\", \"allow-stateless\", \"deny\", \"reject\" or \"pass\"", text);
    return -EINVAL;
}

static int place_from_columns(const struct acl_columns *columns, struct acl_rule *acl, char **error)
{
    const char *mode = columns->mode != NULL ? columns->mode : "enforce";

    if (columns->has_tier && rule_range_check("tier", columns->tier, ACL_TIER_MAX, error) != 0)
        return -EINVAL;
    if (columns->has_priority && rule_range_check("priority", columns->priority, UINT16_MAX, error) != 0)
        return -EINVAL;
    acl->tier = columns->has_tier ? (uint8_t)columns->tier : 0;
    acl->priority = columns->has_priority ? (uint16_t)columns->priority : 0;
    acl->audit = strcmp(mode, "audit") == 0;
    if (!acl->audit && strcmp(mode, "enforce") != 0) {
        err_set(error, "mode \"%s\" is not \"enforce\" or \"audit\"", mode);
        return -EINVAL;
    }
    return 0;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number that 'text' is, decimal or hexadecimal ("0x806"), -EINVAL: none, or above 0xffff. */
static int ethertype_number(const char *text)
{
    bool is_hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    int base = is_hex ? 16 : 10, number = 0;

    text += is_hex ? 2 : 0;
    if (*text == '\0')
        return -EINVAL;
    for (; *text != '\0'; text++) {
        int digit = digit_value(*text);

        if (digit < 0 || digit >= base)
            return -EINVAL;
        number = base * number + digit;
        if (number > UINT16_MAX)
            return -EINVAL;
    }
    return number;
}

/* The column that speaks of IP, of those that are given; NULL: none. */
static const char *ip_column(const struct acl_columns *columns)
{
    const struct rule_columns *rule = &columns->rule;
    const struct {
        const char *name;
        bool given;
    } given[] = {
        {"protocol", rule->protocol != NULL && rule->protocol[0] != '\0'},
        {"port_min", rule->has_port_min},
        {"port_max", rule->has_port_max},
        {"icmp_type", rule->has_icmp_type},
        {"icmp_code", rule->has_icmp_code},
        {"remote_cidr", rule->remote_cidr != NULL},
        {"remote_group or remote_addresses", rule->has_set},
        {"local_cidr", columns->local_cidr != NULL},
        {"src_port_min", columns->has_src_port_min},
        {"src_port_max", columns->has_src_port_max},
        {"tcp_flags", columns->tcp_flags != NULL && columns->tcp_flags[0] != '\0'},
        {"dscp", columns->has_dscp},
    };

    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
        if (given[i].given)
            return given[i].name;
    }
    return NULL;
}

/* Settles what 'rule_columns' has for the ethertype: a number becomes a condition, or the name it stands for. */
static int ethertype_from_columns(const struct acl_columns *columns, struct rule_columns *rule_columns,
                                  uint16_t *ethertype, char **error)
{
    const char *text = columns->rule.ethertype;
    int number;

    *ethertype = 0;
    if (text == NULL || text[0] == '\0' || strcasecmp(text, "IPv4") == 0 || strcasecmp(text, "IPv6") == 0)
        return 0;
    number = ethertype_number(text);
    if (number < ETHERTYPE_FIRST) {
        err_set(error, "ethertype \"%s\" is not \"IPv4\", \"IPv6\" or a number from 0x0600 to 0xffff", text);
        return -EINVAL;
    }
    rule_columns->ethertype = number == ETHERTYPE_IPV4_NUMBER   ? "IPv4"
                              : number == ETHERTYPE_IPV6_NUMBER ? "IPv6"
                                                                : NULL;
    if (rule_columns->ethertype != NULL)
        return 0;
    *ethertype = (uint16_t)number;
    if (ip_column(columns) != NULL) {
        err_set(error, "%s is given beside ethertype \"%s\", which is not IP", ip_column(columns), text);
        return -EINVAL;
    }
    return 0;
}

/* Before the protocol, because "icmp" means what the family says. */
static int local_from_columns(const struct acl_columns *columns, struct rule_columns *rule_columns, struct rule *local,
                              char **error)
{
    const char *name = rule_columns->ethertype, *remote = columns->rule.remote_cidr;

    *local = (struct rule){.family = RULE_ANY_FAMILY};
    if (columns->local_cidr == NULL)
        return 0;
    if (name != NULL && strcasecmp(name, "IPv4") == 0)
        local->family = RULE_IPV4;
    else if (name != NULL && strcasecmp(name, "IPv6") == 0)
        local->family = RULE_IPV6;
    if (rule_cidr_parse("local_cidr", columns->local_cidr, local, &local->local, error) != 0)
        return -EINVAL;
    if (remote != NULL && remote[0] != '\0' && (strchr(remote, ':') != NULL) != (local->family == RULE_IPV6)) {
        err_set(error, "local_cidr \"%s\" and remote_cidr \"%s\" are not of one family", columns->local_cidr, remote);
        return -EINVAL;
    }
    if (name == NULL || name[0] == '\0')
        rule_columns->ethertype = local->family == RULE_IPV6 ? "IPv6" : "IPv4";
    return 0;
}

static int mac_from_column(const char *column, const char *text, struct mac_addr *mac, char **error)
{
    if (mac_addr_parse(text, mac) == 0)
        return 0;
    err_set(error, "%s \"%s\" is not a MAC address like 02:00:00:00:00:01", column, text);
    return -EINVAL;
}

static int l2_from_columns(const struct acl_columns *columns, struct rule *rule, char **error)
{
    if (columns->src_mac != NULL) {
        rule->conditions |= RULE_IF_SRC_MAC;
        if (mac_from_column("src_mac", columns->src_mac, &rule->src_mac, error) != 0)
            return -EINVAL;
    }
    if (columns->dst_mac != NULL) {
        rule->conditions |= RULE_IF_DST_MAC;
        if (mac_from_column("dst_mac", columns->dst_mac, &rule->dst_mac, error) != 0)
            return -EINVAL;
    }
    if (columns->has_vlan) {
        if (rule_range_check("vlan", columns->vlan, VLAN_ID_LAST, error) != 0)
            return -EINVAL;
        rule->conditions |= RULE_IF_VLAN;
        rule->vlan = (uint16_t)columns->vlan;
    }
    return 0;
}

static int src_ports_from_columns(const struct acl_columns *columns, struct rule *rule, char **error)
{
    const struct rule_port_columns ports = {.min_column = "src_port_min",
                                            .max_column = "src_port_max",
                                            .has_min = columns->has_src_port_min,
                                            .has_max = columns->has_src_port_max,
                                            .min = columns->src_port_min,
                                            .max = columns->src_port_max};

    if (ports.has_min || ports.has_max)
        rule->conditions |= RULE_IF_SRC_PORT;
    return rule_ports_parse(&ports, rule, &rule->src_port_min, &rule->src_port_max, error);
}

static uint8_t flag_by_name(const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof flag_names / sizeof flag_names[0]; i++) {
        if (strlen(flag_names[i].name) == length && strncasecmp(name, flag_names[i].name, length) == 0)
            return flag_names[i].bit;
    }
    return 0;
}

static int flags_from_columns(const struct acl_columns *columns, struct rule *rule, char **error)
{
    const char *text = columns->tcp_flags, *end;

    if (text == NULL || text[0] == '\0')
        return 0;
    if (rule->protocol != IPPROTO_TCP) {
        err_set(error, "tcp_flags needs protocol tcp");
        return -EINVAL;
    }
    rule->conditions |= RULE_IF_TCP_FLAGS;
    for (const char *word = text;; word = end + 1) {
        bool negated = *word == '!';
        uint8_t bit;

        word += negated;
        end = word + strcspn(word, ",");
        bit = flag_by_name(word, (size_t)(end - word));
        if (bit == 0 || (rule->tcp_mask & bit) != 0) {
            err_set(error,
                    "tcp_flags \"%s\" is not a list like \"syn,!ack\" of fin, syn, rst, psh, ack, urg, ece and cwr, "
                    "each once",
                    text);
            return -EINVAL;
        }
        rule->tcp_mask |= bit;
        rule->tcp_flags |= negated ? 0 : bit;
        if (*end == '\0')
            return 0;
    }
}

static int dscp_from_columns(const struct acl_columns *columns, struct rule *rule, char **error)
{
    if (!columns->has_dscp)
        return 0;
    if (rule_range_check("dscp", columns->dscp, DSCP_LAST, error) != 0)
        return -EINVAL;
    rule->conditions |= RULE_IF_DSCP;
    rule->dscp = (uint8_t)columns->dscp;
    return 0;
}

int acl_rule_from_columns(const struct acl_columns *columns, struct acl_rule *acl, char **error)
{
    struct rule_columns rule_columns = columns->rule;
    struct rule *rule = &acl->rule, local;
    uint16_t ethertype;

    *acl = (struct acl_rule){.audit = false};
    if (ethertype_from_columns(columns, &rule_columns, &ethertype, error) != 0 ||
        local_from_columns(columns, &rule_columns, &local, error) != 0 ||
        rule_from_columns(&rule_columns, rule, error) != 0)
        return -EINVAL;
    if (ethertype != 0) {
        rule->conditions |= RULE_IF_ETHERTYPE;
        rule->ethertype = ethertype;
    }
    if (columns->local_cidr != NULL) {
        rule->conditions |= RULE_IF_LOCAL;
        rule->local = local.local;
    }
    if (action_from_columns(columns, rule, error) != 0 || place_from_columns(columns, acl, error) != 0 ||
        l2_from_columns(columns, rule, error) != 0 || src_ports_from_columns(columns, rule, error) != 0 ||
        flags_from_columns(columns, rule, error) != 0 || dscp_from_columns(columns, rule, error) != 0)
        return -EINVAL;
    return 0;
}

int acl_rule_compare(const struct acl_rule *a, const struct acl_rule *b)
{
    static const int strength[] = {
        [RULE_DENY] = 0, [RULE_REJECT] = 0, [RULE_PASS] = 1, [RULE_ALLOW_STATELESS] = 2, [RULE_ALLOW] = 3};

    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    return strength[a->rule.action] - strength[b->rule.action];
}
