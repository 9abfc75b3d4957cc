// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/packet_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#define LIMIT   40000u
#define BUFFERS 4096u

static int start(void **state)
{
    char prefix[40];
    char *args[] = {
        "test", "--no-huge", "-m", "512", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level=critical", prefix};

    snprintf(prefix, sizeof prefix, "--file-prefix=unit%d", getpid());
    if (rte_eal_init((int)(sizeof args / sizeof args[0]), args) < 0)
        return -1;
    packet_pool_set_limit(LIMIT);
    return packet_pool_init(BUFFERS);
}

static int stop(void **state)
{
    return rte_eal_cleanup();
}

static struct packet_pool_state state_of(unsigned int i)
{
    struct packet_pool_state state;

    assert_true(packet_pool_get(i, &state));
    return state;
}

/* Takes everything that is left and gives it back; every mbuf must be whole. */
static uint32_t drain(struct rte_mempool *pool)
{
    struct rte_mbuf **taken = calloc(LIMIT, sizeof(struct rte_mbuf *));
    uint32_t n = 0;

    assert_non_null(taken);
    while (n < LIMIT && (taken[n] = rte_pktmbuf_alloc(pool)) != NULL)
        n++;
    assert_null(rte_pktmbuf_alloc(pool));
    rte_pktmbuf_free_bulk(taken, n);
    free(taken);
    return n;
}

static void pool_has_what_was_asked_for(void **state)
{
    struct packet_pool_state first = state_of(0);

    assert_int_equal(first.n_buffers, BUFFERS);
    assert_int_equal(first.n_free, BUFFERS);
    assert_int_equal(first.n_most, LIMIT);
    assert_ptr_equal(first.pool, packet_pool());
    assert_true(first.bytes >= packet_pool_bytes(PACKET_SIZE_ORDINARY, BUFFERS));
    assert_int_equal(rte_pktmbuf_data_room_size(packet_pool()), RTE_MBUF_DEFAULT_BUF_SIZE);
    assert_int_equal(drain(packet_pool()), BUFFERS);
}

static void empty_pool_gives_again_what_comes_back(void **state)
{
    uint32_t n = state_of(0).n_buffers;

    assert_int_equal(drain(packet_pool()), n);
    assert_int_equal(drain(packet_pool()), n);
    assert_int_equal(state_of(0).n_free, n);
}

static void claim_makes_room(void **state)
{
    struct packet_claim claim = {.node = PACKET_POOL_ANY, .in_rings = 6000, .passing = 1000};

    packet_pool_set_base(PACKET_SIZE_ORDINARY, 500);
    assert_int_equal(packet_pool_claim(&claim, "p0", NULL), 0);
    assert_ptr_equal(claim.pool, packet_pool());
    assert_true(state_of(0).n_buffers >= 7500);
    assert_int_equal(state_of(0).in_rings, 6000);
    packet_pool_release(&claim);
    packet_pool_set_base(PACKET_SIZE_ORDINARY, 0);
    assert_int_equal(state_of(0).in_rings, 0);
    assert_int_equal(state_of(0).n_wanted, 0);
    assert_int_equal(drain(packet_pool()), state_of(0).n_buffers);
}

static void claim_beyond_the_limit_is_refused(void **state)
{
    struct packet_claim claim = {.node = PACKET_POOL_ANY, .in_rings = LIMIT - 100};
    char *error = NULL;

    assert_int_equal(packet_pool_claim(&claim, "p0", &error), -ENOMEM);
    assert_string_equal(error, "p0: 924 packet buffers missing on NUMA node 0: all 40000 that "
                               "other_config:packet-buffers-max allows are there; raise it, or ask for shorter or "
                               "fewer queues");
    free(error);
    assert_null(claim.pool);
    assert_int_equal(state_of(0).n_wanted, 0);
    assert_int_equal(packet_pool_grow(0, LIMIT + 1), -ENOSPC);
    assert_int_equal(drain(packet_pool()), LIMIT);
}

static void claim_that_only_passes_is_taken_as_far_as_it_goes(void **state)
{
    struct packet_claim claim = {.node = PACKET_POOL_ANY, .in_rings = 100, .passing = LIMIT};

    assert_int_equal(packet_pool_claim(&claim, "p0", NULL), 0);
    assert_int_equal(state_of(0).n_wanted, LIMIT + 100);
    packet_pool_release(&claim);
}

static void jumbo_buffers_have_a_pool_of_their_own(void **state)
{
    struct packet_claim claim = {.node = PACKET_POOL_ANY, .size = PACKET_SIZE_JUMBO, .in_rings = 512};
    struct rte_mbuf *m;

    assert_int_equal(packet_pool_claim(&claim, "p0", NULL), 0);
    assert_ptr_not_equal(claim.pool, packet_pool());
    m = rte_pktmbuf_alloc(claim.pool);
    assert_int_equal(rte_pktmbuf_tailroom(m), packet_pool_room(PACKET_SIZE_JUMBO));
    rte_pktmbuf_free(m);
    packet_pool_release(&claim);
}

static void whole_pool_is_one_piece_and_used_again(void **state)
{
    struct packet_claim claim = {.node = PACKET_POOL_ANY, .in_rings = 600, .passing = 100, .whole = true};
    struct packet_claim other = claim;
    struct rte_mempool *own;

    assert_int_equal(packet_pool_claim(&claim, "p0", NULL), 0);
    own = claim.pool;
    assert_int_equal(own->nb_mem_chunks, 1);
    assert_int_equal(packet_pool_claim(&other, "p1", NULL), 0);
    assert_ptr_not_equal(own, packet_pool());
    assert_ptr_not_equal(own, other.pool);
    assert_int_equal(drain(own), 600 + 100 + PACKET_POOL_SPARE);
    packet_pool_release(&claim);
    assert_int_equal(packet_pool_claim(&claim, "p2", NULL), 0);
    assert_ptr_equal(claim.pool, own);
    assert_ptr_equal(packet_pool_near(PACKET_POOL_ANY), packet_pool());
    packet_pool_release(&claim);
    packet_pool_release(&other);
}

static void claim_without_memory_says_how_much_is_missing(void **state)
{
    struct packet_claim claim = {.node = PACKET_POOL_ANY, .size = PACKET_SIZE_JUMBO, .in_rings = LIMIT - 5000};
    uint32_t had;
    char *error = NULL;

    assert_int_equal(packet_pool_claim(&claim, "p0", &error), -ENOMEM);
    assert_non_null(strstr(error, "MiB) missing on NUMA node 0: give DPDK more hugepages"));
    free(error);
    had = state_of(1).n_buffers;
    assert_int_equal(packet_pool_grow(1, LIMIT), -ENOMEM);
    assert_int_equal(state_of(1).n_buffers, had);
    assert_int_equal(drain(state_of(1).pool), had);
}

static void node_without_memory_gets_the_buffers_of_another(void **state)
{
    assert_ptr_equal(packet_pool_near(PACKET_POOL_ANY), packet_pool());
    assert_ptr_equal(packet_pool_near(0), packet_pool());
    assert_ptr_equal(packet_pool_near(7), packet_pool());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pool_has_what_was_asked_for),
        cmocka_unit_test(empty_pool_gives_again_what_comes_back),
        cmocka_unit_test(claim_makes_room),
        cmocka_unit_test(claim_beyond_the_limit_is_refused),
        cmocka_unit_test(claim_that_only_passes_is_taken_as_far_as_it_goes),
        cmocka_unit_test(jumbo_buffers_have_a_pool_of_their_own),
        cmocka_unit_test(whole_pool_is_one_piece_and_used_again),
        cmocka_unit_test(claim_without_memory_says_how_much_is_missing),
        cmocka_unit_test(node_without_memory_gets_the_buffers_of_another),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
