// SPDX-License-Identifier: Apache-2.0
#include "control/acl_list.h"

#include <stdlib.h>
#include <string.h>

#include <hmapx.h>
#include <openvswitch/util.h>
#include <util.h>
#include <uuid.h>

#include "control/security_rules.h"

static int uuid_order(const void *a, const void *b)
{
    return uuid_compare_3way(a, b);
}

size_t uuids_normalise(struct uuid *ids, size_t n)
{
    size_t n_unique = 0;

    if (n > 1)
        qsort(ids, n, sizeof *ids, uuid_order);
    for (size_t i = 0; i < n; i++) {
        if (n_unique == 0 || !uuid_equals(&ids[n_unique - 1], &ids[i]))
            ids[n_unique++] = ids[i];
    }
    return n_unique;
}

bool acl_list_assign(struct acl_list *list, const struct uuid *rows, size_t n, struct security_rules *rules,
                     acl_owners *owners, void *owner, struct policy_work *work)
{
    struct uuid *ids = n > 0 ? xmemdup(rows, n * sizeof *rows) : NULL;
    size_t n_ids = uuids_normalise(ids, n);
    bool same = n_ids == list->n;

    for (size_t i = 0; same && i < n_ids; i++)
        same = uuid_equals(&list->acls[i]->row, &ids[i]);
    if (!same) {
        struct acl_list old = *list;

        list->acls = n_ids > 0 ? xmalloc(n_ids * sizeof(struct security_rule *)) : NULL;
        list->n = n_ids;
        acl_list_clear(&old, owners, owner, work);
        for (size_t i = 0; i < n_ids; i++) {
            list->acls[i] = security_rules_use(rules, &ids[i]);
            hmapx_add(owners(list->acls[i]), owner);
        }
    }
    free(ids);
    return !same;
}

void acl_list_clear(struct acl_list *list, acl_owners *owners, void *owner, struct policy_work *work)
{
    for (size_t i = 0; i < list->n; i++) {
        hmapx_find_and_delete(owners(list->acls[i]), owner);
        if (work != NULL)
            security_rules_leave(list->acls[i], work);
    }
    free(list->acls);
    *list = (struct acl_list){.acls = NULL, .n = 0};
}

char *acl_list_error(const struct acl_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct security_rule *acl = list->acls[i];

        if (!acl->present)
            return xstrdup("an ACL that is listed does not exist");
        if (acl->error != NULL)
            return xasprintf("ACL %s: %s", security_rule_text(acl), acl->error);
    }
    return NULL;
}

struct security_rule *acl_list_breaking(const struct acl_list *list)
{
    for (size_t i = 0; i < list->n; i++) {
        struct security_rule *acl = list->acls[i];

        if (!acl->present || (acl->error != NULL && acl->closes))
            return acl;
    }
    return NULL;
}
