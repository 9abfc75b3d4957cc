// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* The VXLAN header (RFC 7348 5), after UDP:
 *
 *     |R|R|R|R|I|R|R|R|            reserved            |
 *     |      VXLAN network identifier      |  reserved |
 *
 * Reserved bits are sent as zero and ignored on receipt. */
struct vxlan_header {
    uint8_t flags;
    uint8_t reserved[3];
    uint8_t vni[3];
    uint8_t reserved2;
} __attribute__((packed));
_Static_assert(sizeof(struct vxlan_header) == 8, "RFC 7348 5");

#define VXLAN_FLAG_VNI 0x08 /* I: the identifier is valid */
