// SPDX-License-Identifier: Apache-2.0
#include "control/policy_work.h"

#include <stdlib.h>
#include <string.h>

#include <util.h>

void policy_work_init(struct policy_work *work)
{
    memset(work, 0, sizeof *work);
    ovs_list_init(&work->rules);
    ovs_list_init(&work->groups);
    ovs_list_init(&work->members);
    ovs_list_init(&work->chains);
    ovs_list_init(&work->ports);
    ovs_list_init(&work->networks);
    ovs_list_init(&work->statuses);
    ovs_list_init(&work->unused_chains);
    ovs_list_init(&work->unused_policies);
    ovs_list_init(&work->unused_sets);
    ovs_list_init(&work->unused_rules);
    ovs_list_init(&work->unused_groups);
    ovs_list_init(&work->unused_address_groups);
}

void policy_work_destroy(struct policy_work *work)
{
    free(work->ended);
}

void policy_work_add(struct ovs_list *list, struct ovs_list *node)
{
    if (ovs_list_is_empty(node))
        ovs_list_push_back(list, node);
}

struct ovs_list *policy_work_next(struct ovs_list *list)
{
    struct ovs_list *node;

    if (ovs_list_is_empty(list))
        return NULL;
    node = ovs_list_pop_front(list);
    ovs_list_init(node);
    return node;
}

void policy_work_forget(struct ovs_list *node)
{
    ovs_list_remove(node);
    ovs_list_init(node);
}

void policy_work_end_sessions(struct policy_work *work, uint32_t rule_id)
{
    if (work->n_ended == work->allocated_ended)
        work->ended = x2nrealloc(work->ended, &work->allocated_ended, sizeof *work->ended);
    work->ended[work->n_ended++] = rule_id;
}
