// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

struct rte_mbuf;
struct packet_slots;

/* A packet socket (AF_PACKET) of one network device that sees what the device receives, whoever it is for, and not what
 * is sent. Receiving and sending may happen on two threads. */
struct packet_socket {
    int fd;
    struct packet_slots *slots; /* memory of the frames received */
    unsigned int n_received;
    unsigned int next;
};

/* A frame with its VLAN tag put back. Valid until the next packet_socket_receive(). */
struct packet_frame {
    uint8_t *data;
    uint32_t len;
    struct virtio_net_hdr header; /* what its sender left undone */
    bool truncated;               /* larger than expected: not whole */
};

/* 0 or negative errno. Control or builder thread, both. */
int packet_socket_open(struct packet_socket *socket, uint32_t ifindex);
void packet_socket_close(struct packet_socket *socket);

/* Receives up to 'n' frames without waiting and returns how many; only when all earlier ones were taken. */
unsigned int packet_socket_receive(struct packet_socket *socket, unsigned int n);

/* Takes the next of the frames received. False when there are none left. */
bool packet_socket_next(struct packet_socket *socket, struct packet_frame *frame);

/* Sends packets, also pending ones (core/offload.h), in order without waiting and without consuming them. How many were sent, or, when already the first
 * failed, negative errno. */
int packet_socket_send(struct packet_socket *socket, struct rte_mbuf **packets, unsigned int n);

/* Frames lost because nobody received them in time, since the last call. Control thread. */
uint64_t packet_socket_missed(struct packet_socket *socket);
