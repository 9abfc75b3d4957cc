// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Takes a fuzzer's input apart; beyond its end there are zeroes. */
struct input {
    const uint8_t *data;
    size_t left;
};

static inline uint8_t input_byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

static inline uint16_t input_16(struct input *input)
{
    uint16_t high = input_byte(input);

    return (uint16_t)(high << 8 | input_byte(input));
}

/* At most 'n' bytes, to 'to'; returns how many there were. */
static inline size_t input_bytes(struct input *input, uint8_t *to, size_t n)
{
    size_t some = n < input->left ? n : input->left;

    memcpy(to, input->data, some);
    input->data += some;
    input->left -= some;
    return some;
}
