// SPDX-License-Identifier: Apache-2.0
/* Whole batches of established flows through worker_forward(): from guest to guest, into a tunnel and out of one. */
#include "tests/bench/stages_station.h"

#include "overlay/encap.h"

#define VNI      77u
#define UNDERLAY 2u
#define UPLINK   6u

static const struct mac_addr own_mac = {{2, 0, 0, 0, 0, 5}}, far_mac = {{2, 0, 0, 0, 0, 0x77}};
static enum tunnel_type tunnel_type;
static uint64_t misses;
static uint32_t batches;

static void established(void)
{
    stage_flows_establish();
    stage_station.sent = 0;
    batches = 0;
    misses = station_misses(&stage_station.s);
}

static void start_guests(uint32_t kind)
{
    stage_guests_start((enum stage_guests)kind);
    established();
}

static uint32_t endpoint(uint8_t last)
{
    return htonl(0xc0000200u | last);
}

static struct tunnel_config tunnel_to(uint32_t remote)
{
    return (struct tunnel_config){.type = tunnel_type,
                                  .remote = remote,
                                  .vni = VNI,
                                  .dst_port = tunnel_type == TUNNEL_VXLAN ? TUNNEL_PORT_VXLAN : TUNNEL_PORT_GENEVE,
                                  .ttl = 64};
}

/* Guest 1 and tunnel 3 on bridge 1, behind which is guest 2; the host's own port 5 and the uplink on bridge 2. */
static void start_overlay(enum tunnel_type type)
{
    struct decap_endpoint own = {.addr = endpoint(1), .bridge = UNDERLAY, .mac = own_mac};
    struct decap_entry entry = {.type = type, .remote = endpoint(2), .vni = VNI, .attachment = 3};
    struct next_hop hop = {.state = NEXT_HOP_READY,
                           .remote = endpoint(2),
                           .local = endpoint(1),
                           .bridge = UNDERLAY,
                           .src_mac = own_mac,
                           .dst_mac = far_mac};
    struct attachment tunnel = {.kind = ATTACHMENT_TUNNEL, .next_hop = 1};
    struct mac_addr guest = {{2, 0, 0, 0, 0, 1}}, far_guest = {{2, 0, 0, 0, 0, 2}};
    struct world *w = &stage_station.s.w;

    tunnel_type = type;
    tunnel.tunnel = tunnel_to(endpoint(2));
    entry.dst_port = tunnel.tunnel.dst_port;
    stage_station_start();
    world_bridge(w, UNDERLAY, false);
    world_attach(w, 1, (struct attachment){0});
    world_attach(w, 3, tunnel);
    world_attach(w, 5, (struct attachment){.bridge = UNDERLAY, .internal = true, .mac = own_mac});
    world_attach(w, UPLINK, (struct attachment){.bridge = UNDERLAY});
    snapshot_set_decap_table(world_edit(w), decap_table_create(&own, 1, &entry, 1));
    stage_expect(snapshot_set_next_hop(world_edit(w), 1, &hop) == 0, "a next hop");
    station_settle(&stage_station.s);
    fdb_learn(w->snapshot->bridges[1]->fdb, 0, &guest, 1, stage_station.s.tick - 10);
    fdb_learn(w->snapshot->bridges[1]->fdb, 0, &far_guest, 3, stage_station.s.tick - 10);
    fdb_learn(w->snapshot->bridges[UNDERLAY]->fdb, 0, &far_mac, UPLINK, stage_station.s.tick - 10);
}

static struct frame request_from(unsigned int guest)
{
    struct packet_spec spec = {guest, 3 - guest, NULL, IPPROTO_UDP, false, 0, 2000, 0, 0, false, 18};

    return spec_frame(&spec);
}

static void start_into_tunnel(uint32_t type)
{
    start_overlay((enum tunnel_type)type);
    stage_station.request = request_from(1);
    established();
}

/* What the other host does to its guest's packets. */
static void wrap(void)
{
    struct tunnel_config tunnel = tunnel_to(endpoint(1));
    struct next_hop hop = {.remote = endpoint(1), .local = endpoint(2), .src_mac = far_mac, .dst_mac = own_mac};
    struct encap_template template;

    encap_template_init(&template, &tunnel, &hop, 0);
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        stage_expect(encap_apply(&template, stage_packets[i], i, 0) == 0, "outer headers");
}

static void start_out_of_tunnel(uint32_t type)
{
    start_overlay((enum tunnel_type)type);
    stage_station.request = request_from(2);
    stage_station.client = UPLINK;
    stage_station.wrap = wrap;
    established();
}

static void prepare(uint32_t round)
{
    stage_requests_fill(0);
    batches++;
}

static void run_forward(void)
{
    stage_requests_forward();
}

static void all_were_known(void)
{
    stage_expect(stage_station.sent == batches * STAGE_BATCH, "packets to arrive");
    stage_expect(station_misses(&stage_station.s) == misses, "flows to be known");
    stage_station_stop();
}

const struct stage stages_of_flows[] = {
    {"forward_l2", "worker_forward(), known flows of UDP", run_forward, start_guests, prepare, all_were_known,
     GUESTS_PLAIN, 0},
    {"forward_tag_added", "the same, a VLAN tag is put on", run_forward, start_guests, prepare, all_were_known,
     GUESTS_TAG_ADDED, 0},
    {"forward_tag_removed", "the same, a VLAN tag is taken off", run_forward, start_guests, prepare, all_were_known,
     GUESTS_TAG_REMOVED, 0},
    {"forward_ipv6", "the same by IPv6", run_forward, start_guests, prepare, all_were_known, GUESTS_IPV6, 0},
    {"forward_policed", "the same with sessions", run_forward, start_guests, prepare, all_were_known, GUESTS_POLICED,
     0},
    {"forward_policed_tcp", "known flows of TCP with sessions", run_forward, start_guests, prepare, all_were_known,
     GUESTS_POLICED_TCP, 0},
    {"forward_to_vxlan", "known flows of UDP into a tunnel", run_forward, start_into_tunnel, prepare, all_were_known,
     TUNNEL_VXLAN, 0},
    {"forward_to_geneve", "known flows of UDP into a tunnel", run_forward, start_into_tunnel, prepare, all_were_known,
     TUNNEL_GENEVE, 0},
    {"forward_from_vxlan", "known flows of UDP out of a tunnel", run_forward, start_out_of_tunnel, prepare,
     all_were_known, TUNNEL_VXLAN, 0},
    {"forward_from_geneve", "known flows of UDP out of a tunnel", run_forward, start_out_of_tunnel, prepare,
     all_were_known, TUNNEL_GENEVE, 0},
    {.name = NULL},
};
