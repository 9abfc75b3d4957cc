// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <stdlib.h>

#include <openvswitch/vlog.h>
#include <smap.h>

#include "acl/policy_chain.h"
#include "control/policies.h"
#include "control/policy_rows.h"
#include "dataplane/snapshot.h"
#include "tests/fuzz/input.h"

/* Rows that nobody checked, as the database would have them: rules and ACLs with any columns, groups, ports with any
 * addresses and conntrack settings, references to rows that are not there. What control makes of them is asked about a few
 * packets; then some rows change, and it is made anew. */

#define ROWS_MAX  8u
#define REFS_MAX  6u
#define TEXTS_MAX 1024u
#define SETS_MAX  128u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TABLE_GROUP = 1, TABLE_RULE, TABLE_PORT, TABLE_ADDRESSES, TABLE_NETWORK };

static struct {
    struct address_group_row address_groups[ROWS_MAX];
    struct rule_row rules[2 * ROWS_MAX];
    struct group_row groups[ROWS_MAX];
    struct port_row ports[ROWS_MAX];
    struct acl_network_row networks[2];
    struct smap conntrack[ROWS_MAX];
    char *texts[TEXTS_MAX]; /* of all rows */
    size_t n_texts;
    struct uuid refs[2 * ROWS_MAX + 6 * ROWS_MAX][REFS_MAX];
    size_t n_refs;
    char *lists[3 * ROWS_MAX][REFS_MAX];
    size_t n_lists;
} db;

static struct {
    struct addr_set *sets[SETS_MAX];
    struct zone_policy zone; /* the one published last; holds references */
} published;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    vlog_set_levels(NULL, VLF_ANY_DESTINATION, VLL_OFF);
    return 0;
}

static struct uuid row_id(unsigned int table, uint32_t index)
{
    return (struct uuid){.parts = {table, index, 0, 0}};
}

static char *keep(char *text)
{
    if (text == NULL || db.n_texts == TEXTS_MAX)
        abort();
    db.texts[db.n_texts++] = text;
    return text;
}

/* One of the words of 'table', which ends with NULL, or any bytes. */
static char *any_text(struct input *input, const char *const *table)
{
    uint8_t kind = input_byte(input);
    size_t n = 0;
    char *text;

    while (table[n] != NULL)
        n++;
    if (kind < 0xc0)
        return keep(strdup(table[kind % n]));
    n = input_byte(input) % 48;
    text = calloc(1, n + 1);
    if (text != NULL)
        input_bytes(input, (uint8_t *)text, n);
    return keep(text);
}

/* NULL now and then. */
static const char *maybe_text(struct input *input, const char *const *table)
{
    return input_byte(input) & 1 ? any_text(input, table) : NULL;
}

static bool maybe_number(struct input *input, int64_t *number)
{
    uint8_t kind = input_byte(input);

    *number = kind & 2 ? (int16_t)input_16(input) : input_byte(input);
    if ((kind & 0x3c) == 0)
        *number *= INT64_C(0x100000001);
    return kind & 1;
}

static const char *const directions[] = {"ingress", "egress", "Ingress", "", NULL};
static const char *const ethertypes[] = {"IPv4",   "IPv6",   "ipv4", "0x0806",  "0x0800",
                                         "0x86dd", "0x88b5", "1",    "0x10000", NULL};
static const char *const protocols[] = {"tcp", "udp", "icmp", "icmpv6", "sctp", "any", "",
                                        "6",   "58",  "255",  "256",    "vrrp", NULL};
static const char *const cidrs[] = {"10.0.0.0/8",     "10.0.0.1",  "0.0.0.0/0", "::/0", "fd00::/64", "10.0.0.1/33",
                                    "::ffff:1.2.3.4", "fd00::1/8", "10.0.0",    "",     NULL};
static const char *const actions[] = {"allow", "allow-stateless", "deny", "reject", "pass", "drop", NULL};
static const char *const modes[] = {"enforce", "audit", "off", NULL};
static const char *const macs[] = {"02:00:00:00:00:01", "01:00:5e:00:00:01", "00:00:00:00:00:00", "02:00:00:00:00",
                                   NULL};
static const char *const flags[] = {"syn", "syn,!ack", "fin,rst,psh", "!syn,syn", "", "urg,,ack", "ece,cwr", NULL};
static const char *const names[] = {"a", "b", "c", "", "default", NULL};
static const char *const pairs[] = {"02:00:00:00:00:01",
                                    "02:00:00:00:00:01 10.0.0.1 fd00::1",
                                    "02:00:00:00:00:01 10.0.0.0/24",
                                    "00:00:5e:00:01:07 10.0.0.9",
                                    "00:00:5e:00:02:07 fe80::9",
                                    "02:00:00:00:00:02 10.0.0.1/24",
                                    "ff:ff:ff:ff:ff:ff",
                                    "10.0.0.1",
                                    "02:00:00:00:00:01 10.0.0.300",
                                    NULL};
static const char *const members[] = {"10.0.0.1", "10.0.0.0/8",  "fd00::/16", "0.0.0.0/0",
                                      "::/0",     "10.0.0.1/40", "x",         NULL};
static const char *const keys[] = {"max",
                                   "half-open",
                                   "pickup",
                                   "timeout-tcp_established",
                                   "timeout-udp_single",
                                   "timeout-icmp",
                                   "timeout-generic",
                                   "timeout-",
                                   "timeout-nothing",
                                   "other",
                                   NULL};
static const char *const values[] = {"0",    "1",     "100", "-1", "4294967295", "4294967296",
                                     "true", "false", "1x",  "",   NULL};

static void read_columns(struct input *input, struct acl_columns *c, bool is_acl)
{
    struct rule_columns *r = &c->rule;

    r->direction = maybe_text(input, directions);
    r->ethertype = maybe_text(input, ethertypes);
    r->protocol = maybe_text(input, protocols);
    r->has_port_min = maybe_number(input, &r->port_min);
    r->has_port_max = maybe_number(input, &r->port_max);
    r->has_icmp_type = maybe_number(input, &r->icmp_type);
    r->has_icmp_code = maybe_number(input, &r->icmp_code);
    r->remote_cidr = maybe_text(input, cidrs);
    if (!is_acl)
        return;
    c->action = any_text(input, actions);
    c->mode = maybe_text(input, modes);
    c->has_tier = maybe_number(input, &c->tier);
    c->has_priority = maybe_number(input, &c->priority);
    c->local_cidr = maybe_text(input, cidrs);
    c->has_src_port_min = maybe_number(input, &c->src_port_min);
    c->has_src_port_max = maybe_number(input, &c->src_port_max);
    c->src_mac = maybe_text(input, macs);
    c->dst_mac = maybe_text(input, macs);
    c->has_vlan = maybe_number(input, &c->vlan);
    c->tcp_flags = maybe_text(input, flags);
    c->has_dscp = maybe_number(input, &c->dscp);
}

static void read_rule(struct input *input, uint32_t index)
{
    struct rule_row *row = &db.rules[index];
    uint8_t kind = input_byte(input);

    *row = (struct rule_row){.id = row_id(TABLE_RULE, index), .is_acl = kind & 1, .log = kind & 2};
    row->name = maybe_text(input, names);
    read_columns(input, &row->columns, row->is_acl);
    row->has_remote_group = (kind & 0x1c) == 0x04;
    row->has_remote_addresses = (kind & 0x18) == 0x08;
    row->remote_group = row_id(TABLE_GROUP, input_byte(input) % (ROWS_MAX + 1));
    row->remote_addresses = row_id(TABLE_ADDRESSES, input_byte(input) % (ROWS_MAX + 1));
}

/* References to rows of 'table', some of which are not there. */
static struct uuid *read_refs(struct input *input, unsigned int table, uint32_t n_rows, size_t *n)
{
    struct uuid *refs = db.refs[db.n_refs++];

    *n = input_byte(input) % (REFS_MAX + 1);
    for (size_t i = 0; i < *n; i++)
        refs[i] = row_id(table, input_byte(input) % (n_rows + 1));
    return refs;
}

static char *const *read_list(struct input *input, const char *const *table, size_t *n)
{
    char **list = db.lists[db.n_lists++];

    *n = input_byte(input) % (REFS_MAX + 1);
    for (size_t i = 0; i < *n; i++)
        list[i] = any_text(input, table);
    return list;
}

static void read_group(struct input *input, uint32_t index)
{
    struct group_row *row = &db.groups[index];
    uint8_t kind = input_byte(input);

    *row = (struct group_row){.id = row_id(TABLE_GROUP, index),
                              .name = any_text(input, names),
                              .stateful = kind & 1,
                              .is_audit = (kind & 6) == 6,
                              .on_change = (enum rule_on_change)(kind >> 3 & 3) % 3};
    row->rules = read_refs(input, TABLE_RULE, 2 * ROWS_MAX, &row->n_rules);
}

static void read_port(struct input *input, uint32_t index)
{
    struct port_row *row = &db.ports[index];
    uint8_t kind = input_byte(input);

    *row = (struct port_row){.id = row_id(TABLE_PORT, index),
                             .name = any_text(input, names),
                             .port_security = kind & 1,
                             .enabled = kind & 6};
    row->addresses = read_list(input, pairs, &row->n_addresses);
    row->groups = read_refs(input, TABLE_GROUP, ROWS_MAX, &row->n_groups);
    row->acls = read_refs(input, TABLE_RULE, 2 * ROWS_MAX, &row->n_acls);
    for (uint8_t n = kind >> 4 & 3; n > 0; n--) {
        const char *key = any_text(input, keys);

        smap_replace(&db.conntrack[index], key, any_text(input, values));
    }
    row->conntrack = &db.conntrack[index];
}

static void read_network(struct input *input, uint32_t index)
{
    struct acl_network_row *row = &db.networks[index];

    *row = (struct acl_network_row){
        .id = row_id(TABLE_NETWORK, index), .name = any_text(input, names), .bridge = maybe_text(input, names)};
    maybe_number(input, &row->tag);
    row->acls = read_refs(input, TABLE_RULE, 2 * ROWS_MAX, &row->n_acls);
}

/* All rows from what is left of the input. */
static void read_rows(struct input *input, struct policy_rows *rows)
{
    uint8_t kind = input_byte(input);

    *rows = (struct policy_rows){.deny_unknown = kind & 1,
                                 .pick_up = kind & 2,
                                 .address_groups = db.address_groups,
                                 .n_address_groups = input_byte(input) % 4,
                                 .rules = db.rules,
                                 .n_rules = input_byte(input) % (2 * ROWS_MAX + 1),
                                 .groups = db.groups,
                                 .n_groups = input_byte(input) % (ROWS_MAX + 1),
                                 .ports = db.ports,
                                 .n_ports = input_byte(input) % (ROWS_MAX + 1),
                                 .networks = db.networks,
                                 .n_networks = kind >> 2 & 1};
    for (uint32_t i = 0; i < ROWS_MAX; i++)
        smap_init(&db.conntrack[i]);
    for (uint32_t i = 0; i < rows->n_rules; i++)
        read_rule(input, i);
    for (uint32_t i = 0; i < rows->n_groups; i++)
        read_group(input, i);
    for (uint32_t i = 0; i < rows->n_ports; i++)
        read_port(input, i);
    for (uint32_t i = 0; i < rows->n_address_groups; i++) {
        db.address_groups[i] =
            (struct address_group_row){.id = row_id(TABLE_ADDRESSES, i), .name = any_text(input, names)};
        db.address_groups[i].addresses = read_list(input, members, &db.address_groups[i].n_addresses);
    }
    for (uint32_t i = 0; i < rows->n_networks; i++)
        read_network(input, i);
}

static void free_rows(void)
{
    for (size_t i = 0; i < db.n_texts; i++)
        free(db.texts[i]);
    for (uint32_t i = 0; i < ROWS_MAX; i++)
        smap_destroy(&db.conntrack[i]);
    db.n_texts = db.n_refs = db.n_lists = 0;
}

static void ask_chain(const struct policy_chain *chain, const struct addr_sets *sets, const struct rule_query *query)
{
    const struct policy_rule *rule = policy_chain_decide(chain, sets, query);

    if (rule != NULL && rule->action == RULE_PASS)
        abort();
}

static void ask(const struct port_policy *policy, const struct addr_sets *sets, struct input *input)
{
    struct rule_query query = {.family = input_byte(input) & 1 ? RULE_IPV4 : RULE_IPV6,
                               .protocol = input_byte(input),
                               .has_ports = true,
                               .dst_port = input_16(input),
                               .src_port = input_16(input),
                               .tcp_flags = input_byte(input),
                               .dscp = input_byte(input) & 63,
                               .vlan = input_16(input) & 0xfff};

    if (query.family == RULE_IPV4)
        query.remote = query.local = inet_addr_from_v4(htonl(0x0a000000 | input_byte(input)));
    else
        input_bytes(input, query.remote.bytes, 16);
    ask_chain(policy->ingress, sets, &query);
    ask_chain(policy->egress, sets, &query);
    ask_chain(policy->ingress_audit, sets, &query);
    ask_chain(policy->egress_audit, sets, &query);
}

/* Stand for the data plane's, which would copy a snapshot's tables each time. */
int snapshot_set_address_set(struct snapshot *snapshot, uint32_t index, struct addr_set *set)
{
    if (index >= SETS_MAX)
        abort();
    addr_set_unref(published.sets[index]);
    published.sets[index] = set;
    return 0;
}

int snapshot_set_zone_policy(struct snapshot *snapshot, uint32_t zone, const struct zone_policy *policy)
{
    policy_chain_unref(published.zone.ingress);
    policy_chain_unref(published.zone.egress);
    policy_chain_unref(published.zone.ingress_audit);
    policy_chain_unref(published.zone.egress_audit);
    published.zone = policy != NULL ? *policy : (struct zone_policy){.zone = 0};
    return 0;
}

static uint16_t bridge_index(void *aux, const char *name)
{
    return name[0] == 'a' ? 1 : 0;
}

/* What control does after a change of the database. */
static void take_effect(struct policies *policies, struct input *input)
{
    struct addr_sets sets = {.n = SETS_MAX, .sets = published.sets};
    size_t n_ended;

    policies_place_networks(policies, bridge_index, NULL);
    if (policies_publish(policies, NULL, NULL) != 0)
        abort();
    free(policies_take_ended(policies, &n_ended));
    for (size_t i = 0; names[i] != NULL; i++) {
        struct port_policy policy;
        uint64_t version;

        if (!policies_lookup(policies, NULL, names[i], &policy, &version))
            continue;
        ask(&policy, &sets, input);
        port_policy_unref(&policy);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policies *policies = policies_create();
    struct input input = {data, size};

    /* The rows and what becomes of them three times at most. */
    for (int i = 0; i < 3 && (i == 0 || input.left > 0); i++) {
        struct policy_rows rows;

        read_rows(&input, &rows);
        policies_apply(policies, &rows);
        take_effect(policies, &input);
        free_rows();
    }
    policies_destroy(policies);
    for (uint32_t i = 0; i < SETS_MAX; i++)
        snapshot_set_address_set(NULL, i, NULL);
    snapshot_set_zone_policy(NULL, 0, NULL);
    return 0;
}
