// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/snapshot_private.h"

/* The policies of networks in a snapshot, sorted by zone. Few: only networks with ACLs have one. */

/* Releases the references and frees; NULL allowed. */
void zone_policy_destroy(struct zone_policy *policy);
