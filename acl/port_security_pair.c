// SPDX-License-Identifier: Apache-2.0
#include "acl/port_security.h"

#include <errno.h>
#include <stdlib.h>

#include "dataplane/core/err.h"

static int mac_from_word(const char *word, struct mac_addr *mac, char **error)
{
    if (mac_addr_parse(word, mac) != 0) {
        err_set(error, "\"%s\" is not a MAC address like 52:54:00:12:34:56", word);
        return -EINVAL;
    }
    if (mac_addr_is_multicast(mac) || mac_addr_is_zero(mac)) {
        err_set(error, "\"%s\" is not the MAC address of one host", word);
        return -EINVAL;
    }
    return 0;
}

/* "IP/len" with a host part names that host alone, as in OVN. */
static int ip_from_word(char *word, struct inet_prefix *ip, char **error)
{
    bool v6 = strchr(word, ':') != NULL;
    struct inet_addr host;
    char *slash;

    if (inet_prefix_parse(word, ip) != 0) {
        err_set(error, "\"%s\" is not an IPv4 or IPv6 address with an optional /length", word);
        return -EINVAL;
    }
    if (v6 && inet_addr_is_v4(&ip->addr)) {
        err_set(error, "\"%s\" is an IPv4 address in IPv6 form, write it as IPv4", word);
        return -EINVAL;
    }
    slash = strchr(word, '/');
    if (slash != NULL)
        *slash = '\0';
    if (inet_addr_parse(word, &host) == 0 && !inet_addr_equal(&host, &ip->addr))
        *ip = (struct inet_prefix){.addr = host, .len = 128};
    return 0;
}

static int pair_from_words(char *text, struct port_security_pair *pair, char **error)
{
    static const char separators[] = " \t\n";
    char *rest = NULL;
    char *word = strtok_r(text, separators, &rest);

    if (word == NULL) {
        err_set(error, "the entry is empty, it must begin with a MAC address");
        return -EINVAL;
    }
    if (mac_from_word(word, &pair->mac, error) != 0)
        return -EINVAL;
    while ((word = strtok_r(NULL, separators, &rest)) != NULL) {
        if (pair->n_ips == PORT_SECURITY_IPS_MAX) {
            err_set(error, "\"%s\" is one address too many, an entry may have %d", word, PORT_SECURITY_IPS_MAX);
            return -EINVAL;
        }
        if (ip_from_word(word, &pair->ips[pair->n_ips], error) != 0)
            return -EINVAL;
        pair->n_ips++;
    }
    return 0;
}

int port_security_pair_parse(const char *text, struct port_security_pair *pair, char **error)
{
    char *copy = strdup(text);
    int ret;

    memset(pair, 0, sizeof *pair);
    if (copy == NULL)
        return -ENOMEM;
    ret = pair_from_words(copy, pair, error);
    free(copy);
    return ret;
}
