// SPDX-License-Identifier: Apache-2.0
#pragma once

struct applied;
struct ovsdb_idl;

/* Tells the data plane what each open interface is on its bridge: VLANs, policy, MTU, address. Only what differs from
 * the last time goes into the snapshot being edited. 'idl' is that of Open_vSwitch. Control thread. */
void attachments_update(struct applied *applied, const struct ovsdb_idl *idl);
