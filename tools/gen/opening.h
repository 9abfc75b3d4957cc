// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tools/gen/traffic.h"

/* What comes before the load. Worker. Each is 0, or negative errno with a sentence on standard error. */

/* Until each guest has heard of the other: then the switch forwards, and knows both MACs. */
int opening_announce(struct traffic *traffic);

/* One frame of every flow, in each direction that has a load. */
int opening_open_flows(struct traffic *traffic);
