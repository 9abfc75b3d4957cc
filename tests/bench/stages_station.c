// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/stages_station.h"

#define SESSIONS (1u << 17)
#define LINES    (1u << 17)
#define OUTPUTS  64u
#define VLAN     10u

struct stage_station stage_station;

static uint16_t take_all(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n)
{
    stage_station.sent += n;
    return n;
}

static const struct port_ops taking_ops = {.type = "bench", .tx_burst = take_all};

void stage_station_start(void)
{
    struct conntrack_config sessions = {.capacity = SESSIONS, .n_workers = 2};
    struct station *s = &stage_station.s;

    memset(&stage_station, 0, sizeof stage_station);
    stage_station.client = 1;
    stage_station.server = 2;
    station_start(s, LINES, OUTPUTS);
    s->w.ops = &taking_ops;
    conntrack_destroy(s->w.ct);
    s->w.ct = s->worker->conntrack = conntrack_create(&sessions);
    s->w.pipeline.conntrack = s->worker->pipeline.conntrack = s->w.ct;
    stage_expect(s->w.ct != NULL, "memory for a session table");
    world_bridge(&s->w, 1, false);
}

/* The station makes sure that every buffer has come back. */
void stage_station_stop(void)
{
    rte_pktmbuf_free_bulk(stage_packets, STAGE_BATCH);
    station_stop(&stage_station.s);
    stage_expect(rte_pktmbuf_alloc_bulk(packet_pool(), stage_packets, STAGE_BATCH) == 0, "packet buffers");
}

void stage_guests_learn(uint16_t vlan)
{
    for (uint32_t id = 1; id <= 2; id++) {
        struct mac_addr mac = {{2, 0, 0, 0, 0, (uint8_t)id}};

        fdb_learn(stage_station.s.w.snapshot->bridges[1]->fdb, vlan, &mac, id, stage_station.s.tick - 10);
    }
}

/* Where tags are added or removed, one of the two is on an access port. */
static struct vlan_config vlan_of(enum stage_guests kind, uint32_t id)
{
    if ((kind == GUESTS_TAG_ADDED && id == 1) || (kind == GUESTS_TAG_REMOVED && id == 2))
        return (struct vlan_config){.mode = VLAN_ACCESS, .tag = VLAN};
    return (struct vlan_config){.mode = VLAN_TRUNK};
}

void stage_guests_start(enum stage_guests kind)
{
    bool has_policy = kind == GUESTS_POLICED || kind == GUESTS_POLICED_TCP;
    uint8_t protocol = kind == GUESTS_POLICED_TCP ? IPPROTO_TCP : IPPROTO_UDP;
    struct packet_spec request = {1, 2, NULL, protocol, kind == GUESTS_IPV6, 0, 2000, ACK, VLAN, false, 18};
    struct packet_spec reply = {2, 1, NULL, protocol, kind == GUESTS_IPV6, 2000, 0, ACK, VLAN, false, 18};

    stage_station_start();
    for (uint32_t id = 1; id <= 2; id++) {
        if (has_policy)
            world_police(&stage_station.s.w, id, protocol, 0);
        else
            world_attach(&stage_station.s.w, id, (struct attachment){.vlan = vlan_of(kind, id)});
    }
    station_settle(&stage_station.s);
    stage_guests_learn(kind == GUESTS_TAG_ADDED || kind == GUESTS_TAG_REMOVED ? VLAN : 0);
    request.tagged = kind == GUESTS_TAG_REMOVED;
    reply.tagged = kind == GUESTS_TAG_ADDED;
    stage_station.request = spec_frame(&request);
    stage_station.reply = spec_frame(&reply);
}

void stage_requests_fill(uint32_t first)
{
    stage_fill(&stage_station.request, STAGE_REQUEST, first);
    if (stage_station.wrap != NULL)
        stage_station.wrap();
}

static void forward(uint32_t by)
{
    struct station *s = &stage_station.s;

    worker_forward(s->worker, s->w.snapshot->ports[by], by, stage_packets, STAGE_BATCH);
}

void stage_requests_forward(void)
{
    forward(stage_station.client);
}

/* The flags of a TCP frame; others have none. */
static void set_tcp_flags(struct frame *frame, uint8_t flags)
{
    if (frame->bytes[12] == 0x08 && frame->bytes[14 + 9] == IPPROTO_TCP)
        frame->bytes[14 + 20 + 13] = flags;
}

void stage_flows_establish(void)
{
    static const uint8_t flags[] = {SYN, SYN | ACK, ACK, ACK, ACK, ACK};

    for (uint32_t i = 0; i < RTE_DIM(flags); i++) {
        bool is_reply = i % 2 != 0;
        struct frame *frame = is_reply ? &stage_station.reply : &stage_station.request;

        if (frame->len == 0)
            continue;
        set_tcp_flags(frame, flags[i]);
        stage_station.sent = 0;
        if (is_reply) {
            stage_fill(frame, STAGE_REPLY, 0);
            forward(stage_station.server);
        } else {
            stage_requests_fill(0);
            stage_requests_forward();
        }
        stage_expect(stage_station.sent == STAGE_BATCH, "packets to arrive");
    }
}
