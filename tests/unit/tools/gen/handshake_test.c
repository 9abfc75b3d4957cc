// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/handshake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>

#include <cmocka.h>

#include <rte_tcp.h>

static struct options options;
static struct handshake handshake;

static int set_up(void **state)
{
    memset(&options, 0, sizeof options);
    options.flows = FLOWS_MAX;
    options.size = 128;
    options.udp_port = 5000;
    options.protocol = OPTIONS_TCP;
    options.handshakes = true;
    options.vni = 100;
    for (uint8_t i = 0; i < GUESTS_MAX; i++) {
        options.macs[i] = (struct rte_ether_addr){{2, 0, 0, 0, 0, i}};
        options.ips[i] = htonl(0x0a000001u + i);
        options.ips6[i][0] = 0xfd;
        options.ips6[i][15] = i;
    }
    handshake_init(&handshake, &options, NULL, NULL, NULL);
    return 0;
}

/* The ones' complement sum of the TCP of a frame and its pseudo-header, 0xffff when its checksum is right. */
static uint32_t sum(const uint8_t *l3)
{
    bool v6 = options.ipv6;
    uint32_t length = v6 ? (uint32_t)(l3[4] << 8 | l3[5]) : (uint32_t)(l3[2] << 8 | l3[3]) - 20, total = 6 + length;
    const uint8_t *addresses = l3 + (v6 ? 8 : 12), *l4 = l3 + (v6 ? 40 : 20);

    for (unsigned int i = 0; i < (v6 ? 32 : 8); i++)
        total += i % 2 == 0 ? (uint32_t)addresses[i] << 8 : addresses[i];
    for (uint32_t i = 0; i < length; i++)
        total += i % 2 == 0 ? (uint32_t)l4[i] << 8 : l4[i];
    while (total > 0xffff)
        total = (total & 0xffff) + (total >> 16);
    return total;
}

static void every_frame_has_a_right_checksum(void **state)
{
    for (unsigned int variant = 0; variant < 4; variant++) {
        options.ipv6 = variant % 2 == 1;
        options.tunnel = variant / 2 == 1 ? OPTIONS_VXLAN : OPTIONS_NO_TUNNEL;
        handshake_init(&handshake, &options, NULL, NULL, NULL);
        for (unsigned int step = 0; step < HANDSHAKE_STEPS; step++) {
            for (uint32_t flow = 0; flow < FLOWS_MAX; flow += 32717) {
                uint8_t bytes[HANDSHAKE_FRAME_MAX];
                const struct handshake_template *template = &handshake.templates[step];
                const struct frame_layout *layout = &handshake.layouts[template->direction];
                uint32_t ports = frame_ports(&options, template->direction, flow);

                handshake_write(&handshake, (enum handshake_step)step, flow, bytes);
                assert_int_equal(sum(bytes + layout->l3), 0xffff);
                assert_memory_equal(bytes + layout->l4, &ports, 4);
                assert_int_equal(layout->inner, variant / 2 == 1 && template->direction == 1 ? 50 : 0);
            }
        }
    }
}

static void data_fills_the_frame_and_the_rest_is_small(void **state)
{
    uint8_t bytes[HANDSHAKE_FRAME_MAX];

    for (unsigned int step = 0; step < HANDSHAKE_STEPS; step++)
        assert_int_equal(handshake_write(&handshake, (enum handshake_step)step, 0, bytes),
                         step == HANDSHAKE_DATA ? 128 : FRAME_MIN);
}

/* Both sides talk to each other, by nothing but what they are sent; TCP's numbers are followed as a receiver would. */
static void conversation_goes_from_syn_to_last_ack(void **state)
{
    enum handshake_step queue[16] = {HANDSHAKE_SYN};
    unsigned int n = 1, completions = 0;
    uint32_t next[2] = {1, 1};

    for (unsigned int i = 0; i < n; i++) {
        uint8_t bytes[HANDSHAKE_FRAME_MAX];
        unsigned int sender = handshake.templates[queue[i]].direction;
        const struct rte_tcp_hdr *tcp = (const struct rte_tcp_hdr *)(bytes + 34);
        uint16_t size = handshake_write(&handshake, queue[i], 7, bytes);
        bool completed, syn = tcp->tcp_flags & RTE_TCP_SYN_FLAG, fin = tcp->tcp_flags & RTE_TCP_FIN_FLAG;

        assert_int_equal(ntohl(tcp->sent_seq), next[sender]);
        assert_int_equal(ntohl(tcp->recv_ack), i == 0 ? 0 : next[!sender]);
        next[sender] += syn + fin + (queue[i] == HANDSHAKE_DATA ? size - 54u : 0);
        n += handshake_replies(!sender, tcp->tcp_flags, &queue[n], &completed);
        assert_true(n <= 14);
        completions += completed;
    }
    assert_int_equal(n, HANDSHAKE_STEPS);
    assert_int_equal(completions, 1);
    for (unsigned int i = 0; i < n; i++)
        assert_int_equal(queue[i], i);
}

static void stray_segments_are_not_answered(void **state)
{
    enum handshake_step replies[HANDSHAKE_REPLIES_MAX];
    bool completed;

    assert_int_equal(handshake_replies(1, RTE_TCP_ACK_FLAG, replies, &completed), 0);
    assert_false(completed);
    assert_int_equal(handshake_replies(0, RTE_TCP_SYN_FLAG, replies, &completed), 0);
    assert_int_equal(handshake_replies(0, RTE_TCP_RST_FLAG, replies, &completed), 0);
    assert_int_equal(handshake_replies(1, RTE_TCP_RST_FLAG | RTE_TCP_ACK_FLAG, replies, &completed), 0);
}

static void window_limits_what_is_under_way(void **state)
{
    struct handshake_window *window = &handshake.window;

    window->patience = 100;
    for (unsigned int i = 0; i < 4; i++) {
        assert_true(handshake_window_has_room(window, 4, 0));
        handshake_window_begin(window, 0);
    }
    assert_false(handshake_window_has_room(window, 4, 0));
    assert_true(handshake_window_end(window, 2));
    assert_false(handshake_window_end(window, 2));
    assert_false(handshake_window_end(window, 4));
    assert_true(handshake_window_has_room(window, 4, 0));
    assert_int_equal(window->completed, 1);
    assert_int_equal(window->under_way, 3);
}

static void lost_connection_gives_its_place_free(void **state)
{
    struct handshake_window *window = &handshake.window;

    window->patience = 100;
    handshake_window_begin(window, 0);
    handshake_window_begin(window, 50);
    assert_false(handshake_window_has_room(window, 2, 99));
    assert_true(handshake_window_has_room(window, 2, 100));
    assert_int_equal(window->under_way, 1);
    /* It was only late. */
    assert_true(handshake_window_end(window, 0));
    assert_int_equal(window->under_way, 1);
    assert_int_equal(window->completed, 1);
}

static void window_goes_round(void **state)
{
    struct handshake_window *window = &handshake.window;

    window->patience = 100;
    for (uint32_t i = 0; i < 3 * HANDSHAKE_SLOTS; i++) {
        assert_true(handshake_window_has_room(window, 8, 0));
        handshake_window_begin(window, 0);
        if (i >= 5)
            assert_true(handshake_window_end(window, (i - 5) % HANDSHAKE_SLOTS));
    }
    assert_int_equal(window->under_way, 5);
    assert_int_equal(window->completed, 3 * HANDSHAKE_SLOTS - 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_frame_has_a_right_checksum, set_up),
        cmocka_unit_test_setup(data_fills_the_frame_and_the_rest_is_small, set_up),
        cmocka_unit_test_setup(conversation_goes_from_syn_to_last_ack, set_up),
        cmocka_unit_test_setup(stray_segments_are_not_answered, set_up),
        cmocka_unit_test_setup(window_limits_what_is_under_way, set_up),
        cmocka_unit_test_setup(lost_connection_gives_its_place_free, set_up),
        cmocka_unit_test_setup(window_goes_round, set_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
