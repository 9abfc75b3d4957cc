// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/flow_loss.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FLOWS 37u

static uint64_t next_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

/* Sends round and round from every flow on, loses some at random and keeps the account frame by frame. */
static void counts_what_a_naive_account_says(void **state)
{
    uint64_t seed = 5;

    for (uint32_t first = 0; first < FLOWS; first++) {
        uint64_t sent[FLOWS] = {0}, lost[FLOWS] = {0}, n = 1 + next_random(&seed) % 500;
        struct flow_loss_entry worst[FLOW_LOSS_WORST];
        unsigned int n_worst, lossy = 0;
        struct flow_loss loss;

        assert_int_equal(flow_loss_init(&loss, FLOWS, 2), 0);
        flow_loss_begin(&loss, 1, first);
        for (uint64_t i = 0; i < n; i++) {
            uint32_t flow = (uint32_t)((first + i) % FLOWS);

            sent[flow]++;
            if (next_random(&seed) % 16 == 0)
                lost[flow]++;
            else
                flow_loss_arrived(&loss, 1, flow);
        }
        flow_loss_end(&loss, 1, n);
        for (uint32_t flow = 0; flow < FLOWS; flow++)
            lossy += lost[flow] > 0;
        assert_int_equal(flow_loss_count(&loss, worst, &n_worst), lossy);
        assert_int_equal(n_worst, lossy < FLOW_LOSS_WORST ? lossy : FLOW_LOSS_WORST);
        for (unsigned int i = 0; i < n_worst; i++) {
            assert_int_equal(worst[i].direction, 1);
            assert_int_equal(worst[i].lost, lost[worst[i].flow]);
            assert_int_equal(worst[i].sent, sent[worst[i].flow]);
            assert_true(i == 0 || worst[i].lost <= worst[i - 1].lost);
        }
        flow_loss_fini(&loss);
    }
}

static void foreign_flow_is_passed_over(void **state)
{
    struct flow_loss_entry worst[FLOW_LOSS_WORST];
    unsigned int n_worst;
    struct flow_loss loss;

    assert_int_equal(flow_loss_init(&loss, FLOWS, 1), 0);
    flow_loss_arrived(&loss, 0, FLOWS);
    flow_loss_arrived(&loss, 0, UINT32_MAX);
    assert_int_equal(flow_loss_count(&loss, worst, &n_worst), 0);
    flow_loss_fini(&loss);
}

static void report_names_the_worst_first(void **state)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct flow_loss loss;

    assert_int_equal(flow_loss_init(&loss, 3, 1), 0);
    flow_loss_begin(&loss, 0, 0);
    flow_loss_arrived(&loss, 0, 0);
    flow_loss_arrived(&loss, 0, 1);
    flow_loss_arrived(&loss, 0, 1);
    flow_loss_end(&loss, 0, 6);
    flow_loss_report(&loss, out);
    fclose(out);
    assert_string_equal(text,
                        "\"flows_lossy\": 2, \"worst_flows\": [{\"direction\": 0, \"flow\": 2, \"sent\": 2, \"lost\": "
                        "2},\n  {\"direction\": 0, \"flow\": 0, \"sent\": 2, \"lost\": 1}]");
    flow_loss_fini(&loss);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_what_a_naive_account_says),
        cmocka_unit_test(foreign_flow_is_passed_over),
        cmocka_unit_test(report_names_the_worst_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
