// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/core/drop.h"
#include "tests/model/model_switch.h"
#include "tests/model/random_policy.h"

/* The last packets and changes of a round, to be printed when it fails. */
#define PACKET_LOG_LEN   65536u
#define PACKET_LOG_SHOWN 100u

struct logged {
    uint32_t tick;
    bool is_change; /* of policy: 'change' says where */
    struct policy_change change;
    struct model_packet packet;
    uint32_t receivers;
    enum drop_reason drop;
};

struct packet_log {
    uint32_t n;
    struct logged entries[PACKET_LOG_LEN];
};

struct logged *packet_log_next(struct packet_log *log, uint32_t tick);
/* What guests 'a' and 'b' said to each other last, their policy and their sessions. */
void packet_log_print(const struct packet_log *log, const struct model_switch *model, uint32_t a, uint32_t b,
                      uint16_t vlan);
