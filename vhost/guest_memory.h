// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The memory that a guest shares with us: where its addresses are in our own address space. Private to this folder.
 * Not changed while a worker may see it. Addresses and lengths that are looked up come from the guest and may be
 * anything. */
#define GUEST_REGIONS_MAX 8 /* as many as the vhost-user protocol shares at once */

struct guest_region {
    uint64_t start; /* guest physical address */
    uint64_t size;
    uint8_t *host;
};

struct guest_memory {
    uint32_t n_regions; /* at least one */
    struct guest_region regions[GUEST_REGIONS_MAX];
};

/* The region that 'address' lies in, or NULL. */
static inline const struct guest_region *guest_memory_region(const struct guest_memory *memory, uint64_t address)
{
    for (uint32_t i = 0; i < memory->n_regions; i++) {
        if (address - memory->regions[i].start < memory->regions[i].size)
            return &memory->regions[i];
    }
    return NULL;
}

/* Where the 'len' bytes at 'address' are that must lie in one region, or NULL. '*memo' is the region to try first; it
 * becomes the one they were found in. */
static inline uint8_t *guest_memory_find(const struct guest_memory *memory, const struct guest_region **memo,
                                         uint64_t address, uint32_t len)
{
    const struct guest_region *region = *memo;
    uint64_t offset = address - region->start;

    if (__builtin_expect(offset >= region->size, 0)) {
        region = guest_memory_region(memory, address);
        if (region == NULL)
            return NULL;
        *memo = region;
        offset = address - region->start;
    }
    return region->size - offset >= len ? region->host + offset : NULL;
}

/* The same for bytes that may go on in the next region: '*len' is cut to what lies in one. */
static inline uint8_t *guest_memory_piece(const struct guest_memory *memory, uint64_t address, uint32_t *len)
{
    const struct guest_region *region = guest_memory_region(memory, address);

    if (region == NULL)
        return NULL;
    if (region->size - (address - region->start) < *len)
        *len = (uint32_t)(region->size - (address - region->start));
    return region->host + (address - region->start);
}
