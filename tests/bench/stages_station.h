// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/bench/stages_bench.h"
#include "tests/unit/dataplane/station_fixture.h"

/* The switch that stages are measured in: a worker without a thread, between ports that take everything and free nothing,
 * so that the packets of a batch can be used again. */
struct stage_station {
    struct station s;
    struct frame request, reply; /* what clients and servers send; a reply of no bytes: they send none */
    uint32_t client, server;     /* attachments, and ports, that the two come by */
    /* Makes outer headers of 'tunnel' round the requests that are filled in; NULL: nothing. */
    void (*wrap)(void);
    uint32_t sent; /* packets that left since it was last zeroed */
};
extern struct stage_station stage_station;

/* Bridge 1 without anything on it; client and server are 1 and 2. */
void stage_station_start(void);
void stage_station_stop(void);

/* What two guests are to each other. */
enum stage_guests {
    GUESTS_PLAIN,
    GUESTS_TAG_ADDED,
    GUESTS_TAG_REMOVED,
    GUESTS_IPV6,
    GUESTS_POLICED,
    GUESTS_POLICED_TCP
};
/* A station of guests 1 and 2, with requests and replies. */
void stage_guests_start(enum stage_guests kind);
/* The addresses of guests 1 and 2 become known. */
void stage_guests_learn(uint16_t vlan);

/* A batch of requests, of flows 'first' and following. */
void stage_requests_fill(uint32_t first);
/* A batch of them through the worker. */
void stage_requests_forward(void);
/* Sends batches there and back until nothing about the flows is new any more. */
void stage_flows_establish(void);
