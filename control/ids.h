// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Numbers of a bounded range that are handed out, given back, and not handed out again soon: attachment ids, port and
 * bridge indexes. The next free one after the last is taken (round robin), so that a number that still stands in a
 * cached flow does not come to mean another thing. Control thread. */
struct ids;

struct ids *ids_create(uint32_t first, uint32_t last); /* inclusive; NULL when out of memory */
void ids_destroy(struct ids *ids);
uint32_t ids_take(struct ids *ids);        /* 0 when all are taken */
uint32_t ids_take_lowest(struct ids *ids); /* the lowest free one: for indexes of tables that should stay short */
void ids_give(struct ids *ids, uint32_t id);

/* The process's ranges, made on first use. */
struct ids *attachment_ids(void);
struct ids *port_ids(void);
struct ids *bridge_ids(void);
struct ids *next_hop_ids(void);
