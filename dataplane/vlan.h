// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/snapshot.h"

/* What a port's VLAN mode makes of frames (Port.vlan_mode, tag, trunks; ovs-vswitchd.conf.db(5)). */

/* True when a frame that came with 'vlan' (struct packet's form: id and "tag present") may enter by such a port;
 * '*id' is then the VLAN it belongs to on the bridge, 0..4095. A priority tag (id 0) counts as untagged. */
bool vlan_ingress(const struct vlan_config *config, uint16_t vlan, uint16_t *id);

/* True when frames of VLAN 'id' may leave by such a port; '*tagged' says whether with a tag. */
bool vlan_egress(const struct vlan_config *config, uint16_t id, bool *tagged);

/* What has to be done to a frame between the two. */
enum vlan_change { VLAN_KEEP, VLAN_PUSH, VLAN_POP, VLAN_SET };
enum vlan_change vlan_change(uint16_t vlan, uint16_t id, bool tagged);
