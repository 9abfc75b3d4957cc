// SPDX-License-Identifier: Apache-2.0
#pragma once

struct ctl_context;
struct sluicerec_security_group;
struct sluicerec_security_group_rule;

// A security group other than except (which may be NULL) that lists the rule, or NULL: the server deletes a rule that no
// group lists when the transaction is committed.
const struct sluicerec_security_group *rule_user_find(struct ctl_context *,
                                                      const struct sluicerec_security_group_rule *,
                                                      const struct sluicerec_security_group *except);
