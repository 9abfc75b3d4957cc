// SPDX-License-Identifier: Apache-2.0
#include "dataplane/reject.h"

#include <rte_mbuf.h>

#include "dataplane/compile.h"
#include "dataplane/execute.h"
#include "dataplane/reject_frame.h"
#include "dataplane/worker.h"

static bool take_from_budget(struct worker *worker, uint16_t port)
{
    struct reject_budget *budget = &worker->rejects[port];

    if (budget->tick != worker->now)
        *budget = (struct reject_budget){.tick = worker->now};
    if (budget->used == REJECTS_PER_SECOND)
        return false;
    budget->used++;
    return true;
}

static struct rte_mbuf *answer_to(const struct packet *refused, struct rte_mempool *pool)
{
    struct rte_mbuf *mbuf = rte_pktmbuf_alloc(pool);
    uint32_t len;

    if (mbuf == NULL)
        return NULL;
    if (rte_pktmbuf_tailroom(mbuf) >= REJECT_FRAME_MAX &&
        (len = reject_frame_build(refused, rte_pktmbuf_mtod(mbuf, uint8_t *))) != 0) {
        rte_pktmbuf_append(mbuf, (uint16_t)len);
        return mbuf;
    }
    rte_pktmbuf_free(mbuf);
    return NULL;
}

/* Out by the attachment that the refused packet came in by, through its tunnel if it is one. */
static void send_to(struct worker *worker, const struct attachment *to, struct port *port, struct rte_mbuf *mbuf)
{
    struct action action;
    struct packet packet;

    if (packet_parse(rte_pktmbuf_mtod(mbuf, const uint8_t *), mbuf->data_len, mbuf->pkt_len, &packet) != DROP_NONE ||
        !pipeline_resolve_output(worker->snapshot, &packet, to, &worker->resolution)) {
        rte_pktmbuf_free(mbuf);
        return;
    }
    action_compile(worker, &packet, &worker->resolution, &action);
    action_execute(worker, &action, port, mbuf, mbuf->pkt_len);
    if (action.flags & FLOW_LIST)
        output_release(&worker->outputs, action.action);
}

void reject_packet(struct worker *worker, uint32_t attachment, const struct rte_mbuf *refused)
{
    const struct attachment *source = snapshot_attachment(worker->snapshot, attachment);
    struct port *port = source != NULL ? snapshot_port(worker->snapshot, source->port) : NULL;
    struct packet packet;
    struct rte_mbuf *answer;

    if (port == NULL || !take_from_budget(worker, source->port) ||
        packet_parse(rte_pktmbuf_mtod(refused, const uint8_t *), refused->data_len, refused->pkt_len, &packet) !=
            DROP_NONE)
        return;
    answer = answer_to(&packet, refused->pool);
    if (answer != NULL)
        send_to(worker, source, port, answer);
}
