// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "overlay/decap.h"

struct underlay;

/* The switch's own tunnel endpoints: the addresses of its internal ports, as a sorted list. Control thread. */
struct endpoints {
    struct decap_endpoint *list;
    size_t n;
};
#define ENDPOINTS_NONE ((struct endpoints){.list = NULL, .n = 0})

/* Makes the list that of 'underlay'. True when that changed it. */
bool endpoints_update(struct endpoints *endpoints, const struct underlay *underlay);
bool endpoints_contain(const struct endpoints *endpoints, uint32_t addr); /* network order */
void endpoints_clear(struct endpoints *endpoints);
