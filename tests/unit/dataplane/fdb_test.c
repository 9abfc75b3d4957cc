// SPDX-License-Identifier: Apache-2.0
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dataplane/fdb.h"

static struct mac_addr mac_of(uint32_t number)
{
    struct mac_addr mac = {{2, 0, 0, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number}};

    return mac;
}

static void learned_mac_is_found_in_its_vlan_only(void **state)
{
    struct fdb *fdb = fdb_create();
    struct mac_addr mac = mac_of(1);

    assert_int_equal(fdb_learn(fdb, 10, &mac, 7, 100), FDB_NEW);
    assert_int_equal(fdb_learn(fdb, 10, &mac, 7, 101), FDB_KNOWN);
    assert_int_equal(fdb_lookup(fdb, 10, &mac), 7);
    assert_int_equal(fdb_lookup(fdb, 11, &mac), 0);
    assert_int_equal(fdb_additions(fdb), 1);
    fdb_destroy(fdb);
}

static void mac_moves_at_most_once_a_second(void **state)
{
    struct fdb *fdb = fdb_create();
    struct mac_addr mac = mac_of(1);

    fdb_learn(fdb, 0, &mac, 1, 100);
    assert_int_equal(fdb_learn(fdb, 0, &mac, 2, 100), FDB_MOVED);
    assert_int_equal(fdb_learn(fdb, 0, &mac, 1, 100), FDB_HELD);
    assert_int_equal(fdb_lookup(fdb, 0, &mac), 2);
    assert_int_equal(fdb_learn(fdb, 0, &mac, 1, 101), FDB_MOVED);
    assert_int_equal(fdb_lookup(fdb, 0, &mac), 1);
    fdb_destroy(fdb);
}

static void silent_mac_ages_and_refreshed_stays(void **state)
{
    struct fdb *fdb = fdb_create();
    struct mac_addr silent = mac_of(1), busy = mac_of(2), moved = mac_of(3);

    fdb_set_limits(fdb, 100, 30);
    fdb_learn(fdb, 0, &silent, 1, 100);
    fdb_learn(fdb, 0, &busy, 1, 100);
    fdb_learn(fdb, 0, &moved, 1, 100);
    fdb_refresh(fdb, 0, &busy, 1, 125);
    fdb_refresh(fdb, 0, &moved, 9, 125); /* somebody else's news */
    assert_int_equal(fdb_age(fdb, 130), 0);
    assert_int_equal(fdb_age(fdb, 131), 2);
    assert_int_equal(fdb_lookup(fdb, 0, &busy), 1);
    assert_int_equal(fdb_lookup(fdb, 0, &silent), 0);
    fdb_destroy(fdb);
}

static void flood_of_macs_pushes_out_its_own(void **state)
{
    struct fdb *fdb = fdb_create();
    struct fdb_copy *copies;
    struct mac_addr mac;
    size_t n;

    fdb_set_limits(fdb, 200, 300);
    for (uint32_t i = 0; i < 50; i++) {
        mac = mac_of(i);
        fdb_learn(fdb, 0, &mac, 1, 100);
    }
    for (uint32_t i = 1000; i < 3000; i++) {
        mac = mac_of(i);
        assert_int_equal(fdb_learn(fdb, 0, &mac, 2, 101), FDB_NEW);
    }
    for (uint32_t i = 0; i < 50; i++) {
        mac = mac_of(i);
        assert_int_equal(fdb_lookup(fdb, 0, &mac), 1);
    }
    n = fdb_dump(fdb, 101, &copies);
    assert_int_equal(n, 200);
    free(copies);
    fdb_destroy(fdb);
}

static void flush_of_an_attachment_leaves_others(void **state)
{
    struct fdb *fdb = fdb_create();
    struct mac_addr a = mac_of(1), b = mac_of(2);

    fdb_learn(fdb, 0, &a, 1, 1);
    fdb_learn(fdb, 0, &b, 2, 1);
    assert_int_equal(fdb_flush(fdb, 1), 1);
    assert_int_equal(fdb_lookup(fdb, 0, &a), 0);
    assert_int_equal(fdb_lookup(fdb, 0, &b), 2);
    assert_int_equal(fdb_flush(fdb, 0), 1);
    fdb_destroy(fdb);
}

static void table_grows_and_shrinks_by_its_limit(void **state)
{
    struct fdb *fdb = fdb_create();
    struct mac_addr mac;
    struct fdb_copy *copies;

    fdb_set_limits(fdb, 50000, 300);
    for (uint32_t i = 0; i < 50000; i++) {
        mac = mac_of(i);
        assert_int_equal(fdb_learn(fdb, 0, &mac, 1 + i % 3, 1), FDB_NEW);
    }
    for (uint32_t i = 0; i < 50000; i++) {
        mac = mac_of(i);
        assert_int_equal(fdb_lookup(fdb, 0, &mac), 1 + i % 3);
    }
    fdb_set_limits(fdb, 10, 300);
    fdb_age(fdb, 2);
    assert_int_equal(fdb_dump(fdb, 2, &copies), 10);
    free(copies);
    fdb_destroy(fdb);
}

struct reader {
    struct fdb *fdb;
    _Atomic bool stop;
    uint64_t wrong;
};

/* Attachment i is the only one that ever sends MACs with i in the low digit: any other answer is a torn read. */
static void *read_all(void *aux)
{
    struct reader *reader = aux;

    for (uint32_t i = 0; !reader->stop; i++) {
        struct mac_addr mac = mac_of(i % 3000);
        uint32_t found = fdb_lookup(reader->fdb, 0, &mac);

        if (found != 0 && found != 1 + i % 3000 % 4)
            reader->wrong++;
    }
    return NULL;
}

static void readers_never_see_another_macs_place(void **state)
{
    struct reader reader = {.fdb = fdb_create()};
    unsigned int seed = 5;
    pthread_t thread;

    fdb_set_limits(reader.fdb, 100, 300);
    assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
    for (uint32_t i = 0; i < 200000; i++) {
        uint32_t number = (uint32_t)rand_r(&seed) % 3000;
        struct mac_addr mac = mac_of(number);

        fdb_learn(reader.fdb, 0, &mac, 1 + number % 4, i / 1000);
    }
    reader.stop = true;
    pthread_join(thread, NULL);
    assert_int_equal(reader.wrong, 0);
    fdb_destroy(reader.fdb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learned_mac_is_found_in_its_vlan_only), cmocka_unit_test(mac_moves_at_most_once_a_second),
        cmocka_unit_test(silent_mac_ages_and_refreshed_stays),   cmocka_unit_test(flood_of_macs_pushes_out_its_own),
        cmocka_unit_test(flush_of_an_attachment_leaves_others),  cmocka_unit_test(table_grows_and_shrinks_by_its_limit),
        cmocka_unit_test(readers_never_see_another_macs_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
