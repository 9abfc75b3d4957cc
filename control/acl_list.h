// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <openvswitch/uuid.h>

struct hmapx;
struct policy_work;
struct security_rule;
struct security_rules;

/* The ACLs that a port or network lists. Control thread. */
struct acl_list {
    struct security_rule **acls; /* by row, each once; some may not be there */
    size_t n;
};

/* Where 'acl' keeps its owners of the kind in question. */
typedef struct hmapx *acl_owners(struct security_rule *acl);

/* Makes the list that of 'rows'; 'owner' enters itself with the ACLs, and leaves those that are no longer listed. True when
 * it changed. */
bool acl_list_assign(struct acl_list *list, const struct uuid *rows, size_t n, struct security_rules *rules,
                     acl_owners *owners, void *owner, struct policy_work *work);
void acl_list_clear(struct acl_list *list, acl_owners *owners, void *owner, struct policy_work *work);

/* What is wrong with the first of them that is refused, or NULL: nothing. The caller frees it. */
char *acl_list_error(const struct acl_list *list);
/* One that is refused and without which more would pass than was wanted, so that nothing must; NULL: none. */
struct security_rule *acl_list_breaking(const struct acl_list *list);

/* Sorts 'ids' and leaves each once. Returns how many there are. */
size_t uuids_normalise(struct uuid *ids, size_t n);
