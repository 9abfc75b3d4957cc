// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "tools/gen/frame.h"
#include "tools/gen/handshake.h"
#include "tools/gen/imix.h"
#include "tools/gen/options.h"

struct conflict {
    bool both;
    const char *first;
    const char *second;
};

static bool find_conflict(const struct conflict *conflicts, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        if (conflicts[i].both) {
            fprintf(stderr, "sluice-gen: --%s and --%s exclude each other\n", conflicts[i].first, conflicts[i].second);
            return true;
        }
    }
    return false;
}

/* One guest alone hears no answer. */
static bool check_alone(const struct options *options)
{
    const char *which = options->source ? "source" : "sink";
    const struct conflict conflicts[] = {
        {options->source && options->sink, "source", "sink"},
        {options->handshakes, which, "handshakes"},
        {options->gso > 0, which, "gso"},
        {options->bidirectional, which, "bidirectional"},
        {options->one_way == 1, which, "one-way"},
        {options->latency > 0, which, "latency"},
        {options->loss_by_flow, which, "loss-by-flow"},
        {options->n_limits > 0, which, "search"},
        {options->tunnel != OPTIONS_NO_TUNNEL, which, "tunnel"},
        {options->flood > 0, which, "flood"},
        {options->sink && options->pps > 0, which, "pps"},
    };

    return !(options->source || options->sink) || !find_conflict(conflicts, RTE_DIM(conflicts));
}

/* What does not go with kinds of traffic of their own. */
static bool check_kind(const struct options *options, const char *kind)
{
    const struct conflict conflicts[] = {
        {options->handshakes && options->gso > 0, kind, "gso"},
        {options->protocol == OPTIONS_ICMP, kind, "protocol=icmp"},
        {options->imix, kind, "size=imix"},
        {options->gso > 0 && options->size > 0, kind, "size"},
        {options->fresh, kind, "fresh"},
        {options->tcp_syn, kind, "tcp-syn"},
        {options->latency > 0, kind, "latency"},
        {options->loss_by_flow, kind, "loss-by-flow"},
        {options->flood > 0, kind, "flood"},
        {options->handshakes && options->flows > 1, kind, "flows"},
        {options->handshakes && options->bidirectional, kind, "bidirectional"},
        {options->handshakes && options->one_way == 1, kind, "one-way"},
        {options->handshakes && options->n_limits > 0, kind, "search"},
    };

    return !find_conflict(conflicts, RTE_DIM(conflicts));
}

static bool check_conflicts(const struct options *options)
{
    bool search = options->n_limits > 0, plain = options->protocol == OPTIONS_UDP && !options->ipv6;
    const struct conflict conflicts[] = {
        {options->bidirectional && options->one_way == 1, "one-way", "bidirectional"},
        {options->fresh && options->one_way == 1, "one-way", "fresh"},
        {options->fresh && options->loss_by_flow, "loss-by-flow", "fresh"},
        {search && options->loss_by_flow, "loss-by-flow", "search"},
        {options->fresh && options->protocol == OPTIONS_TCP, "protocol=tcp", "fresh"},
        {search && options->pps > 0, "pps", "search"},
        {options->tcp_syn && options->protocol != OPTIONS_UDP, "tcp-syn", "protocol"},
        {options->tcp_syn && options->latency > 0, "latency", "tcp-syn"},
        {options->flood > 0 && !plain, "flood", options->ipv6 ? "ipv6" : "protocol"},
        {options->ipv6 && options->has_ips, "ip with IPv4 addresses", "ipv6"},
    };

    if (find_conflict(conflicts, RTE_DIM(conflicts)))
        return false;
    if (options->has_ips6 && !options->ipv6) {
        fprintf(stderr, "sluice-gen: --ip: IPv6 addresses need --ipv6\n");
        return false;
    }
    if (options->tunnel != OPTIONS_NO_TUNNEL && !(options->has_outer_macs && options->has_outer_ips)) {
        fprintf(stderr, "sluice-gen: --tunnel needs --outer-mac and --outer-ip\n");
        return false;
    }
    if (options->tunnel == OPTIONS_NO_TUNNEL &&
        (options->has_outer_macs || options->has_outer_ips || options->has_vni)) {
        fprintf(stderr, "sluice-gen: --vni, --outer-mac and --outer-ip need --tunnel\n");
        return false;
    }
    return true;
}

/* Large frames are TCP; what is called their size is that of their headers. */
static bool check_gso(struct options *options)
{
    if (options->gso == 0) {
        if (options->mss > 0)
            fprintf(stderr, "sluice-gen: --mss needs --gso\n");
        return options->mss == 0;
    }
    if (!check_kind(options, "gso"))
        return false;
    if (options->tunnel != OPTIONS_NO_TUNNEL && options_has_direction(options, 1)) {
        fprintf(stderr, "sluice-gen: --gso and --tunnel: only the first device sends large frames, see --one-way\n");
        return false;
    }
    options->protocol = OPTIONS_TCP;
    options->size = frame_size_least(options);
    if (options->mss == 0)
        options->mss = options->ipv6 ? 1440 : 1460;
    return true;
}

static bool check_handshakes(struct options *options)
{
    if (!options->handshakes)
        return true;
    if (!check_kind(options, "handshakes"))
        return false;
    if (options->size > HANDSHAKE_SIZE_MAX) {
        fprintf(stderr, "sluice-gen: --size: with --handshakes at most %u bytes\n", HANDSHAKE_SIZE_MAX);
        return false;
    }
    options->protocol = OPTIONS_TCP;
    options->fresh = true;
    return true;
}

bool options_check(struct options *options)
{
    uint16_t least;

    if (!check_conflicts(options) || !check_alone(options) || !check_handshakes(options) || !check_gso(options))
        return false;
    least = frame_size_least(options);
    if (options->imix)
        options->size = imix_size(options, IMIX_SIZES - 1);
    else if (options->size == 0)
        options->size = RTE_MAX(least, FRAME_USUAL);
    if (options->size < least) {
        fprintf(stderr, "sluice-gen: --size: the headers and stamps asked for need %u bytes\n", least);
        return false;
    }
    if (options->fresh)
        options->flows = options_fresh_flows(options);
    /* The slots of handshake.h go round with them. */
    if (options->handshakes)
        options->flows = RTE_ALIGN_FLOOR(options->flows, HANDSHAKE_SLOTS);
    return true;
}
