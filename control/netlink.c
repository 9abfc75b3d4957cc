// SPDX-License-Identifier: Apache-2.0
#include "control/netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "control/netlink_message.h"
#include "overlay/underlay.h"

/* Only what concerns watched devices is kept: their links, addresses, routes and neighbours. The kernel forgets IPv4
 * routes without an event when a device goes down or an address is removed, so such events make us read all anew. */

#define BUFFER_SIZE     32768 /* the most that the kernel puts into one part of a dump */
#define REQUEST_SIZE    256
#define EVENTS_BUFFER   1048576 /* bytes of events that may wait */
#define READ_ATTEMPTS   3       /* a dump that was interrupted by a change is begun again */
#define REQUEST_SECONDS 1       /* the kernel answers at once; this is only so that nothing can hang */

struct watch {
    struct watch *next;
    char name[IFNAMSIZ];
    uint16_t bridge;
    uint16_t vlan;
    bool unwatched;           /* to be taken out of the underlay and freed */
    bool changed;             /* to be told to the underlay */
    bool seen;                /* in the dump that is running */
    struct netlink_link link; /* ifindex 0: no such device now */
};

struct netlink {
    struct mnl_socket *events;
    struct mnl_socket *requests; /* NULL after a failure: opened again by the next request */
    struct watch *watches;
    struct underlay *underlay;   /* while netlink_run() runs */
    struct netlink_link *wanted; /* while netlink_link_get() runs */
    unsigned int sequence;
    bool resync;  /* read everything anew */
    bool changed; /* in this run */
    char buffer[BUFFER_SIZE] __attribute__((aligned(8)));
};

static struct mnl_socket *socket_open(int flags, unsigned int groups)
{
    struct mnl_socket *socket = mnl_socket_open2(NETLINK_ROUTE, flags | SOCK_CLOEXEC);
    int error;

    if (socket == NULL || mnl_socket_bind(socket, groups, MNL_SOCKET_AUTOPID) == 0)
        return socket;
    error = errno;
    mnl_socket_close(socket);
    errno = error;
    return NULL;
}

int netlink_create(struct netlink **out)
{
    struct netlink *netlink = calloc(1, sizeof *netlink);
    int size = EVENTS_BUFFER;
    int error;

    if (netlink == NULL)
        return -ENOMEM;
    netlink->resync = true;
    netlink->events = socket_open(SOCK_NONBLOCK, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_NEIGH);
    if (netlink->events == NULL) {
        error = -errno;
        free(netlink);
        return error;
    }
    /* A smaller buffer only means that everything is read anew more often. */
    setsockopt(netlink_fd(netlink), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    *out = netlink;
    return 0;
}

void netlink_destroy(struct netlink *netlink)
{
    if (netlink == NULL)
        return;
    while (netlink->watches != NULL) {
        struct watch *next = netlink->watches->next;

        free(netlink->watches);
        netlink->watches = next;
    }
    if (netlink->requests != NULL)
        mnl_socket_close(netlink->requests);
    mnl_socket_close(netlink->events);
    free(netlink);
}

int netlink_fd(const struct netlink *netlink)
{
    return mnl_socket_get_fd(netlink->events);
}

static int requests_open(struct netlink *netlink)
{
    struct timeval timeout = {.tv_sec = REQUEST_SECONDS};

    if (netlink->requests != NULL)
        return 0;
    netlink->requests = socket_open(0, 0);
    if (netlink->requests == NULL)
        return -errno;
    setsockopt(mnl_socket_get_fd(netlink->requests), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return 0;
}

/* Sends a request that ends in an acknowledgement or is a dump, and gives every answer to 'visit' (which may be
 * NULL). */
static int request(struct netlink *netlink, struct nlmsghdr *message, mnl_cb_t visit)
{
    int verdict = MNL_CB_OK;
    int error = requests_open(netlink);
    unsigned int port;

    if (error != 0)
        return error;
    port = mnl_socket_get_portid(netlink->requests);
    message->nlmsg_seq = ++netlink->sequence;
    if (mnl_socket_sendto(netlink->requests, message, message->nlmsg_len) < 0)
        verdict = MNL_CB_ERROR;
    while (verdict == MNL_CB_OK) {
        ssize_t n = mnl_socket_recvfrom(netlink->requests, netlink->buffer, sizeof netlink->buffer);

        verdict =
            n < 0 ? MNL_CB_ERROR : mnl_cb_run(netlink->buffer, (size_t)n, message->nlmsg_seq, port, visit, netlink);
    }
    if (verdict == MNL_CB_STOP)
        return 0;
    /* What is left of the answer must not be taken for that of the next request. */
    error = -errno;
    mnl_socket_close(netlink->requests);
    netlink->requests = NULL;
    return error;
}

static struct watch *watch_by_name(struct netlink *netlink, const char *name)
{
    for (struct watch *watch = netlink->watches; watch != NULL; watch = watch->next) {
        if (strncmp(watch->name, name, sizeof watch->name) == 0)
            return watch;
    }
    return NULL;
}

static bool is_watched(const void *netlink_, int ifindex)
{
    const struct netlink *netlink = netlink_;

    for (const struct watch *watch = netlink->watches; watch != NULL; watch = watch->next) {
        if (watch->link.ifindex == ifindex && !watch->unwatched)
            return true;
    }
    return false;
}

int netlink_watch_link(struct netlink *netlink, const char *name, uint16_t bridge, uint16_t vlan)
{
    struct watch *watch = watch_by_name(netlink, name);

    if (strlen(name) >= sizeof watch->name)
        return -EINVAL;
    if (watch == NULL) {
        watch = calloc(1, sizeof *watch);
        if (watch == NULL)
            return -ENOMEM;
        strcpy(watch->name, name);
        watch->next = netlink->watches;
        netlink->watches = watch;
        netlink->resync = true;
    }
    watch->unwatched = false;
    watch->changed = true;
    watch->bridge = bridge;
    watch->vlan = vlan;
    return 0;
}

void netlink_unwatch_link(struct netlink *netlink, const char *name)
{
    struct watch *watch = watch_by_name(netlink, name);

    if (watch != NULL)
        watch->unwatched = true;
}

/* The device behind 'watch' is now 'link', or none when that is NULL. */
static void watch_set_link(struct netlink *netlink, struct watch *watch, const struct netlink_link *link)
{
    static const struct netlink_link none = {.ifindex = 0};
    struct netlink_link before = watch->link;

    watch->link = link != NULL ? *link : none;
    if (before.ifindex != 0 && before.ifindex != watch->link.ifindex)
        underlay_remove_link(netlink->underlay, before.ifindex);
    if (before.ifindex != watch->link.ifindex || before.up != watch->link.up)
        netlink->resync = true;
    else if (mac_addr_equal(&before.mac, &watch->link.mac))
        return;
    watch->changed = true;
}

static void link_event(struct netlink *netlink, const struct nlmsghdr *message)
{
    struct netlink_link link;
    char name[IFNAMSIZ];

    if (!netlink_message_link(message, name, &link))
        return;
    for (struct watch *watch = netlink->watches; watch != NULL; watch = watch->next) {
        bool named = strncmp(watch->name, name, sizeof watch->name) == 0;

        if (message->nlmsg_type == RTM_NEWLINK && named) {
            watch->seen = true;
            watch_set_link(netlink, watch, &link);
        } else if (watch->link.ifindex == link.ifindex) {
            /* Deleted, or another name now. */
            watch_set_link(netlink, watch, NULL);
        }
    }
}

static void address_event(struct netlink *netlink, const struct nlmsghdr *message)
{
    struct netlink_address a;

    if (!netlink_message_address(message, &a) || !is_watched(netlink, a.ifindex))
        return;
    if (message->nlmsg_type == RTM_NEWADDR) {
        netlink->changed |= underlay_add_address(netlink->underlay, a.ifindex, a.addr, a.prefix_len);
    } else {
        netlink->changed |= underlay_remove_address(netlink->underlay, a.ifindex, a.addr, a.prefix_len);
        netlink->resync = true;
    }
}

static void route_event(struct netlink *netlink, const struct nlmsghdr *message)
{
    struct underlay_route route;
    bool usable;

    if (!netlink_message_route(message, is_watched, netlink, &route, &usable))
        return;
    if (message->nlmsg_type == RTM_DELROUTE) {
        if (usable)
            netlink->changed |= underlay_remove_route(netlink->underlay, &route);
    } else if (message->nlmsg_flags & NLM_F_REPLACE) {
        netlink->changed |= underlay_replace_route(netlink->underlay, &route);
        /* Ours was replaced by one that leads elsewhere. */
        if (!usable)
            underlay_remove_route(netlink->underlay, &route);
    } else if (usable) {
        netlink->changed |= underlay_add_route(netlink->underlay, &route);
    }
}

static void neighbour_event(struct netlink *netlink, const struct nlmsghdr *message)
{
    struct netlink_neighbour n;

    if (!netlink_message_neighbour(message, &n) || !is_watched(netlink, n.ifindex))
        return;
    if (n.resolved)
        netlink->changed |= underlay_set_neighbour(netlink->underlay, n.ifindex, n.addr, &n.mac);
    else
        netlink->changed |= underlay_remove_neighbour(netlink->underlay, n.ifindex, n.addr);
}

/* One message of a dump or one event: they are the same. */
static int message_take(const struct nlmsghdr *message, void *netlink_)
{
    struct netlink *netlink = netlink_;

    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        link_event(netlink, message);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        address_event(netlink, message);
        break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        route_event(netlink, message);
        break;
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
        neighbour_event(netlink, message);
        break;
    }
    return MNL_CB_OK;
}

static int dump(struct netlink *netlink, uint16_t type, uint8_t family)
{
    char bytes[REQUEST_SIZE] __attribute__((aligned(8)));
    struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
    struct ifinfomsg *info;

    message->nlmsg_type = type;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    /* Every request of this family may begin with the longest of their headers; the family is its first byte. */
    info = mnl_nlmsg_put_extra_header(message, sizeof *info);
    info->ifi_family = family;
    return request(netlink, message, message_take);
}

/* Links first: the rest is kept for watched devices only. Events that arrive meanwhile are taken by the next run; what
 * they repeat does no harm, since the last word about each thing is among them. */
static int read_everything(struct netlink *netlink)
{
    int error;

    for (struct watch *watch = netlink->watches; watch != NULL; watch = watch->next)
        watch->seen = false;
    error = dump(netlink, RTM_GETLINK, AF_UNSPEC);
    if (error != 0)
        return error;
    for (struct watch *watch = netlink->watches; watch != NULL; watch = watch->next) {
        if (!watch->seen && watch->link.ifindex != 0)
            watch_set_link(netlink, watch, NULL);
    }

    underlay_clear(netlink->underlay);
    error = dump(netlink, RTM_GETADDR, AF_INET);
    if (error == 0)
        error = dump(netlink, RTM_GETROUTE, AF_INET);
    if (error == 0)
        error = dump(netlink, RTM_GETNEIGH, AF_INET);
    netlink->resync = false;
    return error;
}

static void read_events(struct netlink *netlink)
{
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(netlink->events, netlink->buffer, sizeof netlink->buffer);

        if (n > 0)
            mnl_cb_run(netlink->buffer, (size_t)n, 0, 0, message_take, netlink);
        else if (n < 0 && (errno == ENOBUFS || errno == ENOSPC))
            netlink->resync = true;
        else if (n == 0 || errno != EINTR)
            return;
    }
}

/* Tells the underlay of links that changed and removes those nobody watches any more. */
static void apply_watches(struct netlink *netlink)
{
    for (struct watch **link = &netlink->watches; *link != NULL;) {
        struct watch *watch = *link;

        netlink->changed |= watch->changed || watch->unwatched;
        if (watch->unwatched) {
            if (watch->link.ifindex != 0)
                underlay_remove_link(netlink->underlay, watch->link.ifindex);
            *link = watch->next;
            free(watch);
            continue;
        }
        if (watch->changed && watch->link.ifindex != 0) {
            struct underlay_link told = {.ifindex = watch->link.ifindex,
                                         .bridge = watch->bridge,
                                         .vlan = watch->vlan,
                                         .mac = watch->link.mac,
                                         .up = watch->link.up};

            /* Without memory for a link: again in the next run. */
            watch->changed = underlay_set_link(netlink->underlay, &told) != 0;
        } else {
            watch->changed = false;
        }
        link = &watch->next;
    }
}

bool netlink_run(struct netlink *netlink, struct underlay *underlay)
{
    netlink->underlay = underlay;
    netlink->changed = false;
    read_events(netlink);
    for (int i = 0; i < READ_ATTEMPTS && netlink->resync; i++) {
        netlink->resync = read_everything(netlink) != 0;
        netlink->changed = true;
    }
    apply_watches(netlink);
    netlink->underlay = NULL;
    return netlink->changed;
}

static int wanted_take(const struct nlmsghdr *message, void *netlink_)
{
    struct netlink *netlink = netlink_;
    char name[IFNAMSIZ];

    if (message->nlmsg_type == RTM_NEWLINK)
        netlink_message_link(message, name, netlink->wanted);
    return MNL_CB_OK;
}

int netlink_link_get(struct netlink *netlink, const char *name, struct netlink_link *link)
{
    char bytes[REQUEST_SIZE] __attribute__((aligned(8)));
    struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
    int error;

    if (strlen(name) >= IFNAMSIZ)
        return -EINVAL;
    message->nlmsg_type = RTM_GETLINK;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
    mnl_attr_put_strz(message, IFLA_IFNAME, name);
    memset(link, 0, sizeof *link);
    netlink->wanted = link;
    error = request(netlink, message, wanted_take);
    netlink->wanted = NULL;
    return error != 0 ? error : link->ifindex != 0 ? 0 : -ENODEV;
}

int netlink_resolve_neighbour(struct netlink *netlink, int ifindex, uint32_t addr)
{
    char bytes[REQUEST_SIZE] __attribute__((aligned(8)));
    struct nlmsghdr *message = mnl_nlmsg_put_header(bytes);
    struct ndmsg *info;

    message->nlmsg_type = RTM_NEWNEIGH;
    message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE;
    info = mnl_nlmsg_put_extra_header(message, sizeof *info);
    info->ndm_family = AF_INET;
    info->ndm_ifindex = ifindex;
    info->ndm_flags = NTF_USE;
    mnl_attr_put(message, NDA_DST, sizeof addr, &addr);
    return request(netlink, message, NULL);
}
