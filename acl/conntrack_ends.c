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
    ct_verdict_store(ct_session(ct, session), verdict, &(struct ct_ends){.source = source, .destination = destination});
}

struct ct_tuple conntrack_original(const struct conntrack *ct, uint32_t session)
{
    return ct_session(ct, session)->original;
}

struct session_traits conntrack_traits(const struct conntrack *ct, uint32_t session)
{
    return ct_session(ct, session)->traits;
}
