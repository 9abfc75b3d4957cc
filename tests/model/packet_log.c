// SPDX-License-Identifier: Apache-2.0
#include "tests/model/packet_log.h"

#include <stdio.h>

#include "tests/model/model_print.h"

struct logged *packet_log_next(struct packet_log *log, uint32_t tick)
{
    struct logged *entry = &log->entries[log->n++ % PACKET_LOG_LEN];

    *entry = (struct logged){.tick = tick};
    return entry;
}

static void print_entry(const struct logged *entry)
{
    char text[MODEL_TEXT_LEN];

    if (entry->is_change)
        printf("%8u policy of guests %#x, networks %#x, sets %#x changed, %zu rules flushed\n", entry->tick,
               entry->change.guests, entry->change.networks, entry->change.sets, entry->change.n_flushed);
    else
        printf("%8u %s: to %#x, %s\n", entry->tick, model_packet_format(&entry->packet, text), entry->receivers,
               drop_reason_name(entry->drop));
}

static bool concerns(const struct logged *entry, uint32_t a, uint32_t b)
{
    if (entry->is_change)
        return (entry->change.guests >> a & 1) != 0 || (b <= MODEL_GUESTS && (entry->change.guests >> b & 1) != 0) ||
               entry->change.networks != 0;
    return (entry->packet.from == a && entry->packet.to == b) || (entry->packet.from == b && entry->packet.to == a);
}

void packet_log_print(const struct packet_log *log, const struct model_switch *model, uint32_t a, uint32_t b,
                      uint16_t vlan)
{
    uint32_t shown[PACKET_LOG_SHOWN];
    uint32_t n = 0;

    for (uint32_t i = log->n; i > 0 && log->n - i < PACKET_LOG_LEN && n < PACKET_LOG_SHOWN; i--) {
        if (concerns(&log->entries[(i - 1) % PACKET_LOG_LEN], a, b))
            shown[n++] = (i - 1) % PACKET_LOG_LEN;
    }
    while (n > 0)
        print_entry(&log->entries[shown[--n]]);
    model_print_network(&model->policies, vlan);
    model_print_guest(&model->policies, a);
    if (b <= MODEL_GUESTS)
        model_print_guest(&model->policies, b);
    for (uint32_t i = 0; i < model->sessions.n; i++) {
        const struct model_session *session = &model->sessions.list[i];

        if (session->alive && (session->first.from == a || session->first.from == b) &&
            (session->first.to == a || session->first.to == b))
            model_print_session(session);
    }
    fflush(stdout);
}
