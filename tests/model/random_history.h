// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/model/model_switch.h"
#include "tests/model/random_policy.h"

/* Random histories of connections: mostly what hosts do, in a plausible order, and now and then what they never do. */

#define HISTORY_CONNECTIONS 40u
#define HISTORY_DATAGRAMS   4u /* of one guest within the time that fragments may take */

struct history_connection {
    uint32_t a; /* opens it */
    uint32_t b;
    uint16_t vlan;
    bool v6;
    uint8_t protocol;
    uint16_t a_port;
    uint16_t b_port;
    uint8_t dscp;
    uint32_t script; /* of TCP */
    uint32_t step;
};

struct history_datagram {
    uint32_t began; /* tick; 0: never */
    uint32_t sent;
    struct model_packet first;
};

struct history {
    struct random *random;
    uint32_t last_fragment_id;
    struct history_datagram *last_datagram; /* NULL: none yet */
    struct history_connection connections[HISTORY_CONNECTIONS];
    struct history_datagram datagrams[MODEL_GUESTS + 1][HISTORY_DATAGRAMS];
};

void history_start(struct history *history, struct random *random);
/* The next packet. 'model' tells time, and whose forged packets may be sent: only those that port security stops. */
struct model_packet history_next(struct history *history, const struct model_switch *model);
