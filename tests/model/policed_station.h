// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/unit/dataplane/station_fixture.h"

#include "dataplane/slow_path.h"
#include "tests/model/model_compile.h"
#include "tests/model/random_policy.h"

/* A station (station_fixture.h) with the model's guests on bridge 1, under the model's policies. All guests are trunks and
 * known to the FDB. */
struct policed_station {
    struct station s;
    uint32_t accounts[MODEL_GUESTS + 1];
};

#if !defined(POLICED_CAPACITY)
#define POLICED_CAPACITY 16384u
#define POLICED_FLOWS    4096u
#endif
#define POLICED_SHORT_TIMES 1u /* number of a set of timeouts: 20 s for tcp_established, 9 s for udp_single */
#define POLICED_EVERYTHING \
    ((struct policy_change){.guests = (2u << MODEL_GUESTS) - 2, .networks = 3, .sets = (1u << MODEL_SETS) - 1})

static inline void policed_guest(struct policed_station *p, const struct model_policies *policies, uint32_t guest)
{
    const struct model_port *port = &policies->ports[guest];
    struct ct_limits limits = {.max = port->max, .half_open = port->half_open};
    struct attachment a = {.vlan = {.all_trunks = true}, .has_policy = port->has_row};

    if (port->has_row) {
        a.account = p->accounts[guest];
        a.policy = model_compile_port(policies, guest);
        a.policy.limits = (struct session_limits){.max = port->max,
                                                  .half_open = port->half_open,
                                                  .timeouts = port->short_times ? POLICED_SHORT_TIMES : 0,
                                                  .pick_up = port->pick_up};
    }
    assert_int_equal(conntrack_account_change(p->s.w.ct, p->accounts[guest], &limits), 0);
    world_attach(&p->s.w, guest, a);
}

static inline void policed_network(struct policed_station *p, const struct model_policies *policies, uint16_t vlan)
{
    uint32_t zone = zone_of(1, vlan);
    struct zone_policy policy;
    bool any = model_compile_network(policies, vlan, &policy);

    policy.zone = zone;
    assert_int_equal(snapshot_set_zone_policy(world_edit(&p->s.w), zone, any ? &policy : NULL), 0);
}

/* Publishes what changed, as one snapshot; then ends the sessions of rules with on_change=flush that are gone, as control
 * does. */
static inline void policed_apply(struct policed_station *p, const struct model_policies *policies,
                                 const struct policy_change *change)
{
    struct snapshot *edit = world_edit(&p->s.w);
    uint32_t cursor = 0;

    for (uint32_t i = 0; i < MODEL_SETS; i++) {
        if (change->sets >> i & 1)
            assert_int_equal(snapshot_set_address_set(edit, i, model_compile_set(policies->sets[i])), 0);
    }
    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++) {
        if (change->guests >> guest & 1)
            policed_guest(p, policies, guest);
    }
    for (uint32_t network = 0; network < 2; network++) {
        if (change->networks >> network & 1)
            policed_network(p, policies, network ? MODEL_VLAN : 0);
    }
    station_settle(&p->s);
    if (change->n_flushed == 0)
        return;
    while (!conntrack_flush_rules(p->s.w.ct, change->flushed, change->n_flushed, &cursor, 1000))
        ;
    atomic_fetch_add(&dataplane_shared.revalidations, 1);
}

static inline void policed_learn(struct policed_station *p)
{
    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++) {
        struct mac_addr mac = model_mac(guest);

        fdb_learn(p->s.w.snapshot->bridges[1]->fdb, 0, &mac, guest, p->s.tick);
        fdb_learn(p->s.w.snapshot->bridges[1]->fdb, MODEL_VLAN, &mac, guest, p->s.tick);
    }
}

static inline void policed_drain(void)
{
    for (uint16_t port = 1; port <= MODEL_GUESTS; port++)
        station_drain(port);
}

/* A second passes, with everything that a worker does meanwhile. What it sends is thrown away. */
static inline void policed_tick(struct policed_station *p)
{
    p->s.tick++;
    for (int i = 0; i < 4; i++)
        conntrack_run(p->s.w.ct, 0, p->s.tick);
    station_look_around(&p->s);
    for (int i = 0; i < 4; i++)
        slow_path_run_held(p->s.worker);
    policed_drain();
    policed_learn(p);
}

static inline void policed_start(struct policed_station *p, const struct model_policies *policies)
{
    struct conntrack_config config = {.capacity = POLICED_CAPACITY, .n_workers = 1};
    struct session_timeouts timeouts = {0};
    struct ct_limits limits = {0};

    station_start(&p->s, POLICED_FLOWS, 4096);
    conntrack_destroy(p->s.w.ct);
    p->s.w.ct = conntrack_create(&config);
    assert_non_null(p->s.w.ct);
    p->s.worker->conntrack = p->s.worker->pipeline.conntrack = p->s.w.ct;
    assert_int_equal(session_timeouts_set(&timeouts, "tcp_established", 20), 0);
    assert_int_equal(session_timeouts_set(&timeouts, "udp_single", 9), 0);
    conntrack_set_timeouts(p->s.w.ct, POLICED_SHORT_TIMES, &timeouts);
    for (uint32_t guest = 1; guest <= MODEL_GUESTS; guest++)
        p->accounts[guest] = conntrack_account_open(p->s.w.ct, &limits);
    world_bridge(&p->s.w, 1, false);
    policed_apply(p, policies, &POLICED_EVERYTHING);
    policed_learn(p);
}

static inline void policed_stop(struct policed_station *p)
{
    held_fragments_clear(&p->s.worker->held);
    snapshot_set_zone_policy(world_edit(&p->s.w), zone_of(1, 0), NULL);
    snapshot_set_zone_policy(world_edit(&p->s.w), zone_of(1, MODEL_VLAN), NULL);
    station_stop(&p->s);
}
