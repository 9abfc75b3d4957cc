// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* The GENEVE header (RFC 8926 3.4), after UDP; options follow it:
 *
 *     |Ver|  opt len  |O|C|    reserved   |     protocol type     |
 *     |      virtual network identifier   |        reserved       |
 */
struct geneve_header {
    uint8_t version_length; /* version in the upper 2 bits; length of the options in 4-byte words below */
    uint8_t flags;
    uint8_t protocol[2];
    uint8_t vni[3];
    uint8_t reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct geneve_header) == 8, "RFC 8926 3.4");

#define GENEVE_VERSION_MASK   0xc0
#define GENEVE_LENGTH_MASK    0x3f
#define GENEVE_FLAG_CONTROL   0x80   /* O: control packet, not data */
#define GENEVE_FLAG_CRITICAL  0x40   /* C: an option that must be understood is present */
#define GENEVE_PROTO_ETHERNET 0x6558 /* Trans Ether Bridging */

/* One option (RFC 8926 3.5): this header and 4 * length bytes. */
struct geneve_option {
    uint8_t class[2];
    uint8_t type;
    uint8_t length; /* lower 5 bits, in 4-byte words, without this header */
} __attribute__((packed));
_Static_assert(sizeof(struct geneve_option) == 4, "RFC 8926 3.5");

#define GENEVE_OPTION_CRITICAL    0x80 /* in 'type' */
#define GENEVE_OPTION_LENGTH_MASK 0x1f
