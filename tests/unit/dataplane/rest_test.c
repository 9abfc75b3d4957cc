// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/core/qsbr.h"
#include "dataplane/core/wake.h"
#include "dataplane/mailbox.h"
#include "dataplane/rest.h"
#include "dataplane/snapshot_private.h"

#define QUEUES 3u
#define WORKER 5u

/* Ports of one queue each; 'answers' is what arm() says. */
static int answers[QUEUES];
static unsigned int armed[QUEUES];
static struct port ports[QUEUES];
static struct poll_list *plan;
static struct rest rest;
static int event;

static int fake_arm(struct port *port, uint16_t rxq)
{
    int answer = answers[port->index];

    armed[port->index] += answer >= 0;
    return answer;
}

static void fake_disarm(struct port *port, uint16_t rxq)
{
    assert_int_equal(armed[port->index]--, 1);
}

static const struct port_ops arming_ops = {.arm = fake_arm, .disarm = fake_disarm};
static const struct port_ops polled_ops;

static bool any_is_armed(void)
{
    return armed[0] + armed[1] + armed[2] != 0;
}

static int set_up(void **state)
{
    event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    memset(&rest, 0, sizeof rest);
    plan = calloc(1, sizeof *plan + QUEUES * sizeof plan->polls[0]);
    plan->n = QUEUES;
    for (uint16_t i = 0; i < QUEUES; i++) {
        ports[i] = (struct port){.ops = &arming_ops, .index = i};
        plan->polls[i].port = &ports[i];
        answers[i] = i == 0 ? event : PORT_ARM_NOTHING;
    }
    return event >= 0 && plan != NULL && qsbr_init() == 0 ? wake_prepare(WORKER) : -1;
}

static int tear_down(void **state)
{
    rest_end(&rest, WORKER);
    free(plan);
    close(event);
    return 0;
}

static uint64_t milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void worker_looks_once_more_before_it_waits(void **state)
{
    assert_true(rest_take(&rest, WORKER, plan));
    assert_true(rest.lying);
    assert_false(any_is_armed());
}

static void wait_without_event_ends_by_itself(void **state)
{
    uint64_t begun;

    assert_true(rest_take(&rest, WORKER, plan));
    begun = milliseconds();
    assert_true(rest_take(&rest, WORKER, plan));
    assert_true(milliseconds() - begun >= REST_US / 1000 - 1);
    assert_true(rest.lying);
    assert_int_equal(rest.disturbed, 0);
    assert_false(any_is_armed());
}

static void event_ends_the_rest(void **state)
{
    assert_true(rest_take(&rest, WORKER, plan));
    eventfd_write(event, 1);
    assert_true(rest_take(&rest, WORKER, plan));
    assert_false(rest.lying);
    assert_true(rest.disturbed > 0);
    assert_false(any_is_armed());
}

static void waking_before_the_wait_is_not_lost(void **state)
{
    assert_true(rest_take(&rest, WORKER, plan));
    wake_all();
    assert_true(rest_take(&rest, WORKER, plan));
    assert_false(rest.lying);
    /* Once up, it has nothing of it left. */
    assert_true(rest_take(&rest, WORKER, plan));
    assert_true(rest_take(&rest, WORKER, plan));
    assert_true(rest.lying);
}

static void waking_of_those_up_leaves_nothing_behind(void **state)
{
    wake_all();
    assert_true(rest_take(&rest, WORKER, plan));
    assert_true(rest_take(&rest, WORKER, plan));
    assert_true(rest.lying);
}

/* Whoever needs something of a worker wakes it. */
static void those_who_wait_for_a_worker_wake_it(void **state)
{
    struct mailbox mailbox = {0};

    assert_true(rest_take(&rest, WORKER, plan));
    qsbr_start();
    assert_true(rest_take(&rest, WORKER, plan));
    assert_false(rest.lying);
    assert_true(rest_take(&rest, WORKER, plan));
    assert_true(mailbox_post(&mailbox, NULL, NULL));
    assert_true(rest_take(&rest, WORKER, plan));
    assert_false(rest.lying);
}

static void *wake_when_armed(void *arg)
{
    while (*(volatile unsigned int *)&armed[0] == 0)
        ;
    wake_all();
    return NULL;
}

static void waking_ends_the_wait(void **state)
{
    pthread_t other;

    assert_true(rest_take(&rest, WORKER, plan));
    assert_int_equal(pthread_create(&other, NULL, wake_when_armed, NULL), 0);
    while (rest.lying)
        assert_true(rest_take(&rest, WORKER, plan));
    pthread_join(other, NULL);
    assert_false(any_is_armed());
}

static void queue_with_something_takes_all_back(void **state)
{
    answers[1] = -EAGAIN;
    answers[2] = event;
    assert_true(rest_take(&rest, WORKER, plan));
    assert_false(rest_take(&rest, WORKER, plan));
    assert_false(rest.lying);
    assert_true(rest.disturbed > 0);
    assert_false(any_is_armed());
}

static void queue_that_can_only_be_polled_keeps_it_up(void **state)
{
    ports[2].ops = &polled_ops;
    assert_false(rest_take(&rest, WORKER, plan));
    assert_false(rest.lying);
}

static void queue_that_came_meanwhile_is_noticed(void **state)
{
    assert_true(rest_take(&rest, WORKER, plan));
    ports[2].ops = &polled_ops;
    assert_false(rest_take(&rest, WORKER, plan));
    assert_false(rest.lying);
    assert_false(any_is_armed());
}

static void worker_without_queues_rests(void **state)
{
    assert_true(rest_take(&rest, WORKER, NULL));
    wake_all();
    assert_true(rest_take(&rest, WORKER, NULL));
    assert_false(rest.lying);
}

int main(void)
{
#define WITH_PLAN(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_PLAN(worker_looks_once_more_before_it_waits),
        WITH_PLAN(wait_without_event_ends_by_itself),
        WITH_PLAN(event_ends_the_rest),
        WITH_PLAN(waking_before_the_wait_is_not_lost),
        WITH_PLAN(waking_of_those_up_leaves_nothing_behind),
        WITH_PLAN(those_who_wait_for_a_worker_wake_it),
        WITH_PLAN(waking_ends_the_wait),
        WITH_PLAN(queue_with_something_takes_all_back),
        WITH_PLAN(queue_that_can_only_be_polled_keeps_it_up),
        WITH_PLAN(queue_that_came_meanwhile_is_noticed),
        WITH_PLAN(worker_without_queues_rests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
