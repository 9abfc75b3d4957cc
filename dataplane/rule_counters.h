// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/drop.h"

/* What each rule did: counters by rule id, one array for each worker, so that no two threads write the same line; and
 * drops by (port, reason, rule).
 *
 * Established packets are not counted one by one: the flow cache counts them in the line it has at hand, and the sweep
 * adds what came since its last visit (within some ten seconds), or the dump asks for a sweep at once. */

struct rule_counter {
    uint64_t hits;     /* verdicts: connections, or flows without a session */
    uint64_t packets;  /* that went by those verdicts */
    uint64_t bytes;    /* of their frames */
    uint32_t last_hit; /* tick of the last packet or verdict, 0: never */
};

/* Control thread, once, before the first worker. 0 or -ENOMEM. */
int rule_counters_init(void);
/* Control thread, before a worker of that id starts. What it counted before goes on. 0 or -ENOMEM. */
int rule_counters_prepare(unsigned int worker);

/* Control thread: a rule id begins to mean another rule; what was counted before does not count. */
void rule_counters_begin(uint32_t rule);

/* Worker. Rule 0 is ignored. */
void rule_counters_hit(unsigned int worker, uint32_t rule, uint32_t now);
void rule_counters_add(unsigned int worker, uint32_t rule, uint64_t packets, uint64_t bytes, uint32_t now);
/* Worker: packets of 'port' (index) dropped for 'reason' by 'rule' (0: by no rule that has a name). When there are too
 * many different ones, the rest is counted under RULE_DROPS_OTHER. */
#define RULE_DROPS_OTHER UINT32_MAX
void rule_drops_add(unsigned int worker, uint16_t port, enum drop_reason reason, uint32_t rule, uint64_t packets);

/* Control thread: the highest id that began, and the memory of the counters when that is 'highest'. */
uint32_t rule_counters_highest(void);
uint64_t rule_counters_bytes(uint32_t n_workers, uint32_t highest);

/* Any thread: the sum over workers. */
void rule_counters_sum(uint32_t rule, struct rule_counter *sum);

/* Control thread. Drops by rule of one port, or of all (port 0), summed over workers. */
struct rule_drops {
    uint16_t port;
    enum drop_reason reason;
    uint32_t rule;
    uint64_t packets;
};
void rule_drops_visit(uint16_t port, void (*visit)(void *aux, const struct rule_drops *drops), void *aux);
/* Control thread, now and then. In tables that are filling up, forgets the drops of ports and rules that are gone. */
void rule_drops_forget(bool (*is_gone)(void *aux, uint16_t port, uint32_t rule), void *aux);
