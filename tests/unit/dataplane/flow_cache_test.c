// SPDX-License-Identifier: Apache-2.0
/* The flow cache against a naive model: a plain list of what was put in and not taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/flow_cache.h"

#define MODEL_MAX 4096

/* Every living flow, by key; the cache tells it what it pushes out. */
struct model {
    struct flow_key keys[MODEL_MAX];
    uint32_t marks[MODEL_MAX];
    int n;
};

static int model_find(const struct model *model, const struct flow_key *key)
{
    for (int i = 0; i < model->n; i++) {
        if (memcmp(&model->keys[i], key, sizeof *key) == 0)
            return i;
    }
    return -1;
}

static void model_remove(void *aux, struct flow_entry *entry)
{
    struct model *model = aux;
    struct flow_key key;
    int i;

    flow_entry_key(entry, &key);
    i = model_find(model, &key);
    assert_true(i >= 0);
    assert_int_equal(model->marks[i], entry->session);
    model->n--;
    model->keys[i] = model->keys[model->n];
    model->marks[i] = model->marks[model->n];
}

static struct flow_key random_key(unsigned int *seed)
{
    struct flow_key key;

    memset(&key, 0, sizeof key);
    key.attachment = 1 + (uint32_t)rand_r(seed) % 4;
    switch (rand_r(seed) % 3) {
    case 0:
        key.kind = PACKET_IPV6;
        key.v6_dst[15] = (uint8_t)(rand_r(seed) % 200);
        break;
    case 1:
        key.kind = PACKET_IPV4;
        key.v4.dst = (uint32_t)rand_r(seed) % 400;
        break;
    default:
        key.kind = PACKET_L2;
        key.src_mac[5] = (uint8_t)(rand_r(seed) % 100);
        break;
    }
    return key;
}

static void check_all(const struct flow_cache *cache, const struct model *model)
{
    for (int i = 0; i < model->n; i++) {
        struct flow_entry *entry = flow_cache_find(cache, &model->keys[i], flow_cache_hash(cache, &model->keys[i]));

        assert_non_null(entry);
        assert_int_equal(entry->session, model->marks[i]);
    }
    assert_int_equal(cache->n_flows, model->n);
}

static void run_history(uint32_t n_lines)
{
    static struct model model;
    unsigned int seed = 3;
    struct flow_cache cache;

    model.n = 0;
    assert_int_equal(flow_cache_init(&cache, n_lines, model_remove, &model), 0);
    for (uint32_t step = 1; step <= 60000; step++) {
        struct flow_key key = random_key(&seed);
        uint32_t hash = flow_cache_hash(&cache, &key);
        struct flow_entry *entry = flow_cache_find(&cache, &key, hash);
        int in_model = model_find(&model, &key);

        assert_int_equal(entry != NULL, in_model >= 0);
        if (entry != NULL && rand_r(&seed) % 3 == 0) {
            flow_cache_remove(&cache, entry);
        } else if (entry == NULL) {
            entry = flow_cache_insert(&cache, &key, hash, (uint16_t)key.attachment, step);
            assert_non_null(entry);
            entry->session = step;
            model.keys[model.n] = key;
            model.marks[model.n++] = step;
        }
        if (step % 500 == 0)
            check_all(&cache, &model);
    }
    check_all(&cache, &model);
    flow_cache_fini(&cache);
}

static void random_histories_of_a_full_table_match_the_model(void **state)
{
    run_history(512);
}

static void random_histories_of_a_half_full_table_match_the_model(void **state)
{
    run_history(4096);
}

static void forget(void *aux, struct flow_entry *entry)
{
    (*(int *)aux)++;
}

static struct flow_key key_of(uint32_t attachment, uint32_t number)
{
    struct flow_key key;

    memset(&key, 0, sizeof key);
    key.attachment = attachment;
    key.kind = PACKET_IPV4;
    key.v4.dst = number;
    return key;
}

static void port_over_its_share_pushes_out_only_its_own(void **state)
{
    struct flow_cache cache;
    int removed = 0, kept = 0;

    assert_int_equal(flow_cache_init(&cache, 1024, forget, &removed), 0);
    flow_cache_set_share(&cache, 8);
    for (uint32_t i = 0; i < 100; i++) {
        struct flow_key key = key_of(1, i);

        assert_non_null(flow_cache_insert(&cache, &key, flow_cache_hash(&cache, &key), 1, 1));
    }
    for (uint32_t i = 0; i < 20000; i++) {
        struct flow_key key = key_of(2, i);

        flow_cache_insert(&cache, &key, flow_cache_hash(&cache, &key), 2, 1000);
        assert_true(cache.port_lines[2] <= cache.share);
    }
    for (uint32_t i = 0; i < 100; i++) {
        struct flow_key key = key_of(1, i);

        kept += flow_cache_find(&cache, &key, flow_cache_hash(&cache, &key)) != NULL;
    }
    assert_true(kept > 80); /* sets that were full before the share was used up may have lost one */
    flow_cache_fini(&cache);
}

static void address_bytes_of_ipv6_flow_match_no_other_key(void **state)
{
    struct flow_cache cache;
    struct flow_key six, four;
    int removed = 0;
    uint32_t hash;

    /* A guest picks IPv6 addresses whose bytes are another guest's IPv4 key; all lines are one set here. */
    assert_int_equal(flow_cache_init(&cache, FLOW_SET_LINES, forget, &removed), 0);
    four = key_of(1, 99);
    memset(&six, 0, sizeof six);
    six.kind = PACKET_IPV6;
    memcpy(six.v6_src, &four, 32);
    hash = flow_cache_hash(&cache, &six);
    assert_non_null(flow_cache_insert(&cache, &six, hash, 2, 1));
    assert_non_null(flow_cache_find(&cache, &six, hash));
    for (hash = 0; hash < FLOW_SET_LINES; hash++)
        assert_null(flow_cache_find(&cache, &four, hash));
    flow_cache_fini(&cache);
}

static void oldest_of_the_set_makes_room(void **state)
{
    struct flow_cache cache;
    int removed = 0;

    assert_int_equal(flow_cache_init(&cache, FLOW_SET_LINES, forget, &removed), 0);
    for (uint32_t i = 0; i < 5; i++) {
        struct flow_key key = key_of(1, i);

        assert_non_null(flow_cache_insert(&cache, &key, flow_cache_hash(&cache, &key), 1, i == 2 ? 1 : 10 + i));
    }
    assert_int_equal(removed, 1);
    for (uint32_t i = 0; i < 5; i++) {
        struct flow_key key = key_of(1, i);

        assert_int_equal(flow_cache_find(&cache, &key, flow_cache_hash(&cache, &key)) != NULL, i != 2);
    }
    flow_cache_fini(&cache);
}

static uint32_t spilled_flows(const struct flow_cache *cache)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i <= cache->set_mask; i++)
        n += cache->spilled[i];
    return n;
}

static void flows_of_a_half_full_table_push_out_no_other(void **state)
{
    const uint32_t n_lines = 1u << 16, n_flows = n_lines / 2;
    struct flow_cache cache;
    int removed = 0;

    assert_int_equal(flow_cache_init(&cache, n_lines, forget, &removed), 0);
    for (uint32_t i = 0; i < n_flows; i++) {
        struct flow_key key = key_of(1, i);

        assert_non_null(flow_cache_insert(&cache, &key, flow_cache_hash(&cache, &key), 1, 1));
    }
    assert_true(removed < 300); /* both sets of a flow may be full; with one set only it is some 1200 */
    assert_int_equal(cache.lines_used, n_flows - (uint32_t)removed);
    assert_true(spilled_flows(&cache) > 500);
    for (uint32_t i = 0; i < n_flows; i++) {
        struct flow_key key = key_of(1, i);
        struct flow_entry *entry = flow_cache_find(&cache, &key, flow_cache_hash(&cache, &key));

        if (entry != NULL)
            flow_cache_remove(&cache, entry);
    }
    assert_int_equal(removed, n_flows); /* so each was found that had not been pushed out */
    assert_int_equal(spilled_flows(&cache), 0);
    assert_int_equal(cache.lines_used, 0);
    flow_cache_fini(&cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_histories_of_a_full_table_match_the_model),
        cmocka_unit_test(random_histories_of_a_half_full_table_match_the_model),
        cmocka_unit_test(flows_of_a_half_full_table_push_out_no_other),
        cmocka_unit_test(port_over_its_share_pushes_out_only_its_own),
        cmocka_unit_test(address_bytes_of_ipv6_flow_match_no_other_key),
        cmocka_unit_test(oldest_of_the_set_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
