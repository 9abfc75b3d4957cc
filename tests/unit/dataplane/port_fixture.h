// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "dataplane/core/notifier.h"
#include "dataplane/core/packet_pool.h"
#include "dataplane/core/port.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/port_types.h"

/* Ports opened for real, in a network namespace of the test's own. */

static bool port_fixture_has_namespace;

/* Group set-up: EAL without hugepages or devices, packet buffers, and a network namespace when we may make one. */
static inline int port_fixture_start(void **state)
{
    char prefix[40];
    char *args[] = {
        "test", "--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level=critical", prefix};

    port_fixture_has_namespace = unshare(CLONE_NEWNET) == 0;
    snprintf(prefix, sizeof prefix, "--file-prefix=unit%d", getpid());
    if (rte_eal_init((int)(sizeof args / sizeof args[0]), args) < 0 || qsbr_init() != 0 || notifier_init() != 0)
        return -1;
    return packet_pool_init(8192);
}

static inline int port_fixture_stop(void **state)
{
    char dir[PATH_MAX];

    /* EAL leaves the folder it made for this process, empty. */
    snprintf(dir, sizeof dir, "%s", rte_eal_get_runtime_dir());
    if (rte_eal_cleanup() != 0)
        return -1;
    rmdir(dir);
    return 0;
}

/* Runs a command that must succeed. */
static inline void port_fixture_run(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

static inline void port_fixture_need_namespace(void)
{
    if (port_fixture_has_namespace)
        return;
    print_message("needs root, for a network namespace\n");
    skip();
}

/* Opens a port; on failure returns NULL and leaves the sentence in '*error', which the caller frees. */
static inline struct port *port_fixture_try(const struct port_config *config, char **error)
{
    const struct port_ops *ops = port_ops_find(config->type);
    struct port *port;

    assert_non_null(ops);
    port = port_create(config->name, 1, ops);
    assert_non_null(port);
    *error = NULL;
    if (port->ops->open(port, config, error) == 0)
        return port;
    assert_non_null(*error);
    port_destroy(port);
    return NULL;
}

static inline struct port *port_fixture_open(const struct port_config *config)
{
    char *error;
    struct port *port = port_fixture_try(config, &error);

    if (port == NULL)
        fail_msg("%s", error);
    return port;
}

static inline void port_fixture_close(struct port *port)
{
    port->ops->close(port);
    port_destroy(port);
}

/* Asserts that the port does not open, and why. */
static inline void port_fixture_refused(const struct port_config *config, const char *expected)
{
    char *error;

    assert_null(port_fixture_try(config, &error));
    assert_string_equal(error, expected);
    free(error);
}

static inline struct rte_mbuf *port_fixture_packet(const uint8_t *frame, uint16_t len)
{
    struct rte_mbuf *packet = rte_pktmbuf_alloc(packet_pool());

    assert_non_null(packet);
    memcpy(rte_pktmbuf_append(packet, len), frame, len);
    return packet;
}

/* Five seconds, in which what is waited for has long happened. */
static inline bool port_fixture_expired(const struct timespec *start)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec - start->tv_sec >= 5;
}

/* True when a worker that armed queue 0 would be woken, now or, when there is nothing, after 'send'. */
static inline bool port_fixture_wakes(struct port *port, void (*send)(void))
{
    struct pollfd wait = {.events = POLLIN};
    struct rte_mbuf *packets[PORT_BURST];
    struct timespec start;
    bool woken = false;

    /* What the kernel sends by itself goes first. */
    clock_gettime(CLOCK_MONOTONIC, &start);
    do {
        rte_pktmbuf_free_bulk(packets, port->ops->rx_burst(port, 0, packets, PORT_BURST));
        wait.fd = port->ops->arm(port, 0);
    } while ((wait.fd == -EAGAIN || (wait.fd >= 0 && poll(&wait, 1, 0) != 0)) && !port_fixture_expired(&start));
    if (wait.fd < 0)
        return false;
    send();
    woken = poll(&wait, 1, 5000) == 1;
    port->ops->disarm(port, 0);
    return woken;
}

/* Polls until a frame arrives that 'wanted' likes and returns it; others are ignored. */
static inline struct rte_mbuf *port_fixture_take(struct port *port, bool (*wanted)(const uint8_t *frame, uint32_t len))
{
    static uint8_t bytes[66000];
    struct timespec start;
    struct rte_mbuf *packet;

    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!port_fixture_expired(&start)) {
        if (port->ops->rx_burst(port, 0, &packet, 1) == 0)
            continue;
        assert_true(packet->pkt_len <= sizeof bytes);
        if (wanted(rte_pktmbuf_read(packet, 0, packet->pkt_len, bytes), packet->pkt_len))
            return packet;
        rte_pktmbuf_free(packet);
    }
    fail_msg("nothing arrived");
    return NULL;
}

/* The same, and copies it to 'frame' and returns its length. */
static inline uint32_t port_fixture_receive(struct port *port, bool (*wanted)(const uint8_t *frame, uint32_t len),
                                            uint8_t *frame, uint32_t size)
{
    struct rte_mbuf *packet = port_fixture_take(port, wanted);
    uint32_t len = packet->pkt_len;

    assert_true(len <= size);
    memcpy(frame, rte_pktmbuf_read(packet, 0, len, frame), len);
    rte_pktmbuf_free(packet);
    return len;
}
