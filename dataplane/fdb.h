// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/inet.h"

/* The forwarding database of one bridge: which attachment a MAC was last heard from, per VLAN. Shared by all workers:
 * look-ups take no lock, learning takes a short spin lock (first packet of a flow only; known addresses are kept fresh
 * by the workers' sweeps, fdb_refresh()). Ticks are seconds. */
struct fdb;

#define FDB_SIZE_DEFAULT  8192
#define FDB_AGING_DEFAULT 300

struct fdb *fdb_create(void); /* NULL when out of memory */
void fdb_destroy(struct fdb *fdb);
/* Bytes of memory of one with that limit. */
uint64_t fdb_bytes(uint32_t max_entries);

/* Control thread: other_config:mac-table-size and mac-aging-time. Live; a table that has become too large shrinks as
 * entries age or are pushed out. */
void fdb_set_limits(struct fdb *fdb, uint32_t max_entries, uint32_t aging_s);

/* Any thread. Attachment id, or 0 when unknown. */
uint32_t fdb_lookup(const struct fdb *fdb, uint16_t vlan, const struct mac_addr *mac);

enum fdb_learned {
    FDB_KNOWN, /* nothing new */
    FDB_NEW,   /* entry added: flows that flood to it can do better now */
    FDB_MOVED, /* entry leads elsewhere now: flows to it must be looked at again */
    FDB_HELD,  /* entry leads elsewhere, and moved there less than a second ago: nothing learned */
    FDB_FULL,  /* no room (the port's share is used up and nothing of its own could be pushed out) */
};
/* Worker. Records that 'mac' was heard from 'attachment'. When the table is full, the oldest entry of the attachment
 * with the most entries makes room. A MAC moves at most once a second (a loop must not become a storm). */
enum fdb_learned fdb_learn(struct fdb *fdb, uint16_t vlan, const struct mac_addr *mac, uint32_t attachment,
                           uint32_t now);

/* Worker's sweep: the MAC was still seen from that attachment at tick 'seen'. Ignored when it moved since. */
void fdb_refresh(struct fdb *fdb, uint16_t vlan, const struct mac_addr *mac, uint32_t attachment, uint32_t seen);

/* Control thread, about every second: removes what has aged; returns how many (the caller revalidates when not 0). */
uint32_t fdb_age(struct fdb *fdb, uint32_t now);
/* Control thread: removes everything, or everything of one attachment (0: all). Returns how many. */
uint32_t fdb_flush(struct fdb *fdb, uint32_t attachment);

struct fdb_copy {
    uint16_t vlan;
    struct mac_addr mac;
    uint32_t attachment;
    uint32_t age; /* ticks since last heard */
};
/* Control thread. A malloc()ed array of all entries in '*copies' (caller frees) and their number. */
size_t fdb_dump(struct fdb *fdb, uint32_t now, struct fdb_copy **copies);

/* Sequence number that grows with every entry added to the FDB: cached floods hold the one they were made under. */
uint32_t fdb_additions(const struct fdb *fdb);
