// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack.h"

#include <netinet/in.h>
#include <string.h>

#include "acl/ct_tuple.h"

/* The packet that an ICMP or ICMPv6 error quotes (RFC 792, RFC 1812 4.3.2.3, RFC 4443 2.4c): its first bytes, as an
 * untrusted guest wrote them. */

#define ICMP_HEADER_LEN     8u
#define IPV4_HEADER_MIN     20u
#define IPV6_HEADER_LEN     40u
#define IPV6_EXTENSIONS_MAX 8u

/* Bytes not yet read. */
struct quote {
    const uint8_t *data;
    uint32_t len;
};

static uint16_t read_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* What follows the error's own ICMP header, without the padding of a short frame. */
static bool quote_of(const struct packet *error, struct quote *quote)
{
    const uint8_t *header = error->data + error->l3_offset;
    uint32_t start = error->l4_offset + ICMP_HEADER_LEN;
    uint32_t end = error->l3_offset;

    if (error->l4_offset == 0 || start > error->len)
        return false;
    end += error->kind == PACKET_IPV4 ? read_be16(header + 2) : IPV6_HEADER_LEN + read_be16(header + 4);
    if (end > error->len)
        end = error->len;
    if (start > end)
        return false;
    *quote = (struct quote){.data = error->data + start, .len = end - start};
    return true;
}

static void quote_skip(struct quote *quote, uint32_t len)
{
    quote->data += len;
    quote->len -= len;
}

static bool read_ipv4(struct quote *quote, struct ct_tuple *tuple)
{
    uint32_t addr = 0;
    uint32_t header_len = 0;

    if (quote->len < IPV4_HEADER_MIN || quote->data[0] >> 4 != 4)
        return false;
    header_len = (quote->data[0] & 0x0fu) * 4;
    if (header_len < IPV4_HEADER_MIN || header_len > quote->len || read_be16(quote->data + 2) < header_len)
        return false;
    if ((read_be16(quote->data + 6) & 0x1fff) != 0)
        return false; /* a later fragment: no ports */
    tuple->protocol = quote->data[9];
    memcpy(&addr, quote->data + 12, sizeof addr);
    tuple->src = inet_addr_from_v4(addr);
    memcpy(&addr, quote->data + 16, sizeof addr);
    tuple->dst = inet_addr_from_v4(addr);
    quote_skip(quote, header_len);
    return true;
}

/* Steps over one extension header (RFC 8200 4). False when it is cut off or the packet is a later fragment. */
static bool skip_extension(struct quote *quote, uint8_t *protocol)
{
    uint32_t len = 8;

    if (quote->len < 8)
        return false;
    if (*protocol == IPPROTO_FRAGMENT) {
        if ((read_be16(quote->data + 2) & 0xfff8) != 0)
            return false;
    } else if (*protocol == IPPROTO_AH) {
        len = (quote->data[1] + 2u) * 4; /* RFC 4302 2.2 */
    } else {
        len = (quote->data[1] + 1u) * 8;
    }
    if (len > quote->len)
        return false;
    *protocol = quote->data[0];
    quote_skip(quote, len);
    return true;
}

static bool is_extension(uint8_t protocol)
{
    return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_FRAGMENT ||
           protocol == IPPROTO_DSTOPTS || protocol == IPPROTO_AH;
}

static bool read_ipv6(struct quote *quote, struct ct_tuple *tuple)
{
    uint8_t protocol = 0;

    if (quote->len < IPV6_HEADER_LEN || quote->data[0] >> 4 != 6)
        return false;
    protocol = quote->data[6];
    tuple->src = inet_addr_from_v6(quote->data + 8);
    tuple->dst = inet_addr_from_v6(quote->data + 24);
    quote_skip(quote, IPV6_HEADER_LEN);
    for (unsigned int n = 0; is_extension(protocol); n++) {
        if (n == IPV6_EXTENSIONS_MAX || !skip_extension(quote, &protocol))
            return false;
    }
    tuple->protocol = protocol;
    return true;
}

static bool read_l4(const struct quote *quote, enum packet_kind kind, struct ct_tuple *tuple)
{
    if (packet_protocol_has_ports(tuple->protocol)) {
        if (quote->len < 4)
            return false;
        memcpy(&tuple->src_port, quote->data, 2);
        memcpy(&tuple->dst_port, quote->data + 2, 2);
    } else if (ct_protocol_is_icmp(kind, tuple->protocol)) {
        if (quote->len < ICMP_HEADER_LEN || !ct_icmp_is_query(kind, tuple->protocol, quote->data[0]))
            return false;
        tuple->icmp_type = quote->data[0];
        memcpy(&tuple->src_port, quote->data + 4, 2);
        tuple->dst_port = tuple->src_port;
    }
    return true;
}

bool conntrack_find_related(struct conntrack *ct, const struct packet *error, uint32_t zone, struct ct_match *match)
{
    struct ct_tuple tuple = {.zone = zone};
    struct quote quote;

    *match = (struct ct_match){0};
    /* A redirect quotes a packet too, but it is advice on routing that no connection asks for. */
    if (!packet_is_icmp_error(error) || error->fragment == PACKET_LATER_FRAGMENT ||
        (error->kind == PACKET_IPV4 && error->icmp_type == ICMP4_REDIRECT))
        return false;
    if (!quote_of(error, &quote))
        return false;
    if (!(error->kind == PACKET_IPV4 ? read_ipv4(&quote, &tuple) : read_ipv6(&quote, &tuple)))
        return false;
    if (!read_l4(&quote, error->kind, &tuple) || !inet_addr_equal(&error->dst, &tuple.src))
        return false;
    if (!conntrack_find(ct, &tuple, match))
        return false;
    match->direction = match->direction == CT_ORIGINAL ? CT_REPLY : CT_ORIGINAL;
    return true;
}
