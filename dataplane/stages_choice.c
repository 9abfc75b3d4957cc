// SPDX-License-Identifier: Apache-2.0
/* Which of the compiled stages are in use. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "dataplane/stages.h"

/* From the best on. */
static const struct stages *const levels[] = {&stages_v4, &stages_v3, &stages_v2};
#define N_LEVELS (sizeof levels / sizeof levels[0])

static const struct stages *chosen;

int stages_choose(const char *name)
{
    for (size_t i = 0; i < N_LEVELS; i++) {
        if (name != NULL && strcmp(name, levels[i]->name) != 0)
            continue;
        if (levels[i]->is_usable()) {
            chosen = levels[i];
            return 0;
        }
        if (name != NULL)
            return -ENOTSUP;
    }
    return -ENOENT;
}

const struct stages *stages_current(void)
{
    if (chosen == NULL)
        stages_choose(NULL);
    return chosen;
}

void worker_forward(struct worker *worker, struct port *port, uint32_t attachment, struct rte_mbuf **packets,
                    uint16_t n)
{
    stages_current()->forward(worker, port, attachment, packets, n);
    tx_flush(&worker->tx, worker->snapshot);
}
