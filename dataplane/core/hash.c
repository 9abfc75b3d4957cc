// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/hash.h"

#include <stdlib.h>
#include <sys/random.h>

void hash_seed_init(struct hash_seed *seed)
{
    /* Small requests to an initialised pool do not fail; without randomness the switch must not run. */
    if (getrandom(seed, sizeof *seed, 0) != sizeof *seed)
        abort();
}
