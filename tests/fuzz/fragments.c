// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>

#include "tests/fuzz/fuzz_station.h"

/* Fragments in any order, with overlaps, holes and odd sizes, of a few datagrams between a few guests, while time passes.
 *
 *      policies | record ...         record: what (1) | which (1) | offset and flags (2) | length (1)
 *
 * what: bits 0-2 the guest that sends, else time passes or policy is applied once more; bit 3 IPv6; bit 4 tagged; bits 5-7
 * the receiver. which: bits 0-2 identification, bits 3-5 protocol, bits 6-7 ports. */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_station_start();
    return 0;
}

struct fragment {
    uint32_t from, to;
    bool v6, tagged;
    uint8_t id, protocol, ports;
    uint16_t offset; /* flags and offset as in the header */
    uint8_t len;     /* of the payload */
};

static uint32_t put_ipv4(uint8_t *ip, const struct fragment *f)
{
    struct inet_addr src = model_address(f->from, false), dst = model_address(f->to, false);

    memset(ip, 0, 20);
    ip[0] = 0x45;
    ip[3] = (uint8_t)(20 + f->len);
    ip[5] = f->id;
    ip[6] = (uint8_t)(f->offset >> 8);
    ip[7] = (uint8_t)f->offset;
    ip[8] = 64;
    ip[9] = f->protocol;
    memcpy(ip + 12, src.bytes + 12, 4);
    memcpy(ip + 16, dst.bytes + 12, 4);
    return 20;
}

static uint32_t put_ipv6(uint8_t *ip, const struct fragment *f)
{
    struct inet_addr src = model_address(f->from, true), dst = model_address(f->to, true);

    memset(ip, 0, 48);
    ip[0] = 0x60;
    ip[5] = (uint8_t)(8 + f->len);
    ip[6] = IPPROTO_FRAGMENT;
    ip[7] = 255;
    memcpy(ip + 8, src.bytes, 16);
    memcpy(ip + 24, dst.bytes, 16);
    ip[40] = f->protocol;
    ip[42] = (uint8_t)(f->offset >> 8);
    ip[43] = (uint8_t)f->offset;
    ip[47] = f->id;
    return 48;
}

/* What a first fragment may begin with, whatever the protocol. */
static void put_l4(uint8_t *l4, const struct fragment *f)
{
    static const uint8_t tcp_syn[] = {0x50, 0x02};

    memset(l4, 0, f->len);
    if (f->len < 14)
        return;
    l4[0] = f->protocol == IPPROTO_ICMP ? 8 : f->protocol == IPPROTO_ICMPV6 ? 128 : 0x13;
    l4[1] = f->protocol == IPPROTO_ICMP || f->protocol == IPPROTO_ICMPV6 ? 0 : f->ports;
    l4[3] = (uint8_t)(80 + f->ports);
    l4[5] = 200;
    memcpy(l4 + 12, tcp_syn, sizeof tcp_syn);
}

static void send_fragment(const struct fragment *f)
{
    struct mac_addr source = model_mac(f->from), destination = model_mac(f->to);
    static const uint8_t tag[] = {0x81, 0, 0, MODEL_VLAN};
    uint8_t frame[18 + 48 + 255];
    uint32_t len = 12;

    memcpy(frame, destination.bytes, 6);
    memcpy(frame + 6, source.bytes, 6);
    if (f->tagged) {
        memcpy(frame + len, tag, sizeof tag);
        len += sizeof tag;
    }
    frame[len++] = f->v6 ? 0x86 : 0x08;
    frame[len++] = f->v6 ? 0xdd : 0x00;
    len += f->v6 ? put_ipv6(frame + len, f) : put_ipv4(frame + len, f);
    put_l4(frame + len, f);
    len += f->len;
    fuzz_station_send(f->from, frame, len);
}

static void do_something_else(uint8_t which)
{
    if (which & 0x80) {
        policed_apply(&station, &fuzz_policies, &(struct policy_change){.guests = which & 0x7e});
        return;
    }
    station.s.tick += which & 0x1fu;
    policed_tick(&station);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t protocols[] = {IPPROTO_TCP,  IPPROTO_UDP,     IPPROTO_ICMP,    IPPROTO_ICMPV6,
                                        IPPROTO_SCTP, IPPROTO_UDPLITE, IPPROTO_HOPOPTS, IPPROTO_GRE};
    struct input input = {data, size};

    fuzz_station_ready(input_byte(&input));
    while (input.left > 0) {
        uint8_t what = input_byte(&input);
        uint8_t which = input_byte(&input);
        struct fragment f = {.from = what & 7u,
                             .to = 1 + (what >> 5) % MODEL_GUESTS,
                             .v6 = what & 0x08,
                             .tagged = what & 0x10,
                             .id = which & 7u,
                             .protocol = protocols[which >> 3 & 7],
                             .ports = which >> 6};

        if (f.from < 1 || f.from > MODEL_GUESTS) {
            do_something_else(which);
            continue;
        }
        f.offset = input_16(&input);
        f.len = input_byte(&input) % 200;
        send_fragment(&f);
    }
    fuzz_station_clean();
    return 0;
}
