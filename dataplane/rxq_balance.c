// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rxq_balance.h"

static double max_of(double a, double b)
{
    return a > b ? a : b;
}

static int least_loaded(const struct rxq_balance *balance, const double *loads)
{
    int least = -1;

    for (int i = 0; i < WORKERS_MAX; i++) {
        if (balance->takes[i] && (least < 0 || loads[i] < loads[least]))
            least = i;
    }
    return least;
}

/* Is moving a queue of 'load' worth it? The gain, or 0. */
static double gain_of(const struct rxq_balance *balance, double from, double to, double load)
{
    double gain = from - max_of(from - load, to + load);
    double distance = from - to;

    /* Half of the distance is the most that a move can gain. */
    return gain >= balance->least_gain && gain > 0 && gain * 2 >= balance->least_improvement * distance ? gain : 0;
}

bool rxq_balance_decide(const struct rxq_balance *balance, const struct rxq_load *queues, uint32_t n,
                        struct rxq_move *move)
{
    double loads[WORKERS_MAX] = {0};
    double best = 0;
    int heir;

    for (uint32_t i = 0; i < n; i++)
        loads[queues[i].worker] += queues[i].load;
    heir = least_loaded(balance, loads);
    for (uint32_t i = 0; heir >= 0 && i < n; i++) {
        const struct rxq_load *queue = &queues[i];
        double gain;

        if (!queue->movable || queue->worker == (unsigned int)heir || loads[queue->worker] < balance->load_threshold)
            continue;
        gain = gain_of(balance, loads[queue->worker], loads[heir], queue->load);
        if (gain <= best)
            continue;
        best = gain;
        *move = (struct rxq_move){.queue = i,
                                  .from = queue->worker,
                                  .to = (unsigned int)heir,
                                  .from_before = loads[queue->worker],
                                  .to_before = loads[heir],
                                  .from_after = loads[queue->worker] - queue->load,
                                  .to_after = loads[heir] + queue->load};
    }
    return best > 0;
}
