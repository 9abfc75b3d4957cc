// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/gen/traffic.h"

/* What comes before the load. First the guests announce themselves until each has heard of the other: then the switch
 * forwards, and knows both MACs. Then every flow is opened, unless they are fresh: one frame in each direction that has a
 * load; of TCP, the three segments that open a connection.
 *
 * A source announces itself once; a sink does until something comes.
 *
 * 0, or negative errno with a sentence on standard error. Worker. */
int opening_run(struct traffic *traffic);
