// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack_private.h"

#include <rte_prefetch.h>

static void prefetch_bucket(const struct conntrack *ct, const struct ct_tuple *tuple)
{
    rte_prefetch0(&ct->buckets[(uint32_t)ct_index_hash(ct, tuple) & ct->bucket_mask]);
}

void conntrack_prefetch(const struct conntrack *ct, unsigned int worker, const struct ct_tuple *tuple,
                        unsigned int nth)
{
    const struct ct_worker *w = &ct->workers[worker];
    struct ct_tuple reply = ct_tuple_reverse(tuple);

    prefetch_bucket(ct, tuple);
    prefetch_bucket(ct, &reply);
    if (nth < w->n_cached) {
        const uint8_t *session = (const uint8_t *)ct_session(ct, w->cache[w->n_cached - 1 - nth]);

        for (size_t line = 0; line < sizeof(struct session); line += 64)
            rte_prefetch0(session + line);
    }
}
