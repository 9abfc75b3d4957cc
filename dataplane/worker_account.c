// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker_account.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/dataplane.h"
#include "dataplane/dataplane_private.h"
#include "dataplane/rxq_plan.h"

static int by_cpu(const void *a_, const void *b_)
{
    const struct worker_facts *a = a_, *b = b_;

    return a->cpu < b->cpu ? -1 : a->cpu > b->cpu;
}

size_t worker_list(struct worker_facts facts[WORKERS_MAX])
{
    struct rxq_workers workers = dataplane_rxq_workers();

    for (unsigned int i = 0; i < workers.n; i++)
        facts[i] =
            (struct worker_facts){.id = workers.ids[i],
                                  .cpu = workers.cpus[i],
                                  .isolated = rxq_plan_is_isolated(dataplane_current(), &workers, workers.ids[i])};
    qsort(facts, workers.n, sizeof facts[0], by_cpu);
    return workers.n;
}

static uint64_t read_count(const _Atomic uint64_t *count)
{
    return atomic_load_explicit((_Atomic uint64_t *)count, memory_order_relaxed);
}

void worker_account_read(unsigned int id, struct worker_account *account)
{
    const struct worker *worker = dataplane_worker(id);

    memset(account, 0, sizeof *account);
    if (worker == NULL)
        return;
    for (int i = 0; i < COUNT_N; i++)
        account->counts[i] = read_count(&worker->cycles.counts[i]);
    for (int i = 0; i < CYCLES_N; i++) {
        account->stage_clocks[i] = read_count(&worker->cycles.stages[i].clocks);
        account->stage_packets[i] = read_count(&worker->cycles.stages[i].packets);
    }
    account->tx_bursts = read_count(&worker->tx.bursts);
    account->tx_packets = read_count(&worker->tx.sent);
    account->hits = read_count(&worker->published.hits);
    account->misses = read_count(&worker->published.misses);
    account->lost = read_count(&worker->published.lost);
}

/* The account is nothing but counts. */
#define N_COUNTS (sizeof(struct worker_account) / sizeof(uint64_t))

void worker_account_subtract(struct worker_account *account, const struct worker_account *base)
{
    uint64_t counts[N_COUNTS], bases[N_COUNTS];

    memcpy(counts, account, sizeof counts);
    memcpy(bases, base, sizeof bases);
    for (size_t i = 0; i < N_COUNTS; i++)
        counts[i] -= bases[i] <= counts[i] ? bases[i] : 0;
    memcpy(account, counts, sizeof counts);
}

void worker_account_by_stage(bool on)
{
    atomic_store_explicit(&dataplane_shared.cycles_by_stage, on, memory_order_relaxed);
}

const char *cycle_stage_name(enum cycle_stage stage)
{
    static const char *const names[CYCLES_N] = {
        [CYCLES_RX] = "rx",   [CYCLES_DECAP] = "decap", [CYCLES_KEYS] = "keys",
        [CYCLES_ACT] = "act", [CYCLES_MISS] = "miss",   [CYCLES_TX] = "tx",
    };

    return names[stage];
}
