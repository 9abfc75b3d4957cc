// SPDX-License-Identifier: Apache-2.0
#pragma once

struct ctl_context;
struct ovsdb_idl_row;
struct sluicerec_security_group;
struct sluicerec_security_group_rule;

// A security group other than except (which may be NULL) that lists the rule, or NULL: the server deletes a rule that no
// group lists when the transaction is committed.
const struct sluicerec_security_group *rule_user_find(struct ctl_context *,
                                                      const struct sluicerec_security_group_rule *,
                                                      const struct sluicerec_security_group *except);

// To be called before the databases are read.
void rule_user_prerequisites(struct ctl_context *);

// Clear the references to the group from ACLs that nobody lists any more; any other is a fatal error: "cannot delete WHAT
// because an ACL of OWNER refers to it".
void rule_user_clear_acls(struct ctl_context *, const struct ovsdb_idl_row *group, const char *what);
