// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "acl/addr_set.h"
#include "acl/policy.h"
#include "dataplane/snapshot.h"
#include "tests/model/model_policy.h"

/* The rows of the model as the objects that the switch forwards by: what control makes of a database. */

/* With new references; without 'limits', which need the session table. */
struct port_policy model_compile_port(const struct model_policies *policies, uint32_t guest);
/* False: the network has no ACLs. */
bool model_compile_network(const struct model_policies *policies, uint16_t vlan, struct zone_policy *policy);
struct addr_set *model_compile_set(uint32_t members);
