// SPDX-License-Identifier: Apache-2.0
/* What admission counts and logs of ARP from guest 1 to guest 2. */
#include "tests/unit/dataplane/world_fixture.h"

#include "dataplane/rule_counters.h"
#include "dataplane/verdict_log.h"

#define DEFAULT_RULE 98

static struct world w;

static int start(void **state)
{
    world_start(&w);
    world_guests(&w, 2);
    world_learn(&w, 2);
    assert_int_equal(rule_counters_init(), 0);
    assert_int_equal(rule_counters_prepare(0), 0);
    rule_counters_begin(1);
    rule_counters_begin(DEFAULT_RULE);
    return 0;
}

static int stop(void **state)
{
    world_stop(&w);
    return 0;
}

/* A group without rules, behind an ACL (NULL: none). */
static struct policy_chain *chain_behind(const struct rule *acl)
{
    const struct policy_rule refusal = {.id = DEFAULT_RULE, .action = RULE_DENY, .log = true};
    struct policy *groups = policy_compile(NULL, 0), *tier = policy_compile(acl, acl != NULL);
    struct policy_chain *chain = policy_chain_create(&tier, 1, groups, &refusal);

    assert_non_null(chain);
    policy_unref(tier);
    policy_unref(groups);
    return chain;
}

static void police(struct port_policy policy)
{
    world_attach(&w, 2, (struct attachment){.has_policy = true, .policy = policy});
    world_publish(&w);
}

static enum drop_reason send_arp(void)
{
    struct frame arp = {.len = 0};

    frame_put_mac(&arp, "02:00:00:00:00:02");
    frame_put_mac(&arp, "02:00:00:00:00:01");
    frame_put_arp(&arp, 1, "02:00:00:00:00:01", "10.0.0.1", "10.0.0.2");
    return world_resolve(&w, 1, &arp);
}

static uint64_t hits_of(uint32_t rule)
{
    struct rule_counter sum;

    rule_counters_sum(rule, &sum);
    return sum.hits;
}

static void arp_is_no_verdict_of_a_group(void **state)
{
    struct verdict_event event;

    police((struct port_policy){.ingress = chain_behind(NULL)});
    assert_int_equal(send_arp(), DROP_NONE);
    police((struct port_policy){.ingress_audit = chain_behind(NULL)});
    assert_int_equal(send_arp(), DROP_NONE);
    assert_int_equal(hits_of(DEFAULT_RULE), 0);
    assert_int_equal(w.resolution.rules.audit, 0);
    assert_false(verdict_log_take(&event));
}

static void arp_that_an_acl_denies_is_counted_and_logged_once_as_arp(void **state)
{
    struct rule deny = world_rule(1, RULE_PROTOCOL_ANY, 0);
    struct verdict_event event;

    deny.action = RULE_DENY;
    deny.conditions = RULE_IF_ETHERTYPE;
    deny.ethertype = 0x0806;
    deny.log = true;
    police((struct port_policy){.ingress = chain_behind(&deny)});
    assert_int_equal(send_arp(), DROP_POLICY_INGRESS);
    assert_int_equal(hits_of(1), 1);
    assert_true(verdict_log_take(&event));
    assert_true(event.is_arp);
    assert_int_equal(event.tuple.protocol, 0);
    assert_false(verdict_log_take(&event));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(arp_is_no_verdict_of_a_group),
        TEST(arp_that_an_acl_denies_is_counted_and_logged_once_as_arp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
