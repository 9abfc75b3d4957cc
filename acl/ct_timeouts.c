// SPDX-License-Identifier: Apache-2.0
#include "acl/conntrack_private.h"

/* Cells are words that the control thread stores and workers load, each for itself. */
static _Atomic uint32_t *cell(const struct conntrack *ct, uint16_t number, enum timeout_class class,
                              enum session_state state)
{
    return (_Atomic uint32_t *)&ct->timeout_sets[number].seconds[class][state];
}

void conntrack_set_timeouts(struct conntrack *ct, uint16_t number, const struct session_timeouts *timeouts)
{
    if (number == 0 || number >= CT_TIMEOUT_SETS_MAX)
        return;
    for (enum timeout_class class = 0; class < TIMEOUT_N_CLASSES; class ++) {
        for (enum session_state state = 0; state < SESSION_N_STATES; state++) {
            uint32_t seconds = timeouts->seconds[class][state];

            if (seconds != 0 && seconds < SESSION_TIMEOUT_MIN)
                seconds = SESSION_TIMEOUT_MIN;
            atomic_store_explicit(cell(ct, number, class, state), seconds, memory_order_relaxed);
        }
    }
}

uint32_t ct_timeout(const struct conntrack *ct, const struct session *session, uint8_t protocol,
                    enum session_state state)
{
    uint16_t number = atomic_load_explicit(&session->timeouts, memory_order_acquire);
    uint32_t seconds = 0;

    if (number != 0)
        seconds = atomic_load_explicit(cell(ct, number, session_timeout_class(protocol), state), memory_order_relaxed);
    return seconds != 0 ? seconds : session_timeout(protocol, state);
}
