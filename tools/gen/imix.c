// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/imix.h"

#include <rte_common.h>

#include "tools/gen/frame.h"

const uint8_t imix_pattern[IMIX_PERIOD] = {0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 0, 2};

unsigned int imix_sizes(const struct options *options)
{
    return options->imix ? IMIX_SIZES : 1;
}

uint16_t imix_size(const struct options *options, unsigned int index)
{
    static const uint16_t sizes[IMIX_SIZES] = {60, 590, 1514};

    return options->imix ? RTE_MAX(sizes[index], frame_size_least(options)) : options->size;
}
