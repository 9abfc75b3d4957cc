// SPDX-License-Identifier: Apache-2.0
#include "control/netlink_message.h"

#include <string.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#define NUD_RESOLVED (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP)

/* The attributes of one message by type; those beyond the largest known one are left out. */
#define ATTRIBUTES_MAX 64
struct attributes {
    const struct nlattr *by_type[ATTRIBUTES_MAX];
};

static int attribute_take(const struct nlattr *attr, void *attributes_)
{
    struct attributes *attributes = attributes_;

    if (mnl_attr_get_type(attr) < ATTRIBUTES_MAX)
        attributes->by_type[mnl_attr_get_type(attr)] = attr;
    return MNL_CB_OK;
}

static struct attributes attributes_parse(const struct nlmsghdr *message, unsigned int header_len)
{
    struct attributes attributes = {0};

    mnl_attr_parse(message, header_len, attribute_take, &attributes);
    return attributes;
}

/* Copies the value when it is there and has that size. */
static bool attribute_get(const struct attributes *attributes, int type, void *value, size_t size)
{
    const struct nlattr *attr = attributes->by_type[type];

    if (attr == NULL || mnl_attr_get_payload_len(attr) != size)
        return false;
    memcpy(value, mnl_attr_get_payload(attr), size);
    return true;
}

bool netlink_message_link(const struct nlmsghdr *message, char name[IFNAMSIZ], struct netlink_link *link)
{
    const struct ifinfomsg *info = mnl_nlmsg_get_payload(message);
    struct attributes attributes;
    const struct nlattr *attr;

    if (mnl_nlmsg_get_payload_len(message) < sizeof *info)
        return false;
    /* Bridges tell of their ports in messages of their own family. */
    if (info->ifi_family != AF_UNSPEC)
        return false;
    attributes = attributes_parse(message, sizeof *info);
    attr = attributes.by_type[IFLA_IFNAME];
    if (attr == NULL || mnl_attr_get_payload_len(attr) == 0 || mnl_attr_get_payload_len(attr) > IFNAMSIZ)
        return false;
    memset(link, 0, sizeof *link);
    memset(name, 0, IFNAMSIZ);
    memcpy(name, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
    link->ifindex = info->ifi_index;
    link->up = info->ifi_flags & IFF_UP;
    attribute_get(&attributes, IFLA_ADDRESS, link->mac.bytes, sizeof link->mac.bytes);
    return true;
}

bool netlink_message_address(const struct nlmsghdr *message, struct netlink_address *address)
{
    const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
    struct attributes attributes;

    if (mnl_nlmsg_get_payload_len(message) < sizeof *info || info->ifa_family != AF_INET)
        return false;
    attributes = attributes_parse(message, sizeof *info);
    address->ifindex = (int)info->ifa_index;
    address->prefix_len = info->ifa_prefixlen;
    return attribute_get(&attributes, IFA_LOCAL, &address->addr, sizeof address->addr) ||
           attribute_get(&attributes, IFA_ADDRESS, &address->addr, sizeof address->addr);
}

/* Of several next hops the first that matters; false when there is none. */
static bool route_first_hop(const struct nlattr *multipath, bool (*has_hop)(const void *aux, int ifindex),
                            const void *aux, struct underlay_route *route)
{
    const struct rtnexthop *hop = mnl_attr_get_payload(multipath);
    int left = mnl_attr_get_payload_len(multipath);

    for (; RTNH_OK(hop, left); left -= (int)RTNH_ALIGN(hop->rtnh_len), hop = RTNH_NEXT(hop)) {
        struct attributes attributes = {0};

        if (hop->rtnh_len < sizeof *hop || (hop->rtnh_flags & RTNH_F_DEAD) || !has_hop(aux, hop->rtnh_ifindex))
            continue;
        mnl_attr_parse_payload(hop + 1, hop->rtnh_len - sizeof *hop, attribute_take, &attributes);
        if (attributes.by_type[RTA_VIA] != NULL)
            continue;
        route->ifindex = hop->rtnh_ifindex;
        attribute_get(&attributes, RTA_GATEWAY, &route->gateway, sizeof route->gateway);
        return true;
    }
    return false;
}

bool netlink_message_route(const struct nlmsghdr *message, bool (*has_hop)(const void *aux, int ifindex),
                           const void *aux, struct underlay_route *route, bool *usable)
{
    const struct rtmsg *info = mnl_nlmsg_get_payload(message);
    struct attributes attributes;
    uint32_t table;

    if (mnl_nlmsg_get_payload_len(message) < sizeof *info || info->rtm_family != AF_INET ||
        (info->rtm_flags & RTM_F_CLONED) || info->rtm_tos != 0)
        return false;
    attributes = attributes_parse(message, sizeof *info);
    if (!attribute_get(&attributes, RTA_TABLE, &table, sizeof table))
        table = info->rtm_table;
    if (table != RT_TABLE_MAIN)
        return false;

    *route = (struct underlay_route){.len = info->rtm_dst_len};
    attribute_get(&attributes, RTA_DST, &route->prefix, sizeof route->prefix);
    attribute_get(&attributes, RTA_PREFSRC, &route->source, sizeof route->source);
    attribute_get(&attributes, RTA_PRIORITY, &route->metric, sizeof route->metric);
    if (attributes.by_type[RTA_MULTIPATH] != NULL) {
        *usable = route_first_hop(attributes.by_type[RTA_MULTIPATH], has_hop, aux, route);
    } else {
        attribute_get(&attributes, RTA_OIF, &route->ifindex, sizeof route->ifindex);
        attribute_get(&attributes, RTA_GATEWAY, &route->gateway, sizeof route->gateway);
        *usable =
            has_hop(aux, route->ifindex) && attributes.by_type[RTA_VIA] == NULL && !(info->rtm_flags & RTNH_F_DEAD);
    }
    *usable = *usable && info->rtm_type == RTN_UNICAST;
    return true;
}

bool netlink_message_neighbour(const struct nlmsghdr *message, struct netlink_neighbour *neighbour)
{
    const struct ndmsg *info = mnl_nlmsg_get_payload(message);
    struct attributes attributes;

    if (mnl_nlmsg_get_payload_len(message) < sizeof *info || info->ndm_family != AF_INET)
        return false;
    attributes = attributes_parse(message, sizeof *info);
    neighbour->ifindex = info->ndm_ifindex;
    neighbour->resolved = message->nlmsg_type == RTM_NEWNEIGH && (info->ndm_state & NUD_RESOLVED) &&
                          attribute_get(&attributes, NDA_LLADDR, neighbour->mac.bytes, sizeof neighbour->mac.bytes);
    return attribute_get(&attributes, NDA_DST, &neighbour->addr, sizeof neighbour->addr);
}
