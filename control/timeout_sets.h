// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openvswitch/hmap.h>

#include "acl/session.h"

struct conntrack;

/* The sets of session timeouts that ports ask for, by number, each content once. Control thread. */
struct timeout_set {
    struct hmap_node node;
    struct session_timeouts timeouts;
    uint16_t number;
    size_t n_users;
    bool is_published;
};

struct timeout_sets {
    struct hmap sets;
    struct ids *numbers; /* a number is not used again soon: sessions of old may still go by it */
    bool is_dirty;
};

void timeout_sets_init(struct timeout_sets *sets);
void timeout_sets_destroy(struct timeout_sets *sets);

/* The set with that content, for one more user; NULL when all numbers are taken. */
struct timeout_set *timeout_sets_use(struct timeout_sets *sets, const struct session_timeouts *timeouts);
void timeout_sets_leave(struct timeout_sets *sets, struct timeout_set *set); /* NULL allowed */

/* Tells the session table of sets that it does not know yet: before a snapshot that names them. */
void timeout_sets_publish(struct timeout_sets *sets, struct conntrack *ct);
