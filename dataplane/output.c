// SPDX-License-Identifier: Apache-2.0
#include "dataplane/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int output_pool_init(struct output_pool *pool, uint32_t n)
{
    pool->outputs = aligned_alloc(64, n * sizeof *pool->outputs);
    if (pool->outputs == NULL)
        return -ENOMEM;
    memset(pool->outputs, 0, n * sizeof *pool->outputs);
    pool->n = n;
    for (uint32_t i = 1; i < n; i++)
        pool->outputs[i].next = i + 1 < n ? i + 1 : 0;
    pool->free_list = 1;
    pool->n_free = n - 1;
    return 0;
}

void output_pool_fini(struct output_pool *pool)
{
    free(pool->outputs);
    pool->outputs = NULL;
}

uint32_t output_take(struct output_pool *pool)
{
    uint32_t index = pool->free_list;

    if (index == 0)
        return 0;
    pool->free_list = pool->outputs[index].next;
    pool->n_free--;
    pool->outputs[index].next = 0;
    pool->outputs[index].refs = 1;
    return index;
}

void output_release(struct output_pool *pool, uint32_t head)
{
    uint32_t last = head;

    if (head == 0 || --pool->outputs[head].refs > 0)
        return;
    pool->n_free++;
    while (pool->outputs[last].next != 0) {
        last = pool->outputs[last].next;
        pool->n_free++;
    }
    pool->outputs[last].next = pool->free_list;
    pool->free_list = head;
}
