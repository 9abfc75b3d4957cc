// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "overlay/tunnel.h"

struct network;
struct shash;

/* What a Logical_Network row may ask for: a valid VNI and tag that no other network has. Control thread. The sentences
 * that are returned are freed by the caller; NULL means that nothing is wrong. */

enum tunnel_type network_tunnel_type(const struct network *network);

/* What is wrong in the row by itself, but for its VTEPs. */
char *network_find_fault(const struct network *network);

/* Takes bridge and tag, and encapsulation and VNI, for a network that has a bridge: 'claims' has the networks that have
 * taken theirs, by the text of the place. */
char *network_claim_places(struct shash *claims, const struct network *network);
