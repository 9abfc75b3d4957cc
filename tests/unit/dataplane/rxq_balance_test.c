// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rxq_balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static uint32_t random_state = 11;

static uint32_t pick(uint32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (random_state >> 8) % n;
}

static struct rxq_balance usual(unsigned int n_workers)
{
    struct rxq_balance balance = {.load_threshold = 0.8, .least_improvement = 0.25, .least_gain = 0.05};

    for (unsigned int i = 0; i < n_workers; i++)
        balance.takes[i] = true;
    return balance;
}

static void overloaded_worker_gives_the_queue_that_helps_most(void **state)
{
    struct rxq_balance balance = usual(2);
    struct rxq_load queues[] = {{0.5, 0, true}, {0.3, 0, true}, {0.2, 0, true}, {0.1, 1, true}};
    struct rxq_move move;

    assert_true(rxq_balance_decide(&balance, queues, 4, &move));
    assert_int_equal(move.queue, 0); /* 0.5 and 0.6; the second would leave 0.7 */
    assert_int_equal(move.to, 1);
}

static void worker_below_the_threshold_keeps_its_queues(void **state)
{
    struct rxq_balance balance = usual(2);
    struct rxq_load queues[] = {{0.4, 0, true}, {0.3, 0, true}};
    struct rxq_move move;

    assert_false(rxq_balance_decide(&balance, queues, 2, &move));
    balance.load_threshold = 0.5;
    assert_true(rxq_balance_decide(&balance, queues, 2, &move));
}

static void single_heavy_queue_stays(void **state)
{
    struct rxq_balance balance = usual(3);
    struct rxq_load queues[] = {{1.0, 0, true}, {0.1, 1, true}};
    struct rxq_move move;

    assert_false(rxq_balance_decide(&balance, queues, 2, &move));
}

static void bound_queue_stays(void **state)
{
    struct rxq_balance balance = usual(2);
    struct rxq_load queues[] = {{0.5, 0, false}, {0.5, 0, false}};
    struct rxq_move move;

    assert_false(rxq_balance_decide(&balance, queues, 2, &move));
}

static void worker_that_takes_none_gets_none(void **state)
{
    struct rxq_balance balance = usual(2);
    struct rxq_load queues[] = {{0.5, 0, true}, {0.5, 0, true}};
    struct rxq_move move;

    balance.takes[1] = false;
    assert_false(rxq_balance_decide(&balance, queues, 2, &move));
}

static void small_improvement_is_not_worth_it(void **state)
{
    struct rxq_balance balance = usual(2);
    struct rxq_load queues[] = {{0.06, 0, true}, {0.94, 0, false}, {0.1, 1, true}};
    struct rxq_move move;

    assert_false(rxq_balance_decide(&balance, queues, 3, &move));
    balance.least_improvement = 0.1;
    assert_true(rxq_balance_decide(&balance, queues, 3, &move));
}

/* The best move by trying all of them; loads are summed anew each time. */
static double naive_gain(const struct rxq_balance *balance, const struct rxq_load *queues, uint32_t n)
{
    double best = 0;

    for (uint32_t i = 0; i < n; i++) {
        for (unsigned int to = 0; to < WORKERS_MAX; to++) {
            double from_before = 0, to_before = 0, after, gain;
            bool least = balance->takes[to];

            for (uint32_t j = 0; j < n; j++) {
                from_before += queues[j].worker == queues[i].worker ? queues[j].load : 0;
                to_before += queues[j].worker == to ? queues[j].load : 0;
            }
            for (unsigned int other = 0; other < WORKERS_MAX; other++) {
                double load = 0;

                for (uint32_t j = 0; j < n; j++)
                    load += queues[j].worker == other ? queues[j].load : 0;
                least = least && !(balance->takes[other] && load < to_before);
            }
            after = from_before - queues[i].load > to_before + queues[i].load ? from_before - queues[i].load
                                                                              : to_before + queues[i].load;
            gain = from_before - after;
            if (least && queues[i].movable && to != queues[i].worker && from_before >= balance->load_threshold &&
                gain >= balance->least_gain && gain >= balance->least_improvement * (from_before - to_before) / 2 &&
                gain > best)
                best = gain;
        }
    }
    return best;
}

static void random_loads_are_decided_as_by_trying_all(void **state)
{
    unsigned int n_moves = 0;

    for (unsigned int round = 0; round < 20000; round++) {
        unsigned int n_workers = 1 + pick(4);
        struct rxq_balance balance = usual(n_workers);
        struct rxq_load queues[8];
        struct rxq_move move;
        uint32_t n = pick(9);
        double gain;

        balance.load_threshold = pick(100) / 100.0;
        for (uint32_t i = 0; i < n; i++)
            queues[i] = (struct rxq_load){pick(100) / 137.0, pick(n_workers), pick(4) != 0};
        gain = naive_gain(&balance, queues, n);
        assert_int_equal(rxq_balance_decide(&balance, queues, n, &move), gain > 0);
        if (gain <= 0)
            continue;
        n_moves++;
        assert_true(move.from_before - (move.from_after > move.to_after ? move.from_after : move.to_after) >
                    gain - 1e-9);
        assert_int_equal(queues[move.queue].worker, move.from);
    }
    assert_true(n_moves > 1000);
}

/* Demands that stay the same, seen through a noise of some percent and cut at a whole CPU: no queue goes back and forth. */
static void steady_load_settles(void **state)
{
    for (unsigned int round = 0; round < 500; round++) {
        unsigned int n_workers = 2 + pick(3);
        struct rxq_balance balance = usual(n_workers);
        uint32_t n = 2 + pick(10), n_moves = 0;
        struct rxq_load queues[12];
        double demands[12];

        for (uint32_t i = 0; i < n; i++) {
            queues[i] = (struct rxq_load){0, 0, true};
            demands[i] = pick(60) / 100.0;
        }
        for (uint32_t turn = 0; turn < 500; turn++) {
            double totals[WORKERS_MAX] = {0};
            struct rxq_move move;

            for (uint32_t i = 0; i < n; i++)
                totals[queues[i].worker] += demands[i];
            for (uint32_t i = 0; i < n; i++) {
                double total = totals[queues[i].worker];

                queues[i].load = demands[i] / (total > 1 ? total : 1) * (0.98 + pick(5) / 100.0);
            }
            if (!rxq_balance_decide(&balance, queues, n, &move))
                continue;
            queues[move.queue].worker = move.to;
            n_moves++;
        }
        assert_true(n_moves <= n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overloaded_worker_gives_the_queue_that_helps_most),
        cmocka_unit_test(worker_below_the_threshold_keeps_its_queues),
        cmocka_unit_test(single_heavy_queue_stays),
        cmocka_unit_test(bound_queue_stays),
        cmocka_unit_test(worker_that_takes_none_gets_none),
        cmocka_unit_test(small_improvement_is_not_worth_it),
        cmocka_unit_test(random_loads_are_decided_as_by_trying_all),
        cmocka_unit_test(steady_load_settles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
