// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

/* What the generator is asked to do: the arguments after EAL's "--". */

#define FLOWS_MAX  (1u << 23)
#define FRAME_MIN  60u
#define FRAME_MAX  1514u
#define BURST_SIZE 128u
#define GUESTS_MAX 3u

struct options {
    uint32_t flows;
    uint16_t size; /* bytes of a frame without its FCS */
    uint16_t descriptors;
    uint16_t udp_port; /* destination of the first 32768 flows; the next ones go to the next port */
    double seconds;
    double warmup;
    bool bidirectional;
    bool fresh;   /* every packet is a flow of its own; 'flows' says after how many their ports come again */
    bool tcp_syn; /* TCP SYNs instead of UDP */
    double pps;   /* packets a second over both directions; 0: as many as the rings take */
    double flood; /* SYNs a second from the third guest; 0: as many as its ring takes */
    /* The guests that are played, by device; the third one only floods the second. */
    struct rte_ether_addr macs[GUESTS_MAX];
    uint32_t ips[GUESTS_MAX]; /* network order */
};

/* How many pairs of ports there are with a source of FLOW_SOURCES and a destination from 'udp_port' on. */
#define FLOW_SOURCES 32768u
static inline uint32_t options_fresh_flows(const struct options *options)
{
    return FLOW_SOURCES * (65536u - options->udp_port);
}

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_BAD };

/* Fills 'options' with the defaults and what the arguments say. After OPTIONS_HELP the help is on standard output,
 * after OPTIONS_BAD a sentence on standard error. */
enum options_result options_parse(struct options *options, int argc, char *argv[]);
