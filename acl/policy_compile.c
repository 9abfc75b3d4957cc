// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>

#include "acl/policy_build.h"

bool array_grow(void **array, size_t *max, size_t n, size_t more, size_t item_size)
{
    size_t wanted = *max;
    void *grown;

    if (n + more <= *max)
        return true;
    while (wanted < n + more)
        wanted = wanted < 8 ? 8 : 2 * wanted;
    grown = realloc(*array, wanted * item_size);
    if (grown == NULL)
        return false;
    *array = grown;
    *max = wanted;
    return true;
}

struct ordering {
    place_compare *compare; /* NULL: keys say all */
};

static int compare_places(const void *a, const void *b, void *ordering)
{
    const struct place *left = a, *right = b;
    place_compare *compare = ((const struct ordering *)ordering)->compare;
    int order = 0;

    if (left->key != right->key)
        return left->key > right->key ? 1 : -1;
    if (compare != NULL)
        order = compare(left, right);
    return order != 0 ? order : (left->rule > right->rule) - (left->rule < right->rule);
}

void places_sort(struct place *places, size_t n, place_compare *compare)
{
    struct ordering ordering = {.compare = compare};
    size_t sorted = 1;

    while (sorted < n && compare_places(&places[sorted - 1], &places[sorted], &ordering) <= 0)
        sorted++;
    if (sorted < n)
        qsort_r(places, n, sizeof *places, compare_places, &ordering);
}

static bool is_whole_family(const struct inet_prefix *prefix)
{
    return prefix->len == (inet_addr_is_v4(&prefix->addr) ? 96 : 0);
}

/* A prefix that covers the whole family is no condition at all. */
static enum rule_remote rule_remote_kind(const struct rule *rule)
{
    return rule->remote == RULE_REMOTE_PREFIX && is_whole_family(&rule->prefix) ? RULE_REMOTE_ANY : rule->remote;
}

static bool rule_has_local(const struct rule *rule)
{
    return (rule->conditions & RULE_IF_LOCAL) != 0 && !is_whole_family(&rule->local);
}

static bool rule_is_for(const struct rule *rule, enum policy_family family)
{
    bool is_v4 = family == POLICY_IPV4;

    if (((rule->conditions & RULE_IF_ETHERTYPE) != 0) != (family == POLICY_L2))
        return false;
    if (family == POLICY_L2)
        return true;
    if (rule->family != RULE_ANY_FAMILY && (rule->family == RULE_IPV4) != is_v4)
        return false;
    if (rule->remote == RULE_REMOTE_PREFIX && inet_addr_is_v4(&rule->prefix.addr) != is_v4)
        return false;
    return (rule->conditions & RULE_IF_LOCAL) == 0 || inet_addr_is_v4(&rule->local.addr) == is_v4;
}

bool scope_build(struct build *build, struct place *places, size_t n, struct policy_scope *scope)
{
    size_t n_plain = 0;
    struct policy_map map;

    *scope = (struct policy_scope){.lowest = n > 0 ? build_rank(build, places[0].rule) : POLICY_NONE};
    for (size_t i = 0; i < n; i++) {
        places[i].key = build->family != POLICY_L2 && rule_has_local(places[i].rule);
        n_plain += places[i].key == 0;
    }
    if (n_plain < n)
        places_sort(places, n, NULL);
    if (!cell_build(build, places, n_plain, &scope->cell))
        return false;
    if (n_plain == n)
        return true;
    if (!map_build(build, &places[n_plain], n - n_plain, true, &map) ||
        !array_grow((void **)&build->policy->maps, &build->max_maps, build->n_maps, 1, sizeof map))
        return false;
    build->policy->maps[build->n_maps++] = map;
    scope->locals = (uint32_t)build->n_maps;
    return true;
}

static int compare_sets(const void *a, const void *b)
{
    const struct policy_set *left = a, *right = b;

    return (left->scope.lowest > right->scope.lowest) - (left->scope.lowest < right->scope.lowest);
}

/* The table that finds the rules of a set by its number. */
static bool set_slots_build(struct build *build, struct policy_root *root)
{
    const struct policy_set *sets;
    size_t n_slots = 1;
    struct policy_set_slot *slots;

    if (root->n_sets <= POLICY_FEW_SETS)
        return true;
    sets = &build->policy->sets[root->first_set];
    while (n_slots < 2 * (size_t)root->n_sets)
        n_slots *= 2;
    if (!array_grow((void **)&build->policy->slots, &build->max_slots, build->n_slots, n_slots, sizeof *slots))
        return false;
    slots = &build->policy->slots[build->n_slots];
    memset(slots, 0, n_slots * sizeof *slots);
    root->first_slot = (uint32_t)build->n_slots;
    root->slot_mask = (uint32_t)n_slots - 1;
    build->n_slots += n_slots;
    for (uint32_t i = 0; i < root->n_sets; i++) {
        uint32_t slot = policy_set_hash(sets[i].set) & root->slot_mask;

        while (slots[slot].index != 0)
            slot = (slot + 1) & root->slot_mask;
        slots[slot] = (struct policy_set_slot){.set = sets[i].set, .index = i + 1};
    }
    return true;
}

static bool sets_build(struct build *build, struct place *places, size_t n, struct policy_root *root)
{
    root->first_set = (uint32_t)build->n_sets;
    for (size_t i = 0; i < n; i++)
        places[i].key = places[i].rule->set;
    places_sort(places, n, NULL);
    for (size_t begin = 0, end; begin < n; begin = end) {
        struct policy_set set = {.set = places[begin].rule->set};

        for (end = begin; end < n && places[end].rule->set == set.set;)
            end++;
        if (!array_grow((void **)&build->policy->sets, &build->max_sets, build->n_sets, 1, sizeof set) ||
            !scope_build(build, &places[begin], end - begin, &set.scope))
            return false;
        build->policy->sets[build->n_sets++] = set;
    }
    root->n_sets = (uint32_t)(build->n_sets - root->first_set);
    if (root->n_sets > 1)
        qsort(&build->policy->sets[root->first_set], root->n_sets, sizeof(struct policy_set), compare_sets);
    return set_slots_build(build, root);
}

/* Lays out the rules of one family; 'places' has room for all. */
static bool root_build(struct build *build, enum policy_family family, struct place *places)
{
    struct policy_root *root = &build->policy->roots[family];
    size_t n = 0, n_of[RULE_REMOTE_SET + 1] = {0};

    build->family = family;
    for (size_t i = 0; i < build->n_rules; i++) {
        const struct rule *rule = &build->rules[i];

        if (!rule_is_for(rule, family))
            continue;
        places[n] = (struct place){.key = family == POLICY_L2 ? RULE_REMOTE_ANY : rule_remote_kind(rule), .rule = rule};
        n_of[places[n++].key]++;
    }
    places_sort(places, n, NULL);
    if (!scope_build(build, places, n_of[RULE_REMOTE_ANY], &root->any))
        return false;
    places += n_of[RULE_REMOTE_ANY];
    if (n_of[RULE_REMOTE_PREFIX] > 0 && !map_build(build, places, n_of[RULE_REMOTE_PREFIX], false, &root->remotes))
        return false;
    places += n_of[RULE_REMOTE_PREFIX];
    return sets_build(build, places, n_of[RULE_REMOTE_SET], root);
}

/* What a match says, by rank. */
static bool rules_copy(struct policy *policy, const struct rule *rules, size_t n)
{
    policy->n_rules = n;
    policy->rules = calloc(n + 1, sizeof *policy->rules);
    if (policy->rules == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        policy->rules[i] = (struct policy_rule){.id = rules[i].id,
                                                .action = (uint8_t)rules[i].action,
                                                .on_change = (uint8_t)rules[i].on_change,
                                                .log = rules[i].log};
        policy->looks_at_packet |= (rules[i].conditions & RULE_IF_OF_PACKET) != 0;
        policy->keeps_state |= rules[i].action == RULE_ALLOW;
    }
    return true;
}

/* Gives back what an array has beyond the 'n' in use. */
static void array_fit(void **array, size_t n, size_t item_size)
{
    void *fitting = n > 0 ? realloc(*array, n * item_size) : NULL;

    if (fitting != NULL)
        *array = fitting;
}

static void policy_fit(const struct build *build)
{
    struct policy *policy = build->policy;

    array_fit((void **)&policy->entries, build->n_entries, sizeof *policy->entries);
    array_fit((void **)&policy->extras, build->n_extras, sizeof *policy->extras);
    array_fit((void **)&policy->maps, build->n_maps, sizeof *policy->maps);
    array_fit((void **)&policy->nodes, build->n_nodes, sizeof *policy->nodes);
    array_fit((void **)&policy->starts4, build->n_bounds4, sizeof *policy->starts4);
    array_fit((void **)&policy->inner4, build->n_bounds4, sizeof *policy->inner4);
    array_fit((void **)&policy->starts6, build->n_bounds6, sizeof *policy->starts6);
    array_fit((void **)&policy->inner6, build->n_bounds6, sizeof *policy->inner6);
    array_fit((void **)&policy->sets, build->n_sets, sizeof *policy->sets);
    array_fit((void **)&policy->slots, build->n_slots, sizeof *policy->slots);
    array_fit((void **)&policy->partitions, build->n_partitions, sizeof *policy->partitions);
    array_fit((void **)&policy->values, build->n_values, sizeof *policy->values);
    array_fit((void **)&policy->winners, build->n_values, sizeof *policy->winners);
    array_fit((void **)&policy->branches, build->n_branches, sizeof *policy->branches);
}

struct policy *policy_compile(const struct rule *rules, size_t n)
{
    struct build build = {.policy = calloc(1, sizeof(struct policy)), .rules = rules, .n_rules = n};
    struct place *places = calloc(n + 1, sizeof *places);
    bool ok;

    build.extra_of = calloc(n + 1, sizeof *build.extra_of);
    ok = build.policy != NULL && places != NULL && build.extra_of != NULL && rules_copy(build.policy, rules, n);
    for (enum policy_family family = POLICY_IPV4; family < POLICY_N_FAMILIES && ok; family++)
        ok = root_build(&build, family, places);
    free(places);
    free(build.extra_of);
    if (!ok) {
        if (build.policy != NULL)
            policy_free(build.policy);
        return NULL;
    }
    policy_fit(&build);
    atomic_init(&build.policy->refs, 1);
    return build.policy;
}
