// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

struct ds;
struct policies;
struct verdict_event;

/* Writes what the verdict log holds to the log file, a line each (module acl_log, level INFO), some tens of them at
 * most. True when there may be more. Control thread, once per turn of its loop. */
bool verdict_lines_run(const struct policies *policies);

/* rule "web/ssh" deny ingress of port vm1: tcp 10.0.0.5:4711 > 10.0.0.1:22 (and 12 more) */
void verdict_lines_format(struct ds *out, const char *rule, const char *port, const struct verdict_event *event);
