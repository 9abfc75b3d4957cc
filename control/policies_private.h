// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/acl_networks.h"
#include "control/address_groups.h"
#include "control/address_sets.h"
#include "control/logical_ports.h"
#include "control/policies.h"
#include "control/policy_work.h"
#include "control/rule_ids.h"
#include "control/security_groups.h"
#include "control/security_rules.h"
#include "control/shared_chains.h"

struct policies {
    struct rule_ids ids;
    struct hmap address_groups;
    struct security_rules rules;
    struct security_groups groups;
    struct shared_chains chains;
    struct logical_ports ports;
    struct acl_networks networks;
    struct address_sets *sets;
    struct policy_work work;
    bool deny_unknown;
    long long int last_compile_ms;
    const struct ovsdb_idl *idl; /* that 'idl_seqno' is of */
    unsigned int idl_seqno;      /* of the rows last looked at */
};

/* Links a rule with what its remote_ columns name. A reference to nothing must not become "any": it makes the rule an
 * error. */
struct security_rule_remote policies_link_remote(struct policies *policies, struct security_rule *rule,
                                                 const struct rule_row *row);
void policies_unlink_remote(struct policies *policies, struct security_rule *rule);
/* Makes the members of an address group those of its set. */
void policies_fill_set(struct policies *policies, struct address_group *group);
/* The members of 'set' changed: whoever is policed by a rule that names it has to know. */
void policies_note_set(struct policies *policies, const struct address_set *set);
