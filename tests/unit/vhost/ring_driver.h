// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>

#include "vhost/ring.h"

/* The guest's side of a ring of either layout, in the same process: a virtio-net driver without any cleverness. Memory, ring parts
 * and tables are allocated apart, so that an access beyond them is seen by the address sanitizer. The two regions adjoin
 * for the guest and are apart for us. */
#define DRIVER_REGION   0x40000u
#define DRIVER_BASE     0x100000ull
#define DRIVER_SIZE_MAX 32768u

struct driver_piece {
    uint64_t address;
    uint32_t len;
};

/* What only a packed ring has. */
struct driver_packed {
    struct vring_packed_desc *descriptors;
    struct vring_packed_desc_event *events; /* the driver's and the device's */
    struct {
        uint16_t id;    /* of the n-th buffer from now, at n modulo the size */
        uint16_t slots; /* of the buffer with this id */
    } * buffers;
    uint32_t n_ids;                 /* free ones */
    uint16_t avail_next, used_next; /* as struct ring's 'next' */
    uint16_t held_flags;            /* of the first descriptor not yet published */
    struct vring_packed_desc *held;
};

struct driver {
    struct ring ring; /* the device's side */
    struct guest_memory memory;
    struct vring_desc *descriptors;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t *free;      /* descriptors of a split ring, ids of a packed one */
    uint32_t n_free;     /* descriptors */
    uint16_t next_avail; /* published with driver_publish() */
    uint16_t last_used;
    struct driver_packed packed;
    uint64_t next_address; /* of memory to hand out, round and round */
};

static inline void driver_start_memory(struct driver *driver, uint32_t size)
{
    memset(driver, 0, sizeof *driver);
    driver->free = calloc(size, sizeof *driver->free);
    for (uint32_t i = 0; i < size; i++)
        driver->free[driver->n_free++] = (uint16_t)(size - 1 - i);
    driver->memory.n_regions = 2;
    for (uint32_t i = 0; i < 2; i++) {
        driver->memory.regions[i] = (struct guest_region){DRIVER_BASE + i * DRIVER_REGION, DRIVER_REGION, NULL};
        driver->memory.regions[i].host = calloc(1, DRIVER_REGION);
    }
    driver->next_address = DRIVER_BASE;
}

static inline void driver_start(struct driver *driver, uint32_t size, uint16_t header_len, bool mergeable,
                                bool event_index, uint16_t first)
{
    driver_start_memory(driver, size);
    driver->descriptors = calloc(size, sizeof *driver->descriptors);
    driver->avail = calloc(1, sizeof *driver->avail + 2 * size + 2);
    driver->used = calloc(1, sizeof *driver->used + 8 * size + 2);
    driver->next_avail = driver->last_used = driver->avail->idx = driver->used->idx = first;
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

/* 'first' is as struct ring's 'next'. */
static inline void driver_start_packed(struct driver *driver, uint32_t size, uint16_t header_len, bool mergeable,
                                       bool event_index, uint16_t first)
{
    struct driver_packed *packed = &driver->packed;

    driver_start_memory(driver, size);
    packed->descriptors = aligned_alloc(64, (16 * size + 63) / 64 * 64);
    packed->events = calloc(2, sizeof *packed->events);
    packed->buffers = calloc(size, sizeof *packed->buffers);
    packed->n_ids = size;
    packed->avail_next = packed->used_next = first;
    /* As if the rounds before had left them. */
    memset(packed->descriptors, 0, 16 * size);
    for (uint32_t i = 0; i < size; i++)
        packed->descriptors[i].flags = ((first & 0x8000) != 0) == (i < (first & 0x7fff)) ? 0x8080 : 0;
    driver->ring = (struct ring){.packed_descriptors = packed->descriptors,
                                 .driver_event = &packed->events[0],
                                 .device_event = &packed->events[1],
                                 .memory = &driver->memory,
                                 .size = size,
                                 .call_fd = -1,
                                 .kick_fd = -1,
                                 .header_len = header_len,
                                 .mergeable = mergeable,
                                 .event_index = event_index,
                                 .packed = true};
    ring_start(&driver->ring, first);
}

static inline void driver_stop(struct driver *driver)
{
    free(driver->packed.descriptors);
    free(driver->packed.events);
    free(driver->packed.buffers);
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

/* Guest memory for an indirect table of 'n' entries, in one region. */
static inline uint64_t driver_table(struct driver *driver, uint32_t n)
{
    uint64_t table;

    do
        table = driver_memory(driver, n * 16);
    while (table < DRIVER_BASE + DRIVER_REGION && table + n * 16 > DRIVER_BASE + DRIVER_REGION);
    return table;
}

static inline uint16_t driver_post_split(struct driver *driver, const struct driver_piece *pieces, uint32_t n,
                                         uint16_t flags, bool indirect)
{
    uint16_t head = driver->free[driver->n_free - 1];

    if (indirect) {
        uint64_t table = driver_table(driver, n);

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

static inline void driver_step(const struct driver *driver, uint16_t *next)
{
    if ((++*next & 0x7fff) == driver->ring.size)
        *next = (*next & 0x8000) ^ 0x8000;
}

/* Writes the next descriptor of a packed ring. The flags of the first since the last driver_publish() are held back. */
static inline void driver_put(struct driver *driver, uint64_t address, uint32_t len, uint16_t id, uint16_t flags)
{
    struct driver_packed *packed = &driver->packed;
    struct vring_packed_desc *to = &packed->descriptors[packed->avail_next & 0x7fff];

    to->addr = address;
    to->len = len;
    to->id = id;
    flags |= packed->avail_next & 0x8000 ? 1 << VRING_PACKED_DESC_F_AVAIL : 1 << VRING_PACKED_DESC_F_USED;
    if (packed->held == NULL) {
        packed->held = to;
        packed->held_flags = flags;
    } else {
        __atomic_store_n(&to->flags, flags, __ATOMIC_RELEASE);
    }
    driver_step(driver, &packed->avail_next);
}

static inline uint16_t driver_post_packed(struct driver *driver, const struct driver_piece *pieces, uint32_t n,
                                          uint16_t flags, bool indirect)
{
    struct driver_packed *packed = &driver->packed;
    uint16_t id = driver->free[--packed->n_ids];

    packed->buffers[driver->next_avail++ % driver->ring.size].id = id;
    packed->buffers[id].slots = (uint16_t)(indirect ? 1 : n);
    driver->n_free -= packed->buffers[id].slots;
    if (indirect) {
        uint64_t table = driver_table(driver, n);

        for (uint32_t i = 0; i < n; i++) {
            struct vring_packed_desc entry = {pieces[i].address, pieces[i].len, (uint16_t)(i * 77), flags};

            driver_copy(driver, table + i * 16, &entry, sizeof entry, true);
        }
        driver_put(driver, table, n * 16, id, VRING_DESC_F_INDIRECT);
    } else {
        /* Only the last one's id is to be looked at. */
        for (uint32_t i = 0; i < n; i++)
            driver_put(driver, pieces[i].address, pieces[i].len, i + 1 < n ? 0xabcd : id,
                       i + 1 < n ? flags | VRING_DESC_F_NEXT : flags);
    }
    return id;
}

/* Makes a buffer of 'n' pieces available (see driver_publish()), with 'indirect' by a table. Returns by what the device
 * knows it. */
static inline uint16_t driver_post(struct driver *driver, const struct driver_piece *pieces, uint32_t n, uint16_t flags,
                                   bool indirect)
{
    assert(driver->n_free >= (indirect ? 1 : n));
    return (driver->ring.packed ? driver_post_packed : driver_post_split)(driver, pieces, n, flags, indirect);
}

static inline void driver_publish(struct driver *driver)
{
    if (!driver->ring.packed)
        __atomic_store_n(&driver->avail->idx, driver->next_avail, __ATOMIC_RELEASE);
    else if (driver->packed.held != NULL)
        __atomic_store_n(&driver->packed.held->flags, driver->packed.held_flags, __ATOMIC_RELEASE);
    driver->packed.held = NULL;
}

static inline bool driver_take_used_split(struct driver *driver, uint32_t *head, uint32_t *len)
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

static inline bool driver_take_used_packed(struct driver *driver, uint32_t *head, uint32_t *len)
{
    struct driver_packed *packed = &driver->packed;
    const struct vring_packed_desc *from = &packed->descriptors[packed->used_next & 0x7fff];
    uint16_t flags = __atomic_load_n(&from->flags, __ATOMIC_ACQUIRE);

    if (driver->last_used == driver->next_avail || (flags & 0x8080) != (packed->used_next & 0x8000 ? 0x8080 : 0))
        return false;
    *head = from->id;
    *len = from->len;
    assert(from->id < driver->ring.size);
    driver->last_used++;
    driver->free[packed->n_ids++] = from->id;
    driver->n_free += packed->buffers[*head].slots;
    for (uint32_t i = packed->buffers[*head].slots; i > 0; i--)
        driver_step(driver, &packed->used_next);
    return true;
}

/* Takes the next used entry and frees its descriptors. */
static inline bool driver_take_used(struct driver *driver, uint32_t *head, uint32_t *len)
{
    return (driver->ring.packed ? driver_take_used_packed : driver_take_used_split)(driver, head, len);
}

/* By what the device knows the n-th buffer made available, modulo 65536. */
static inline uint16_t driver_head(const struct driver *driver, uint16_t n)
{
    return driver->ring.packed ? driver->packed.buffers[n % driver->ring.size].id
                               : driver->avail->ring[n % driver->ring.size];
}
