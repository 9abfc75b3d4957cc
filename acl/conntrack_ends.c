// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack_private.h"

void conntrack_ends(const struct conntrack *ct, uint32_t session, uint32_t *source, uint32_t *destination)
{
    const struct session *s = ct_session(ct, session);

    *source = atomic_load_explicit(&s->source, memory_order_relaxed);
    *destination = atomic_load_explicit(&s->destination, memory_order_relaxed);
}

void conntrack_set_ends(struct conntrack *ct, uint32_t session, uint32_t source, uint32_t destination,
                        const struct session_verdict *verdict)
{
    struct session *s = ct_session(ct, session);

    atomic_store_explicit(&s->source, source, memory_order_relaxed);
    atomic_store_explicit(&s->destination, destination, memory_order_relaxed);
    conntrack_set_verdict(ct, session, verdict);
}
