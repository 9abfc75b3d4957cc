// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

/* What the generator is asked to do: the arguments after EAL's "--". */

#define FLOWS_MAX  (1u << 20)
#define FRAME_MIN  60u
#define FRAME_MAX  1514u
#define BURST_SIZE 128u

struct options {
    uint32_t flows;
    uint16_t size; /* bytes of a frame without its FCS */
    uint16_t descriptors;
    uint16_t udp_port; /* destination of the first 32768 flows; the next ones go to the next port */
    double seconds;
    double warmup;
    bool bidirectional;
    /* The two guests that are played, by device. */
    struct rte_ether_addr macs[2];
    uint32_t ips[2]; /* network order */
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_BAD };

/* Fills 'options' with the defaults and what the arguments say. After OPTIONS_HELP the help is on standard output,
 * after OPTIONS_BAD a sentence on standard error. */
enum options_result options_parse(struct options *options, int argc, char *argv[]);
