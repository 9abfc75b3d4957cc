// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/qsbr.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_rcu_qsbr.h>

#include "dataplane/core/wake.h"

static struct rte_rcu_qsbr *qsbr;

int qsbr_init(void)
{
    size_t size = rte_rcu_qsbr_get_memsize(QSBR_MAX_READERS);

    if (qsbr != NULL)
        return 0;
    qsbr = aligned_alloc(RTE_CACHE_LINE_SIZE, RTE_ALIGN_CEIL(size, RTE_CACHE_LINE_SIZE));
    if (qsbr == NULL)
        return -ENOMEM;
    return rte_rcu_qsbr_init(qsbr, QSBR_MAX_READERS) == 0 ? 0 : -EINVAL;
}

void qsbr_reader_register(unsigned int reader)
{
    rte_rcu_qsbr_thread_register(qsbr, reader);
    rte_rcu_qsbr_thread_online(qsbr, reader);
}

void qsbr_reader_unregister(unsigned int reader)
{
    rte_rcu_qsbr_thread_offline(qsbr, reader);
    rte_rcu_qsbr_thread_unregister(qsbr, reader);
}

void qsbr_reader_quiescent(unsigned int reader)
{
    rte_rcu_qsbr_quiescent(qsbr, reader);
}

uint64_t qsbr_start(void)
{
    uint64_t token = rte_rcu_qsbr_start(qsbr);

    wake_all();
    return token;
}

bool qsbr_done(uint64_t token)
{
    return rte_rcu_qsbr_check(qsbr, token, false) == 1;
}

void qsbr_synchronize(void)
{
    uint64_t token = qsbr_start();

    while (!qsbr_done(token))
        usleep(50);
}
