// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/handshake.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_prefetch.h>
#include <rte_tcp.h>

#include "tools/gen/tunnel.h"

#define SYN    RTE_TCP_SYN_FLAG
#define ACK    RTE_TCP_ACK_FLAG
#define PSH    RTE_TCP_PSH_FLAG
#define FIN    RTE_TCP_FIN_FLAG
#define CLIENT 0u
#define SERVER 1u
/* A connection that has not completed after this long never will. */
#define PATIENCE_MS 100u

/* Both sides begin with sequence number 1; the client sends as many bytes as fit into its frame. */
static struct frame_segment segment_of(enum handshake_step step, uint16_t payload)
{
    const struct frame_segment segments[HANDSHAKE_STEPS] = {
        [HANDSHAKE_SYN] = {SYN, 0, 1, 0},
        [HANDSHAKE_SYN_ACK] = {SYN | ACK, 0, 1, 2},
        [HANDSHAKE_ACK] = {ACK, 0, 2, 2},
        [HANDSHAKE_DATA] = {PSH | ACK, payload, 2, 2},
        [HANDSHAKE_SERVER_FIN] = {FIN | ACK, 0, 2, 2u + payload},
        [HANDSHAKE_CLIENT_FIN] = {FIN | ACK, 0, 2u + payload, 3},
        [HANDSHAKE_LAST_ACK] = {ACK, 0, 3, 3u + payload},
    };

    return segments[step];
}

static unsigned int direction_of(enum handshake_step step)
{
    return step == HANDSHAKE_SYN_ACK || step == HANDSHAKE_SERVER_FIN || step == HANDSHAKE_LAST_ACK ? SERVER : CLIENT;
}

static void make_template(struct handshake *handshake, enum handshake_step step, uint16_t payload)
{
    struct handshake_template *template = &handshake->templates[step];
    struct frame_segment segment = segment_of(step, payload);
    unsigned int direction = direction_of(step);
    const struct frame_layout *layout = &handshake->layouts[direction];
    uint32_t ports = frame_ports(handshake->options, direction, 0);
    const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(template->bytes + layout->l4);
    uint16_t size = frame_write_segment(handshake->options, direction, 0, &segment, template->bytes + layout->inner);

    if (layout->inner > 0)
        tunnel_write(handshake->options, size, template->bytes);
    template->direction = direction;
    template->size = (uint16_t)(layout->inner + size);
    /* Without the words of the ports, which in ones' complement are taken away by adding their complement. */
    template->sum = (uint16_t)~tcp->cksum + (~ports & 0xffff) + (~ports >> 16);
}

void handshake_init(struct handshake *handshake, const struct options *options, struct device *devices,
                    const struct receiver *receivers, struct counters *counters)
{
    uint16_t headers;

    memset(handshake, 0, sizeof *handshake);
    handshake->options = options;
    handshake->devices = devices;
    handshake->receivers = receivers;
    handshake->counters = counters;
    handshake->window.patience = rte_get_tsc_hz() / 1000 * PATIENCE_MS;
    for (unsigned int side = CLIENT; side <= SERVER; side++)
        frame_lay_out(&handshake->layouts[side], options, options->size, tunnel_outer_size(options, side));
    headers = (uint16_t)(handshake->layouts[CLIENT].l4 + sizeof(struct rte_tcp_hdr));
    for (unsigned int step = 0; step < HANDSHAKE_STEPS; step++)
        make_template(handshake, (enum handshake_step)step, (uint16_t)(options->size - headers));
}

unsigned int handshake_replies(unsigned int side, uint8_t flags, enum handshake_step replies[HANDSHAKE_REPLIES_MAX],
                               bool *completed)
{
    *completed = side == CLIENT && flags == ACK;
    if (side == CLIENT && flags == (SYN | ACK)) {
        replies[0] = HANDSHAKE_ACK;
        replies[1] = HANDSHAKE_DATA;
        return 2;
    }
    if (side == CLIENT && flags == (FIN | ACK))
        replies[0] = HANDSHAKE_CLIENT_FIN;
    else if (side == SERVER && flags == SYN)
        replies[0] = HANDSHAKE_SYN_ACK;
    else if (side == SERVER && flags == (PSH | ACK))
        replies[0] = HANDSHAKE_SERVER_FIN;
    else if (side == SERVER && flags == (FIN | ACK))
        replies[0] = HANDSHAKE_LAST_ACK;
    else
        return 0;
    return 1;
}

uint16_t handshake_write(const struct handshake *handshake, enum handshake_step step, uint32_t flow, uint8_t *bytes)
{
    const struct handshake_template *template = &handshake->templates[step];
    const struct frame_layout *layout = &handshake->layouts[template->direction];
    uint32_t ports = frame_ports(handshake->options, template->direction, flow);
    uint32_t sum = template->sum + (ports & 0xffff) + (ports >> 16);
    uint16_t checksum;

    memcpy(bytes, template->bytes, template->size);
    memcpy(bytes + layout->l4, &ports, sizeof ports);
    sum = (sum & 0xffff) + (sum >> 16);
    checksum = (uint16_t) ~((sum & 0xffff) + (sum >> 16));
    memcpy(bytes + layout->l4 + offsetof(struct rte_tcp_hdr, cksum), &checksum, sizeof checksum);
    return template->size;
}

static void give_up_old(struct handshake_window *window, uint64_t now)
{
    while (window->oldest < window->begun) {
        uint32_t slot = window->oldest % HANDSHAKE_SLOTS;

        if (window->fate[slot] == HANDSHAKE_OPEN) {
            if (now - window->start[slot] < window->patience)
                return;
            window->fate[slot] = HANDSHAKE_GIVEN_UP;
            window->under_way--;
        }
        window->oldest++;
    }
}

bool handshake_window_has_room(struct handshake_window *window, uint64_t most, uint64_t now)
{
    give_up_old(window, now);
    return window->under_way < most && window->begun - window->oldest < HANDSHAKE_SLOTS;
}

void handshake_window_begin(struct handshake_window *window, uint64_t now)
{
    uint32_t slot = window->begun++ % HANDSHAKE_SLOTS;

    window->start[slot] = now;
    window->fate[slot] = HANDSHAKE_OPEN;
    window->under_way++;
}

bool handshake_window_end(struct handshake_window *window, uint32_t slot)
{
    enum handshake_fate fate = (enum handshake_fate)window->fate[slot];

    if (fate == HANDSHAKE_DONE || slot >= window->begun)
        return false;
    window->fate[slot] = HANDSHAKE_DONE;
    window->completed++;
    if (fate == HANDSHAKE_OPEN)
        window->under_way--;
    return true;
}

static void flush(struct handshake *handshake, unsigned int side)
{
    struct handshake_queue *queue = &handshake->queues[side];
    uint16_t sent = rte_eth_tx_burst(handshake->devices[side].port_id, 0, queue->frames, queue->n);

    queue->n = (uint16_t)(queue->n - sent);
    memmove(queue->frames, queue->frames + sent, queue->n * sizeof queue->frames[0]);
    counter_add(&handshake->counters->sent[side], sent);
}

/* Makes a buffer the frame of a step, to be sent. */
static void enqueue(struct handshake *handshake, enum handshake_step step, uint32_t flow, struct rte_mbuf *frame)
{
    struct handshake_queue *queue = &handshake->queues[direction_of(step)];

    rte_pktmbuf_reset(frame);
    frame->data_len = handshake_write(handshake, step, flow, rte_pktmbuf_mtod(frame, uint8_t *));
    frame->pkt_len = frame->data_len;
    if (handshake->layouts[direction_of(step)].inner > 0)
        tunnel_set_port(frame, flow);
    queue->frames[queue->n++] = frame;
}

/* The first answer goes into the buffer that has come, a second one into a new one. */
static void answer(struct handshake *handshake, unsigned int side, struct rte_mbuf *frame)
{
    const struct frame_layout *layout = &handshake->layouts[side];
    const struct rte_tcp_hdr *tcp = rte_pktmbuf_mtod_offset(frame, const struct rte_tcp_hdr *, layout->l4);
    uint32_t ports = frame_get_ports(frame, layout->l4);
    uint32_t flow = frame_flow(handshake->options, !side, ports);
    enum handshake_step replies[HANDSHAKE_REPLIES_MAX];
    bool completed;
    unsigned int n = handshake_replies(side, tcp->tcp_flags, replies, &completed);

    if (completed && handshake_window_end(&handshake->window, flow % HANDSHAKE_SLOTS))
        counter_add(&handshake->counters->connections, 1);
    for (unsigned int i = 0; i < n; i++) {
        struct rte_mbuf *buffer = i == 0 ? frame : rte_pktmbuf_alloc(handshake->devices[side].rx_pool);

        if (buffer != NULL)
            enqueue(handshake, replies[i], flow, buffer);
    }
    if (n == 0)
        rte_pktmbuf_free(frame);
}

static bool receive(struct handshake *handshake, unsigned int side)
{
    const struct receiver *receiver = &handshake->receivers[!side];
    struct rte_mbuf *frames[BURST_SIZE];
    uint64_t bytes = 0;
    uint16_t n, ours = 0;

    if (handshake->queues[side].n + HANDSHAKE_REPLIES_MAX * BURST_SIZE > HANDSHAKE_QUEUE)
        return false;
    n = rte_eth_rx_burst(handshake->devices[side].port_id, 0, frames, BURST_SIZE);
    if (n > 0 && receiver->layout.inner > 0)
        n = receiver_keep_tunnelled(receiver, frames, n);
    for (uint16_t i = 0; i < n; i++)
        rte_prefetch0(rte_pktmbuf_mtod(frames[i], const void *));
    for (uint16_t i = 0; i < n; i++) {
        if ((receiver->layout.inner == 0 || tunnel_is_ours(handshake->options, frames[i])) &&
            frame_is_ours(handshake->options, !side, &receiver->layout, frames[i])) {
            bytes += frames[i]->pkt_len - receiver->layout.inner;
            answer(handshake, side, frames[i]);
            ours++;
        } else {
            rte_pktmbuf_free(frames[i]);
        }
    }
    counter_add(&handshake->counters->received[!side], ours);
    counter_add(&handshake->counters->received_bytes[!side], bytes);
    return n > 0;
}

static uint16_t begin(struct handshake *handshake, uint16_t due)
{
    struct handshake_queue *queue = &handshake->queues[CLIENT];
    struct handshake_window *window = &handshake->window;
    uint64_t now = rte_rdtsc(), most = handshake->options->descriptors / 2;
    uint16_t begun = 0;

    while (begun < due && queue->n < HANDSHAKE_QUEUE && handshake_window_has_room(window, most, now)) {
        struct rte_mbuf *frame = rte_pktmbuf_alloc(handshake->devices[CLIENT].rx_pool);

        if (frame == NULL)
            break;
        enqueue(handshake, HANDSHAKE_SYN, (uint32_t)(window->begun % handshake->options->flows), frame);
        handshake_window_begin(window, now);
        begun++;
    }
    return begun;
}

uint16_t handshake_work(struct handshake *handshake, uint16_t due, bool *any)
{
    uint16_t begun;

    *any = receive(handshake, SERVER);
    *any |= receive(handshake, CLIENT);
    begun = begin(handshake, due);
    for (unsigned int side = CLIENT; side <= SERVER; side++) {
        if (handshake->queues[side].n > 0)
            flush(handshake, side);
    }
    return begun;
}
