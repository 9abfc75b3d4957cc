// SPDX-License-Identifier: Apache-2.0
#include "dataplane/core/inet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

const char *inet_addr_format(const struct inet_addr *addr, char buf[INET_TEXT_LEN])
{
    if (inet_addr_is_v4(addr))
        inet_ntop(AF_INET, &addr->words[3], buf, INET_TEXT_LEN);
    else
        inet_ntop(AF_INET6, addr->bytes, buf, INET_TEXT_LEN);
    return buf;
}

const char *inet_prefix_format(const struct inet_prefix *prefix, char buf[INET_TEXT_LEN])
{
    bool v4 = inet_addr_is_v4(&prefix->addr) && prefix->len >= 96;
    size_t used;

    inet_addr_format(&prefix->addr, buf);
    used = strlen(buf);
    snprintf(buf + used, INET_TEXT_LEN - used, "/%d", v4 ? prefix->len - 96 : prefix->len);
    return buf;
}

const char *mac_addr_format(const struct mac_addr *mac, char buf[MAC_TEXT_LEN])
{
    const uint8_t *b = mac->bytes;

    snprintf(buf, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    return buf;
}

int inet_addr_parse(const char *text, struct inet_addr *addr)
{
    struct in_addr v4;
    struct in6_addr v6;

    if (inet_pton(AF_INET, text, &v4) == 1) {
        *addr = inet_addr_from_v4(v4.s_addr);
        return 0;
    }
    if (inet_pton(AF_INET6, text, &v6) == 1) {
        *addr = inet_addr_from_v6(&v6);
        return 0;
    }
    return -EINVAL;
}

static void prefix_mask(struct inet_prefix *prefix)
{
    for (int i = 0; i < 16; i++) {
        int bits = prefix->len - 8 * i;
        uint8_t mask = bits >= 8 ? 0xff : bits <= 0 ? 0 : (uint8_t)(0xff << (8 - bits));
        prefix->addr.bytes[i] &= mask;
    }
}

int inet_prefix_parse(const char *text, struct inet_prefix *prefix)
{
    char buf[INET_TEXT_LEN];
    const char *slash = strchr(text, '/');
    size_t addr_len = slash ? (size_t)(slash - text) : strlen(text);
    bool v4;
    long len;

    if (addr_len >= sizeof buf)
        return -EINVAL;
    memcpy(buf, text, addr_len);
    buf[addr_len] = '\0';
    if (inet_addr_parse(buf, &prefix->addr) != 0)
        return -EINVAL;

    v4 = strchr(buf, ':') == NULL;
    len = v4 ? 32 : 128;
    if (slash != NULL) {
        char *end;

        if (slash[1] < '0' || slash[1] > '9')
            return -EINVAL;
        errno = 0;
        long given = strtol(slash + 1, &end, 10);
        if (errno != 0 || *end != '\0' || given > len)
            return -EINVAL;
        len = given;
    }
    prefix->len = (uint8_t)(v4 ? len + 96 : len);
    prefix_mask(prefix);
    return 0;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int mac_addr_parse(const char *text, struct mac_addr *mac)
{
    if (strlen(text) != MAC_TEXT_LEN - 1)
        return -EINVAL;
    for (int i = 0; i < 6; i++) {
        int high = hex_digit(text[3 * i]);
        int low = hex_digit(text[3 * i + 1]);

        if (high < 0 || low < 0 || (i < 5 && text[3 * i + 2] != ':'))
            return -EINVAL;
        mac->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

bool inet_prefix_contains(const struct inet_prefix *prefix, const struct inet_addr *addr)
{
    int whole = prefix->len / 8;
    int rest = prefix->len % 8;

    if (memcmp(prefix->addr.bytes, addr->bytes, (size_t)whole) != 0)
        return false;
    return rest == 0 || ((prefix->addr.bytes[whole] ^ addr->bytes[whole]) >> (8 - rest)) == 0;
}
