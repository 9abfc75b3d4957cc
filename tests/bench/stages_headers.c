// SPDX-License-Identifier: Apache-2.0
/* Headers: those of a frame read in full, and a tunnel's put on and taken off. */
#include <netinet/in.h>

#include "dataplane/core/packet.h"
#include "overlay/decap.h"
#include "overlay/decap_memo.h"
#include "overlay/encap.h"
#include "tests/bench/stages_bench.h"
#include "tests/unit/dataplane/packet_spec.h"
#include "tests/unit/overlay/tunnel_fixture.h"

#define VNI         42u
#define ATTACHMENT  7u
#define BRIDGE      1u
#define WITH_CSUM   0x100u /* beside an enum tunnel_type: with a checksum over the outer packet */
#define TYPE_OF(of) ((enum tunnel_type)((of)&0xff))

enum { FRAME_UDP, FRAME_TCP, FRAME_IPV6 };

static struct packet parsed[STAGE_BATCH];
static enum drop_reason reasons[STAGE_BATCH];

static struct frame frame_of(uint32_t choice)
{
    struct packet_spec spec = {.src = 1, .dst = 2, .src_port = 1, .dst_port = 2000, .payload = 18};

    spec.protocol = choice == FRAME_TCP ? IPPROTO_TCP : IPPROTO_UDP;
    spec.tcp_flags = 0x10;
    spec.v6 = choice == FRAME_IPV6;
    return spec_frame(&spec);
}

static void start_parse(uint32_t choice)
{
    struct frame frame = frame_of(choice);

    stage_fill(&frame, STAGE_REQUEST, 0);
}

static void run_parse(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        const struct rte_mbuf *packet = stage_packets[i];

        reasons[i] =
            packet_parse(rte_pktmbuf_mtod(packet, const uint8_t *), packet->data_len, packet->pkt_len, &parsed[i]);
    }
}

static void all_were_parsed(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        stage_expect(reasons[i] == DROP_NONE && parsed[i].l4_offset != 0, "well-formed packets");
}

static struct frame inner;
static struct encap_template template;
static int results[STAGE_BATCH];

static void start_encap(uint32_t choice)
{
    struct tunnel_config tunnel = tunnel_make(TYPE_OF(choice), VNI);
    struct next_hop hop = tunnel_next_hop();

    inner = frame_of(FRAME_UDP);
    tunnel.csum = (choice & WITH_CSUM) != 0;
    encap_template_init(&template, &tunnel, &hop, 0);
}

static void prepare_encap(uint32_t round)
{
    stage_fill(&inner, STAGE_REQUEST, 0);
}

static void run_encap(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        results[i] = encap_apply(&template, stage_packets[i], i * 0x9e3779b9u, (uint16_t)i);
}

static void all_were_wrapped(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        stage_expect(results[i] == 0 && stage_packets[i]->pkt_len == inner.len + 50, "outer headers");
}

static struct decap_table *table;
static uint32_t attachments[STAGE_BATCH];
static enum decap_verdict verdicts[STAGE_BATCH];

static void start_decap(uint32_t choice)
{
    uint16_t port = TYPE_OF(choice) == TUNNEL_VXLAN ? TUNNEL_PORT_VXLAN : TUNNEL_PORT_GENEVE;
    struct decap_endpoint own = {.addr = REMOTE_ADDR, .bridge = BRIDGE, .mac = tunnel_next_hop().dst_mac};
    struct decap_entry entry = {
        .type = TYPE_OF(choice), .remote = LOCAL_ADDR, .vni = VNI, .dst_port = port, .attachment = ATTACHMENT};

    start_encap(choice);
    table = decap_table_create(&own, 1, &entry, 1);
}

static void prepare_decap(uint32_t round)
{
    stage_fill(&inner, STAGE_REQUEST, 0);
    run_encap();
}

static void run_decap(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        verdicts[i] = decap_packet(table, BRIDGE, 0, stage_packets[i], &attachments[i], &reasons[i]);
}

static void all_were_unwrapped(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        stage_expect(verdicts[i] == DECAP_STRIPPED && attachments[i] == ATTACHMENT, "inner frames");
    decap_table_destroy(table);
}

static struct decap_memos memos;

/* The headers of the first packet are remembered; the others have the same. */
static void start_decap_memo(uint32_t choice)
{
    const uint8_t *frame;

    start_decap(choice);
    prepare_decap(0);
    frame = rte_pktmbuf_mtod(stage_packets[0], const uint8_t *);
    run_decap();
    decap_remember(&memos, 1, 1, frame, (uint32_t)(rte_pktmbuf_mtod(stage_packets[0], const uint8_t *) - frame),
                   attachments[0]);
}

static void run_decap_memo(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        verdicts[i] = decap_by_memo(&memos, 1, 1, stage_packets[i], &attachments[i]) ? DECAP_STRIPPED : DECAP_DROP;
}

const struct stage stages_of_headers[] = {
    {"parse_udp", "packet_parse(), IPv4 UDP", run_parse, start_parse, NULL, all_were_parsed, FRAME_UDP, 0},
    {"parse_tcp", "packet_parse(), IPv4 TCP", run_parse, start_parse, NULL, all_were_parsed, FRAME_TCP, 0},
    {"parse_ipv6", "packet_parse(), IPv6 UDP", run_parse, start_parse, NULL, all_were_parsed, FRAME_IPV6, 0},
    {.name = NULL},
};

const struct stage stages_of_tunnels[] = {
    {"encap_vxlan", "encap_apply(), a frame of 60 bytes", run_encap, start_encap, prepare_encap, all_were_wrapped,
     TUNNEL_VXLAN, 0},
    {"encap_vxlan_csum", "the same with a checksum", run_encap, start_encap, prepare_encap, all_were_wrapped,
     TUNNEL_VXLAN | WITH_CSUM, 0},
    {"encap_geneve", "encap_apply(), a frame of 60 bytes", run_encap, start_encap, prepare_encap, all_were_wrapped,
     TUNNEL_GENEVE, 0},
    {"encap_geneve_csum", "the same with a checksum", run_encap, start_encap, prepare_encap, all_were_wrapped,
     TUNNEL_GENEVE | WITH_CSUM, 0},
    {"decap_vxlan", "decap_packet(), a frame of 60 bytes", run_decap, start_decap, prepare_decap, all_were_unwrapped,
     TUNNEL_VXLAN, 0},
    {"decap_vxlan_csum", "the same with a checksum", run_decap, start_decap, prepare_decap, all_were_unwrapped,
     TUNNEL_VXLAN | WITH_CSUM, 0},
    {"decap_geneve", "decap_packet(), a frame of 60 bytes", run_decap, start_decap, prepare_decap, all_were_unwrapped,
     TUNNEL_GENEVE, 0},
    {"decap_geneve_csum", "the same with a checksum", run_decap, start_decap, prepare_decap, all_were_unwrapped,
     TUNNEL_GENEVE | WITH_CSUM, 0},
    {"decap_memo", "decap_by_memo(), VXLAN", run_decap_memo, start_decap_memo, prepare_decap, all_were_unwrapped,
     TUNNEL_VXLAN, 0},
    {.name = NULL},
};
