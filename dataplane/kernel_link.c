// SPDX-License-Identifier: Apache-2.0
#include "dataplane/kernel_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/sockios.h>

static struct ifreq request_for(const char *name)
{
    struct ifreq request = {0};

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    return request;
}

static int call(int fd, unsigned long number, struct ifreq *request)
{
    return ioctl(fd, number, request) == 0 ? 0 : -errno;
}

int kernel_link_socket(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    return fd >= 0 ? fd : -errno;
}

bool kernel_link_exists(const char *name)
{
    struct ifreq request = request_for(name);
    int fd = kernel_link_socket();
    bool exists;

    if (fd < 0 || strlen(name) >= IFNAMSIZ) {
        if (fd >= 0)
            close(fd);
        return false;
    }
    exists = call(fd, SIOCGIFINDEX, &request) == 0;
    close(fd);
    return exists;
}

int kernel_link_get(int fd, const char *name, struct kernel_link *link)
{
    struct ifreq request = request_for(name);
    int result;

    if (strlen(name) >= IFNAMSIZ)
        return -ENODEV;
    result = call(fd, SIOCGIFINDEX, &request);
    if (result != 0)
        return result;
    link->ifindex = (uint32_t)request.ifr_ifindex;
    result = call(fd, SIOCGIFFLAGS, &request);
    if (result != 0)
        return result;
    link->up = request.ifr_flags & IFF_UP;
    link->running = request.ifr_flags & IFF_RUNNING;
    result = call(fd, SIOCGIFMTU, &request);
    if (result != 0)
        return result;
    link->mtu = (uint16_t)(request.ifr_mtu > UINT16_MAX ? UINT16_MAX : request.ifr_mtu);
    result = call(fd, SIOCGIFHWADDR, &request);
    if (result != 0)
        return result;
    memcpy(link->mac.bytes, request.ifr_hwaddr.sa_data, sizeof link->mac.bytes);
    return 0;
}

int kernel_link_set_up(int fd, const char *name)
{
    struct ifreq request = request_for(name);
    int result = call(fd, SIOCGIFFLAGS, &request);

    if (result != 0 || request.ifr_flags & IFF_UP)
        return result;
    request.ifr_flags |= IFF_UP;
    return call(fd, SIOCSIFFLAGS, &request);
}

int kernel_link_set_mtu(int fd, const char *name, uint16_t mtu)
{
    struct ifreq request = request_for(name);

    request.ifr_mtu = mtu;
    return call(fd, SIOCSIFMTU, &request);
}

void kernel_link_announce_changes(const char *name)
{
    char path[64 + IFNAMSIZ];
    FILE *file;

    snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/arp_notify", name);
    file = fopen(path, "we");
    if (file != NULL) {
        fputs("1", file);
        fclose(file);
    }
}

int kernel_link_set_mac(int fd, const char *name, const struct mac_addr *mac)
{
    struct ifreq request = request_for(name);

    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    memcpy(request.ifr_hwaddr.sa_data, mac->bytes, sizeof mac->bytes);
    return call(fd, SIOCSIFHWADDR, &request);
}

/* Mbit/s and duplex as the driver says, if it knows. The first call asks how long the link mode masks are. */
static void read_speed(int fd, const char *name, struct port_status *status)
{
    union {
        struct ethtool_link_settings settings;
        uint32_t room[sizeof(struct ethtool_link_settings) / 4 + 3 * 127]; /* settings and three masks of any length */
    } answer = {.settings = {.cmd = ETHTOOL_GLINKSETTINGS}};
    struct ifreq request = request_for(name);

    request.ifr_data = (void *)&answer;
    if (call(fd, SIOCETHTOOL, &request) != 0 || answer.settings.link_mode_masks_nwords >= 0)
        return;
    answer.settings.link_mode_masks_nwords = (int8_t)-answer.settings.link_mode_masks_nwords;
    answer.settings.cmd = ETHTOOL_GLINKSETTINGS;
    if (call(fd, SIOCETHTOOL, &request) != 0)
        return;
    if (answer.settings.speed != (uint32_t)SPEED_UNKNOWN)
        status->link_speed = (uint64_t)answer.settings.speed * 1000 * 1000;
    status->full_duplex = answer.settings.duplex == DUPLEX_FULL;
}

static void read_driver(int fd, const char *name, struct port_status *status)
{
    struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
    struct ifreq request = request_for(name);

    request.ifr_data = (void *)&driver;
    if (call(fd, SIOCETHTOOL, &request) != 0)
        return;
    port_status_add(status, "driver_name", "%s", driver.driver);
    port_status_add(status, "driver_version", "%s", driver.version);
    port_status_add(status, "firmware_version", "%s", driver.fw_version);
}

void kernel_link_status(int fd, const char *name, struct port_status *status)
{
    struct kernel_link link;

    if (kernel_link_get(fd, name, &link) != 0)
        return;
    status->admin_up = link.up;
    status->link_up = link.up && link.running;
    status->mac = link.mac;
    status->mtu = link.mtu;
    status->ifindex = link.ifindex;
    read_speed(fd, name, status);
    read_driver(fd, name, status);
}
