// SPDX-License-Identifier: Apache-2.0
#include "dataplane/execute.h"

#include <rte_mbuf.h>

#include "dataplane/core/offload.h"
#include "dataplane/segment.h"
#include "dataplane/tag.h"

void packet_drop(struct worker *worker, struct port *port, struct rte_mbuf *packet, enum drop_reason reason)
{
    port->counters[worker->id]->drops[reason]++;
    rte_pktmbuf_free(packet);
}

/* Layer 3 bytes of the frame, or of the longest segment that it will be cut into, to hold against an MTU. */
static uint32_t l3_length(const struct rte_mbuf *packet)
{
    const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);
    uint32_t len = packet->pkt_len;

    if (packet->ol_flags & RTE_MBUF_F_TX_TCP_SEG)
        len = RTE_MIN(len, offload_l4(packet) + packet->l4_len + packet->tso_segsz);
    return len - (frame[12] == 0x81 && frame[13] == 0x00 ? 18 : 14);
}

static void send_output(struct worker *worker, const struct output *output, struct port *port, struct rte_mbuf *packet,
                        uint32_t hash);

/* What the segments of a frame are sent by. */
struct segment_way {
    struct worker *worker;
    const struct output *output;
    struct port *port;
    uint32_t hash;
};

static void send_segment(void *segment_way, struct rte_mbuf *segment)
{
    const struct segment_way *way = segment_way;

    send_output(way->worker, way->output, way->port, segment, way->hash);
}

/* A buffer can describe one tunnel around what is to be cut, not two. */
static void send_segments(struct worker *worker, const struct output *output, struct port *port, struct rte_mbuf *frame,
                          uint32_t hash)
{
    struct segment_way way = {worker, output, port, hash};

    if (segmenter_run(frame, send_segment, &way))
        rte_pktmbuf_free(frame);
    else
        packet_drop(worker, port, frame, DROP_NO_BUFFER);
}

static void send_output(struct worker *worker, const struct output *output, struct port *port, struct rte_mbuf *packet,
                        uint32_t hash)
{
    if (__builtin_expect(output->encapsulate && (packet->ol_flags & RTE_MBUF_F_TX_TUNNEL_MASK) != 0, 0)) {
        send_segments(worker, output, port, packet, hash);
        return;
    }
    if (tag_change(packet, output->change, output->vlan) != 0) {
        packet_drop(worker, port, packet, DROP_NO_BUFFER);
        return;
    }
    if (output->encapsulate && encap_apply(&output->encap, packet, hash, worker->packet_id++) != 0) {
        packet_drop(worker, port, packet, DROP_NO_BUFFER);
        return;
    }
    if (output->mtu != 0 && l3_length(packet) > output->mtu) {
        packet_drop(worker, port, packet, DROP_MTU_EXCEEDED);
        return;
    }
    if (output->account != output->port)
        count_tunnelled(worker, output, packet->pkt_len);
    tx_add(&worker->tx, worker->snapshot, output->port, packet);
}

/* Every output but the last gets a copy: each may be changed on its way. Copies are from the packet's own pool, which is
 * near the port it came from. */
static void send_list(struct worker *worker, uint32_t head, struct port *port, struct rte_mbuf *packet, uint32_t hash)
{
    const struct output *first = &worker->outputs.outputs[head];

    if (__builtin_expect(first->n_refused != 0, 0))
        port->counters[worker->id]->drops[first->refused] += first->n_refused;
    for (uint32_t i = head; i != 0;) {
        const struct output *output = &worker->outputs.outputs[i];
        struct rte_mbuf *copy = packet;

        i = output->next;
        if (i != 0)
            copy = rte_pktmbuf_copy(packet, packet->pool, 0, UINT32_MAX);
        if (copy == NULL)
            port->counters[worker->id]->drops[DROP_NO_BUFFER]++;
        else
            send_output(worker, output, port, copy, hash);
    }
}

static void send_simple(struct worker *worker, const struct action *action, struct port *port, struct rte_mbuf *packet)
{
    uint16_t out = action->out.port;

    if (tag_change(packet, tag_change_of(action->flags), action->out.vlan) != 0) {
        packet_drop(worker, port, packet, DROP_NO_BUFFER);
        return;
    }
    if (__builtin_expect(packet->pkt_len > ACTION_ORDINARY_FRAME, 0)) {
        const struct attachment *to = snapshot_attachment(worker->snapshot, worker->snapshot->port_attachments[out]);

        if (to != NULL && to->mtu != 0 && l3_length(packet) > to->mtu) {
            packet_drop(worker, port, packet, DROP_MTU_EXCEEDED);
            return;
        }
    }
    tx_add(&worker->tx, worker->snapshot, out, packet);
}

void action_execute_special(struct worker *worker, const struct action *action, struct port *port,
                            struct rte_mbuf *packet, uint32_t hash)
{
    if (action->flags & FLOW_DROP)
        packet_drop(worker, port, packet, (enum drop_reason)action->action);
    else if (action->flags & FLOW_LIST)
        send_list(worker, action->action, port, packet, hash);
    else
        send_simple(worker, action, port, packet);
}
