// SPDX-License-Identifier: Apache-2.0
#include <config.h>

#include "tools/vsctl/rule_user.h"

#include "control/schema/sluice-idl.h"

#include "db-ctl-base.h"

const struct sluicerec_security_group *rule_user_find(struct ctl_context *ctx,
                                                      const struct sluicerec_security_group_rule *rule,
                                                      const struct sluicerec_security_group *except)
{
    const struct sluicerec_security_group *group;
    SLUICEREC_SECURITY_GROUP_FOR_EACH(group, ctx->idl)
    {
        sluicerec_security_group_verify_rules(group);
        for (size_t i = 0; i < group->n_rules && group != except; i++) {
            if (group->rules[i] == rule) {
                return group;
            }
        }
    }
    return NULL;
}
