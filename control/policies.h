// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "acl/policy.h"

struct conntrack;
struct ovsdb_idl;
struct logical_port;
struct policy_rows;
struct snapshot;
struct uuid;

/* The policy rows of the Sluice database (Logical_Port, Logical_Network, Security_Group, Security_Group_Rule, ACL,
 * Address_Group) turned into compiled policy objects: address sets by number, one chain per distinct set of groups and ACLs
 * and direction, one port_policy per Logical_Port, one zone policy per network with ACLs. Bad rows are refused one by one
 * and remembered with a sentence.
 *
 * Entries are linked both ways (address group, rule, group, compiled policy, chain, port), and a change is followed along
 * the links: what it does not reach is not looked at. Control thread. */
struct policies;

struct policies *policies_create(void);
void policies_destroy(struct policies *policies);

/* Looks at the rows that changed, and makes the library forget that they did; 'whole' when it may have lost track (the
 * connection was lost): at all of them. Returns true when anything changed that snapshots depend on. Called only when the
 * database was synchronised; a database that goes away changes nothing. */
bool policies_update(struct policies *policies, struct ovsdb_idl *idl, bool whole);

/* The same from rows that come from anywhere: what policies_update() calls with those of the database. */
bool policies_apply(struct policies *policies, const struct policy_rows *rows);

/* The policy of the interface named by 'iface_id' (external_ids:iface-id, may be NULL) or, failing that, by 'name'.
 * False when no Logical_Port row names it. '*policy' holds new references that an attachment takes over. '*version'
 * differs from an earlier call's exactly when flows of the port must be decided again (its policy, or the members of an
 * address set that it uses, changed). */
bool policies_lookup(struct policies *policies, const char *iface_id, const char *name, struct port_policy *policy,
                     uint64_t *version);

/* The version that policies_lookup() would tell; 0: no Logical_Port row names it. */
uint64_t policies_version(const struct policies *policies, const char *iface_id, const char *name);

/* Finds the places of networks with ACLs; 'bridge_index' answers 0 for a bridge that is not here. True when
 * policies_publish() has something to do. */
bool policies_place_networks(struct policies *policies, uint16_t (*bridge_index)(void *aux, const char *name),
                             void *aux);
/* Puts address sets and zone policies that changed since the last call into 'snapshot', and new sets of timeouts into 'ct'
 * (NULL: there is no session table). 0 or -ENOMEM (call again). */
int policies_publish(struct policies *policies, struct snapshot *snapshot, struct conntrack *ct);

/* The ids of rules of groups with on_change=flush that were removed or changed since the last call, allocated with malloc(),
 * '*n' of them; NULL when there are none. */
uint32_t *policies_take_ended(struct policies *policies, size_t *n);

/* Milliseconds that the last change took to be made into policy. */
long long int policies_last_compile_ms(const struct policies *policies);

/* Sluice.options:unknown-ports=deny: interfaces that no row names are closed. */
bool policies_deny_unknown(const struct policies *policies);

/* The name of a rule for people: "GROUP/RULE" (rule's name, or the first characters of its UUID), "PORT/ACL", "NETWORK/ACL",
 * or "GROUP/default" for what no group of a port allows. NULL when unknown. */
const char *policies_rule_name(const struct policies *policies, uint32_t rule_id);

/* A rule in force, as people ask for it. Texts live until the visit returns. */
struct effective_rule {
    const char *stage;       /* "network NET tier 0", "tier 1", "groups" */
    const char *name;        /* as policies_rule_name() has it; "-" when it has none */
    const struct rule *rule; /* id, action, direction, log and what it matches */
    bool audit;              /* of a row in audit mode: counted beside what is enforced */
    bool is_default;         /* no row: the denial of what no group allows. Only id, action and direction count */
};
typedef void policies_visit_rule(void *aux, const struct effective_rule *rule);

/* The Logical_Port that the interface named by 'iface_id' (may be NULL) or, failing that, by 'name' is bound to; NULL: none. */
const char *policies_port_of_interface(const struct policies *policies, const char *iface_id, const char *name);
/* Visits what the side of 'logical_port' in 'direction' is asked, in that order, for packets of 'zone' (zone_of() of bridge
 * index and VLAN; 0: leaves the ACLs of networks out). False when there is no such Logical_Port. */
bool policies_visit_port(const struct policies *policies, const char *logical_port, uint32_t zone,
                         enum rule_direction direction, policies_visit_rule *visit, void *aux);
/* Every rule, ACL and default in force, each once for every stage that it stands in ("network NET tier 0", "port PORT tier 1",
 * "group GROUP"), whether a port uses it or not. */
void policies_visit_all(const struct policies *policies, policies_visit_rule *visit, void *aux);

/* What became of a Logical_Port row; NULL for a row that has not been looked at. */
struct logical_port *policies_port(const struct policies *policies, const struct uuid *row);
/* What is wrong with the ACLs of a Logical_Network, NULL: nothing. */
const char *policies_network_error(const struct policies *policies, const struct uuid *row);

/* Writes Logical_Port.status (bound interface, number of rules, error, warning) into the open transaction, only where it
 * differs: of all ports, or, with 'bound' NULL, of those that were decided anew since the last call. 'bound' is called with
 * a Logical_Port's name and answers the interface that it is bound to, or NULL. */
typedef const char *policies_bound(void *aux, const char *logical_port);
void policies_write_status(struct policies *policies, struct ovsdb_idl *idl, policies_bound *bound, void *aux);
/* True when ports came or were renamed since the status of all was last written: it has to be, again. */
bool policies_has_new_ports(const struct policies *policies);
