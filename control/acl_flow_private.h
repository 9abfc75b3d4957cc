// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/acl_flow.h"

/* The fields of flows, shared by acl_flow.c (reads them) and acl_flow_check.c (says which go together). */

enum field_kind { KIND_IPV4, KIND_IPV6, KIND_MAC, KIND_NUMBER, KIND_FLAGS };

/* Fields by name; a bit in acl_flow.given for each. */
enum field {
    NW_SRC,
    NW_DST,
    IPV6_SRC,
    IPV6_DST,
    DL_SRC,
    DL_DST,
    DL_TYPE,
    DL_VLAN,
    NW_PROTO,
    TP_SRC,
    TP_DST,
    ICMP_TYPE,
    ICMP_CODE,
    TCP_FLAGS,
    IP_DSCP,
    ARP_OP,
    ND_TARGET,
    N_FIELDS
};

struct field_form {
    const char *name;
    enum field_kind kind;
    size_t offset; /* in struct acl_flow */
    uint16_t max;  /* numbers */
};
extern const struct field_form acl_flow_fields[N_FIELDS];

static inline bool acl_flow_has(const struct acl_flow *flow, enum field field)
{
    return (flow->given >> field & 1) != 0;
}

/* Do the fields that are given go together, and is none missing? 0, or -EINVAL with '*error'. */
int acl_flow_check(const struct acl_flow *flow, char **error);
/* Gives the others their defaults. */
void acl_flow_fill_in(struct acl_flow *flow);
