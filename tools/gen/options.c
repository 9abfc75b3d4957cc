// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "sluice-gen: source and sink of UDP flows between two DPDK devices\n"
    "usage: sluice-gen EAL-OPTIONS -- [OPTIONS]\n"
    "EAL gives two devices and two lcores: the main one sleeps, the other sends and receives, for example\n"
    "  sluice-gen --lcores 0@0,1@0 --no-pci --in-memory --single-file-segments -m 512 \\\n"
    "      --vdev net_virtio_user0,path=/run/a.sock,queue_size=1024 \\\n"
    "      --vdev net_virtio_user1,path=/run/b.sock,queue_size=1024 -- --flows 10000 --bidirectional\n"
    "\n"
    "Options:\n"
    "  --flows=N          flows in each direction, 1 to 8388608 (default: 1)\n"
    "  --size=BYTES       frame without FCS, 60 to 1514 (default: 64)\n"
    "  --seconds=S        length of the measurement (default: 5)\n"
    "  --warmup=S         load before it that is not measured (default: 1)\n"
    "  --bidirectional    replies flow too, from the second device to the first\n"
    "  --fresh            instead of --flows: every packet opens a flow, by ports from a counter\n"
    "  --tcp-syn          send TCP SYNs, without options and checksum, in place of UDP\n"
    "  --pps=N            packets a second, both directions together (default: as many as the rings take)\n"
    "  --flood=N          with a third device, whose guest sends fresh SYNs to the second: how many a second\n"
    "                     (default: as many as its ring takes)\n"
    "  --mac=A,B[,C]      addresses of the guests on the devices\n"
    "  --ip=A,B[,C]       their IPv4 addresses (default: 10.0.0.1,10.0.0.2,10.0.0.3)\n"
    "  --udp-port=N       first port that the second guest is sent to (default: 5000)\n"
    "  --descriptors=N    length of each ring (default: 1024)\n"
    "  --help             this text\n"
    "\n"
    "First each guest announces itself by ARP, then every flow is opened by one packet each way unless they are "
    "fresh,\n"
    "then both sides send. \"sluice-gen: devices are up\" on standard error says that the devices are started;\n"
    "the result is one JSON object on standard output.\n";

enum {
    OPT_FLOWS = 256,
    OPT_SIZE,
    OPT_SECONDS,
    OPT_WARMUP,
    OPT_FRESH,
    OPT_TCP_SYN,
    OPT_PPS,
    OPT_FLOOD,
    OPT_MAC,
    OPT_IP,
    OPT_UDP_PORT,
    OPT_DESCRIPTORS
};

static const struct option long_options[] = {
    {"flows", required_argument, NULL, OPT_FLOWS},
    {"size", required_argument, NULL, OPT_SIZE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"bidirectional", no_argument, NULL, 'b'},
    {"fresh", no_argument, NULL, OPT_FRESH},
    {"tcp-syn", no_argument, NULL, OPT_TCP_SYN},
    {"pps", required_argument, NULL, OPT_PPS},
    {"flood", required_argument, NULL, OPT_FLOOD},
    {"mac", required_argument, NULL, OPT_MAC},
    {"ip", required_argument, NULL, OPT_IP},
    {"udp-port", required_argument, NULL, OPT_UDP_PORT},
    {"descriptors", required_argument, NULL, OPT_DESCRIPTORS},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static bool take_integer(uint32_t low, uint32_t high, uint32_t *value)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(optarg, &end, 10);
    if (errno != 0 || end == optarg || *end != '\0' || number < low || number > high)
        return false;
    *value = (uint32_t)number;
    return true;
}

static bool take_u16(uint16_t low, uint16_t high, uint16_t *value)
{
    uint32_t number;

    if (!take_integer(low, high, &number))
        return false;
    *value = (uint16_t)number;
    return true;
}

static bool take_real(double low, double high, double *value)
{
    char *end;
    double number = strtod(optarg, &end);

    if (end == optarg || *end != '\0' || !(number >= low && number <= high))
        return false;
    *value = number;
    return true;
}

/* Splits "A,B" or "A,B,C" in place; returns how many there are, 0 when there are more. */
static unsigned int split(char *words[GUESTS_MAX])
{
    unsigned int n = 0;

    for (char *word = optarg; word != NULL; n++) {
        if (n == GUESTS_MAX)
            return 0;
        words[n] = strsep(&word, ",");
    }
    return n;
}

static bool take_macs(struct options *options)
{
    char *words[GUESTS_MAX];
    unsigned int n = split(words);

    for (unsigned int i = 0; i < n; i++) {
        if (rte_ether_unformat_addr(words[i], &options->macs[i]) != 0 ||
            !rte_is_valid_assigned_ether_addr(&options->macs[i]))
            return false;
    }
    return n >= 2;
}

static bool take_ips(struct options *options)
{
    char *words[GUESTS_MAX];
    unsigned int n = split(words);

    for (unsigned int i = 0; i < n; i++) {
        if (inet_pton(AF_INET, words[i], &options->ips[i]) != 1)
            return false;
    }
    return n >= 2;
}

static bool take(struct options *options, int c)
{
    switch (c) {
    case OPT_FLOWS:
        return take_integer(1, FLOWS_MAX, &options->flows);
    case OPT_SIZE:
        return take_u16(FRAME_MIN, FRAME_MAX, &options->size);
    case OPT_SECONDS:
        return take_real(0.01, 3600, &options->seconds);
    case OPT_WARMUP:
        return take_real(0, 3600, &options->warmup);
    case 'b':
        options->bidirectional = true;
        return true;
    case OPT_FRESH:
        options->fresh = true;
        return true;
    case OPT_TCP_SYN:
        options->tcp_syn = true;
        return true;
    case OPT_PPS:
        return take_real(1, 1e9, &options->pps);
    case OPT_FLOOD:
        return take_real(1, 1e9, &options->flood);
    case OPT_MAC:
        return take_macs(options);
    case OPT_IP:
        return take_ips(options);
    case OPT_UDP_PORT:
        return take_u16(1, 65000, &options->udp_port);
    case OPT_DESCRIPTORS:
        return take_u16(64, 32768, &options->descriptors);
    default:
        return false;
    }
}

enum options_result options_parse(struct options *options, int argc, char *argv[])
{
    int c, index;

    *options = (struct options){
        .flows = 1,
        .size = 64,
        .descriptors = 1024,
        .udp_port = 5000,
        .seconds = 5,
        .warmup = 1,
        .macs = {{{0x02, 0, 0, 0, 0, 0x01}}, {{0x02, 0, 0, 0, 0, 0x02}}, {{0x02, 0, 0, 0, 0, 0x03}}},
        .ips = {htonl(0x0a000001), htonl(0x0a000002), htonl(0x0a000003)},
    };
    optind = 1;
    while ((c = getopt_long(argc, argv, "h", long_options, &index)) != -1) {
        if (c == 'h') {
            fputs(help, stdout);
            return OPTIONS_HELP;
        }
        if (c == '?')
            return OPTIONS_BAD;
        if (!take(options, c)) {
            fprintf(stderr, "sluice-gen: --%s: bad value; see --help\n", long_options[index].name);
            return OPTIONS_BAD;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sluice-gen: %s: not an option; see --help\n", argv[optind]);
        return OPTIONS_BAD;
    }
    if (options->fresh)
        options->flows = options_fresh_flows(options);
    return OPTIONS_RUN;
}
