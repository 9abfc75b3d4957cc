// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rxq_plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Snapshots are published one after the other, and each of the workers follows with a lag of its own. What a worker polls
 * is what its snapshot says. */
#define N_PORTS   6u
#define N_WORKERS 4u
#define N_ROUNDS  20000u

static const struct port_ops ops = {.type = "test"};

static struct {
    struct snapshot *history[64]; /* by sequence, modulo */
    struct snapshot *current;
    struct port *ports[N_PORTS + 1];
    bool running[N_WORKERS];
    uint32_t applied[N_WORKERS];
    struct rxq_workers workers;
    uint32_t random;
} sim;

static uint32_t pick(uint32_t n)
{
    sim.random = sim.random * 1664525u + 1013904223u;
    return (sim.random >> 8) % n;
}

static int setup(void **state)
{
    memset(&sim, 0, sizeof sim);
    sim.random = 7;
    sim.current = snapshot_copy(NULL);
    sim.history[sim.current->sequence % 64] = sim.current;
    for (uint16_t i = 1; i <= N_PORTS; i++) {
        sim.ports[i] = port_create("p", i, &ops);
        sim.ports[i]->n_rxq = 2;
        sim.current->ports[i] = sim.ports[i];
    }
    sim.workers.isolate = true;
    return 0;
}

static int teardown(void **state)
{
    for (uint32_t i = 0; i < 64; i++) {
        if (sim.history[i] != NULL)
            snapshot_free(sim.history[i]);
    }
    for (uint16_t i = 1; i <= N_PORTS; i++)
        port_destroy(sim.ports[i]);
    return 0;
}

/* Worker 'id' is on CPU 10 + id. */
static void set_workers(uint32_t mask)
{
    sim.workers.n = 0;
    for (unsigned int id = 0; id < N_WORKERS; id++) {
        if ((mask & 1u << id) == 0)
            continue;
        sim.workers.ids[sim.workers.n] = id;
        sim.workers.cpus[sim.workers.n++] = 10 + id;
        if (!sim.running[id])
            sim.applied[id] = sim.current->sequence;
        sim.running[id] = true;
    }
}

static int publish(void)
{
    struct snapshot *next = snapshot_copy(sim.current);
    uint32_t place = next->sequence % 64;
    int n_taken;

    sim.workers.applied = sim.current->sequence;
    for (unsigned int id = 0; id < N_WORKERS; id++) {
        if (sim.running[id] && (int32_t)(sim.applied[id] - sim.workers.applied) < 0)
            sim.workers.applied = sim.applied[id];
    }
    n_taken = rxq_plan_make(next, &sim.workers);
    assert_true(n_taken >= 0);
    if (sim.history[place] != NULL)
        snapshot_free(sim.history[place]);
    sim.history[place] = sim.current = next;
    return n_taken;
}

static void apply_all(void)
{
    for (unsigned int id = 0; id < N_WORKERS; id++)
        sim.applied[id] = sim.current->sequence;
}

/* Two publications, each followed by everybody. */
static void settle(void)
{
    publish();
    apply_all();
    assert_int_equal(publish(), 0);
    apply_all();
}

/* How many workers poll the queue at this moment; '*who' is one of them. */
static unsigned int count_readers(const struct port *port, uint16_t queue, unsigned int *who)
{
    unsigned int n = 0;

    for (unsigned int id = 0; id < N_WORKERS; id++) {
        const struct snapshot *s = sim.history[sim.applied[id] % 64];
        const struct poll_list *plan = sim.running[id] && s != NULL ? s->plans[id] : NULL;

        for (uint32_t i = 0; plan != NULL && i < plan->n; i++) {
            if (plan->polls[i].port == port && plan->polls[i].queue == queue) {
                *who = id;
                n++;
            }
        }
    }
    return n;
}

static unsigned int reader_of(uint16_t port, uint16_t queue)
{
    unsigned int who = 99;

    assert_int_equal(count_readers(sim.ports[port], queue, &who), 1);
    return who;
}

static void new_queues_go_where_there_are_fewest(void **state)
{
    unsigned int n[N_WORKERS] = {0};

    set_workers(7);
    settle();
    for (uint16_t i = 1; i <= N_PORTS; i++) {
        n[reader_of(i, 0)]++;
        n[reader_of(i, 1)]++;
    }
    assert_int_equal(n[0], 4);
    assert_int_equal(n[1], 4);
    assert_int_equal(n[2], 4);
}

static void bound_queue_goes_to_its_cpu_which_is_isolated(void **state)
{
    set_workers(3);
    settle();
    sim.ports[1]->rxq_places[0].cpu = 11 + 1;
    settle();
    for (uint16_t i = 1; i <= N_PORTS; i++) {
        assert_int_equal(reader_of(i, 0), i == 1 ? 1 : 0);
        assert_int_equal(reader_of(i, 1), 0);
    }
    assert_true(rxq_plan_is_isolated(sim.current, &sim.workers, 1));
    assert_false(rxq_plan_is_isolated(sim.current, &sim.workers, 0));
}

static void bound_queue_leaves_others_alone_without_isolation(void **state)
{
    sim.workers.isolate = false;
    set_workers(3);
    settle();
    sim.ports[1]->rxq_places[0].cpu = 11 + 1;
    settle();
    assert_int_equal(reader_of(1, 0), 1);
    assert_int_equal(reader_of(2, 0), 0);
    assert_int_equal(reader_of(2, 1), 1);
    assert_false(rxq_plan_is_isolated(sim.current, &sim.workers, 1));
}

static void cpu_without_worker_binds_nothing(void **state)
{
    set_workers(1);
    settle();
    sim.ports[1]->rxq_places[0].cpu = 77;
    settle();
    assert_int_equal(reader_of(1, 0), 0);
    assert_false(rxq_plan_is_isolated(sim.current, &sim.workers, 0));
}

static void queue_is_polled_even_if_all_workers_are_isolated(void **state)
{
    set_workers(1);
    sim.ports[1]->rxq_places[0].cpu = 10 + 1;
    settle();
    assert_int_equal(reader_of(2, 0), 0);
}

static void moved_queue_has_no_reader_until_the_former_has_let_go(void **state)
{
    unsigned int who;

    set_workers(3);
    settle();
    who = reader_of(3, 1);
    sim.ports[3]->rxq_places[1].wanted = (uint8_t)(!who + 1);
    assert_int_equal(publish(), 1);
    sim.applied[!who] = sim.current->sequence;
    assert_int_equal(publish(), 1); /* the former has not noticed yet */
    sim.applied[!who] = sim.current->sequence;
    assert_int_equal(reader_of(3, 1), who);
    sim.applied[who] = sim.current->sequence;
    assert_int_equal(publish(), 0);
    apply_all();
    assert_int_equal(reader_of(3, 1), !who);
}

static void new_worker_gets_its_share(void **state)
{
    unsigned int n[N_WORKERS] = {0};

    set_workers(1);
    settle();
    set_workers(7);
    rxq_plan_spread(sim.current, &sim.workers);
    settle();
    for (uint16_t i = 1; i <= N_PORTS; i++) {
        n[reader_of(i, 0)]++;
        n[reader_of(i, 1)]++;
    }
    assert_int_equal(n[0], 4);
    assert_int_equal(n[1], 4);
    assert_int_equal(n[2], 4);
}

/* One thing happens: a wish, a binding, a change of queues, a worker that comes or goes. */
static void disturb(void)
{
    struct port *port = sim.ports[1 + pick(N_PORTS)];
    struct rxq_place *place = &port->rxq_places[pick(3)];

    switch (pick(8)) {
    case 0:
        place->wanted = (uint8_t)pick(N_WORKERS + 1);
        break;
    case 1:
        place->cpu = pick(3) == 0 ? (uint16_t)(10 + pick(N_WORKERS + 1) + 1) : 0;
        break;
    case 2:
        port->n_rxq = (uint16_t)pick(4);
        break;
    case 3:
        rxq_plan_spread(sim.current, &sim.workers);
        break;
    default:
        break;
    }
}

/* As dataplane_set_workers(): those that leave poll nothing when they stop. */
static void change_workers(void)
{
    uint32_t mask = pick(1u << N_WORKERS);

    set_workers(mask);
    publish();
    apply_all();
    for (unsigned int id = 0; id < N_WORKERS; id++)
        sim.running[id] = (mask & 1u << id) != 0;
}

static void expect_one_reader_each(void)
{
    unsigned int who;

    for (uint16_t i = 1; i <= N_PORTS; i++) {
        for (uint16_t q = 0; q < sim.ports[i]->n_rxq; q++) {
            int bound = rxq_plan_bound(&sim.ports[i]->rxq_places[q], &sim.workers);

            assert_int_equal(count_readers(sim.ports[i], q, &who), sim.workers.n > 0);
            if (bound >= 0)
                assert_int_equal(who, bound);
        }
    }
}

static void no_queue_ever_has_two_readers(void **state)
{
    set_workers(3);
    for (uint32_t round = 0; round < N_ROUNDS; round++) {
        unsigned int who;

        disturb();
        sim.workers.isolate = pick(2);
        if (pick(20) == 0)
            change_workers();
        publish();
        for (unsigned int id = 0; id < N_WORKERS; id++) {
            /* At most 40 behind, so that the history has it. */
            if (pick(3) == 0 || sim.current->sequence - sim.applied[id] > 40)
                sim.applied[id] += pick(sim.current->sequence - sim.applied[id] + 1);
            if (sim.current->sequence - sim.applied[id] > 40)
                sim.applied[id] = sim.current->sequence;
        }
        for (uint16_t i = 1; i <= N_PORTS; i++) {
            for (uint16_t q = 0; q < 4; q++)
                assert_true(count_readers(sim.ports[i], q, &who) <= 1);
        }
        if (pick(10) == 0) {
            settle();
            expect_one_reader_each();
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(new_queues_go_where_there_are_fewest, setup, teardown),
        cmocka_unit_test_setup_teardown(bound_queue_goes_to_its_cpu_which_is_isolated, setup, teardown),
        cmocka_unit_test_setup_teardown(bound_queue_leaves_others_alone_without_isolation, setup, teardown),
        cmocka_unit_test_setup_teardown(cpu_without_worker_binds_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(queue_is_polled_even_if_all_workers_are_isolated, setup, teardown),
        cmocka_unit_test_setup_teardown(moved_queue_has_no_reader_until_the_former_has_let_go, setup, teardown),
        cmocka_unit_test_setup_teardown(new_worker_gets_its_share, setup, teardown),
        cmocka_unit_test_setup_teardown(no_queue_ever_has_two_readers, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
