// SPDX-License-Identifier: Apache-2.0
#include "dataplane/packet_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>

#include "dataplane/core/offload.h"
#include "dataplane/frame_buffers.h"

#define SLOTS         32
#define FRAME_SIZE    (66 * 1024) /* a TCP frame before it is cut, 64 KiB of IP and its Ethernet header */
#define TAG_ROOM      64          /* in front of a frame, where a tag is put back; keeps frames on cache lines */
#define VLAN_LEN      4
#define SOCKET_BUFFER (4 * 1024 * 1024) /* bridges the worker's short sleeps at a high rate */
#define SEND_BATCH    32
#define SEND_PIECES   40 /* header and buffers of a packet, 64 KiB in the usual ones */

/* Mapped, not allocated: pages that no large frame ever reaches stay untouched. */
struct packet_slots {
    struct mmsghdr messages[SLOTS];
    struct iovec pieces[SLOTS][2];
    struct virtio_net_hdr headers[SLOTS];
    union {
        char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
        struct cmsghdr aligner;
    } controls[SLOTS];
    uint8_t frames[SLOTS][TAG_ROOM + FRAME_SIZE];
};

static int set_options(int fd, uint32_t ifindex)
{
    struct packet_mreq promiscuous = {.mr_ifindex = (int)ifindex, .mr_type = PACKET_MR_PROMISC};
    int on = 1, buffer = SOCKET_BUFFER;

    /* Best effort: what the kernel grants is used. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous) != 0)
        return -errno;
    return 0;
}

static void lay_out(struct packet_slots *slots)
{
    for (unsigned int i = 0; i < SLOTS; i++) {
        slots->pieces[i][0] = (struct iovec){.iov_base = &slots->headers[i], .iov_len = sizeof slots->headers[i]};
        slots->pieces[i][1] = (struct iovec){.iov_base = slots->frames[i] + TAG_ROOM, .iov_len = FRAME_SIZE};
        slots->messages[i].msg_hdr.msg_iov = slots->pieces[i];
        slots->messages[i].msg_hdr.msg_iovlen = 2;
        slots->messages[i].msg_hdr.msg_control = &slots->controls[i];
    }
}

int packet_socket_open(struct packet_socket *sock, uint32_t ifindex)
{
    struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)ifindex};
    void *memory;
    int result;

    memset(sock, 0, sizeof *sock);
    memory = mmap(NULL, sizeof *sock->slots, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -ENOMEM;
    sock->slots = memory;
    lay_out(sock->slots);
    /* Protocol 0 receives nothing, so no frame of another device slips in before it is bound. */
    sock->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (sock->fd < 0) {
        result = -errno;
        goto fail_socket;
    }
    result = set_options(sock->fd, ifindex);
    if (result == 0 && bind(sock->fd, (const struct sockaddr *)&address, sizeof address) != 0)
        result = -errno;
    if (result == 0)
        return 0;
    close(sock->fd);
fail_socket:
    munmap(sock->slots, sizeof *sock->slots);
    return result;
}

void packet_socket_close(struct packet_socket *sock)
{
    close(sock->fd);
    munmap(sock->slots, sizeof *sock->slots);
}

unsigned int packet_socket_receive(struct packet_socket *sock, unsigned int n)
{
    struct packet_slots *slots = sock->slots;
    int received;

    n = n < SLOTS ? n : SLOTS;
    for (unsigned int i = 0; i < n; i++)
        slots->messages[i].msg_hdr.msg_controllen = sizeof slots->controls[i].bytes;
    received = recvmmsg(sock->fd, slots->messages, n, MSG_DONTWAIT, NULL);
    sock->next = 0;
    sock->n_received = received > 0 ? (unsigned int)received : 0;
    return sock->n_received;
}

static const struct tpacket_auxdata *find_auxdata(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA &&
            c->cmsg_len >= CMSG_LEN(sizeof(struct tpacket_auxdata)))
            return (const struct tpacket_auxdata *)(const void *)CMSG_DATA(c);
    }
    return NULL;
}

/* The kernel takes the outermost tag off the frame and hands it over beside it. */
static void put_tag_back(struct packet_frame *frame, const struct tpacket_auxdata *aux)
{
    uint16_t tpid = ETH_P_8021Q;

    if (aux == NULL || !(aux->tp_status & TP_STATUS_VLAN_VALID) || frame->len < 2 * ETH_ALEN)
        return;
    if (aux->tp_status & TP_STATUS_VLAN_TPID_VALID)
        tpid = aux->tp_vlan_tpid;
    frame->data -= VLAN_LEN;
    frame->len += VLAN_LEN;
    if (frame->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        frame->header.csum_start += VLAN_LEN;
    memmove(frame->data, frame->data + VLAN_LEN, 2 * ETH_ALEN);
    frame->data[12] = (uint8_t)(tpid >> 8);
    frame->data[13] = (uint8_t)tpid;
    frame->data[14] = (uint8_t)(aux->tp_vlan_tci >> 8);
    frame->data[15] = (uint8_t)aux->tp_vlan_tci;
}

bool packet_socket_next(struct packet_socket *sock, struct packet_frame *frame)
{
    struct packet_slots *slots = sock->slots;
    unsigned int i = sock->next;
    struct mmsghdr *message;

    if (i == sock->n_received)
        return false;
    sock->next++;
    message = &slots->messages[i];
    *frame = (struct packet_frame){.data = slots->frames[i] + TAG_ROOM, .header = slots->headers[i]};
    if (message->msg_hdr.msg_flags & MSG_TRUNC || message->msg_len < sizeof frame->header) {
        frame->truncated = true;
        return true;
    }
    frame->len = message->msg_len - (uint32_t)sizeof frame->header;
    put_tag_back(frame, find_auxdata(&message->msg_hdr));
    return true;
}

int packet_socket_send(struct packet_socket *sock, struct rte_mbuf **packets, unsigned int n)
{
    struct virtio_net_hdr headers[SEND_BATCH];
    struct mmsghdr messages[SEND_BATCH];
    struct iovec pieces[SEND_BATCH][SEND_PIECES];
    int sent;

    n = n < SEND_BATCH ? n : SEND_BATCH;
    for (unsigned int i = 0; i < n; i++) {
        /* With more segments than that it goes without a frame and is refused. */
        unsigned int n_pieces = frame_to_pieces(packets[i], pieces[i] + 1, SEND_PIECES - 1);

        offload_to_virtio(packets[i], &headers[i]);
        pieces[i][0] = (struct iovec){.iov_base = &headers[i], .iov_len = sizeof headers[i]};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = pieces[i], .msg_iovlen = 1 + n_pieces};
    }
    sent = sendmmsg(sock->fd, messages, n, MSG_DONTWAIT);
    return sent >= 0 ? sent : -errno;
}

uint64_t packet_socket_missed(struct packet_socket *sock)
{
    struct tpacket_stats stats = {0};
    socklen_t len = sizeof stats;

    return getsockopt(sock->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len) == 0 ? stats.tp_drops : 0;
}
