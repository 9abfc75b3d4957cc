// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/pipeline.h"

/* The stateful half of the pipeline: sessions and security groups. */

/* Unicast: may 'packet' go from 'source' to 'destination' in 'zone'? Finds or opens the session, evaluates policy where
 * it has to be (a new session, or one whose verdict is older than the policy of either side), and fills drop,
 * cacheable, if_no_session, track, session and direction of 'resolution'. True when it may. */
bool admission_unicast(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                       const struct attachment *source, const struct attachment *destination, uint32_t zone,
                       struct resolution *resolution);

/* Before a flood: may 'packet' leave 'source' at all? For a unicast address nobody has learned a session is opened (or
 * found) so that the reply is known when it comes; its ingress side is decided then. */
bool admission_flood_source(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                            const struct attachment *source, uint32_t zone, struct resolution *resolution);
/* One receiver of a flood: may it have the packet? Opens a session when the source side had no reason to. */
bool admission_flood_receiver(struct pipeline *pipeline, const struct snapshot *snapshot, const struct packet *packet,
                              const struct attachment *source, const struct attachment *destination, uint32_t zone,
                              struct resolution *resolution);
