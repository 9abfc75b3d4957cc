// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/control/policies_fixture.h"

/* Group expansion against a naive model that walks the rows for every question, while rows change at random. */

#define SEED      311u
#define N_GROUPS  6
#define N_RULES   24
#define N_PORTS   20
#define N_STEPS   400
#define N_ASKED   40
#define MANY      10000 /* members of one group */
#define ADDRESSES 64    /* distinct addresses in use, 10.0.0.0 and up */

static unsigned int pick(unsigned int n)
{
    return (unsigned int)random() % n;
}

static void random_addresses(size_t port)
{
    char text[128];

    snprintf(text, sizeof text, "02:00:00:00:00:01 10.0.0.%u 10.0.0.%u, 02:00:00:00:00:02 10.0.0.%u", pick(ADDRESSES),
             pick(ADDRESSES), pick(ADDRESSES));
    set_addresses(port, text);
}

static void random_remote(size_t rule)
{
    struct rule_row *row = &world.rows.rules[rule];

    row->has_remote_group = pick(3) != 0;
    row->remote_group = row_id(TABLE_GROUP, pick(N_GROUPS));
    row->columns.rule.remote_cidr = !row->has_remote_group && pick(2) ? "10.0.0.16/28" : NULL;
}

static void random_groups(size_t port)
{
    leave_all(port);
    for (size_t group = 0; group < N_GROUPS; group++) {
        if (pick(3) == 0)
            join(port, group);
    }
}

static void random_world(void)
{
    for (size_t i = 0; i < N_GROUPS; i++)
        add_group("g");
    for (size_t i = 0; i < N_RULES; i++) {
        add_rule(pick(N_GROUPS), NULL, pick(2) ? "ingress" : "egress", pick(2) ? (int)(80 + pick(3)) : 0);
        random_remote(i);
    }
    for (size_t i = 0; i < N_PORTS; i++) {
        char name[16];

        snprintf(name, sizeof name, "vm%zu", i);
        add_port(name, "");
        random_addresses(i);
        random_groups(i);
    }
}

static void random_change(void)
{
    switch (pick(4)) {
    case 0:
        random_addresses(pick(N_PORTS));
        break;
    case 1:
        random_groups(pick(N_PORTS));
        break;
    case 2:
        random_remote(pick(N_RULES));
        break;
    default:
        /* The last ports come and go. */
        world.rows.n_ports = N_PORTS - pick(4);
        break;
    }
}

static bool row_names(const struct uuid *list, size_t n, const struct uuid *id)
{
    for (size_t i = 0; i < n; i++) {
        if (memcmp(&list[i], id, sizeof *id) == 0)
            return true;
    }
    return false;
}

static bool model_is_member(const struct uuid *group, const char *addr)
{
    for (size_t i = 0; i < world.rows.n_ports; i++) {
        const struct port_row *port = &world.rows.ports[i];

        if (!row_names(port->groups, port->n_groups, group))
            continue;
        for (size_t j = 0; j < port->n_addresses; j++) {
            char words[128];

            snprintf(words, sizeof words, "%s", port->addresses[j]);
            for (char *save, *word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
                if (strcmp(word, addr) == 0)
                    return true;
            }
        }
    }
    return false;
}

static bool model_rule_allows(const struct rule_row *rule, const char *direction, const char *addr, unsigned int last,
                              uint16_t tcp_port)
{
    if (strcmp(rule->columns.rule.direction, direction) != 0)
        return false;
    if (rule->columns.rule.has_port_min && rule->columns.rule.port_min != tcp_port)
        return false;
    if (rule->has_remote_group)
        return model_is_member(&rule->remote_group, addr);
    return rule->columns.rule.remote_cidr == NULL || last >> 4 == 1;
}

static bool model_allows(const struct port_row *port, const char *direction, const char *addr, unsigned int last,
                         uint16_t tcp_port)
{
    for (size_t g = 0; g < world.rows.n_groups; g++) {
        const struct group_row *group = &world.rows.groups[g];

        if (!row_names(port->groups, port->n_groups, &group->id))
            continue;
        for (size_t r = 0; r < world.rows.n_rules; r++) {
            const struct rule_row *rule = &world.rows.rules[r];

            if (row_names(group->rules, group->n_rules, &rule->id) &&
                model_rule_allows(rule, direction, addr, last, tcp_port))
                return true;
        }
    }
    return false;
}

static void ask_at_random(void)
{
    const struct port_row *port = &world.rows.ports[pick((unsigned int)world.rows.n_ports)];
    bool ingress = pick(2);
    unsigned int last = pick(ADDRESSES);
    uint16_t tcp_port = (uint16_t)(80 + pick(4));
    char addr[32];

    snprintf(addr, sizeof addr, "10.0.0.%u", last);

    int64_t rule = allowed_by(port->name, ingress ? RULE_INGRESS : RULE_EGRESS, addr, tcp_port);

    if (port->n_groups == 0)
        assert_int_equal(rule, -1);
    else
        assert_int_equal(rule > 0, model_allows(port, ingress ? "ingress" : "egress", addr, last, tcp_port));
}

static void random_rows_agree_with_model(void **state)
{
    printf("seed %u\n", SEED);
    srandom(SEED);
    random_world();
    for (int i = 0; i < N_STEPS; i++) {
        random_change();
        apply();
        for (int j = 0; j < N_ASKED; j++)
            ask_at_random();
    }
    world.rows.n_ports = N_PORTS;
}

/* The two policies of a port that was not touched, and how often flows of it had to be decided again. */
static void one_member_of_many_changes_one_set(void **state)
{
    size_t big = add_group("big");
    size_t asking = add_group("asking");

    add_rule_from_group(asking, NULL, "ingress", big);
    join(add_port("asks", ""), asking);
    for (unsigned int i = 0; i < MANY; i++) {
        char text[64];

        snprintf(text, sizeof text, "02:00:00:00:%02x:%02x 10.1.%u.%u", i >> 8, i & 255, i >> 8, i & 255);
        join(add_port(text + 18, text), big);
    }
    apply();
    assert_int_equal(addr_set_count(world.published[1]), MANY);

    const struct policy_chain *compiled = policy_of(0)->ingress;
    uint64_t asks = version_of("asks");
    uint64_t member = version_of("10.1.0.7");

    world.n_published = 0;
    set_addresses(1 + 5, "02:00:00:00:00:05 10.2.0.5");
    assert_true(apply());
    assert_int_equal(world.n_published, 1);
    assert_ptr_equal(policy_of(0)->ingress, compiled);
    assert_true(version_of("asks") != asks);
    assert_int_equal(version_of("10.1.0.7"), member);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_create, world_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_rows_agree_with_model),
        TEST(one_member_of_many_changes_one_set),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
