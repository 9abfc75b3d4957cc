// SPDX-License-Identifier: Apache-2.0
#include "dataplane/cycles.h"

#include <string.h>

void cycles_clear(struct cycles *cycles)
{
    memset(cycles, 0, sizeof *cycles);
}
