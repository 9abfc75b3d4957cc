// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/device.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "tools/gen/gso.h"
#include "tools/gen/tunnel.h"

#define POOL_CACHE 256u

struct template
{
    const struct options *options;
    unsigned int direction;
    struct frame_layout layout;
};

static void write_template(struct rte_mempool *pool, void *arg, void *object, unsigned int index)
{
    const struct template *template = arg;
    const struct frame_layout *layout = &template->layout;
    struct rte_mbuf *frame = object;
    uint8_t *bytes;

    rte_pktmbuf_reset(frame);
    rte_mbuf_refcnt_set(frame, 1);
    frame->data_len = layout->size;
    frame->pkt_len = layout->size;
    bytes = rte_pktmbuf_mtod(frame, uint8_t *);
    frame_write(template->options, template->direction, layout, bytes);
    if (layout->inner > 0)
        tunnel_write(template->options, (uint16_t)(layout->size - layout->inner), bytes);
    if (template->options->gso > 0)
        gso_write_template(template->options, layout, frame);
}

/* What the largest frame needs, received or sent. */
static uint16_t room_of_buffer(const struct options *options)
{
    return (uint16_t)RTE_MAX((unsigned int)RTE_MBUF_DEFAULT_BUF_SIZE,
                             RTE_PKTMBUF_HEADROOM + options->size + TUNNEL_OUTER_SIZE);
}

static struct rte_mempool *make_pool(const struct device *device, const char *kind, unsigned int index, unsigned int n,
                                     unsigned int cache, uint16_t room)
{
    char name[RTE_MEMPOOL_NAMESIZE];

    snprintf(name, sizeof name, "%s%u-%u", kind, index, device->guest);
    return rte_pktmbuf_pool_create(name, n, cache, 0, room, SOCKET_ID_ANY);
}

/* The frames of one size, without and with stamps. */
static int make_frames(struct device *device, unsigned int index, unsigned int n, const struct options *options)
{
    struct template template = {options, device->guest, {0}};
    uint16_t room = room_of_buffer(options);

    frame_lay_out(&template.layout, options, imix_size(options, index), tunnel_outer_size(options, device->guest));
    device->layout = template.layout;
    device->tx_pools[index] = make_pool(device, "tx", index, n, POOL_CACHE, room);
    if (device->tx_pools[index] == NULL)
        return -rte_errno;
    rte_mempool_obj_iter(device->tx_pools[index], write_template, &template);
    if (options->latency == 0)
        return 0;
    /* What may be under way of a full ring and two bursts, and some. */
    device->stamp_pools[index] =
        make_pool(device, "stamp", index, (options->descriptors + 2 * BURST_SIZE) / options->latency + 16, 0, room);
    if (device->stamp_pools[index] == NULL)
        return -rte_errno;
    rte_mempool_obj_iter(device->stamp_pools[index], write_template, &template);
    return 0;
}

static bool sends(const struct device *device, const struct options *options)
{
    return device->guest == FRAME_FLOOD || options_has_direction(options, device->guest);
}

static void write_payload(struct rte_mempool *pool, void *arg, void *object, unsigned int index)
{
    struct rte_mbuf *buffer = object;

    rte_pktmbuf_reset(buffer);
    rte_mbuf_refcnt_set(buffer, 1);
    memset(rte_pktmbuf_mtod(buffer, void *), 0, buffer->buf_len - RTE_PKTMBUF_HEADROOM);
}

static int make_payloads(struct device *device, const struct options *options)
{
    unsigned int frames = RTE_MIN(options->descriptors, GSO_DESCRIPTORS) + 2 * GSO_BURST;

    device->payload_pool = make_pool(device, "payload", 0, frames * gso_buffers(options), 0,
                                     (uint16_t)(RTE_PKTMBUF_HEADROOM + RTE_MIN(options->gso, GSO_BUFFER)));
    if (device->payload_pool == NULL)
        return -rte_errno;
    rte_mempool_obj_iter(device->payload_pool, write_payload, NULL);
    return 0;
}

static int make_pools(struct device *device, const struct options *options)
{
    /* A full ring, what one burst and the pool's cache hold, and as much again. */
    unsigned int n = 2 * (options->descriptors + BURST_SIZE + 2 * POOL_CACHE);
    int error = 0;

    device->rx_pool = make_pool(device, "rx", 0, n, POOL_CACHE, room_of_buffer(options));
    if (device->rx_pool == NULL)
        return -rte_errno;
    for (unsigned int index = 0; index < imix_sizes(options) && error == 0; index++)
        error = make_frames(device, index, n, options);
    if (error == 0 && options->gso > 0 && sends(device, options))
        error = make_payloads(device, options);
    return error;
}

/* Whether the device takes frames of the size asked for. A sentence on standard error when not. */
static int check_size(const struct device *device, const struct options *options)
{
    uint32_t size = options->size + device->layout.inner, most;
    struct rte_eth_dev_info info;
    int error = rte_eth_dev_info_get(device->port_id, &info);

    if (error != 0)
        return error;
    most = RTE_MIN((uint32_t)info.max_mtu + RTE_ETHER_HDR_LEN, info.max_rx_pktlen);
    if (size <= RTE_ETHER_MTU + RTE_ETHER_HDR_LEN || size <= most)
        return 0;
    fprintf(stderr, "sluice-gen: --size: device %u takes frames of at most %u bytes, these have %u\n", device->port_id,
            most, size);
    return -EMSGSIZE;
}

static int configure(const struct device *device, const struct options *options)
{
    uint32_t mtu = options->size + device->layout.inner - RTE_ETHER_HDR_LEN;
    struct rte_eth_conf conf = {.rxmode.mtu = mtu > RTE_ETHER_MTU ? mtu : 0};
    struct rte_eth_dev_info info;
    int error = options->gso > 0 ? rte_eth_dev_info_get(device->port_id, &info) : 0;

    if (error == 0 && options->gso > 0)
        error = gso_configure(options, sends(device, options), &info, &conf);
    if (error != 0)
        return error;
    return rte_eth_dev_configure(device->port_id, 1, 1, &conf);
}

static int start(struct device *device, const struct options *options)
{
    uint16_t rx_descriptors = options->descriptors, tx_descriptors = options->descriptors;
    int error = configure(device, options);

    if (options->gso > 0)
        tx_descriptors = RTE_MIN(tx_descriptors, GSO_DESCRIPTORS);
    if (error == 0)
        error = rte_eth_dev_adjust_nb_rx_tx_desc(device->port_id, &rx_descriptors, &tx_descriptors);
    if (error == 0)
        error = rte_eth_rx_queue_setup(device->port_id, 0, rx_descriptors, SOCKET_ID_ANY, NULL, device->rx_pool);
    if (error == 0)
        error = rte_eth_tx_queue_setup(device->port_id, 0, tx_descriptors, SOCKET_ID_ANY, NULL);
    if (error == 0)
        error = rte_eth_dev_start(device->port_id);
    if (error == 0) {
        device->started = true;
        /* Not every driver has it, and those without do not filter. */
        rte_eth_promiscuous_enable(device->port_id);
    }
    return error;
}

int device_open(struct device *device, uint16_t guest, uint16_t port_id, const struct options *options)
{
    int error;

    *device = (struct device){.port_id = port_id, .guest = guest};
    error = make_pools(device, options);
    if (error == 0)
        error = check_size(device, options);
    if (error == 0)
        error = start(device, options);
    if (error == -ENOMEM)
        fprintf(stderr, "sluice-gen: device %u: no memory for its buffers; EAL may have more by -m\n", port_id);
    /* Of these there is a sentence already. */
    else if (error != 0 && error != -EMSGSIZE && error != -ENOTSUP)
        fprintf(stderr, "sluice-gen: device %u cannot be started: %s\n", port_id, rte_strerror(-error));
    return error;
}

void device_close(struct device *device)
{
    if (device->started)
        rte_eth_dev_stop(device->port_id);
    rte_eth_dev_close(device->port_id);
    rte_mempool_free(device->rx_pool);
    rte_mempool_free(device->payload_pool);
    for (unsigned int index = 0; index < IMIX_SIZES; index++) {
        rte_mempool_free(device->tx_pools[index]);
        rte_mempool_free(device->stamp_pools[index]);
    }
}
