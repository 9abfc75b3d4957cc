// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <rte_acl.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/classifiers_bench.h"

/* DPDK's ACL library, asked for one packet at a time as the first packet of a flow is. */

struct input {
    uint8_t protocol;
    uint8_t unused[3];
    uint32_t remote, local; /* network order */
    uint16_t port;          /* network order */
    uint16_t src_port;      /* fields come in fours of bytes */
};

enum { PROTOCOL, REMOTE, LOCAL, PORT, SRC_PORT, N_FIELDS };
RTE_ACL_RULE_DEF(acl_rule, N_FIELDS);

static const struct rte_acl_field_def fields[N_FIELDS] = {
    {RTE_ACL_FIELD_TYPE_BITMASK, 1, PROTOCOL, 0, offsetof(struct input, protocol)},
    {RTE_ACL_FIELD_TYPE_MASK, 4, REMOTE, 1, offsetof(struct input, remote)},
    {RTE_ACL_FIELD_TYPE_MASK, 4, LOCAL, 2, offsetof(struct input, local)},
    {RTE_ACL_FIELD_TYPE_RANGE, 2, PORT, 3, offsetof(struct input, port)},
    {RTE_ACL_FIELD_TYPE_RANGE, 2, SRC_PORT, 3, offsetof(struct input, src_port)},
};

static void set_prefix(struct rte_acl_field *field, bool given, const struct inet_prefix *prefix)
{
    field->value.u32 = given ? ntohl(inet_addr_v4(&prefix->addr)) : 0;
    field->mask_range.u32 = given ? prefix->len - 96u : 0;
}

static void *acl_build(const struct bench_rules *rules)
{
    const struct rte_acl_param param = {.name = "bench",
                                        .socket_id = SOCKET_ID_ANY,
                                        .rule_size = RTE_ACL_RULE_SZ(N_FIELDS),
                                        .max_rule_num = (uint32_t)rules->n_expanded};
    struct rte_acl_config config = {.num_categories = 1, .num_fields = N_FIELDS, .max_size = ENGINE_MEMORY_MAX};
    struct rte_acl_ctx *ctx = rte_acl_create(&param);
    bool ok = ctx != NULL;

    memcpy(config.defs, fields, sizeof fields);
    for (size_t i = 0; i < rules->n_expanded && ok; i++) {
        const struct rule *rule = &rules->expanded[i];
        struct acl_rule acl = {.data = {.userdata = rule->id,
                                        .category_mask = 1,
                                        .priority = (int32_t)(RTE_ACL_MAX_PRIORITY - (int32_t)rule->id)}};

        acl.field[PROTOCOL].value.u8 = rule->protocol == RULE_PROTOCOL_ANY ? 0 : (uint8_t)rule->protocol;
        acl.field[PROTOCOL].mask_range.u8 = rule->protocol == RULE_PROTOCOL_ANY ? 0 : 0xff;
        set_prefix(&acl.field[REMOTE], rule->remote == RULE_REMOTE_PREFIX, &rule->prefix);
        set_prefix(&acl.field[LOCAL], rule->conditions & RULE_IF_LOCAL, &rule->local);
        acl.field[PORT].value.u16 = rule->port_min;
        acl.field[PORT].mask_range.u16 = rule->port_max;
        acl.field[SRC_PORT].mask_range.u16 = UINT16_MAX;
        ok = rte_acl_add_rules(ctx, (const struct rte_acl_rule *)&acl, 1) == 0;
    }
    if (ok && rte_acl_build(ctx, &config) == 0)
        return ctx;
    rte_acl_free(ctx);
    return NULL;
}

static uint32_t acl_match(const void *engine, const struct bench_rules *rules, const struct rule_query *query)
{
    struct input input = {.protocol = query->protocol,
                          .remote = inet_addr_v4(&query->remote),
                          .local = inet_addr_v4(&query->local),
                          .port = htons(query->dst_port)};
    const uint8_t *data = (const uint8_t *)&input;
    uint32_t result = 0;

    (void)rules;
    rte_acl_classify(engine, &data, &result, 1, 1);
    return result;
}

static void acl_destroy(void *engine)
{
    rte_acl_free(engine);
}

static size_t acl_memory(void)
{
    struct rte_malloc_socket_stats stats;

    return rte_malloc_get_socket_stats(0, &stats) == 0 ? stats.heap_allocsz_bytes : 0;
}

const struct engine engine_rte_acl = {
    .name = "rte_acl", .build = acl_build, .match = acl_match, .destroy = acl_destroy, .memory = acl_memory};
