// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "acl/session.h"
#include "tests/model/model_sessions.h"

/* TCP from the middle, as docs/policy-model.md tells it (RFC 9293 3.3.2, 3.5, 3.6). */

enum model_segment { MODEL_SYN, MODEL_SYN_ACK, MODEL_ACK, MODEL_FIN, MODEL_RST, MODEL_RST_ACK, MODEL_NONSENSE };
enum model_segment model_segment_of(uint8_t tcp_flags);

/* What the segment makes of the connection: '*state' is changed when it fits. */
enum model_track model_tcp_track(enum session_state *state, enum model_segment segment, enum model_direction direction);
