// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/acl_flow.h"
#include "control/acl_ports.h"

struct ds;
struct policies;

/* What would become of a packet at one port, step by step, without sending it. Control thread. */

/* Appends a line for each step and last "verdict: ...". Changes nothing: no counter, no session, no learned address.
 * 'port' is in the data plane. */
void acl_why_explain(struct ds *out, const struct policies *policies, const struct acl_port *port,
                     const struct acl_flow *flow);
