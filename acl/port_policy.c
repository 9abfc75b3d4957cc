// SPDX-License-Identifier: Apache-2.0
#include "acl/policy_chain.h"
#include "acl/port_security.h"

void port_policy_ref(const struct port_policy *policy)
{
    struct policy_chain *const chains[] = {policy->ingress, policy->egress, policy->ingress_audit,
                                           policy->egress_audit};

    if (policy->security != NULL)
        port_security_ref(policy->security);
    for (size_t i = 0; i < sizeof chains / sizeof chains[0]; i++) {
        if (chains[i] != NULL)
            policy_chain_ref(chains[i]);
    }
}

void port_policy_unref(const struct port_policy *policy)
{
    port_security_unref(policy->security);
    policy_chain_unref(policy->ingress);
    policy_chain_unref(policy->egress);
    policy_chain_unref(policy->ingress_audit);
    policy_chain_unref(policy->egress_audit);
}
