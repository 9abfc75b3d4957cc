// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "acl/rule.h"

struct effective_rule;

/* Rules of policies_visit_port() or policies_visit_all() kept, with texts of their own. Control thread. */
struct listed_rule {
    char *name;
    size_t stage; /* index into effective_list.stages */
    struct rule rule;
    bool audit;
    bool is_default;
};

struct effective_list {
    struct listed_rule *rules;
    size_t n;
    size_t allocated;
    char **stages; /* in order of appearance; neighbours differ */
    size_t n_stages;
};

#define EFFECTIVE_LIST_EMPTY ((struct effective_list){NULL, 0, 0, NULL, 0})

/* For the visits: 'list' is a struct effective_list. */
void effective_list_add(void *list, const struct effective_rule *rule);
void effective_list_free(struct effective_list *list);

/* The rule of that id, or NULL. */
const struct listed_rule *effective_list_find(const struct effective_list *list, uint32_t id);

/* The nth stage that has a rule that is enforced (defaults count), or NULL. */
const char *effective_list_enforced_stage(const struct effective_list *list, size_t nth);
