// SPDX-License-Identifier: Apache-2.0
#include "control/rule_ids.h"

#include <hash.h>

#include "acl/rule.h"
#include "control/ids.h"
#include "dataplane/rule_counters.h"

void rule_ids_init(struct rule_ids *ids)
{
    hmap_init(&ids->by_id);
    ids->numbers = ids_create(1, RULE_ID_MAX);
}

void rule_ids_destroy(struct rule_ids *ids)
{
    hmap_destroy(&ids->by_id);
    ids_destroy(ids->numbers);
}

void rule_ids_take(struct rule_ids *ids, struct rule_id *id)
{
    id->id = ids_take(ids->numbers);
    if (id->id == 0)
        return;
    hmap_insert(&ids->by_id, &id->node, hash_int(id->id, 0));
    rule_counters_begin(id->id);
}

void rule_ids_give(struct rule_ids *ids, struct rule_id *id)
{
    if (id->id == 0)
        return;
    hmap_remove(&ids->by_id, &id->node);
    ids_give(ids->numbers, id->id);
    id->id = 0;
}

const struct rule_id *rule_ids_find(const struct rule_ids *ids, uint32_t id)
{
    const struct rule_id *found;

    HMAP_FOR_EACH_WITH_HASH (found, node, hash_int(id, 0), &ids->by_id) {
        if (found->id == id)
            return found;
    }
    return NULL;
}
