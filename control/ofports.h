// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* The port numbers of one bridge (Interface.ofport). Control thread. */
#define OFPORT_NONE  0
#define OFPORT_MAX   65279
#define OFPORT_LOCAL 65534

struct ofports {
    uint32_t last; /* last one handed out by round robin */
    uint64_t used[65536 / 64];
};

/* Takes 'number' if it is in 1..OFPORT_MAX (or LOCAL) and free. */
bool ofports_take(struct ofports *ofports, int64_t number);
/* Takes the first free number after the last one handed out here; OFPORT_NONE when there is none. */
int64_t ofports_take_any(struct ofports *ofports);
void ofports_give(struct ofports *ofports, int64_t number);
