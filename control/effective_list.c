// SPDX-License-Identifier: Apache-2.0
#include "control/effective_list.h"

#include <stdlib.h>
#include <string.h>

#include <util.h>

#include "control/policies.h"

void effective_list_add(void *list_, const struct effective_rule *rule)
{
    struct effective_list *list = list_;

    if (list->n_stages == 0 || strcmp(list->stages[list->n_stages - 1], rule->stage) != 0) {
        list->stages = xrealloc(list->stages, (list->n_stages + 1) * sizeof *list->stages);
        list->stages[list->n_stages++] = xstrdup(rule->stage);
    }
    if (list->n == list->allocated)
        list->rules = x2nrealloc(list->rules, &list->allocated, sizeof *list->rules);
    list->rules[list->n++] = (struct listed_rule){.name = xstrdup(rule->name),
                                                  .stage = list->n_stages - 1,
                                                  .rule = *rule->rule,
                                                  .audit = rule->audit,
                                                  .is_default = rule->is_default};
}

void effective_list_free(struct effective_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->rules[i].name);
    for (size_t i = 0; i < list->n_stages; i++)
        free(list->stages[i]);
    free(list->rules);
    free(list->stages);
}

const struct listed_rule *effective_list_find(const struct effective_list *list, uint32_t id)
{
    for (size_t i = 0; i < list->n; i++) {
        if (list->rules[i].rule.id == id)
            return &list->rules[i];
    }
    return NULL;
}

const char *effective_list_enforced_stage(const struct effective_list *list, size_t nth)
{
    size_t seen = SIZE_MAX;

    for (size_t i = 0; i < list->n; i++) {
        if (list->rules[i].audit || list->rules[i].stage == seen)
            continue;
        seen = list->rules[i].stage;
        if (nth-- == 0)
            return list->stages[seen];
    }
    return NULL;
}
