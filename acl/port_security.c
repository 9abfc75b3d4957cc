// SPDX-License-Identifier: Apache-2.0
#include "acl/port_security.h"

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "acl/port_security_private.h"

#define ETHERTYPE_IPV4 0x0800
#define ETHERTYPE_ARP  0x0806
#define ETHERTYPE_RARP 0x8035
#define ETHERTYPE_IPV6 0x86dd

#define IPPROTO_VRRP 112

struct port_security {
    atomic_uint refs;
    size_t n_owners;
    struct port_owner owners[]; /* by MAC */
};

static int compare_macs(const struct mac_addr *a, const struct mac_addr *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct port_security_pair *const *left = a, *const *right = b;

    return compare_macs(&(*left)->mac, &(*right)->mac);
}

/* RFC 4291 appendix A: ff:fe in the middle and the universal/local bit inverted. */
static struct inet_addr link_local_from_mac(const struct mac_addr *mac)
{
    const uint8_t *m = mac->bytes;
    struct inet_addr addr = {
        .bytes = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, (uint8_t)(m[0] ^ 2), m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}};

    return addr;
}

/* Makes one owner of 'n' entries with the same MAC. */
static bool owner_init(struct port_owner *owner, const struct port_security_pair *const *pairs, size_t n)
{
    size_t total = 0, used = 0;
    struct inet_prefix *ips;

    owner->mac = pairs[0]->mac;
    owner->link_local = link_local_from_mac(&owner->mac);
    for (size_t i = 0; i < n; i++) {
        total += pairs[i]->n_ips;
        owner->any |= pairs[i]->n_ips == 0;
    }
    ips = calloc(total + 1, sizeof *ips);
    if (ips == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < pairs[i]->n_ips; j++) {
            ips[used] = pairs[i]->ips[j];
            if (inet_addr_is_v4(&ips[used++].addr))
                owner->ipv4 = true;
            else
                owner->ipv6 = true;
        }
    }
    owner->ipv4 |= owner->any;
    owner->ipv6 |= owner->any;
    owner->ips = addr_set_create(ips, total);
    free(ips);
    return owner->ips != NULL;
}

struct port_security *port_security_create(const struct port_security_pair *pairs, size_t n)
{
    struct port_security *security = calloc(1, sizeof *security + n * sizeof security->owners[0]);
    const struct port_security_pair **sorted = calloc(n + 1, sizeof *sorted);
    bool ok = security != NULL && sorted != NULL;
    size_t end;

    for (size_t i = 0; ok && i < n; i++)
        sorted[i] = &pairs[i];
    if (ok)
        qsort(sorted, n, sizeof *sorted, compare_pairs);
    for (size_t begin = 0; ok && begin < n; begin = end) {
        for (end = begin + 1; end < n && mac_addr_equal(&sorted[begin]->mac, &sorted[end]->mac);)
            end++;
        ok = owner_init(&security->owners[security->n_owners++], &sorted[begin], end - begin);
    }
    free(sorted);
    if (security != NULL)
        atomic_init(&security->refs, 1);
    if (!ok) {
        port_security_unref(security);
        return NULL;
    }
    return security;
}

struct port_security *port_security_ref(struct port_security *security)
{
    atomic_fetch_add_explicit(&security->refs, 1, memory_order_relaxed);
    return security;
}

void port_security_unref(struct port_security *security)
{
    if (security == NULL || atomic_fetch_sub_explicit(&security->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < security->n_owners; i++)
        addr_set_unref(security->owners[i].ips);
    free(security);
}

static const struct port_owner *owner_find(const struct port_security *security, const struct mac_addr *mac)
{
    size_t low = 0, high = security->n_owners;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_macs(mac, &security->owners[middle].mac);

        if (order == 0)
            return &security->owners[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Addresses that no host may send from (RFC 1122 3.2.1.3, RFC 4291 2.5 and 2.7), whatever its entries say. */
static bool is_host_address(const struct inet_addr *addr)
{
    uint8_t first = addr->bytes[12];

    if (inet_addr_is_v4(addr))
        return first != 0 && first != 127 && (first < 224 || first > 239) && inet_addr_v4(addr) != INADDR_BROADCAST;
    if (addr->bytes[0] == 0xff)
        return false;
    return addr->halves[0] != 0 || (addr->halves[1] != 0 && addr->halves[1] != __builtin_bswap64(1));
}

bool port_owner_has(const struct port_owner *owner, const struct inet_addr *addr)
{
    if (!is_host_address(addr))
        return false;
    if (owner->any || addr_set_contains(owner->ips, addr))
        return true;
    return owner->ipv6 && inet_addr_equal(addr, &owner->link_local);
}

/* The MACs of virtual routers, RFC 5798 7.3. */
static bool is_virtual_mac(const struct mac_addr *mac, bool ipv4)
{
    const uint8_t prefix[5] = {0x00, 0x00, 0x5e, 0x00, ipv4 ? 0x01 : 0x02};

    return memcmp(mac->bytes, prefix, sizeof prefix) == 0;
}

/* A VRRP advertisement goes from the virtual MAC but carries the primary address of the interface (RFC 5798 5.1.1.1),
 * which the port has with another MAC. */
static bool is_vrrp_advertisement(const struct port_security *security, const struct packet *packet)
{
    static const struct inet_addr ipv6_group = {.bytes = {0xff, 0x02, [15] = 0x12}};
    bool ipv4 = packet->kind == PACKET_IPV4;
    bool to_group = ipv4 ? inet_addr_v4(&packet->dst) == htonl(0xe0000012) : inet_addr_equal(&packet->dst, &ipv6_group);

    if (packet->protocol != IPPROTO_VRRP || packet->fragment != PACKET_WHOLE || !to_group ||
        inet_addr_is_v4(&packet->src) != ipv4 || !is_virtual_mac(&packet->src_mac, ipv4))
        return false;
    for (size_t i = 0; i < security->n_owners; i++) {
        if (port_owner_has(&security->owners[i], &packet->src))
            return true;
    }
    return false;
}

/* For whom the ARP speaks: 'owner' of the frame's source MAC or, when the frame comes from another of the port's MACs, a
 * virtual router (RFC 5798 8.1.2). RFC 826: bytes 8 to 13 are the sender's hardware address. NULL: somebody else. */
static const struct port_owner *arp_speaker(const struct port_security *security, const struct port_owner *owner,
                                            const uint8_t *arp)
{
    struct mac_addr named;

    memcpy(named.bytes, arp + 8, sizeof named.bytes);
    if (mac_addr_equal(&named, &owner->mac))
        return owner;
    return is_virtual_mac(&named, true) ? owner_find(security, &named) : NULL;
}

static enum drop_reason check_arp(const struct port_security *security, const struct port_owner *owner,
                                  const struct packet *packet)
{
    const uint8_t *arp = packet->data + packet->l3_offset;
    bool request = packet->protocol == 1;

    if (packet->l3_offset + 28u > packet->len || (!request && packet->protocol != 2))
        return DROP_SPOOFED_ARP;
    owner = arp_speaker(security, owner, arp);
    if (owner == NULL || !owner->ipv4)
        return DROP_SPOOFED_ARP;
    /* A probe for somebody else's address looks like a conflict to him (RFC 5227 2.1.1). */
    if (inet_addr_is_unspecified(&packet->src))
        return request && port_owner_has(owner, &packet->dst) ? DROP_NONE : DROP_SPOOFED_ARP;
    return port_owner_has(owner, &packet->src) ? DROP_NONE : DROP_SPOOFED_ARP;
}

/* What only servers send, told by ports that the flow key holds. DHCP clients listen to any source port, so the
 * client's port as destination is as bad as the server's as source. */
static bool is_from_server(const struct packet *packet, uint16_t server, uint16_t client)
{
    return packet->protocol == IPPROTO_UDP && packet->fragment != PACKET_LATER_FRAGMENT &&
           (packet->src_port == htons(server) || packet->dst_port == htons(client));
}

static enum drop_reason check_ipv4(const struct port_owner *owner, const struct packet *packet)
{
    if (is_from_server(packet, 67, 68))
        return DROP_GUEST_DHCP_SERVER;
    /* Redirect (RFC 792) and router advertisement (RFC 1256). */
    if (packet->protocol == IPPROTO_ICMP && packet->fragment != PACKET_LATER_FRAGMENT &&
        (packet->icmp_type == 5 || packet->icmp_type == 9))
        return DROP_GUEST_ROUTER;
    if (inet_addr_is_unspecified(&packet->src)) {
        bool dhcp = packet->protocol == IPPROTO_UDP && packet->fragment == PACKET_WHOLE &&
                    packet->src_port == htons(68) && packet->dst_port == htons(67) &&
                    inet_addr_v4(&packet->dst) == INADDR_BROADCAST;

        return dhcp && owner->ipv4 ? DROP_NONE : DROP_SPOOFED_IPV4;
    }
    return port_owner_has(owner, &packet->src) ? DROP_NONE : DROP_SPOOFED_IPV4;
}

/* MLD reports (RFC 3590) may come from :: to a group. ND is judged by itself. */
static bool may_be_unspecified(const struct port_owner *owner, const struct packet *packet)
{
    bool report = packet->icmp_type == 131 || packet->icmp_type == 143;

    return owner->ipv6 && packet->protocol == IPPROTO_ICMPV6 && packet->fragment == PACKET_WHOLE && report &&
           packet->dst.bytes[0] == 0xff;
}

static enum drop_reason check_ipv6(const struct port_owner *owner, const struct packet *packet)
{
    bool unspecified = inet_addr_is_zero(&packet->src);
    bool nd = packet_is_nd(packet) && packet->fragment != PACKET_LATER_FRAGMENT;

    if (is_from_server(packet, 547, 546))
        return DROP_GUEST_DHCP_SERVER;
    if (nd && (packet->icmp_type == 134 || packet->icmp_type == 137))
        return DROP_GUEST_ROUTER;
    /* An IPv6 source that is an IPv4 address in disguise must not match the IPv4 entries. */
    if (inet_addr_is_v4(&packet->src) || !owner->ipv6)
        return DROP_SPOOFED_IPV6;
    if (!unspecified && !port_owner_has(owner, &packet->src))
        return DROP_SPOOFED_IPV6;
    if (nd)
        return port_security_check_nd(owner, packet);
    return !unspecified || may_be_unspecified(owner, packet) ? DROP_NONE : DROP_SPOOFED_IPV6;
}

/* Frames that the parser does not read as IP or ARP, though a receiver might. */
static enum drop_reason check_l2(const struct packet *packet)
{
    switch (packet_inner_ethertype(packet)) {
    case ETHERTYPE_IPV4:
        return DROP_SPOOFED_IPV4;
    case ETHERTYPE_IPV6:
        return DROP_SPOOFED_IPV6;
    case ETHERTYPE_ARP: /* also ARP for other protocols than IPv4 */
        return DROP_SPOOFED_ARP;
    case ETHERTYPE_RARP:
        return DROP_GUEST_RARP;
    default:
        return DROP_NONE;
    }
}

enum drop_reason port_security_check(const struct port_security *security, const struct packet *packet)
{
    const struct port_owner *owner = owner_find(security, &packet->src_mac);

    if (owner == NULL)
        return DROP_SPOOFED_MAC;
    switch (packet->kind) {
    case PACKET_ARP:
        return check_arp(security, owner, packet);
    case PACKET_IPV4:
        return is_vrrp_advertisement(security, packet) ? DROP_NONE : check_ipv4(owner, packet);
    case PACKET_IPV6:
        return is_vrrp_advertisement(security, packet) ? DROP_NONE : check_ipv6(owner, packet);
    case PACKET_L2:
        break;
    }
    return check_l2(packet);
}
