// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdint.h>

/* Numbers as they stand in packets: unaligned, most significant byte first. */
static inline uint16_t wire_get16(const uint8_t bytes[2])
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline void wire_put16(uint8_t bytes[2], uint16_t value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static inline uint32_t wire_get24(const uint8_t bytes[3])
{
    return (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 | bytes[2];
}

static inline void wire_put24(uint8_t bytes[3], uint32_t value)
{
    bytes[0] = (uint8_t)(value >> 16);
    bytes[1] = (uint8_t)(value >> 8);
    bytes[2] = (uint8_t)value;
}

/* A sum of 16-bit words reduced to one in ones' complement (RFC 1071 1). */
static inline uint16_t wire_fold(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    sum += sum >> 16;
    return (uint16_t)sum;
}
