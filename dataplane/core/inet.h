// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* IP addresses of both families in one form: 16 bytes in network order, IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2).
 * Used wherever a decision is made once per flow; the per-packet key keeps addresses in their packet form. */
struct inet_addr {
    union {
        uint8_t bytes[16];
        uint32_t words[4];
        uint64_t halves[2];
    };
};
_Static_assert(sizeof(struct inet_addr) == 16, "an address is 16 bytes");

/* A prefix in the same form: an IPv4 /24 has 'len' 120. Bits beyond 'len' are zero. */
struct inet_prefix {
    struct inet_addr addr;
    uint8_t len; /* 0..128 */
};

struct mac_addr {
    uint8_t bytes[6];
};

/* Text forms for logs and dumps: "10.0.0.1", "fe80::1", "10.0.0.0/24". Buffers of INET_TEXT_LEN bytes. */
#define INET_TEXT_LEN 64
const char *inet_addr_format(const struct inet_addr *addr, char buf[INET_TEXT_LEN]);
const char *inet_prefix_format(const struct inet_prefix *prefix, char buf[INET_TEXT_LEN]);
#define MAC_TEXT_LEN 18
const char *mac_addr_format(const struct mac_addr *mac, char buf[MAC_TEXT_LEN]);

/* Parse "10.0.0.1" or "fe80::1"; the prefix form also takes "/len" (and masks the host bits away). 0 or -EINVAL. */
int inet_addr_parse(const char *text, struct inet_addr *addr);
int inet_prefix_parse(const char *text, struct inet_prefix *prefix);
int mac_addr_parse(const char *text, struct mac_addr *mac);

static inline struct inet_addr inet_addr_from_v4(uint32_t be_addr)
{
    struct inet_addr addr = {.words = {0, 0, __builtin_bswap32(0xffff), be_addr}};
    return addr;
}

static inline struct inet_addr inet_addr_from_v6(const void *bytes)
{
    struct inet_addr addr;
    memcpy(addr.bytes, bytes, sizeof addr.bytes);
    return addr;
}

static inline bool inet_addr_is_v4(const struct inet_addr *addr)
{
    return addr->halves[0] == 0 && addr->words[2] == __builtin_bswap32(0xffff);
}

/* The IPv4 address in network order; only meaningful when inet_addr_is_v4(). */
static inline uint32_t inet_addr_v4(const struct inet_addr *addr)
{
    return addr->words[3];
}

static inline bool inet_addr_equal(const struct inet_addr *a, const struct inet_addr *b)
{
    return a->halves[0] == b->halves[0] && a->halves[1] == b->halves[1];
}

static inline bool inet_addr_is_zero(const struct inet_addr *addr)
{
    return (addr->halves[0] | addr->halves[1]) == 0;
}

/* True for 0.0.0.0 and for ::, the sources a host uses before it has an address. */
static inline bool inet_addr_is_unspecified(const struct inet_addr *addr)
{
    return inet_addr_is_zero(addr) || (inet_addr_is_v4(addr) && addr->words[3] == 0);
}

bool inet_prefix_contains(const struct inet_prefix *prefix, const struct inet_addr *addr);

static inline bool mac_addr_equal(const struct mac_addr *a, const struct mac_addr *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static inline bool mac_addr_is_multicast(const struct mac_addr *mac)
{
    return mac->bytes[0] & 1;
}

static inline bool mac_addr_is_zero(const struct mac_addr *mac)
{
    return (mac->bytes[0] | mac->bytes[1] | mac->bytes[2] | mac->bytes[3] | mac->bytes[4] | mac->bytes[5]) == 0;
}
