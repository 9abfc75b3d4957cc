// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* The rules that decided about a packet, on either side, for counters; 0: none. Of a drop: that which refused, on its
 * side. */
struct flow_rules {
    uint32_t egress;
    uint32_t ingress;
    uint32_t audit; /* would have refused it */
};
