// SPDX-License-Identifier: Apache-2.0
/* From the frame to the cache line of its flow: what the stages compile in line, compiled here as they are (meson.build),
 * with STAGES_OF_KEYS the name of the list. */
#include <netinet/in.h>

#include "dataplane/flow_cache.h"
#include "dataplane/flow_key_fast.h"
#include "tests/bench/stages_bench.h"
#include "tests/unit/dataplane/packet_spec.h"

#define LINES 16384u

/* Which flows there are, and where. */
enum { KIND_UDP, KIND_TCP, KIND_TAGGED, KIND_IPV6, KIND_UDP_SECOND_LINE, KIND_UDP_ABSENT };

static struct flow_cache cache;
static struct flow_key keys[STAGE_BATCH];
static uint32_t hashes[STAGE_BATCH];
static const struct flow_entry *homes[STAGE_BATCH];
static const struct flow_entry *found[STAGE_BATCH];
static uint8_t tcp_flags[STAGE_BATCH];
static bool done[STAGE_BATCH];
static uint32_t flow_choice;

static void fill(uint32_t choice)
{
    struct packet_spec spec = {.src = 1, .dst = 2, .protocol = IPPROTO_UDP, .dst_port = 2000, .payload = 18};
    struct frame frame;

    spec.protocol = choice == KIND_TCP ? IPPROTO_TCP : IPPROTO_UDP;
    spec.tcp_flags = 0x10;
    spec.tagged = choice == KIND_TAGGED;
    spec.tci = 10;
    spec.v6 = choice == KIND_IPV6;
    frame = spec_frame(&spec);
    stage_fill(&frame, STAGE_REQUEST, 0);
}

static void run_key(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        const struct rte_mbuf *packet = stage_packets[i];

        done[i] = flow_key_fast(rte_pktmbuf_mtod(packet, const uint8_t *), packet->data_len, packet->pkt_len, 1,
                                &keys[i], &tcp_flags[i]);
    }
}

static void keys_were_made(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        stage_expect(done[i], "a key by the fast way");
}

/* The key of flow 'number'. */
static void make_key(struct flow_key *key, uint32_t number)
{
    memset(key, 0, sizeof *key);
    key->attachment = 1;
    key->kind = flow_choice == KIND_IPV6 ? PACKET_IPV6 : PACKET_IPV4;
    key->protocol = IPPROTO_UDP;
    if (flow_choice == KIND_IPV6)
        key->v6.src_port = (uint16_t)number;
    else
        key->v4.src = number;
}

static void on_remove(void *aux, struct flow_entry *entry)
{
}

static void start_cache(uint32_t choice)
{
    flow_choice = choice;
    if (cache.lines != NULL)
        flow_cache_fini(&cache);
    stage_expect(flow_cache_init(&cache, LINES, on_remove, NULL) == 0, "memory for a flow cache");
}

static void start_hash(uint32_t choice)
{
    start_cache(choice);
    for (uint32_t i = 0; i < STAGE_BATCH; i++)
        make_key(&keys[i], i);
}

static void run_hash(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        hashes[i] = flow_cache_hash(&cache, &keys[i]);
        homes[i] = flow_cache_home(&cache, &keys[i], hashes[i]);
    }
}

static bool set_is_empty(uint32_t hash)
{
    const struct flow_entry *set = flow_cache_set(&cache, hash);

    for (uint32_t i = 0; i < FLOW_SET_LINES; i++) {
        if (flow_line_kind(&set[i]) != FLOW_LINE_EMPTY)
            return false;
    }
    return true;
}

static void insert(const struct flow_key *key, uint32_t hash)
{
    stage_expect(flow_cache_insert(&cache, key, hash, 1, 1) != NULL, "room in the flow cache");
}

/* Each flow is in a set of its own, in the line that is looked at first or in the one after it. */
static void start_lookup(uint32_t choice)
{
    uint32_t number = 0;

    start_cache(choice);
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        struct flow_key other;
        uint32_t other_hash;

        do {
            make_key(&keys[i], number++);
            hashes[i] = flow_cache_hash(&cache, &keys[i]);
        } while (!set_is_empty(hashes[i]));
        if (choice == KIND_UDP_SECOND_LINE) {
            do {
                make_key(&other, number++);
                other_hash = flow_cache_hash(&cache, &other);
            } while (flow_cache_set(&cache, other_hash) != flow_cache_set(&cache, hashes[i]) ||
                     (other_hash - hashes[i]) % FLOW_SET_LINES != 0);
            insert(&other, other_hash);
        }
        if (choice != KIND_UDP_ABSENT)
            insert(&keys[i], hashes[i]);
    }
    run_hash();
}

/* As look_up() of dataplane/stages.c does it. */
static void run_lookup(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        if (__builtin_expect(flow_entry_matches(homes[i], &keys[i]), 1))
            found[i] = homes[i];
        else
            found[i] = flow_cache_find(&cache, &keys[i], hashes[i]);
    }
}

static void flows_were_found(void)
{
    for (uint32_t i = 0; i < STAGE_BATCH; i++) {
        const struct flow_entry *second = &flow_cache_set(&cache, hashes[i])[(hashes[i] + 1) % FLOW_SET_LINES];
        const struct flow_entry *expected = flow_choice == KIND_UDP_ABSENT        ? NULL
                                            : flow_choice == KIND_UDP_SECOND_LINE ? second
                                                                                  : homes[i];

        stage_expect(found[i] == expected, "the flow in its line");
    }
}

const struct stage STAGES_OF_KEYS[] = {
    {"key_udp", "flow_key_fast(), IPv4 UDP", run_key, fill, NULL, keys_were_made, KIND_UDP, 0},
    {"key_tcp", "flow_key_fast(), IPv4 TCP", run_key, fill, NULL, keys_were_made, KIND_TCP, 0},
    {"key_tagged", "flow_key_fast(), IPv4 UDP with a VLAN tag", run_key, fill, NULL, keys_were_made, KIND_TAGGED, 0},
    {"key_ipv6", "flow_key_fast(), IPv6 UDP", run_key, fill, NULL, keys_were_made, KIND_IPV6, 0},
    {"hash", "flow_cache_hash() and flow_cache_home(), IPv4", run_hash, start_hash, NULL, NULL, KIND_UDP, 0},
    {"hash_ipv6", "flow_cache_hash() and flow_cache_home(), IPv6", run_hash, start_hash, NULL, NULL, KIND_IPV6, 0},
    {"lookup", "the flow is in its home line", run_lookup, start_lookup, NULL, flows_were_found, KIND_UDP, 0},
    {"lookup_second", "the flow is in the line after it", run_lookup, start_lookup, NULL, flows_were_found,
     KIND_UDP_SECOND_LINE, 0},
    {"lookup_ipv6", "the flow is in its home lines, IPv6", run_lookup, start_lookup, NULL, flows_were_found, KIND_IPV6,
     0},
    {"lookup_miss", "there is no such flow", run_lookup, start_lookup, NULL, flows_were_found, KIND_UDP_ABSENT, 0},
    {.name = NULL},
};
