// SPDX-License-Identifier: Apache-2.0
#include "control/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "overlay/underlay.h"

/* A network namespace of its own, made anew for every test, and in it:
 *
 *     br-a 10.1.0.1/24 (one end of a veth)      dm0 10.2.0.1/24 (another veth)
 *       |
 *     peer 10.1.0.2/24 in a second namespace, held by a child process
 */
#define WAIT_MS  5000
#define SKIPPED  77
#define PEER_MAC "02:00:00:00:00:99"

static struct netlink *netlink;
static struct underlay *underlay;
static struct next_hop hop;
static int ifindex;
static uint32_t neighbour;
static pid_t peer;

/* Runs a command, made as printf() would, and asks that it succeeds. */
static void __attribute__((format(printf, 1, 2))) run(const char *format, ...)
{
    char command[256];
    va_list args;

    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    assert_int_equal(system(command), 0);
}

/* A process that does nothing but hold a network namespace. */
static pid_t start_peer(void)
{
    int ready[2];
    char byte;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (unshare(CLONE_NEWNET) == 0 && write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static int set_up(void **state)
{
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    peer = start_peer();
    run("ip link add br-a type veth peer name peer address " PEER_MAC " netns %d", (int)peer);
    run("nsenter -t %d -n ip addr add 10.1.0.2/24 dev peer", (int)peer);
    run("nsenter -t %d -n ip link set peer up", (int)peer);
    run("ip link add dm0 type veth peer name dm1 && ip link set dm1 up");
    run("ip addr add 10.1.0.1/24 dev br-a && ip addr add 10.2.0.1/24 dev dm0");
    run("ip link set br-a up && ip link set dm0 up");
    underlay = underlay_create();
    assert_int_equal(netlink_create(&netlink), 0);
    assert_int_equal(netlink_watch_link(netlink, "br-a", 1, 100), 0);
    assert_true(netlink_run(netlink, underlay));
    return 0;
}

static int tear_down(void **state)
{
    netlink_destroy(netlink);
    underlay_destroy(underlay);
    kill(peer, SIGKILL);
    waitpid(peer, NULL, 0);
    return 0;
}

static enum next_hop_state resolve(const char *remote)
{
    underlay_resolve(underlay, inet_addr(remote), 0, &hop, &ifindex, &neighbour);
    return hop.state;
}

/* Lets events come in until 'remote' is in 'state'. */
static void wait_state(const char *remote, enum next_hop_state state)
{
    struct pollfd fd = {.fd = netlink_fd(netlink), .events = POLLIN};

    netlink_run(netlink, underlay);
    while (resolve(remote) != state) {
        assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
        netlink_run(netlink, underlay);
    }
}

static void netlink_reads_what_is_there(void **state)
{
    struct netlink_link link;

    assert_int_equal(resolve("10.1.0.9"), NEXT_HOP_NO_NEIGHBOUR);
    assert_int_equal(netlink_link_get(netlink, "br-a", &link), 0);
    assert_true(link.up);
    assert_int_equal(ifindex, link.ifindex);
    assert_memory_equal(&hop.src_mac, &link.mac, 6);
    assert_int_equal(hop.local, inet_addr("10.1.0.1"));
    assert_int_equal(hop.bridge, 1);
    assert_int_equal(hop.vlan, 100);
    assert_int_equal(netlink_link_get(netlink, "none", &link), -ENODEV);
}

static void netlink_quiet_kernel_changes_nothing(void **state)
{
    netlink_run(netlink, underlay);
    assert_false(netlink_run(netlink, underlay));
}

static void netlink_follows_routes(void **state)
{
    run("ip route add 192.0.2.0/24 via 10.1.0.2 metric 50");
    run("ip route add table 77 198.51.100.0/24 via 10.1.0.2");
    assert_true(netlink_run(netlink, underlay));
    resolve("192.0.2.7");
    assert_int_equal(neighbour, inet_addr("10.1.0.2"));
    assert_int_equal(resolve("198.51.100.7"), NEXT_HOP_NO_ROUTE);

    run("ip route replace 192.0.2.0/24 via 10.1.0.3 metric 50");
    assert_true(netlink_run(netlink, underlay));
    resolve("192.0.2.7");
    assert_int_equal(neighbour, inet_addr("10.1.0.3"));

    run("ip route del 192.0.2.0/24");
    assert_true(netlink_run(netlink, underlay));
    assert_int_equal(resolve("192.0.2.7"), NEXT_HOP_NO_ROUTE);
}

static void netlink_route_replaced_to_a_stranger_is_gone(void **state)
{
    run("ip route add 192.0.2.0/24 via 10.1.0.2");
    netlink_run(netlink, underlay);
    run("ip route replace 192.0.2.0/24 via 10.2.0.2");
    assert_true(netlink_run(netlink, underlay));
    assert_int_equal(resolve("192.0.2.7"), NEXT_HOP_NO_ROUTE);
}

static void netlink_takes_first_hop_of_multipath(void **state)
{
    run("ip route add 192.0.2.0/24 nexthop via 10.2.0.2 nexthop via 10.1.0.4 nexthop via 10.1.0.5");
    netlink_run(netlink, underlay);
    resolve("192.0.2.7");
    assert_int_equal(neighbour, inet_addr("10.1.0.4"));
    run("ip route del 192.0.2.0/24");
    netlink_run(netlink, underlay);
    assert_int_equal(resolve("192.0.2.7"), NEXT_HOP_NO_ROUTE);
}

static void netlink_follows_neighbours(void **state)
{
    run("ip neigh add 10.1.0.9 lladdr " PEER_MAC " dev br-a nud permanent");
    netlink_run(netlink, underlay);
    assert_int_equal(resolve("10.1.0.9"), NEXT_HOP_READY);
    assert_int_equal(hop.dst_mac.bytes[5], 0x99);
    run("ip neigh del 10.1.0.9 dev br-a");
    netlink_run(netlink, underlay);
    assert_int_equal(resolve("10.1.0.9"), NEXT_HOP_NO_NEIGHBOUR);
}

static void netlink_resolves_a_neighbour(void **state)
{
    assert_int_equal(resolve("10.1.0.2"), NEXT_HOP_NO_NEIGHBOUR);
    assert_int_equal(netlink_resolve_neighbour(netlink, ifindex, neighbour), 0);
    wait_state("10.1.0.2", NEXT_HOP_READY);
    assert_int_equal(hop.dst_mac.bytes[5], 0x99);
    assert_int_equal(netlink_resolve_neighbour(netlink, ifindex, neighbour), 0);
    assert_true(netlink_resolve_neighbour(netlink, 99999, neighbour) < 0);
    assert_int_equal(netlink_resolve_neighbour(netlink, ifindex, neighbour), 0);
}

/* The kernel drops the default route silently when the device goes down. */
static void netlink_link_down_and_up_again(void **state)
{
    run("ip route add default via 10.1.0.2");
    netlink_run(netlink, underlay);
    assert_int_equal(resolve("8.8.8.8"), NEXT_HOP_NO_NEIGHBOUR);
    run("ip link set br-a down");
    assert_true(netlink_run(netlink, underlay));
    assert_int_equal(resolve("8.8.8.8"), NEXT_HOP_NO_ROUTE);
    run("ip link set br-a up");
    netlink_run(netlink, underlay);
    assert_int_equal(resolve("8.8.8.8"), NEXT_HOP_NO_ROUTE);
    assert_int_equal(resolve("10.1.0.9"), NEXT_HOP_NO_NEIGHBOUR);
}

static void netlink_follows_addresses(void **state)
{
    run("ip addr add 10.7.0.1/24 dev br-a");
    netlink_run(netlink, underlay);
    assert_int_equal(resolve("10.7.0.9"), NEXT_HOP_NO_NEIGHBOUR);
    assert_int_equal(hop.local, inet_addr("10.7.0.1"));
    run("ip addr del 10.7.0.1/24 dev br-a");
    netlink_run(netlink, underlay);
    assert_int_equal(resolve("10.7.0.9"), NEXT_HOP_NO_ROUTE);
}

static void netlink_follows_the_mac(void **state)
{
    run("ip link set br-a address 02:00:00:00:00:55");
    assert_true(netlink_run(netlink, underlay));
    resolve("10.1.0.9");
    assert_int_equal(hop.src_mac.bytes[5], 0x55);
}

static void netlink_device_comes_after_its_watch(void **state)
{
    assert_int_equal(netlink_watch_link(netlink, "late", 7, 0), 0);
    netlink_run(netlink, underlay);
    run("ip link add late type veth peer name late1 && ip addr add 10.8.0.1/24 dev late && ip link set late up");
    assert_true(netlink_run(netlink, underlay));
    assert_int_equal(resolve("10.8.0.9"), NEXT_HOP_NO_NEIGHBOUR);
    assert_int_equal(hop.bridge, 7);
    run("ip link del late");
    assert_true(netlink_run(netlink, underlay));
    assert_int_equal(resolve("10.8.0.9"), NEXT_HOP_NO_ROUTE);
}

static void netlink_watch_comes_after_its_device(void **state)
{
    assert_int_equal(resolve("10.2.0.9"), NEXT_HOP_NO_ROUTE);
    assert_int_equal(netlink_watch_link(netlink, "dm0", 2, 0), 0);
    assert_true(netlink_run(netlink, underlay));
    assert_int_equal(resolve("10.2.0.9"), NEXT_HOP_NO_NEIGHBOUR);
    assert_int_equal(netlink_watch_link(netlink, "dm0", 3, 5), 0);
    assert_true(netlink_run(netlink, underlay));
    resolve("10.2.0.9");
    assert_int_equal(hop.bridge, 3);
    assert_int_equal(hop.vlan, 5);
    netlink_unwatch_link(netlink, "dm0");
    assert_true(netlink_run(netlink, underlay));
    assert_int_equal(resolve("10.2.0.9"), NEXT_HOP_NO_ROUTE);
    assert_int_equal(netlink_watch_link(netlink, "a-name-too-long-for-it", 1, 0), -EINVAL);
}

static void netlink_follows_a_rename(void **state)
{
    run("ip link set br-a down && ip link set br-a name br-z && ip link set br-z up");
    netlink_run(netlink, underlay);
    assert_int_equal(resolve("10.1.0.9"), NEXT_HOP_NO_ROUTE);
    assert_int_equal(netlink_watch_link(netlink, "br-z", 4, 0), 0);
    netlink_run(netlink, underlay);
    assert_int_equal(resolve("10.1.0.9"), NEXT_HOP_NO_NEIGHBOUR);
    assert_int_equal(hop.bridge, 4);
}

/* More events than the socket holds: the picture is right again all the same. */
static void netlink_survives_an_overrun(void **state)
{
    int size = 1;

    assert_int_equal(setsockopt(netlink_fd(netlink), SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    for (int i = 1; i <= 60; i++)
        run("ip route add 192.0.2.%d/32 via 10.1.0.2", i);
    netlink_run(netlink, underlay);
    for (int i = 1; i <= 60; i++) {
        char remote[32];

        snprintf(remote, sizeof remote, "192.0.2.%d", i);
        assert_int_equal(resolve(remote), NEXT_HOP_NO_NEIGHBOUR);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(netlink_reads_what_is_there),
        TEST(netlink_quiet_kernel_changes_nothing),
        TEST(netlink_follows_routes),
        TEST(netlink_route_replaced_to_a_stranger_is_gone),
        TEST(netlink_takes_first_hop_of_multipath),
        TEST(netlink_follows_neighbours),
        TEST(netlink_resolves_a_neighbour),
        TEST(netlink_link_down_and_up_again),
        TEST(netlink_follows_addresses),
        TEST(netlink_follows_the_mac),
        TEST(netlink_device_comes_after_its_watch),
        TEST(netlink_watch_comes_after_its_device),
        TEST(netlink_follows_a_rename),
        TEST(netlink_survives_an_overrun),
    };

    if (unshare(CLONE_NEWNET) != 0) {
        fprintf(stderr, "skipped: a network namespace of one's own needs root\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
