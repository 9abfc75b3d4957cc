// SPDX-License-Identifier: Apache-2.0
#include "dataplane/ethdev_device.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <rte_dev.h>
#include <rte_ethdev.h>

#include "dataplane/core/err.h"
#include "dataplane/core/inet.h"
#include "dataplane/core/port.h"

#define MAC_PREFIX "class=eth,mac="

/* Name of the port that uses each device, by DPDK's port id; empty: nobody. */
static char owners[RTE_MAX_ETHPORTS][PORT_NAME_LEN];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint16_t find_by_mac(const char *text)
{
    struct rte_ether_addr found;
    struct mac_addr mac;
    uint16_t device;

    if (mac_addr_parse(text, &mac) != 0)
        return RTE_MAX_ETHPORTS;
    RTE_ETH_FOREACH_DEV(device)
    {
        if (rte_eth_macaddr_get(device, &found) == 0 && memcmp(found.addr_bytes, mac.bytes, sizeof mac.bytes) == 0)
            return device;
    }
    return RTE_MAX_ETHPORTS;
}

static uint16_t find_by_devargs(const char *devargs)
{
    struct rte_dev_iterator iterator;
    uint16_t device;

    if (rte_eth_iterator_init(&iterator, devargs) != 0)
        return RTE_MAX_ETHPORTS;
    device = rte_eth_iterator_next(&iterator);
    if (device != RTE_MAX_ETHPORTS)
        rte_eth_iterator_cleanup(&iterator);
    return device;
}

static uint16_t find_or_attach(const char *devargs, bool *attached)
{
    uint16_t device;

    *attached = false;
    if (strncmp(devargs, MAC_PREFIX, strlen(MAC_PREFIX)) == 0)
        return find_by_mac(devargs + strlen(MAC_PREFIX));
    device = find_by_devargs(devargs);
    if (device != RTE_MAX_ETHPORTS || devargs[0] == '\0' || rte_dev_probe(devargs) != 0)
        return device;
    device = find_by_devargs(devargs);
    *attached = device != RTE_MAX_ETHPORTS;
    return device;
}

int ethdev_device_take(const char *devargs, const char *name, uint16_t *device, bool *attached, char **error)
{
    uint16_t found;
    int result = 0;

    pthread_mutex_lock(&lock);
    found = find_or_attach(devargs, attached);
    if (found >= RTE_MAX_ETHPORTS) {
        err_set(error, "Error attaching device '%s' to DPDK", devargs);
        result = -ENODEV;
    } else if (owners[found][0] != '\0') {
        err_set(error, "'%s' is trying to use device '%s' which is already in use by '%s'", name, devargs,
                owners[found]);
        result = -EBUSY;
    } else {
        snprintf(owners[found], sizeof owners[found], "%s", name);
        *device = found;
    }
    pthread_mutex_unlock(&lock);
    return result;
}

static bool has_sibling(uint16_t device, const struct rte_device *hardware)
{
    uint16_t sibling;

    RTE_ETH_FOREACH_DEV_OF(sibling, hardware)
    {
        if (sibling != device)
            return true;
    }
    return false;
}

void ethdev_device_release(uint16_t device, bool attached)
{
    struct rte_eth_dev_info info;

    pthread_mutex_lock(&lock);
    if (attached && rte_eth_dev_info_get(device, &info) == 0) {
        bool shared = has_sibling(device, info.device);

        rte_eth_dev_close(device);
        if (!shared)
            rte_dev_remove(info.device);
    }
    owners[device][0] = '\0';
    pthread_mutex_unlock(&lock);
}
