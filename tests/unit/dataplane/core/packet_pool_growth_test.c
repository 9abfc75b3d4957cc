// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/packet_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

/* Workers take all the buffers they can get and give them back, while the pool grows under them chunk by chunk: every
 * buffer they are handed is a whole mbuf, and none is handed to two of them. */

#define N_WORKERS 2u
#define FIRST     2048u
#define STEP      1500u
#define LAST      40000u
#define PATIENCE  1000u /* looks at an empty pool, so that buffers are taken the moment they are there */

struct worker {
    pthread_t thread;
    struct rte_mbuf *held[LAST];
    uint64_t n_taken;
    unsigned int n_wrong; /* cmocka's assertions are for the main thread */
};

static _Atomic bool stop_workers;
static _Atomic unsigned int n_started;

static int start(void **state)
{
    char prefix[40];
    char *args[] = {
        "test", "--no-huge", "-m", "256", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level=critical", prefix};

    snprintf(prefix, sizeof prefix, "--file-prefix=unit%d", getpid());
    if (rte_eal_init((int)(sizeof args / sizeof args[0]), args) < 0)
        return -1;
    return packet_pool_init(FIRST);
}

static int stop(void **state)
{
    return rte_eal_cleanup();
}

static bool is_whole(const struct rte_mbuf *m)
{
    return m->pool == packet_pool() && rte_mbuf_refcnt_read(m) == 1 && m->buf_addr == (const uint8_t *)m + sizeof *m &&
           m->buf_len == RTE_MBUF_DEFAULT_BUF_SIZE && m->data_off == RTE_PKTMBUF_HEADROOM && m->next == NULL &&
           m->nb_segs == 1 && m->data_len == 0;
}

static void *work(void *worker_)
{
    struct worker *worker = worker_;
    struct rte_mbuf **held = worker->held;
    uint8_t mark = (uint8_t)(1 + atomic_fetch_add(&n_started, 1));

    /* The second has no cache of its own, so that both ways into the ring are gone. */
    if (mark == 1)
        rte_thread_register();
    while (!atomic_load(&stop_workers)) {
        unsigned int n = 0;

        for (unsigned int empty = 0; n < LAST && empty < PATIENCE;) {
            held[n] = rte_pktmbuf_alloc(packet_pool());
            if (held[n] == NULL) {
                empty++;
                continue;
            }
            worker->n_wrong += !is_whole(held[n]);
            *rte_pktmbuf_mtod(held[n], uint8_t *) = mark;
            n++;
        }
        for (unsigned int i = 0; i < n; i++)
            worker->n_wrong += *rte_pktmbuf_mtod(held[i], uint8_t *) != mark;
        worker->n_taken += n;
        rte_pktmbuf_free_bulk(held, n);
    }
    if (mark == 1)
        rte_thread_unregister();
    return NULL;
}

static void pool_grows_under_its_users(void **state)
{
    static struct worker workers[N_WORKERS];
    struct packet_pool_state now;
    uint64_t n_taken = 0;

    for (unsigned int i = 0; i < N_WORKERS; i++)
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    while (atomic_load(&n_started) < N_WORKERS)
        sched_yield();
    for (uint32_t n = FIRST; n < LAST; n += STEP) {
        assert_int_equal(packet_pool_grow(0, n + STEP), 0);
        sched_yield();
    }
    atomic_store(&stop_workers, true);
    for (unsigned int i = 0; i < N_WORKERS; i++) {
        pthread_join(workers[i].thread, NULL);
        assert_int_equal(workers[i].n_wrong, 0);
        n_taken += workers[i].n_taken;
    }
    assert_true(n_taken > 0);
    assert_true(packet_pool_get(0, &now));
    assert_true(now.n_buffers >= LAST);
    assert_int_equal(now.n_free, now.n_buffers);
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_grows_under_its_users),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
