// SPDX-License-Identifier: Apache-2.0
#include "control/ofports.h"

static bool is_valid(int64_t number)
{
    return (number >= 1 && number <= OFPORT_MAX) || number == OFPORT_LOCAL;
}

bool ofports_take(struct ofports *ofports, int64_t number)
{
    uint64_t bit;

    if (!is_valid(number))
        return false;
    bit = UINT64_C(1) << (number % 64);
    if (ofports->used[number / 64] & bit)
        return false;
    ofports->used[number / 64] |= bit;
    return true;
}

int64_t ofports_take_any(struct ofports *ofports)
{
    for (uint32_t i = 0; i < OFPORT_MAX; i++) {
        ofports->last = ofports->last % OFPORT_MAX + 1;
        if (ofports_take(ofports, ofports->last))
            return ofports->last;
    }
    return OFPORT_NONE;
}

void ofports_give(struct ofports *ofports, int64_t number)
{
    if (is_valid(number))
        ofports->used[number / 64] &= ~(UINT64_C(1) << (number % 64));
}
