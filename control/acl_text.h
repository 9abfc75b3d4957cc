// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>

#include "acl/rule.h"

struct ds;
struct set_names;

/* Rules in words. Control thread. */

/* Appends what a rule matches: "tcp dport 80-90 from 10.0.0.0/8", "IPv6 to group web"; "from" is always the packet's
 * source. A rule that names nothing is about "IP". 'names' may be NULL: then sets go by number. */
void acl_text_put_match(struct ds *out, const struct rule *rule, const struct set_names *names);

/* "allow", "allow-stateless", "deny", "reject", "pass", as in ACL.action. */
const char *acl_text_action(enum rule_action action);
const char *acl_text_direction(enum rule_direction direction);

/* "tcp", "icmpv6", or NULL for a protocol that goes by number. */
const char *acl_text_protocol(int protocol);

/* Names of TCP flags by bit (RFC 9293 3.1), as in ACL.tcp_flags. */
#define ACL_TEXT_N_FLAGS 8
extern const char *const acl_text_flags[ACL_TEXT_N_FLAGS];
