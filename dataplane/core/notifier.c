// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/notifier.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

static int fd = -1;

int notifier_init(void)
{
    if (fd < 0)
        fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : 0;
}

int notifier_fd(void)
{
    return fd;
}

void notifier_raise(void)
{
    uint64_t one = 1;

    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        return; /* full counter: already raised */
}

bool notifier_clear(void)
{
    uint64_t count;

    return fd >= 0 && read(fd, &count, sizeof count) == sizeof count;
}
