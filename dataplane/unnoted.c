// SPDX-License-Identifier: Apache-2.0
/* Until verdicts are counted and logged: nobody takes note of them. */
#include "dataplane/rule_counters.h"
#include "dataplane/verdict_log.h"

void rule_counters_hit(unsigned int worker, uint32_t rule, uint32_t now) {}

void verdict_log_post(unsigned int worker, const struct verdict_event *event, uint32_t now) {}
