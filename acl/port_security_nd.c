// SPDX-License-Identifier: Apache-2.0
#include "acl/port_security_private.h"

/* RFC 4861 4: types, and offsets in the ICMPv6 message. */
#define ND_ROUTER_SOLICIT   133
#define ND_NEIGHBOR_SOLICIT 135

#define ND_TARGET_OFFSET      8
#define ND_SOLICIT_OPTIONS    8 /* of a router solicitation */
#define ND_TARGET_OPTIONS     24
#define ND_OPTION_SOURCE_LINK 1
#define ND_OPTION_TARGET_LINK 2
#define ND_OPTION_UNIT        8
#define ND_HOP_LIMIT          255
#define IPV6_HEADER_LEN       40

/* Options to the very end of the message; a link-layer address must be 'mac', or absent when 'mac' is NULL. */
static bool options_are_fair(const uint8_t *options, uint32_t len, const struct mac_addr *mac)
{
    while (len > 0) {
        uint32_t option_len;

        if (len < ND_OPTION_UNIT || options[1] == 0)
            return false;
        option_len = options[1] * (uint32_t)ND_OPTION_UNIT;
        if (option_len > len)
            return false;
        if (options[0] == ND_OPTION_SOURCE_LINK || options[0] == ND_OPTION_TARGET_LINK) {
            if (mac == NULL || option_len != ND_OPTION_UNIT || memcmp(options + 2, mac->bytes, sizeof mac->bytes) != 0)
                return false;
        }
        options += option_len;
        len -= option_len;
    }
    return true;
}

/* The solicited-node group of 'target' (RFC 4291 2.7.1). */
static bool is_solicited_node(const struct inet_addr *group, const struct inet_addr *target)
{
    static const uint8_t prefix[13] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

    return memcmp(group->bytes, prefix, sizeof prefix) == 0 && memcmp(group->bytes + 13, target->bytes + 13, 3) == 0;
}

/* An advertisement (and a solicitation from ::, which is DAD, RFC 4862 5.4) is for an address of one's own; any other
 * solicitation asks for somebody else's. From :: only to the solicited-node group (RFC 4861 7.1.1). */
static bool target_is_fair(const struct port_owner *owner, const struct packet *packet, const uint8_t *bytes)
{
    struct inet_addr target = inet_addr_from_v6(bytes);
    bool unspecified = inet_addr_is_zero(&packet->src);

    if (target.bytes[0] == 0xff || inet_addr_is_v4(&target))
        return false;
    if (packet->icmp_type != ND_NEIGHBOR_SOLICIT)
        return !unspecified && port_owner_has(owner, &target);
    return !unspecified || (port_owner_has(owner, &target) && is_solicited_node(&packet->dst, &target));
}

enum drop_reason port_security_check_nd(const struct port_owner *owner, const struct packet *packet)
{
    const uint8_t *message = packet->data + packet->l4_offset;
    const uint8_t *payload = packet->data + packet->l3_offset + 4; /* the IPv6 payload length */
    const struct mac_addr *mac = inet_addr_is_zero(&packet->src) ? NULL : &owner->mac;
    uint32_t header = packet->icmp_type == ND_ROUTER_SOLICIT ? ND_SOLICIT_OPTIONS : ND_TARGET_OPTIONS;
    uint32_t len;

    /* No extension header of any kind: a fragment header that is alone in its packet counts as well (RFC 6980 5). */
    if (packet->fragment != PACKET_WHOLE || packet->l4_offset != packet->l3_offset + IPV6_HEADER_LEN)
        return DROP_SPOOFED_ND;
    if (packet->ttl != ND_HOP_LIMIT || packet->icmp_code != 0 || packet->l4_offset > packet->len)
        return DROP_SPOOFED_ND;
    len = (uint32_t)(payload[0] << 8 | payload[1]);
    if (len < header || len > packet->len - packet->l4_offset)
        return DROP_SPOOFED_ND;
    if (!options_are_fair(message + header, len - header, mac))
        return DROP_SPOOFED_ND;
    if (packet->icmp_type == ND_ROUTER_SOLICIT)
        return DROP_NONE;
    return target_is_fair(owner, packet, message + ND_TARGET_OFFSET) ? DROP_NONE : DROP_SPOOFED_ND;
}
