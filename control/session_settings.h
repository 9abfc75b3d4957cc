// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "acl/policy.h"
#include "acl/session.h"

struct smap;

/* Logical_Port.conntrack as the session table wants it. */
struct session_settings {
    struct session_limits limits; /* without the number of the timeouts, and without pick_up */
    bool has_pick_up;
    bool pick_up;
    bool has_timeouts;
    struct session_timeouts timeouts;
    char *error; /* the first key or value that is refused, in a sentence; NULL: none. The reader frees it */
};

/* Reads 'map' (NULL: empty). What is wrong is refused by itself, the rest counts. */
void session_settings_read(struct session_settings *settings, const struct smap *map);
