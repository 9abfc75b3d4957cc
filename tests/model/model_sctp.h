// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "acl/session.h"
#include "tests/model/model_sessions.h"

/* SCTP from the middle (RFC 9260 4, 5 and 9). */

/* What a packet with a first chunk of that type may start. */
enum model_start model_sctp_start(uint8_t chunk);
/* What it makes of the association: '*state' is changed when it fits. */
enum model_track model_sctp_track(enum session_state *state, uint8_t chunk, enum model_direction direction);
