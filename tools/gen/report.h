// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdio.h>

#include "tools/gen/meter.h"
#include "tools/gen/options.h"
#include "tools/gen/traffic.h"

/* Writes the JSON object that a run ends with: rates in millions of packets received per second and in 10^9 bits of
 * their frames without FCS (with --gso: of payload), summed over the directions. After a search they are those of its first trial. */
void report_write(const struct meter *meter, const struct options *options, const struct traffic *traffic, FILE *out);
