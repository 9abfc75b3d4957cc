// SPDX-License-Identifier: Apache-2.0
#pragma once

/* Small tables, because they are gone through after each input. */
#define POLICED_CAPACITY 1024u
#define POLICED_FLOWS    512u

#include "tests/fuzz/input.h"
#include "tests/model/policed_station.h"

/* A policed station that lives as long as the fuzzer, and is made as new before each input: no flows, sessions, held
 * fragments or packets, and time goes on. */
static struct policed_station station;

#define FUZZ_POLICIES 16u

static struct model_policies fuzz_policies;

/* Policies number 'n' of FUZZ_POLICIES: always the same. Guest 6 is closed in all of them. */
static inline void fuzz_choose_policies(uint32_t n)
{
    struct random random = {.state = 0x5eed + n % FUZZ_POLICIES};
    struct random_policy generator = {.random = &random, .limits = n % 2};

    memset(&fuzz_policies, 0, sizeof fuzz_policies);
    random_policy_make(&generator, &fuzz_policies);
    fuzz_policies.ports[MODEL_GUESTS].has_row = true;
    fuzz_policies.ports[MODEL_GUESTS].broken = true;
}

static inline void fuzz_station_start(void)
{
    if (station_group_start(NULL) != 0)
        abort();
    fuzz_choose_policies(0);
    policed_start(&station, &fuzz_policies);
}

static inline void fuzz_station_ready(uint32_t policies)
{
    static uint32_t present;

    if (policies % FUZZ_POLICIES != present) {
        present = policies % FUZZ_POLICIES;
        fuzz_choose_policies(present);
        policed_apply(&station, &fuzz_policies, &POLICED_EVERYTHING);
    }
    station.s.tick += 200; /* longer than fragments and retired sessions are remembered */
    policed_tick(&station);
}

/* Every buffer must be back. */
static inline void fuzz_station_clean(void)
{
    struct worker *worker = station.s.worker;

    conntrack_flush(station.s.w.ct, 0, true);
    atomic_fetch_add(&dataplane_shared.revalidations, 1);
    held_fragments_clear(&worker->held);
    policed_drain();
    flow_cache_sweep(&worker->cache, flow_cache_line_count(&worker->cache), station_remove_all, &station.s);
    fdb_flush(station.s.w.snapshot->bridges[1]->fdb, 0);
    if (rte_mempool_in_use_count(packet_pool()) != 0)
        abort();
}

/* Sends a frame and looks at what came out of it: nothing ever for the guest that is closed. */
static inline void fuzz_station_send(uint32_t from, const uint8_t *frame, uint32_t len)
{
    station_forward(&station.s, from, station_mbuf(frame, len));
    if (station_sent[MODEL_GUESTS].n != 0)
        abort();
    policed_drain();
}
