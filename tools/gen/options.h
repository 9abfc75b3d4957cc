// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

/* What the generator is asked to do: the arguments after EAL's "--". */

#define FLOWS_MAX         (1u << 23)
#define FRAME_MIN         60u
#define FRAME_USUAL       64u
#define FRAME_MAX         9014u
#define BURST_SIZE        128u
#define GUESTS_MAX        3u
#define SEARCH_LIMITS_MAX 4u
#define LATENCY_USUAL     64u

enum options_tunnel { OPTIONS_NO_TUNNEL, OPTIONS_VXLAN, OPTIONS_GENEVE };
enum options_protocol { OPTIONS_UDP, OPTIONS_TCP, OPTIONS_ICMP };

struct options {
    uint32_t flows;
    uint16_t size; /* bytes of a frame without its FCS; with 'imix' those of the largest */
    bool imix;     /* frames of three sizes, see imix.h */
    uint16_t descriptors;
    uint16_t udp_port; /* destination of the first 32768 flows; the next ones go to the next port */
    double seconds;
    double warmup;
    bool bidirectional;
    uint16_t one_way; /* the direction that has a load when there is none in both */
    bool fresh;       /* every packet is a flow of its own; 'flows' says after how many their ports come again */
    bool tcp_syn;     /* TCP SYNs instead of UDP */
    enum options_protocol protocol;
    bool ipv6;
    uint16_t vlan; /* tag on the frames of all guests; 0: none */
    /* The second guest is behind a tunnel, see tunnel.h. Addresses of the tunnel's ends: the remote one, the switch's. */
    enum options_tunnel tunnel;
    uint32_t vni;
    bool has_vni, has_outer_macs, has_outer_ips; /* which were given */
    struct rte_ether_addr outer_macs[2];
    uint32_t outer_ips[2]; /* network order */
    double pps;            /* packets (or connections) a second over both directions; 0: as many as the rings take */
    double flood;          /* SYNs a second from the third guest; 0: as many as its ring takes */
    uint32_t gso;          /* bytes of payload of each frame, see gso.h; 0: ordinary frames */
    uint16_t mss;          /* and of the segments that it is to be cut into */
    uint32_t latency;      /* one frame in so many carries a stamp; 0: none does */
    bool handshakes;       /* whole TCP connections, see handshake.h; every one has ports of its own */
    bool source;           /* only the first guest is here: it sends */
    bool sink;             /* only the second one: it receives */
    bool loss_by_flow;
    /* Highest rates with at most so many percent of loss are searched instead of one measurement. */
    unsigned int n_limits;
    double limits[SEARCH_LIMITS_MAX];
    double trial; /* seconds of each trial of the search */
    /* The guests that are played, by device; the third one only floods the second. */
    struct rte_ether_addr macs[GUESTS_MAX];
    uint32_t ips[GUESTS_MAX]; /* network order */
    uint8_t ips6[GUESTS_MAX][16];
    bool has_ips, has_ips6; /* which of them were given */
};

/* How many pairs of ports there are with a source of FLOW_SOURCES and a destination from 'udp_port' on. */
#define FLOW_SOURCES 32768u
static inline uint32_t options_fresh_flows(const struct options *options)
{
    return FLOW_SOURCES * (65536u - options->udp_port);
}

/* How many devices there are at least. */
static inline unsigned int options_devices(const struct options *options)
{
    return options->source || options->sink ? 1 : 2;
}

/* Whether there is a load from the first guest to the second (0), or back (1). */
static inline bool options_has_direction(const struct options *options, unsigned int direction)
{
    return options->bidirectional || options->one_way == direction;
}

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_BAD };

/* Fills 'options' with the defaults and what the arguments say. After OPTIONS_HELP the help is on standard output,
 * after OPTIONS_BAD a sentence on standard error. */
enum options_result options_parse(struct options *options, int argc, char *argv[]);

extern const char options_help[];

/* What the options say together: fills in what follows from others, and writes a sentence on standard error when they
 * exclude each other. */
bool options_check(struct options *options);
