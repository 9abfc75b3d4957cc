// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/gen/gso.h"

#define VNI_MAX 0xffffff

enum kind {
    KIND_FLAG,  /* a bool */
    KIND_U16,   /* a number from 'low' to 'high' */
    KIND_U32,   /* the same */
    KIND_REAL,  /* the same, with a fraction */
    KIND_OTHER, /* 'take' reads it */
    KIND_MAYBE, /* the same; it may also be missing: NULL */
};

struct row {
    const char *name;
    enum kind kind;
    size_t offset; /* in struct options */
    double low;
    double high;
    bool (*take)(struct options *options, char *text);
    const char *expected; /* completes "--name: this is not ..." */
};

static bool take_number(const char *text, double low, double high, uint32_t *value)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || (double)number < low || (double)number > high)
        return false;
    *value = (uint32_t)number;
    return true;
}

static bool take_real(const char *text, double low, double high, double *value)
{
    char *end;
    double number = strtod(text, &end);

    if (end == text || *end != '\0' || !(number >= low && number <= high))
        return false;
    *value = number;
    return true;
}

/* Splits words at commas in place; returns how many there are, 0 when there are more than 'most'. */
static unsigned int split(char *text, char **words, unsigned int most)
{
    unsigned int n = 0;

    for (char *word = text; word != NULL; n++) {
        if (n == most)
            return 0;
        words[n] = strsep(&word, ",");
    }
    return n;
}

static bool take_macs(struct options *options, char *text)
{
    char *words[GUESTS_MAX];
    unsigned int n = split(text, words, GUESTS_MAX);

    for (unsigned int i = 0; i < n; i++) {
        if (rte_ether_unformat_addr(words[i], &options->macs[i]) != 0 ||
            !rte_is_valid_assigned_ether_addr(&options->macs[i]))
            return false;
    }
    return n >= 2;
}

static bool take_ips(struct options *options, char *text)
{
    char *words[GUESTS_MAX];
    unsigned int n = split(text, words, GUESTS_MAX), n6 = 0;

    for (unsigned int i = 0; i < n; i++) {
        if (inet_pton(AF_INET6, words[i], options->ips6[i]) == 1)
            n6++;
        else if (inet_pton(AF_INET, words[i], &options->ips[i]) != 1)
            return false;
    }
    if (n6 > 0)
        options->has_ips6 = true;
    else
        options->has_ips = true;
    return n >= 2 && (n6 == 0 || n6 == n);
}

static bool take_outer_macs(struct options *options, char *text)
{
    char *words[2];

    options->has_outer_macs = split(text, words, 2) == 2;
    for (unsigned int i = 0; i < 2 && options->has_outer_macs; i++) {
        options->has_outer_macs = rte_ether_unformat_addr(words[i], &options->outer_macs[i]) == 0 &&
                                  rte_is_valid_assigned_ether_addr(&options->outer_macs[i]);
    }
    return options->has_outer_macs;
}

static bool take_outer_ips(struct options *options, char *text)
{
    char *words[2];

    options->has_outer_ips = split(text, words, 2) == 2 && inet_pton(AF_INET, words[0], &options->outer_ips[0]) == 1 &&
                             inet_pton(AF_INET, words[1], &options->outer_ips[1]) == 1;
    return options->has_outer_ips;
}

static bool take_vni(struct options *options, char *text)
{
    options->has_vni = true;
    return take_number(text, 0, VNI_MAX, &options->vni);
}

static bool take_tunnel(struct options *options, char *text)
{
    options->tunnel = strcmp(text, "vxlan") == 0    ? OPTIONS_VXLAN
                      : strcmp(text, "geneve") == 0 ? OPTIONS_GENEVE
                                                    : OPTIONS_NO_TUNNEL;
    return options->tunnel != OPTIONS_NO_TUNNEL;
}

static bool take_size(struct options *options, char *text)
{
    uint32_t size;

    options->imix = strcmp(text, "imix") == 0;
    if (options->imix)
        return true;
    if (!take_number(text, FRAME_MIN, FRAME_MAX, &size))
        return false;
    options->size = (uint16_t)size;
    return true;
}

static bool take_protocol(struct options *options, char *text)
{
    static const char *const names[] = {[OPTIONS_UDP] = "udp", [OPTIONS_TCP] = "tcp", [OPTIONS_ICMP] = "icmp"};

    for (unsigned int i = 0; i < RTE_DIM(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            options->protocol = (enum options_protocol)i;
            return true;
        }
    }
    return false;
}

static bool take_latency(struct options *options, char *text)
{
    options->latency = LATENCY_USUAL;
    return text == NULL || (strncmp(text, "1/", 2) == 0 && take_number(text + 2, 1, 1000000, &options->latency));
}

static bool take_limits(struct options *options, char *text)
{
    char *words[SEARCH_LIMITS_MAX];

    options->n_limits = split(text, words, SEARCH_LIMITS_MAX);
    for (unsigned int i = 0; i < options->n_limits; i++) {
        if (!take_real(words[i], 0, 99, &options->limits[i]))
            return false;
    }
    return options->n_limits > 0;
}

#define MEMBER(name) offsetof(struct options, name)
static const struct row rows[] = {
    {"flows", KIND_U32, MEMBER(flows), 1, FLOWS_MAX, NULL, NULL},
    {"fresh", KIND_FLAG, MEMBER(fresh), 0, 0, NULL, NULL},
    {"size", KIND_OTHER, 0, 0, 0, take_size, "a number from 60 to 9014, or imix"},
    {"protocol", KIND_OTHER, 0, 0, 0, take_protocol, "udp, tcp or icmp"},
    {"tcp-syn", KIND_FLAG, MEMBER(tcp_syn), 0, 0, NULL, NULL},
    {"ipv6", KIND_FLAG, MEMBER(ipv6), 0, 0, NULL, NULL},
    {"vlan", KIND_U16, MEMBER(vlan), 1, 4094, NULL, NULL},
    {"tunnel", KIND_OTHER, 0, 0, 0, take_tunnel, "vxlan or geneve"},
    {"vni", KIND_OTHER, 0, 0, 0, take_vni, "a number from 0 to 16777215"},
    {"outer-mac", KIND_OTHER, 0, 0, 0, take_outer_macs, "two unicast MAC addresses"},
    {"outer-ip", KIND_OTHER, 0, 0, 0, take_outer_ips, "two IPv4 addresses"},
    {"handshakes", KIND_FLAG, MEMBER(handshakes), 0, 0, NULL, NULL},
    {"source", KIND_FLAG, MEMBER(source), 0, 0, NULL, NULL},
    {"sink", KIND_FLAG, MEMBER(sink), 0, 0, NULL, NULL},
    {"gso", KIND_U32, MEMBER(gso), 1, GSO_PAYLOAD_MAX, NULL, NULL},
    {"mss", KIND_U16, MEMBER(mss), 88, 8960, NULL, NULL},
    {"bidirectional", KIND_FLAG, MEMBER(bidirectional), 0, 0, NULL, NULL},
    {"one-way", KIND_U16, MEMBER(one_way), 0, 1, NULL, NULL},
    {"flood", KIND_REAL, MEMBER(flood), 1, 1e9, NULL, NULL},
    {"pps", KIND_REAL, MEMBER(pps), 1, 1e9, NULL, NULL},
    {"seconds", KIND_REAL, MEMBER(seconds), 0.01, 3600, NULL, NULL},
    {"warmup", KIND_REAL, MEMBER(warmup), 0, 3600, NULL, NULL},
    {"search", KIND_OTHER, 0, 0, 0, take_limits, "one to four percentages from 0 to 99"},
    {"trial", KIND_REAL, MEMBER(trial), 0.01, 3600, NULL, NULL},
    {"latency", KIND_MAYBE, 0, 0, 0, take_latency, "1/N with N from 1 to 1000000"},
    {"loss-by-flow", KIND_FLAG, MEMBER(loss_by_flow), 0, 0, NULL, NULL},
    {"mac", KIND_OTHER, 0, 0, 0, take_macs, "two or three unicast MAC addresses"},
    {"ip", KIND_OTHER, 0, 0, 0, take_ips, "two or three IP addresses of one kind"},
    {"udp-port", KIND_U16, MEMBER(udp_port), 1, 65000, NULL, NULL},
    {"descriptors", KIND_U16, MEMBER(descriptors), 64, 32768, NULL, NULL},
};

static bool take(struct options *options, const struct row *row, char *text)
{
    void *member = (uint8_t *)options + row->offset;
    uint32_t number;

    switch (row->kind) {
    case KIND_FLAG:
        *(bool *)member = true;
        return true;
    case KIND_U16:
        if (!take_number(text, row->low, row->high, &number))
            return false;
        *(uint16_t *)member = (uint16_t)number;
        return true;
    case KIND_U32:
        return take_number(text, row->low, row->high, member);
    case KIND_REAL:
        return take_real(text, row->low, row->high, member);
    case KIND_OTHER:
    case KIND_MAYBE:
        return row->take(options, text);
    }
    return false;
}

static void complain(const struct row *row)
{
    if (row->expected != NULL)
        fprintf(stderr, "sluice-gen: --%s: this is not %s; see --help\n", row->name, row->expected);
    else
        fprintf(stderr, "sluice-gen: --%s: this is not a number from %g to %.9g; see --help\n", row->name, row->low,
                row->high);
}

/* getopt_long()'s own form of the rows, with their numbers as values. */
static void list_rows(struct option *list)
{
    for (unsigned int i = 0; i < RTE_DIM(rows); i++) {
        int argument = rows[i].kind == KIND_FLAG    ? no_argument
                       : rows[i].kind == KIND_MAYBE ? optional_argument
                                                    : required_argument;

        list[i] = (struct option){rows[i].name, argument, NULL, 256 + (int)i};
    }
    list[RTE_DIM(rows)] = (struct option){"help", no_argument, NULL, 'h'};
    list[RTE_DIM(rows) + 1] = (struct option){NULL, 0, NULL, 0};
}

enum options_result options_parse(struct options *options, int argc, char *argv[])
{
    struct option list[RTE_DIM(rows) + 2];
    int c;

    *options = (struct options){
        .flows = 1,
        .descriptors = 1024,
        .udp_port = 5000,
        .seconds = 5,
        .warmup = 1,
        .trial = 5,
        .vni = 100,
        .macs = {{{0x02, 0, 0, 0, 0, 0x01}}, {{0x02, 0, 0, 0, 0, 0x02}}, {{0x02, 0, 0, 0, 0, 0x03}}},
        .ips = {htonl(0x0a000001), htonl(0x0a000002), htonl(0x0a000003)},
        .ips6 = {{0xfd, [15] = 1}, {0xfd, [15] = 2}, {0xfd, [15] = 3}},
    };
    list_rows(list);
    /* 0 and not 1: what getopt remembers of an earlier parse is forgotten. */
    optind = 0;
    while ((c = getopt_long(argc, argv, "h", list, NULL)) != -1) {
        if (c == 'h') {
            fputs(options_help, stdout);
            return OPTIONS_HELP;
        }
        if (c == '?')
            return OPTIONS_BAD;
        if (!take(options, &rows[c - 256], optarg)) {
            complain(&rows[c - 256]);
            return OPTIONS_BAD;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "sluice-gen: %s: not an option; see --help\n", argv[optind]);
        return OPTIONS_BAD;
    }
    return options_check(options) ? OPTIONS_RUN : OPTIONS_BAD;
}
