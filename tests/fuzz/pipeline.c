// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzz_station.h"

/* Frames of any bytes, from any guest, through parser, pipeline and flow cache, while time passes and policy changes.
 *
 *      policies | record ...         record: what (1) | how (1) | length (1) | that many bytes of a frame
 *
 * what: bits 0-2 the guest that sends, else a step of time, a flush or a change of policy; bit 3 the frame has no Ethernet
 * addresses, they are put before it; bit 4 the lengths of an IP header are set right. */
#define WHAT_ADDRESSED 0x08u
#define WHAT_LENGTHS   0x10u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_station_start();
    return 0;
}

static void set_lengths(uint8_t *frame, uint32_t len)
{
    uint32_t l3 = frame[12] == 0x81 && frame[13] == 0 ? 18 : 14;

    if (len < l3 + 20)
        return;
    if (frame[l3 - 2] == 0x08 && frame[l3 - 1] == 0x00) {
        frame[l3] = 0x45;
        frame[l3 + 2] = 0;
        frame[l3 + 3] = (uint8_t)(len - l3);
    } else if (frame[l3 - 2] == 0x86 && frame[l3 - 1] == 0xdd && len >= l3 + 40) {
        frame[l3] = 0x60 | (frame[l3] & 0x0f);
        frame[l3 + 4] = 0;
        frame[l3 + 5] = (uint8_t)(len - l3 - 40);
    }
}

static void send_frame(struct input *input, uint8_t what, uint8_t how)
{
    uint32_t from = what & 7u;
    uint32_t to = 1 + (how & 7u);
    uint8_t frame[12 + 255];
    uint32_t len = 0;
    size_t n = input_byte(input);

    if (what & WHAT_ADDRESSED) {
        struct mac_addr source = model_mac(from), destination = model_mac(to > MODEL_GUESTS ? MODEL_EVERYBODY : to);

        memcpy(frame, destination.bytes, 6);
        memcpy(frame + 6, source.bytes, 6);
        len = 12;
    }
    len += (uint32_t)input_bytes(input, frame + len, n);
    if (len == 0)
        return;
    if (len >= 14 && (what & WHAT_LENGTHS))
        set_lengths(frame, len);
    fuzz_station_send(from, frame, len);
}

static void do_something_else(uint8_t how)
{
    switch (how & 3) {
    case 0:
        atomic_fetch_add(&dataplane_shared.revalidations, 1);
        break;
    case 1:
        conntrack_flush(station.s.w.ct, zone_of(1, 0), false);
        atomic_fetch_add(&dataplane_shared.revalidations, 1);
        break;
    case 2:
        policed_apply(&station, &fuzz_policies, &(struct policy_change){.guests = (uint32_t)how >> 1 & 0x7e});
        break;
    default:
        station.s.tick += how >> 4;
        policed_tick(&station);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};

    fuzz_station_ready(input_byte(&input));
    while (input.left > 0) {
        uint8_t what = input_byte(&input);
        uint8_t how = input_byte(&input);

        if ((what & 7) >= 1 && (what & 7) <= MODEL_GUESTS)
            send_frame(&input, what, how);
        else
            do_something_else(how);
    }
    fuzz_station_clean();
    return 0;
}
