// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane/pipeline.h"

/* The part of the pipeline that says yes or no: sessions, ACLs, security groups. Both sides of a packet are asked
 * (side.h), the sender's egress and then the receiver's ingress:
 *
 *      session found ──► its verdict, made anew when the policy of an end or of the network is newer than it
 *      none ──► both sides are asked ──refused──► drop, cached while no session comes to exist
 *                     │                ──all stateless──► passes by itself
 *                     └─ a side keeps state ──► a session is opened
 */

/* One packet on its way. Filled by the caller; 'resolution' takes drop, cacheable, if_no_session, track, reject, rules,
 * session and direction. */
struct admission {
    struct pipeline *pipeline;
    const struct snapshot *snapshot;
    const struct packet *packet;
    const struct attachment *source;
    const struct attachment *destination;  /* NULL: not known yet (unknown unicast), or several */
    uint32_t zone;                         /* zone_of() */
    const struct zone_policy *zone_policy; /* of the zone, or NULL */
    struct resolution *resolution;
};

/* Unicast: may the packet go from source to destination? */
bool admission_unicast(struct admission *a);

/* Before a flood: may the packet leave the source at all? For a unicast address nobody has learned a session is opened (or
 * found) so that the reply is known when it comes; its ingress side is decided then. */
bool admission_flood_source(struct admission *a);
/* One receiver of a flood ('destination'): may it have the packet? Opens a session when the source side had no reason
 * to. */
bool admission_flood_receiver(struct admission *a);
