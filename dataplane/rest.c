// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rest.h"

#include <poll.h>

#include <rte_cycles.h>

#include "dataplane/core/port.h"
#include "dataplane/core/wake.h"
#include "dataplane/snapshot_private.h"

static bool can_arm(const struct poll_list *plan)
{
    if (plan->n > REST_QUEUES_MAX)
        return false;
    for (uint32_t i = 0; i < plan->n; i++) {
        if (plan->polls[i].port->ops->arm == NULL)
            return false;
    }
    return true;
}

/* The first 'n' queues. */
static void disarm(const struct poll_list *plan, const struct pollfd *fds, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (fds[i].fd != PORT_ARM_NOTHING)
            plan->polls[i].port->ops->disarm(plan->polls[i].port, plan->polls[i].queue);
    }
}

/* All or none. */
static bool arm(const struct poll_list *plan, struct pollfd *fds)
{
    for (uint32_t i = 0; i < plan->n; i++) {
        int fd = plan->polls[i].port->ops->arm(plan->polls[i].port, plan->polls[i].queue);

        if (fd < 0 && fd != PORT_ARM_NOTHING) {
            disarm(plan, fds, i);
            return false;
        }
        fds[i] = (struct pollfd){.fd = fd, .events = POLLIN}; /* negative ones are passed over */
    }
    return true;
}

bool rest_take(struct rest *rest, unsigned int worker, const struct poll_list *plan)
{
    static const struct poll_list nothing;
    static const struct timespec most = {.tv_nsec = REST_US * 1000L};
    struct pollfd fds[REST_QUEUES_MAX + 1];

    if (plan == NULL)
        plan = &nothing;
    if (!rest->lying) {
        if (!can_arm(plan))
            return false;
        wake_lie_down(worker);
        rest->lying = true;
        return true;
    }
    /* The plan may have changed since. */
    if (!can_arm(plan) || !arm(plan, fds)) {
        rest_end(rest, worker);
        return false;
    }
    fds[plan->n] = (struct pollfd){.fd = wake_fd(worker), .events = POLLIN};
    if (ppoll(fds, plan->n + 1, &most, NULL) != 0)
        rest_end(rest, worker);
    disarm(plan, fds, plan->n);
    return true;
}

void rest_end(struct rest *rest, unsigned int worker)
{
    wake_get_up(worker);
    rest->lying = false;
    rest->disturbed = rte_rdtsc();
}
