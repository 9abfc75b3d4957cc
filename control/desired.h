// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <openvswitch/shash.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/settings.h"
#include "dataplane/snapshot.h"

struct ovsrec_bridge;
struct ovsrec_interface;
struct ovsrec_open_vswitch;
struct ovsrec_port;

/* The switch as the Open_vSwitch database wants it now: a plain reading of the rows, with no look at what exists. Rows
 * that contradict each other or ask for what cannot be are kept with a sentence that says so. Borrows row pointers, so
 * it lives only until the IDL runs again. */

struct desired_bridge {
    const struct ovsrec_bridge *row;
    const char *name;
    bool secure;
    bool forward_bpdu;
    bool has_mac; /* other_config:hwaddr */
    struct mac_addr mac;
    uint32_t table_size;
    uint32_t aging_s;
    char *refused; /* why there is no such bridge, or NULL */
};

struct desired_interface {
    const struct ovsrec_interface *row; /* NULL: a bridge's own port that no row names */
    struct desired_bridge *bridge;
    bool local;             /* the bridge's own port */
    int64_t ofport_request; /* 0: none */
    int64_t ofport_before;  /* what the column says now; 0: nothing */
    struct vlan_config vlan;
    struct port_settings *settings; /* mtu already checked */
    char *refused;                  /* why it cannot be opened, or NULL */
    char *complaint;                /* what of the row is ignored, or NULL */
};

struct desired {
    struct shash bridges;    /* struct desired_bridge by name */
    struct shash interfaces; /* struct desired_interface by name */
};

void desired_init(struct desired *desired, const struct ovsrec_open_vswitch *cfg);
void desired_destroy(struct desired *desired);
