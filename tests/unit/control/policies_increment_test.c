// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/control/policies_fixture.h"

#include <smap.h>

/* Changes that are followed one by one, against all rows read from the start: both must say the same of every port. */

#define SEED        1207u
#define N_GROUPS    7
#define N_ADDRESSES 3
#define N_RULES     30
#define N_ACLS      20
#define N_PORTS     12
#define N_STEPS     1500
#define TEXT_MAX    200000

/* A row that may be there or not, and whether the incremental side knows. */
struct mark {
    bool there;
    bool dirty;
    bool known;
};

static struct mark group_marks[N_GROUPS], address_marks[N_ADDRESSES], rule_marks[N_RULES + N_ACLS], port_marks[N_PORTS];
static struct smap *conntrack[N_PORTS];

static unsigned int pick(unsigned int n)
{
    return (unsigned int)random() % n;
}

static void touch(struct mark *mark)
{
    mark->there = pick(8) != 0;
    mark->dirty = true;
}

static void random_match(struct rule_row *row)
{
    static const char *const protocols[] = {"tcp", "udp", "carrier-pigeon", NULL};
    unsigned int remote = pick(5);

    row->log = pick(4) == 0;
    row->columns.rule.direction = pick(2) ? "ingress" : "egress";
    row->columns.rule.protocol = protocols[pick(8) == 0 ? 2 : pick(2) ? 0 : 3];
    row->columns.rule.has_port_min = row->columns.rule.protocol != NULL && pick(2);
    row->columns.rule.port_min = 80 + pick(3);
    row->has_remote_group = remote == 0 || remote == 1;
    row->remote_group = row_id(TABLE_GROUP, pick(N_GROUPS));
    row->has_remote_addresses = remote == 2;
    row->remote_addresses = row_id(TABLE_ADDRESSES, pick(N_ADDRESSES));
    row->columns.rule.remote_cidr = remote == 3 ? "10.0.0.16/28" : NULL;
}

static void random_rule(size_t i)
{
    static const char *const actions[] = {"allow", "allow-stateless", "deny", "reject", "pass"};
    struct rule_row *row = &world.rows.rules[i];

    random_match(row);
    if (row->is_acl) {
        row->columns.action = actions[pick(5)];
        row->columns.mode = pick(4) == 0 ? "audit" : NULL;
        row->columns.has_tier = row->columns.has_priority = true;
        row->columns.tier = pick(20) == 0 ? 9 : pick(3);
        row->columns.priority = pick(4);
    }
    touch(&rule_marks[i]);
}

static void random_group(size_t i)
{
    struct group_row *row = &world.rows.groups[i];

    row->stateful = pick(3) != 0;
    row->is_audit = pick(4) == 0;
    row->on_change = (enum rule_on_change)pick(3);
    free(row->rules);
    row->rules = NULL;
    row->n_rules = 0;
    for (size_t r = 0; r < N_RULES; r++) {
        if (pick(5) != 0)
            continue;
        row->rules = grown(row->rules, row->n_rules, sizeof *row->rules);
        row->rules[row->n_rules++] = row_id(TABLE_RULE, r);
    }
    touch(&group_marks[i]);
}

static void random_port(size_t i)
{
    struct port_row *row = &world.rows.ports[i];
    char text[96];

    snprintf(text, sizeof text, "02:00:00:00:00:01 10.0.0.%u, 02:00:00:00:00:02 10.0.0.%u", pick(32), pick(32));
    set_addresses(i, text);
    row->enabled = pick(8) != 0;
    row->port_security = pick(2);
    row->n_groups = row->n_acls = 0;
    for (size_t g = 0; g < N_GROUPS; g++) {
        if (pick(4) == 0)
            join(i, g);
    }
    for (size_t a = N_RULES; a < N_RULES + N_ACLS; a++) {
        if (pick(8) == 0)
            list_acl(i, a);
    }
    smap_clear(conntrack[i]);
    if (pick(3) == 0)
        smap_add_format(conntrack[i], "max", "%u", pick(4));
    row->conntrack = conntrack[i];
    touch(&port_marks[i]);
}

static void random_addresses(size_t i)
{
    struct address_group_row *row = &world.rows.address_groups[i];
    char text[64];

    snprintf(text, sizeof text, "10.0.0.%u, 10.0.0.%u/%u", pick(32), pick(32), 24 + pick(10));
    texts_free(row->addresses, row->n_addresses);
    row->addresses = texts_of(text, &row->n_addresses);
    touch(&address_marks[i]);
}

static void random_world(void)
{
    char name[16];

    for (size_t i = 0; i < N_GROUPS; i++) {
        snprintf(name, sizeof name, "g%zu", i);
        add_group(name);
        random_group(i);
    }
    for (size_t i = 0; i < N_ADDRESSES; i++) {
        add_address_group("a", "");
        random_addresses(i);
    }
    for (size_t i = 0; i < N_RULES + N_ACLS; i++) {
        if (i < N_RULES)
            new_rule(NULL, "ingress", 0);
        else
            new_acl(NULL, "ingress", "deny", 0);
        random_rule(i);
    }
    for (size_t i = 0; i < N_PORTS; i++) {
        snprintf(name, sizeof name, "vm%zu", i);
        add_port(name, "");
        conntrack[i] = xmalloc(sizeof *conntrack[i]);
        smap_init(conntrack[i]);
        random_port(i);
    }
}

static void random_change(void)
{
    switch (pick(5)) {
    case 0:
        random_group(pick(N_GROUPS));
        break;
    case 1:
        random_addresses(pick(N_ADDRESSES));
        break;
    case 2:
        random_port(pick(N_PORTS));
        break;
    default:
        random_rule(pick(N_RULES + N_ACLS));
        break;
    }
}

/* Copies the rows that are there, or of those that the incremental side does not know. Clears the marks then. */
static void *select_rows(const void *rows, size_t size, struct mark *marks, size_t n, struct policy_rows *out,
                         size_t *n_out)
{
    char *list = calloc(n, size);

    assert_non_null(list);
    *n_out = 0;
    for (size_t i = 0; i < n; i++) {
        const char *row = (const char *)rows + i * size;

        if (marks[i].there && (!out->is_partial || marks[i].dirty))
            memcpy(list + (*n_out)++ * size, row, size);
        if (!out->is_partial)
            continue;
        if (!marks[i].there && marks[i].dirty && marks[i].known)
            out->gone.ids[out->gone.n++] = *(const struct uuid *)row; /* rows begin with it */
        marks[i].known = marks[i].there;
        marks[i].dirty = false;
    }
    return list;
}

static void apply_to(struct policies *policies, bool is_partial)
{
    const struct policy_rows *rows = &world.rows;
    struct uuid gone[N_GROUPS + N_ADDRESSES + N_RULES + N_ACLS + N_PORTS];
    struct policy_rows some = {.pick_up = rows->pick_up, .is_partial = is_partial, .gone = {.ids = gone}};

    some.groups = select_rows(rows->groups, sizeof *rows->groups, group_marks, N_GROUPS, &some, &some.n_groups);
    some.address_groups = select_rows(rows->address_groups, sizeof *rows->address_groups, address_marks, N_ADDRESSES,
                                      &some, &some.n_address_groups);
    some.rules = select_rows(rows->rules, sizeof *rows->rules, rule_marks, N_RULES + N_ACLS, &some, &some.n_rules);
    some.ports = select_rows(rows->ports, sizeof *rows->ports, port_marks, N_PORTS, &some, &some.n_ports);
    policies_apply(policies, &some);
    assert_int_equal(policies_publish(policies, NULL, NULL), 0);
    free(some.groups);
    free(some.address_groups);
    free(some.rules);
    free(some.ports);
}

static char text[2][TEXT_MAX];
static size_t length;

/* A rule in several groups may be called by the name of any. */
static const char *short_name(const struct policies *policies, uint32_t id)
{
    const char *name = policies_rule_name(policies, id);
    const char *slash = name != NULL ? strchr(name, '/') : NULL;

    return slash == NULL ? "-" : strcmp(slash, "/default") == 0 ? name : slash;
}

static void describe_chain(const struct policies *policies, const struct policy_chain *chain, char *out)
{
    length += (size_t)snprintf(out + length, TEXT_MAX - length, " chain:");
    for (unsigned int last = 0; chain != NULL && last < 32; last += 3) {
        for (uint16_t port = 80; port < 84; port++) {
            char remote[32];
            const struct policy_rule *rule;

            snprintf(remote, sizeof remote, "10.0.0.%u", last);
            rule = decided(chain, remote, port);
            length += (size_t)snprintf(out + length, TEXT_MAX - length, " %d", rule != NULL ? rule->action : -1);
            if (rule != NULL && (rule->action == RULE_DENY || rule->action == RULE_REJECT))
                length += (size_t)snprintf(out + length, TEXT_MAX - length, "%s", short_name(policies, rule->id));
        }
    }
}

static void describe_port(const struct policies *policies, size_t i, char *out)
{
    const struct logical_port *port = policies_port(policies, &world.rows.ports[i].id);

    if (port == NULL)
        return;
    length += (size_t)snprintf(out + length, TEXT_MAX - length, "\n%s rules=%zu broken=%d max=%u error=%s warning=%d",
                               port->name, port->n_rules, port->policy.broken, port->policy.limits.max,
                               port->error != NULL && strncmp(port->error, "ACL", 3) == 0 ? "ACL"
                               : port->error != NULL                                      ? port->error
                                                                                          : "",
                               port->warning != NULL);
    describe_chain(policies, port->policy.ingress, out);
    describe_chain(policies, port->policy.egress, out);
    describe_chain(policies, port->policy.ingress_audit, out);
    describe_chain(policies, port->policy.egress_audit, out);
}

static void describe(const struct policies *policies, char *out)
{
    length = 0;
    for (size_t i = 0; i < N_PORTS; i++)
        describe_port(policies, i, out);
}

/* What all rows read from the start come to. */
static void describe_afresh(char *out)
{
    struct addr_set *published[WORLD_SETS];
    struct policies *fresh = policies_create();

    memcpy(published, world.published, sizeof published);
    memset(world.published, 0, sizeof world.published);
    apply_to(fresh, false);
    describe(fresh, out);
    for (size_t i = 0; i < WORLD_SETS; i++)
        addr_set_unref(world.published[i]);
    memcpy(world.published, published, sizeof published);
    policies_destroy(fresh);
}

static void changes_followed_say_what_all_rows_say(void **state)
{
    printf("seed %u\n", SEED);
    srandom(SEED);
    random_world();
    for (int i = 0; i < N_STEPS; i++) {
        for (unsigned int j = pick(4); j > 0; j--)
            random_change();
        world.rows.pick_up = pick(2);
        apply_to(world.policies, true);
        describe(world.policies, text[0]);
        describe_afresh(text[1]);
        assert_in_range(length, 1, TEXT_MAX - 1);
        assert_string_equal(text[0], text[1]);
    }
    for (size_t i = 0; i < N_PORTS; i++) {
        smap_destroy(conntrack[i]);
        free(conntrack[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(changes_followed_say_what_all_rows_say, world_create, world_destroy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
