// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"

#include "dataplane/core/hash.h"
#include "tests/unit/vhost/ring_driver.h"

/* Both directions against a naive driver: what one side put in comes out of the other, in order and unchanged, in every
 * layout that a driver may choose, and every buffer comes back once. */

#define FRAME_MAX  RING_FRAME_MAX
#define FLIGHT_MAX 256

static struct driver driver;
static uint64_t seed;

static uint32_t pick(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 32) % n;
}

/* The frame of a number: its bytes follow from it. */
static void make_frame(uint8_t *frame, uint32_t len, uint32_t number)
{
    for (uint32_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(number * 31 + i * 7 + (i >> 8));
}

static uint32_t packet_bytes(const struct rte_mbuf *packet, uint8_t *bytes)
{
    uint32_t len = 0;
    uint16_t n = 0;

    for (const struct rte_mbuf *segment = packet; segment != NULL; segment = segment->next, n++) {
        memcpy(bytes + len, rte_pktmbuf_mtod(segment, const uint8_t *), segment->data_len);
        len += segment->data_len;
        assert_int_equal(rte_mbuf_refcnt_read(segment), 1);
    }
    assert_int_equal(n, packet->nb_segs);
    assert_int_equal(len, packet->pkt_len);
    assert_int_equal(packet->ol_flags, 0);
    return len;
}

/* Cuts 'len' bytes into at most 'max' pieces somewhere in guest memory. */
static uint32_t cut(struct driver_piece *pieces, uint32_t len, uint32_t max, bool header_alone)
{
    uint32_t n = 0;

    if (header_alone && max > 1 && len > driver.ring.header_len) {
        pieces[n++].len = driver.ring.header_len;
        len -= driver.ring.header_len;
    }
    while (len > 0) {
        uint32_t part = n + 1 == max || pick(3) == 0 ? len : 1 + pick(len);

        pieces[n++].len = part;
        len -= part;
    }
    for (uint32_t i = 0; i < n; i++)
        pieces[i].address = driver_memory(&driver, pieces[i].len);
    return n;
}

static uint32_t random_length(void)
{
    switch (pick(8)) {
    case 0:
        return 1 + pick(FRAME_MAX);
    case 1:
        return 1 + pick(9000);
    case 2:
        return 1 + pick(20);
    default:
        return 14 + pick(1501);
    }
}

/* Receive: the guest sends. */

static void post_frame(const uint8_t *frame, uint32_t len)
{
    static uint8_t bytes[FRAME_MAX + 12];
    struct driver_piece pieces[16];
    bool indirect = pick(3) == 0;
    uint32_t wish = 1 + pick(8), max = indirect ? wish : RTE_MIN(wish, driver.n_free);
    uint32_t at = 0, n;

    memset(bytes, 0, driver.ring.header_len);
    memcpy(bytes + driver.ring.header_len, frame, len);
    n = cut(pieces, driver.ring.header_len + len, max, pick(2));
    for (uint32_t i = 0; i < n; i++) {
        driver_copy(&driver, pieces[i].address, bytes + at, pieces[i].len, true);
        at += pieces[i].len;
    }
    driver_post(&driver, pieces, n, 0, indirect);
}

static void guest_sends(bool packed, uint32_t size, uint16_t header_len, uint16_t first, uint32_t n_frames)
{
    static uint8_t frame[FRAME_MAX], back[FRAME_MAX];
    uint32_t lengths[FLIGHT_MAX];
    uint32_t posted = 0, received = 0, returned = 0, bytes = 0;
    struct ring_losses losses = {0};

    (packed ? driver_start_packed : driver_start)(&driver, size, header_len, true, false, first);
    while (received < n_frames) {
        struct rte_mbuf *packets[RING_BURST];
        uint32_t head, len;
        uint16_t n;

        for (uint32_t wish = pick(100); wish > 0; wish--) {
            uint32_t length = random_length();

            if (driver.n_free == 0 || posted - returned == FLIGHT_MAX || bytes + length > DRIVER_REGION)
                break;
            bytes += length;
            lengths[posted % FLIGHT_MAX] = length;
            make_frame(frame, length, posted++);
            post_frame(frame, length);
        }
        driver_publish(&driver);
        n = ring_receive(&driver.ring, packet_pool(), packets, (uint16_t)(1 + pick(RING_BURST)), &losses);
        for (uint16_t i = 0; i < n; i++, received++) {
            len = packet_bytes(packets[i], back);
            assert_int_equal(len, lengths[received % FLIGHT_MAX]);
            make_frame(frame, len, received);
            assert_memory_equal(back, frame, len);
        }
        rte_pktmbuf_free_bulk(packets, n);
        for (; driver_take_used(&driver, &head, &len); returned++) {
            assert_int_equal(head, driver_head(&driver, (uint16_t)(driver.last_used - 1)));
            bytes -= lengths[returned % FLIGHT_MAX];
        }
        assert_int_equal(returned, received);
    }
    assert_int_equal(losses.bad_entries + losses.unsupported + losses.no_buffer, 0);
    driver_stop(&driver);
}

static void guest_sends_in_any_layout(void **state)
{
    seed = 1;
    for (uint32_t size = 2; size <= DRIVER_SIZE_MAX; size *= 2)
        guest_sends(false, size, size & 0x5555 ? 10 : 12, (uint16_t)(65536 - size), 3000);
}

/* Any size will do, and the wrap counter may be either. */
static const uint32_t packed_sizes[] = {1, 2, 3, 4, 5, 7, 8, 16, 63, 64, 100, 256, 1000, 4097, 32767, 32768};

static void guest_sends_in_any_packed_layout(void **state)
{
    seed = 3;
    for (size_t i = 0; i < RTE_DIM(packed_sizes); i++) {
        guest_sends(true, packed_sizes[i], i & 1 ? 10 : 12, 0x8000, 3000);
        guest_sends(true, packed_sizes[i], 12, (uint16_t)(packed_sizes[i] - 1), 3000);
    }
}

/* Transmit: the guest receives. */

static struct rte_mbuf *make_packet(uint32_t len, uint32_t number)
{
    static uint8_t frame[FRAME_MAX];
    struct rte_mbuf *packet = NULL;

    make_frame(frame, len, number);
    for (uint32_t at = 0; at < len;) {
        uint32_t n = RTE_MIN(pick(4) == 0 ? 1 + pick(2000) : 2000, len - at);
        struct rte_mbuf *segment = port_fixture_packet(frame + at, (uint16_t)n);

        if (packet == NULL)
            packet = segment;
        else
            assert_int_equal(rte_pktmbuf_chain(packet, segment), 0);
        at += n;
    }
    return packet;
}

/* What became of buffers is looked up by head. */
struct buffer {
    struct driver_piece pieces[16];
    uint32_t n;
};
static struct buffer buffers[DRIVER_SIZE_MAX];

static void post_buffer(uint32_t len)
{
    struct buffer buffer;
    bool indirect = pick(3) == 0;
    uint32_t wish = 1 + pick(4);

    buffer.n = cut(buffer.pieces, len, indirect ? wish : RTE_MIN(wish, driver.n_free), pick(2));
    buffers[driver_post(&driver, buffer.pieces, buffer.n, VRING_DESC_F_WRITE, indirect)] = buffer;
}

/* Adds what is in a used buffer to 'frame'. */
static uint32_t read_buffer(uint32_t head, uint32_t len, uint8_t *frame)
{
    const struct buffer *buffer = &buffers[head];
    uint32_t at = 0;

    for (uint32_t i = 0; i < buffer->n && at < len; i++) {
        uint32_t n = RTE_MIN(buffer->pieces[i].len, len - at);

        driver_copy(&driver, buffer->pieces[i].address, frame + at, n, false);
        at += n;
    }
    assert_int_equal(at, len);
    return len;
}

/* The next frame with its header; 0: none. */
static uint32_t take_frame(uint8_t *frame)
{
    const uint8_t zeros[10] = {0};
    uint32_t head, len, total;
    uint16_t n_buffers = 1;

    if (!driver_take_used(&driver, &head, &len))
        return 0;
    assert_true(len >= driver.ring.header_len);
    total = read_buffer(head, len, frame);
    assert_memory_equal(frame, zeros, sizeof zeros);
    if (driver.ring.header_len == 12)
        memcpy(&n_buffers, frame + 10, sizeof n_buffers);
    for (; n_buffers > 1; n_buffers--) {
        assert_true(driver_take_used(&driver, &head, &len));
        total += read_buffer(head, len, frame + total);
    }
    return total;
}

static void guest_receives(bool packed, uint32_t size, bool mergeable, uint16_t header_len, uint16_t first,
                           uint32_t n_frames)
{
    static uint8_t frame[FRAME_MAX], back[FRAME_MAX + 12];
    uint32_t lengths[FLIGHT_MAX], sent = 0, received = 0, len;
    struct ring_losses losses = {0};
    uint32_t longest = mergeable ? RTE_MIN((size + 3) / 4 * 988, FRAME_MAX) : 4000;

    (packed ? driver_start_packed : driver_start)(&driver, size, header_len, mergeable, false, first);
    while (received < n_frames) {
        struct rte_mbuf *packets[RING_BURST];
        uint16_t n = (uint16_t)(1 + pick(RING_BURST)), taken;
        bool kick;

        while (driver.n_free > 0 && (uint16_t)(driver.next_avail - driver.last_used) < 100)
            post_buffer(mergeable ? 1000 + pick(1500) : 4012);
        driver_publish(&driver);
        n = RTE_MIN(n, FLIGHT_MAX - (sent - received));
        for (uint16_t i = 0; i < n; i++) {
            lengths[(sent + i) % FLIGHT_MAX] = RTE_MIN(random_length(), longest);
            packets[i] = make_packet(lengths[(sent + i) % FLIGHT_MAX], sent + i);
        }
        taken = ring_transmit(&driver.ring, packets, n, &losses, &kick);
        rte_pktmbuf_free_bulk(packets, n);
        sent += taken;
        while ((len = take_frame(back)) > 0) {
            assert_int_equal(len - header_len, lengths[received % FLIGHT_MAX]);
            make_frame(frame, len - header_len, received++);
            assert_memory_equal(back + header_len, frame, len - header_len);
        }
        assert_int_equal(received, sent);
    }
    assert_int_equal(losses.bad_entries + losses.unsupported + losses.no_buffer, 0);
    driver_stop(&driver);
}

static void guest_receives_in_any_layout(void **state)
{
    seed = 2;
    for (uint32_t size = 2; size <= DRIVER_SIZE_MAX; size *= 2) {
        guest_receives(false, size, true, 12, (uint16_t)(65536 - size), 3000);
        guest_receives(false, size, false, size & 0x5555 ? 10 : 12, (uint16_t)(65536 - size), 3000);
    }
}

static void guest_receives_in_any_packed_layout(void **state)
{
    seed = 4;
    for (size_t i = 0; i < RTE_DIM(packed_sizes); i++) {
        guest_receives(true, packed_sizes[i], true, 12, 0x8000, 3000);
        guest_receives(true, packed_sizes[i], false, i & 1 ? 10 : 12, (uint16_t)(packed_sizes[i] - 1), 3000);
    }
}

static void buffers_all_come_back(void **state)
{
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_sends_in_any_layout),
        cmocka_unit_test(guest_receives_in_any_layout),
        cmocka_unit_test(guest_sends_in_any_packed_layout),
        cmocka_unit_test(guest_receives_in_any_packed_layout),
        cmocka_unit_test(buffers_all_come_back),
    };

    return cmocka_run_group_tests(tests, port_fixture_start, port_fixture_stop);
}
