// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/rule.h"

/* The readings of single columns that rules of groups and ACLs share, for this folder only. Each returns 0, or -EINVAL
 * with '*error' naming 'column'. */

/* A number from 0 to 'max'. */
int rule_range_check(const char *column, int64_t value, int64_t max, char **error);

/* A CIDR of the rule's family, which it settles when it is open. */
int rule_cidr_parse(const char *column, const char *cidr, struct rule *rule, struct inet_prefix *prefix, char **error);

/* One end or both ends of a range of ports. Needs the protocol. */
struct rule_port_columns {
    const char *min_column, *max_column;
    bool has_min, has_max;
    int64_t min, max;
};
int rule_ports_parse(const struct rule_port_columns *columns, const struct rule *rule, uint16_t *min, uint16_t *max,
                     char **error);
