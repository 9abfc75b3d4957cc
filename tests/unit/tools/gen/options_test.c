// SPDX-License-Identifier: Apache-2.0
#include "tools/gen/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tools/gen/imix.h"

#define WORDS_MAX 16

static struct options options;
static char said[1024];

/* Parses a command line; what goes to standard error is in 'said' then. */
static enum options_result parse(const char *line)
{
    char words[512], *argv[WORDS_MAX + 1] = {NULL}, *rest = words;
    FILE *log = tmpfile();
    int argc = 0, saved = dup(STDERR_FILENO);
    enum options_result result;
    size_t n;

    snprintf(words, sizeof words, "sluice-gen %s", line);
    for (char *word = strsep(&rest, " "); word != NULL && argc < WORDS_MAX; word = strsep(&rest, " ")) {
        if (*word != '\0')
            argv[argc++] = word;
    }
    dup2(fileno(log), STDERR_FILENO);
    result = options_parse(&options, argc, argv);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(log);
    n = fread(said, 1, sizeof said - 1, log);
    said[n] = '\0';
    fclose(log);
    return result;
}

static void defaults_are_those_of_the_help(void **state)
{
    assert_int_equal(parse(""), OPTIONS_RUN);
    assert_int_equal(options.flows, 1);
    assert_int_equal(options.size, 64);
    assert_int_equal(options.latency, 0);
    assert_int_equal(options.n_limits, 0);
    assert_true(options.trial == 5 && options.seconds == 5 && options.warmup == 1);
    assert_true(options_has_direction(&options, 0));
    assert_false(options_has_direction(&options, 1));
}

static void values_arrive(void **state)
{
    assert_int_equal(parse("--flows 1000 --size=1514 --latency=1/7 --search=0,0.5 --trial=2.5 --vlan=7 --one-way=1"),
                     OPTIONS_RUN);
    assert_int_equal(options.flows, 1000);
    assert_int_equal(options.size, 1514);
    assert_int_equal(options.latency, 7);
    assert_int_equal(options.n_limits, 2);
    assert_true(options.limits[0] == 0 && options.limits[1] == 0.5 && options.trial == 2.5);
    assert_int_equal(options.vlan, 7);
    assert_false(options_has_direction(&options, 0));
    assert_true(options_has_direction(&options, 1));
    assert_int_equal(parse("--latency"), OPTIONS_RUN);
    assert_int_equal(options.latency, 64);
    assert_int_equal(parse("--ipv6 --ip fd01::1,fd01::2"), OPTIONS_RUN);
    assert_int_equal(options.ips6[1][1], 1);
}

static void size_is_as_large_as_the_headers_need(void **state)
{
    assert_int_equal(parse("--ipv6 --protocol=tcp"), OPTIONS_RUN);
    assert_int_equal(options.size, 14 + 40 + 20 + 4);
    assert_int_equal(parse("--size=imix"), OPTIONS_RUN);
    assert_int_equal(options.size, 1514);
    assert_int_equal(parse("--size=60 --ipv6"), OPTIONS_BAD);
    assert_string_equal(said, "sluice-gen: --size: the headers and stamps asked for need 66 bytes\n");
}

static void large_frames_are_tcp(void **state)
{
    assert_int_equal(parse("--gso=64000"), OPTIONS_RUN);
    assert_int_equal(options.protocol, OPTIONS_TCP);
    assert_int_equal(options.mss, 1460);
    assert_int_equal(options.size, 54);
    assert_int_equal(parse("--gso=64000 --ipv6"), OPTIONS_RUN);
    assert_int_equal(options.mss, 1440);
    assert_int_equal(parse("--gso=64000 --ipv6 --mss=900"), OPTIONS_RUN);
    assert_int_equal(options.mss, 900);
    assert_int_equal(options.size, 74);
}

static void handshakes_have_numbers_that_go_round_evenly(void **state)
{
    assert_int_equal(parse("--handshakes --udp-port=5001"), OPTIONS_RUN);
    assert_true(options.fresh);
    assert_int_equal(options.flows % 65536, 0);
    assert_true(options.flows <= options_fresh_flows(&options));
}

static void alone_one_device_is_enough(void **state)
{
    assert_int_equal(parse("--source"), OPTIONS_RUN);
    assert_int_equal(options_devices(&options), 1);
    assert_int_equal(parse("--sink"), OPTIONS_RUN);
    assert_int_equal(options_devices(&options), 1);
    assert_int_equal(parse(""), OPTIONS_RUN);
    assert_int_equal(options_devices(&options), 2);
}

static void imix_is_seven_four_one(void **state)
{
    static const unsigned int expected[IMIX_SIZES] = {7, 4, 1};
    static const uint16_t bytes[IMIX_SIZES] = {60, 590, 1514};
    unsigned int n[IMIX_SIZES] = {0};

    assert_int_equal(parse("--size=imix"), OPTIONS_RUN);
    assert_int_equal(imix_sizes(&options), IMIX_SIZES);
    for (unsigned int i = 0; i < IMIX_PERIOD; i++)
        n[imix_pattern[i]]++;
    for (unsigned int i = 0; i < IMIX_SIZES; i++) {
        assert_int_equal(n[i], expected[i]);
        assert_int_equal(imix_size(&options, i), bytes[i]);
    }
    assert_int_equal(parse("--size=imix --ipv6"), OPTIONS_RUN);
    assert_int_equal(imix_size(&options, 0), 66);
}

static void mistakes_name_their_option(void **state)
{
    static const struct {
        const char *line, *sentence;
    } cases[] = {
        {"--flows=0", "--flows: this is not a number from 1 to 8388608"},
        {"--flows=1x", "--flows: this is not a number"},
        {"--size=59", "--size: this is not a number from 60 to 9014, or imix"},
        {"--size=9015", "--size: "},
        {"--size=large", "--size: "},
        {"--protocol=sctp", "--protocol: this is not udp, tcp or icmp"},
        {"--vlan=4095", "--vlan: this is not a number from 1 to 4094"},
        {"--one-way=2", "--one-way: "},
        {"--pps=0", "--pps: "},
        {"--search=0,x", "--search: "},
        {"--search=0,1,2,3,4", "--search: "},
        {"--latency=64", "--latency: this is not 1/N with N from 1 to 1000000"},
        {"--latency=1/0", "--latency: "},
        {"--mac=02:00:00:00:00:01", "--mac: "},
        {"--mac=01:00:00:00:00:01,02:00:00:00:00:01", "--mac: "},
        {"--ip=10.0.0.1", "--ip: "},
        {"--ip=10.0.0.1,fd00::1", "--ip: "},
        {"--ip=fd00::1,fd00::2", "--ip: IPv6 addresses need --ipv6"},
        {"--ip=10.0.0.1,10.0.0.2 --ipv6", "--ip with IPv4 addresses and --ipv6 exclude each other"},
        {"--bidirectional --one-way=1", "--one-way and --bidirectional exclude each other"},
        {"--fresh --loss-by-flow", "--loss-by-flow and --fresh exclude each other"},
        {"--search=0 --pps=5", "--pps and --search exclude each other"},
        {"--tcp-syn --protocol=icmp", "--tcp-syn and --protocol exclude each other"},
        {"--flood=5 --ipv6", "--flood and --ipv6 exclude each other"},
        {"--tunnel=gre", "--tunnel: this is not vxlan or geneve"},
        {"--tunnel=vxlan --outer-ip=10.0.0.1,10.0.0.2", "--tunnel needs --outer-mac and --outer-ip"},
        {"--vni=5", "need --tunnel"},
        {"--outer-ip=10.0.0.1", "--outer-ip: this is not two IPv4 addresses"},
        {"--outer-mac=02:00:00:00:00:01,x", "--outer-mac: "},
        {"--gso=65161", "--gso: this is not a number from 1 to 65160"},
        {"--gso=1000 --size=100", "--gso and --size exclude each other"},
        {"--gso=1000 --latency", "--gso and --latency exclude each other"},
        {"--mss=1000", "--mss needs --gso"},
        {"--gso=9 --tunnel=vxlan --outer-ip=1.1.1.1,1.1.1.2 --outer-mac=02:00:00:00:00:01,02:00:00:00:00:02 "
         "--one-way=1",
         "only the first device sends large frames"},
        {"--handshakes --gso=1000", "--handshakes and --gso exclude each other"},
        {"--handshakes --flows=5", "--handshakes and --flows exclude each other"},
        {"--handshakes --search=0", "--handshakes and --search exclude each other"},
        {"--handshakes --size=1515", "--size: with --handshakes at most 1514 bytes"},
        {"--source --sink", "--source and --sink exclude each other"},
        {"--sink --latency", "--sink and --latency exclude each other"},
        {"--source --bidirectional", "--source and --bidirectional exclude each other"},
        {"--fresh --protocol=tcp", "--protocol=tcp and --fresh exclude each other"},
        {"word", "word: not an option"},
        {"--unknown", "--unknown"},
    };

    for (unsigned int i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i].line), OPTIONS_BAD);
        if (strstr(said, cases[i].sentence) == NULL)
            fail_msg("%s: %s", cases[i].line, said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_help),
        cmocka_unit_test(values_arrive),
        cmocka_unit_test(size_is_as_large_as_the_headers_need),
        cmocka_unit_test(large_frames_are_tcp),
        cmocka_unit_test(handshakes_have_numbers_that_go_round_evenly),
        cmocka_unit_test(alone_one_device_is_enough),
        cmocka_unit_test(imix_is_seven_four_one),
        cmocka_unit_test(mistakes_name_their_option),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
