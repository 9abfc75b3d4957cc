// SPDX-License-Identifier: Apache-2.0
#include "acl/ct_fragments.h"

#include "acl/conntrack_private.h"
#include "tests/unit/acl/conntrack_fixture.h"

static const struct ct_fragment_way way = {.zone = ZONE, .source = 1, .destination = 2};

static int setup(void **state)
{
    *state = make_table(64, 2);
    return 0;
}

static int teardown(void **state)
{
    conntrack_destroy(*state);
    return 0;
}

static struct packet make_fragment(uint32_t id)
{
    struct packet packet = make_packet("10.0.0.1", "10.0.0.2", UDP);

    packet.fragment = PACKET_LATER_FRAGMENT;
    packet.fragment_id = id;
    return packet;
}

static void note_passed(struct conntrack *ct, const struct packet *packet, const struct ct_fragment_way *on,
                        uint32_t sequence, uint32_t now)
{
    struct ct_fragment_note passed = {.sequence = sequence, .passed = true};

    conntrack_note_fragment(ct, packet, on, &passed, now);
}

static bool passes(struct conntrack *ct, const struct packet *packet, const struct ct_fragment_way *on, uint32_t now)
{
    struct ct_fragment_note note;

    return conntrack_find_fragment(ct, packet, on, now, &note);
}

static void noted_fragment_is_found_with_its_sequence(void **state)
{
    struct packet packet = make_fragment(5);
    struct ct_fragment_note note = {0};

    assert_false(passes(*state, &packet, &way, START_TICK));
    note_passed(*state, &packet, &way, 99, START_TICK);
    assert_true(conntrack_find_fragment(*state, &packet, &way, START_TICK, &note));
    assert_int_equal(note.sequence, 99);
    assert_true(note.passed);
}

static void other_packet_or_way_is_not_found(void **state)
{
    struct packet packet = make_fragment(5);
    struct packet other_id = make_fragment(6);
    struct packet other_protocol = make_fragment(5);
    struct ct_fragment_way other_zone = way, other_source = way, other_destination = way;

    other_protocol.protocol = TCP;
    other_zone.zone++;
    other_source.source++;
    other_destination.destination = 0;
    note_passed(*state, &packet, &way, 1, START_TICK);
    assert_false(passes(*state, &other_id, &way, START_TICK));
    assert_false(passes(*state, &other_protocol, &way, START_TICK));
    assert_false(passes(*state, &packet, &other_zone, START_TICK));
    assert_false(passes(*state, &packet, &other_source, START_TICK));
    assert_false(passes(*state, &packet, &other_destination, START_TICK));
    assert_true(passes(*state, &packet, &way, START_TICK));
}

static void note_is_over_after_its_time(void **state)
{
    struct packet packet = make_fragment(5);

    note_passed(*state, &packet, &way, 1, START_TICK);
    assert_true(passes(*state, &packet, &way, START_TICK + CT_FRAGMENT_TIMEOUT - 1));
    assert_false(passes(*state, &packet, &way, START_TICK + CT_FRAGMENT_TIMEOUT));
}

static void noted_again_has_the_newer_sequence(void **state)
{
    struct packet packet = make_fragment(5);
    struct ct_fragment_note note = {0};

    note_passed(*state, &packet, &way, 1, START_TICK);
    note_passed(*state, &packet, &way, 2, START_TICK + 1);
    assert_true(conntrack_find_fragment(*state, &packet, &way, START_TICK + 1, &note));
    assert_int_equal(note.sequence, 2);
}

static void flood_of_notes_keeps_the_latest(void **state)
{
    for (uint32_t id = 0; id < 10000; id++) {
        struct packet packet = make_fragment(id);

        note_passed(*state, &packet, &way, id, START_TICK + id / 1000);
        assert_true(passes(*state, &packet, &way, START_TICK + id / 1000));
    }
}

static void refused_first_fragment_is_remembered_as_such(void **state)
{
    struct packet packet = make_fragment(5);
    struct ct_fragment_note refused = {.sequence = 3, .passed = false}, note = {.passed = true};

    conntrack_note_fragment(*state, &packet, &way, &refused, START_TICK);
    assert_true(conntrack_find_fragment(*state, &packet, &way, START_TICK, &note));
    assert_false(note.passed);
}

/* Most other sources keep theirs: each has a share of the buckets. */
static void flood_by_one_source_leaves_others_their_notes(void **state)
{
    unsigned int kept = 0;

    for (uint32_t source = 2; source < 102; source++) {
        struct packet packet = make_fragment(source);
        struct ct_fragment_way other = {.zone = ZONE, .source = source};

        note_passed(*state, &packet, &other, 1, START_TICK);
    }
    for (uint32_t id = 0; id < 10000; id++) {
        struct packet packet = make_fragment(id);

        note_passed(*state, &packet, &way, id, START_TICK + 1);
    }
    for (uint32_t source = 2; source < 102; source++) {
        struct packet packet = make_fragment(source);
        struct ct_fragment_way other = {.zone = ZONE, .source = source};

        kept += passes(*state, &packet, &other, START_TICK + 2);
    }
    assert_in_range(kept, 80, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(noted_fragment_is_found_with_its_sequence),
        TEST(other_packet_or_way_is_not_found),
        TEST(note_is_over_after_its_time),
        TEST(noted_again_has_the_newer_sequence),
        TEST(flood_of_notes_keeps_the_latest),
        TEST(refused_first_fragment_is_remembered_as_such),
        TEST(flood_by_one_source_leaves_others_their_notes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
