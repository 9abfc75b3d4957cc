// SPDX-License-Identifier: Apache-2.0
#include "dataplane/compile.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_common.h>

static uint16_t change_flag(enum vlan_change change)
{
    switch (change) {
    case VLAN_PUSH:
        return FLOW_VLAN_PUSH;
    case VLAN_POP:
        return FLOW_VLAN_POP;
    case VLAN_SET:
        return FLOW_VLAN_SET;
    case VLAN_KEEP:
        break;
    }
    return 0;
}

static uint32_t longest_inside(const struct output *output)
{
    uint32_t headers = (uint32_t)output->encap.len - output->encap.l3_offset;

    if (output->mtu == 0)
        return UINT16_MAX - headers; /* an IP packet is no longer */
    return output->mtu > headers ? output->mtu - headers : 0;
}

static void output_fill(const struct snapshot *snapshot, const struct resolved_output *resolved, struct output *output)
{
    const struct attachment *destination = snapshot_attachment(snapshot, resolved->attachment);

    output->attachment = resolved->attachment;
    output->underlay = resolved->underlay;
    output->change = (uint8_t)resolved->change;
    output->vlan = resolved->vlan;
    output->account = destination->port;
    output->encapsulate = resolved->underlay != 0;
    if (output->encapsulate) {
        const struct attachment *underlay = snapshot_attachment(snapshot, resolved->underlay);
        const struct next_hop *hop = snapshot_next_hop(snapshot, destination->next_hop);

        output->port = underlay->port;
        output->mtu = underlay->mtu;
        output->next_hop = destination->next_hop;
        encap_template_init(&output->encap, &destination->tunnel, hop, resolved->underlay_vlan);
        output->inner_max = longest_inside(output);
    } else {
        output->port = destination->port;
        output->mtu = destination->mtu;
        output->next_hop = 0;
    }
}

/* The list that earlier flows through the same tunnel use, if it still says the same. */
static uint32_t remembered_tunnel(struct worker *worker, const struct resolved_output *resolved)
{
    uint32_t slot = resolved->attachment % RTE_DIM(worker->tunnel_memory);
    uint32_t head = worker->tunnel_memory[slot].head;
    const struct output *output = &worker->outputs.outputs[head];

    if (head == 0 || worker->tunnel_memory[slot].attachment != resolved->attachment ||
        worker->tunnel_memory[slot].sequence != worker->snapshot->sequence || output->underlay != resolved->underlay ||
        output->change != resolved->change || output->vlan != resolved->vlan)
        return 0;
    worker->outputs.outputs[head].refs++;
    return head;
}

static void remember_tunnel(struct worker *worker, const struct resolved_output *resolved, uint32_t head)
{
    uint32_t slot = resolved->attachment % RTE_DIM(worker->tunnel_memory);

    output_release(&worker->outputs, worker->tunnel_memory[slot].head);
    worker->tunnel_memory[slot].attachment = resolved->attachment;
    worker->tunnel_memory[slot].sequence = worker->snapshot->sequence;
    worker->tunnel_memory[slot].head = head;
    worker->outputs.outputs[head].refs++;
}

static uint32_t compile_list(struct worker *worker, const struct resolution *resolution)
{
    uint32_t head = 0, last = 0;

    for (uint32_t i = 0; i < resolution->n_outputs; i++) {
        uint32_t index = output_take(&worker->outputs);

        if (index == 0) {
            output_release(&worker->outputs, head);
            return 0;
        }
        output_fill(worker->snapshot, &resolution->outputs[i], &worker->outputs.outputs[index]);
        if (head == 0)
            head = index;
        else
            worker->outputs.outputs[last].next = index;
        last = index;
    }
    worker->outputs.outputs[head].additions = resolution->additions;
    worker->outputs.outputs[head].n_refused = resolution->n_refused;
    worker->outputs.outputs[head].refused = (uint8_t)resolution->refused;
    return head;
}

/* Only then need not every packet be held against the MTU, as it is on its way to an output of a list. */
static bool takes_ordinary_frames(const struct attachment *destination)
{
    return destination->mtu == 0 || destination->mtu >= PORT_MTU_DEFAULT;
}

bool action_compile(struct worker *worker, const struct packet *packet, const struct resolution *resolution,
                    struct action *action)
{
    const struct resolved_output *first = &resolution->outputs[0];
    bool single = resolution->n_outputs == 1 && !resolution->flood;
    const struct attachment *destination;

    memset(action, 0, sizeof *action);
    if (resolution->drop != DROP_NONE) {
        action->flags =
            FLOW_DROP | (resolution->if_no_session ? FLOW_IF_NO_SESSION : 0) | (resolution->reject ? FLOW_REJECT : 0);
        action->action = resolution->drop;
        return true;
    }

    action->session = resolution->session;
    if (resolution->session != 0) {
        action->flags |= resolution->track ? FLOW_TRACK : 0;
        action->flags |= packet->protocol == IPPROTO_TCP || packet->protocol == IPPROTO_SCTP ? FLOW_TCP : 0;
        action->flags |= resolution->direction == CT_REPLY ? FLOW_REPLY : 0;
    }
    action->flags |= resolution->brief ? FLOW_BRIEF : 0;
    action->flags |= resolution->if_no_session ? FLOW_IF_NO_SESSION : 0;
    destination = single ? snapshot_attachment(worker->snapshot, first->attachment) : NULL;
    if (destination != NULL && first->underlay == 0 && takes_ordinary_frames(destination)) {
        action->flags |= change_flag(first->change);
        action->out.port = destination->port;
        action->out.vlan = first->vlan;
        return true;
    }

    action->flags |= FLOW_LIST | (resolution->flood ? FLOW_FLOOD : 0);
    if (single && first->underlay != 0 && first->change == VLAN_KEEP)
        action->flags |= FLOW_TUNNEL;
    action->action = single ? remembered_tunnel(worker, first) : 0;
    if (action->action == 0) {
        action->action = compile_list(worker, resolution);
        if (action->action != 0 && single)
            remember_tunnel(worker, first, action->action);
    }
    if (action->action == 0) {
        *action = (struct action){.flags = FLOW_DROP, .action = DROP_INTERNAL};
        return false;
    }
    return true;
}
