// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "vhost/ring.h"

/* The guest's side of a split ring, in the same process: a virtio-net driver without any cleverness. Memory, ring parts
 * and tables are allocated apart, so that an access beyond them is seen by the address sanitizer. The two regions adjoin
 * for the guest and are apart for us. */
#define DRIVER_REGION   0x40000u
#define DRIVER_BASE     0x100000ull
#define DRIVER_SIZE_MAX 32768u

struct driver_piece {
    uint64_t address;
    uint32_t len;
};

struct driver {
    struct ring ring; /* the device's side */
    struct guest_memory memory;
    struct vring_desc *descriptors;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t *free; /* descriptors */
    uint32_t n_free;
    uint16_t next_avail; /* published with driver_publish() */
    uint16_t last_used;
    uint64_t next_address; /* of memory to hand out, round and round */
};

static inline void driver_start(struct driver *driver, uint32_t size, uint16_t header_len, bool mergeable,
                                bool event_index, uint16_t first)
{
    memset(driver, 0, sizeof *driver);
    driver->descriptors = calloc(size, sizeof *driver->descriptors);
    driver->avail = calloc(1, sizeof *driver->avail + 2 * size + 2);
    driver->used = calloc(1, sizeof *driver->used + 8 * size + 2);
    driver->free = calloc(size, sizeof *driver->free);
    for (uint32_t i = 0; i < size; i++)
        driver->free[driver->n_free++] = (uint16_t)(size - 1 - i);
    driver->memory.n_regions = 2;
    for (uint32_t i = 0; i < 2; i++) {
        driver->memory.regions[i] = (struct guest_region){DRIVER_BASE + i * DRIVER_REGION, DRIVER_REGION, NULL};
        driver->memory.regions[i].host = calloc(1, DRIVER_REGION);
    }
    driver->next_avail = driver->last_used = driver->avail->idx = driver->used->idx = first;
    driver->next_address = DRIVER_BASE;
    driver->ring = (struct ring){.descriptors = driver->descriptors,
                                 .avail = driver->avail,
                                 .used = driver->used,
                                 .memory = &driver->memory,
                                 .size = size,
                                 .call_fd = -1,
                                 .kick_fd = -1,
                                 .header_len = header_len,
                                 .mergeable = mergeable,
                                 .event_index = event_index};
    ring_start(&driver->ring, first);
}

static inline void driver_stop(struct driver *driver)
{
    free(driver->descriptors);
    free(driver->avail);
    free(driver->used);
    free(driver->free);
    free(driver->memory.regions[0].host);
    free(driver->memory.regions[1].host);
}

/* Copies to or from guest memory, byte by byte across regions. */
static inline void driver_copy(struct driver *driver, uint64_t address, void *bytes, uint32_t len, bool to_guest)
{
    for (uint32_t i = 0; i < len; i++) {
        uint64_t offset = address + i - DRIVER_BASE;
        uint8_t *place = &driver->memory.regions[offset / DRIVER_REGION].host[offset % DRIVER_REGION];

        if (to_guest)
            *place = ((uint8_t *)bytes)[i];
        else
            ((uint8_t *)bytes)[i] = *place;
    }
}

/* Guest memory that nobody uses as long as not much is in flight. */
static inline uint64_t driver_memory(struct driver *driver, uint32_t len)
{
    if (driver->next_address + len > DRIVER_BASE + 2ull * DRIVER_REGION)
        driver->next_address = DRIVER_BASE;
    driver->next_address += len;
    return driver->next_address - len;
}

/* Makes a buffer of 'n' pieces available (see driver_publish()). With 'indirect' by a table, which 'table' has room for.
 * Returns its head. */
static inline uint16_t driver_post(struct driver *driver, const struct driver_piece *pieces, uint32_t n, uint16_t flags,
                                   bool indirect)
{
    uint16_t head = driver->free[driver->n_free - 1];

    assert(driver->n_free >= (indirect ? 1 : n));
    if (indirect) {
        uint64_t table = 0;

        do
            table = driver_memory(driver, n * 16);
        while (table < DRIVER_BASE + DRIVER_REGION && table + n * 16 > DRIVER_BASE + DRIVER_REGION);
        for (uint32_t i = 0; i < n; i++) {
            struct vring_desc entry = {.addr = pieces[i].address, .len = pieces[i].len, .flags = flags};

            entry.flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
            entry.next = (uint16_t)(i + 1);
            driver_copy(driver, table + i * 16, &entry, sizeof entry, true);
        }
        driver->n_free--;
        driver->descriptors[head] = (struct vring_desc){.addr = table, .len = n * 16, .flags = VRING_DESC_F_INDIRECT};
    } else {
        for (uint32_t i = 0; i < n; i++) {
            uint16_t at = driver->free[--driver->n_free];

            driver->descriptors[at] =
                (struct vring_desc){.addr = pieces[i].address, .len = pieces[i].len, .flags = flags};
            if (i + 1 < n) {
                driver->descriptors[at].flags |= VRING_DESC_F_NEXT;
                driver->descriptors[at].next = driver->free[driver->n_free - 1];
            }
        }
    }
    driver->avail->ring[driver->next_avail++ % driver->ring.size] = head;
    return head;
}

static inline void driver_publish(struct driver *driver)
{
    __atomic_store_n(&driver->avail->idx, driver->next_avail, __ATOMIC_RELEASE);
}

/* Takes the next used entry and frees its descriptors. */
static inline bool driver_take_used(struct driver *driver, uint32_t *head, uint32_t *len)
{
    struct vring_used_elem entry;
    uint32_t at;

    if (__atomic_load_n(&driver->used->idx, __ATOMIC_ACQUIRE) == driver->last_used)
        return false;
    entry = driver->used->ring[driver->last_used++ % driver->ring.size];
    *head = at = entry.id;
    *len = entry.len;
    for (;;) {
        bool more = (driver->descriptors[at].flags & VRING_DESC_F_NEXT) != 0;

        driver->free[driver->n_free++] = (uint16_t)at;
        if (!more)
            break;
        at = driver->descriptors[at].next;
    }
    return true;
}
