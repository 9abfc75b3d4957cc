// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "vhost/device.h"

/* Rings go from hand to hand under traffic: tests/support/vhost_interruptions.py sends numbered frames, which this
 * thread, a worker, sends back. What it cannot send yet it keeps, so nothing may be lost on the way. A second worker sends
 * frames of its own into the same ring, one for each that is sent back. */

#define HELD 512

static char dir[] = "/tmp/vhost-lease-XXXXXX";
static char path[64];

struct echo {
    struct port *port;
    atomic_uint n_sent;
    atomic_bool stop;
    struct rte_mbuf *held[HELD];
    uint32_t n_held;
    uint32_t announcements;
    bool seen_leased;
    bool seen_library;
};

static uint64_t link_of(const struct echo *echo)
{
    return atomic_load(&((struct vhost_device *)echo->port->impl)->link);
}

static bool is_announcement(const struct rte_mbuf *packet)
{
    const uint8_t *frame = rte_pktmbuf_mtod(packet, const uint8_t *);

    return frame[12] == 0x80 && frame[13] == 0x35; /* RARP, RFC 903 */
}

static void echo_once(struct echo *echo)
{
    uint64_t link = link_of(echo);
    uint16_t n, sent;

    qsbr_reader_quiescent(0);
    if (link & VHOST_LINK_PRESENT)
        *(link & VHOST_LINK_LEASED ? &echo->seen_leased : &echo->seen_library) = true;
    n = echo->port->ops->rx_burst(echo->port, 0, &echo->held[echo->n_held],
                                  (uint16_t)RTE_MIN((uint32_t)PORT_BURST, HELD - echo->n_held));
    for (uint16_t i = 0; i < n; i++) {
        struct rte_mbuf *packet = echo->held[echo->n_held + i];

        if (!is_announcement(packet))
            continue;
        echo->announcements++;
        rte_pktmbuf_free(packet);
        memmove(&echo->held[echo->n_held + i], &echo->held[echo->n_held + i + 1],
                (size_t)(n - i - 1) * sizeof(echo->held[0]));
        i--;
        n--;
    }
    echo->n_held += n;
    sent = echo->port->ops->tx_burst(echo->port, 0, echo->held, (uint16_t)RTE_MIN(echo->n_held, (uint32_t)PORT_BURST));
    echo->n_held -= sent;
    atomic_fetch_add(&echo->n_sent, sent);
    memmove(echo->held, &echo->held[sent], echo->n_held * sizeof(echo->held[0]));
}

static void *send_others(void *arg)
{
    static const uint8_t frame[60] = {[12] = 0x88, 0xb5};
    struct echo *echo = arg;
    unsigned int n = 0;

    qsbr_reader_register(1);
    while (!atomic_load(&echo->stop)) {
        struct rte_mbuf *packet;

        qsbr_reader_quiescent(1);
        if (n == atomic_load(&echo->n_sent) || (packet = rte_pktmbuf_alloc(packet_pool())) == NULL)
            continue;
        memcpy(rte_pktmbuf_append(packet, sizeof frame), frame, sizeof frame);
        if (echo->port->ops->tx_burst(echo->port, 1, &packet, 1) == 0)
            rte_pktmbuf_free(packet);
        n++;
    }
    qsbr_reader_unregister(1);
    return NULL;
}

static void start_frontend(const char *layout, pid_t *pid, int *in, int *out)
{
    int input[2], output[2];

    assert_int_equal(pipe2(input, O_CLOEXEC), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC | O_NONBLOCK), 0);
    *pid = fork();
    if (*pid == 0) {
        fcntl(output[1], F_SETFL, 0);
        dup2(input[0], 0);
        dup2(output[1], 1);
        execl("/usr/bin/python3", "python3", SOURCE_ROOT "/tests/support/vhost_interruptions.py", "client", path,
              layout, NULL);
        _exit(127);
    }
    close(input[0]);
    close(output[1]);
    *in = input[1];
    *out = output[0];
}

/* Until the front-end says that all is done, or is gone. */
static bool echo_until_done(struct echo *echo, int out)
{
    char text[200] = "";
    size_t len = 0;

    for (;;) {
        ssize_t n = read(out, text + len, sizeof text - 1 - len);

        if (n == 0)
            return false;
        len += n > 0 ? (size_t)n : 0;
        if (strstr(text, "done") != NULL)
            return true;
        echo_once(echo);
    }
}

static void survive_interruptions(const char *layout)
{
    const struct port_config config = {
        .name = "guest0", .type = "dpdkvhostuser", .vhost_socket_dir = dir, .n_workers = 1};
    struct echo echo = {.port = port_fixture_open(&config)};
    struct timespec start;
    int in, out, status;
    pthread_t other;
    pid_t pid;
    bool done;

    qsbr_reader_register(0);
    assert_int_equal(pthread_create(&other, NULL, send_others, &echo), 0);
    start_frontend(layout, &pid, &in, &out);
    done = echo_until_done(&echo, out);
    atomic_store(&echo.stop, true);
    pthread_join(other, NULL);
    if (!done) {
        qsbr_reader_unregister(0);
        fail_msg("the front-end gave up");
    }
    assert_true(echo.seen_leased && echo.seen_library);
    assert_int_equal(echo.announcements, 20);
    /* The migration that was given up last has left no trace. */
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!(link_of(&echo) & VHOST_LINK_LEASED) && !port_fixture_expired(&start))
        echo_once(&echo);
    assert_true(link_of(&echo) & VHOST_LINK_LEASED);
    close(in);
    while (waitpid(pid, &status, WNOHANG) == 0)
        echo_once(&echo);
    close(out);
    assert_int_equal(status, 0);
    rte_pktmbuf_free_bulk(echo.held, echo.n_held);
    qsbr_reader_unregister(0);
    port_fixture_close(echo.port);
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
}

static void frames_survive_interruptions(void **state)
{
    survive_interruptions("split");
}

static void frames_in_packed_rings_survive_interruptions(void **state)
{
    survive_interruptions("packed");
}

static int start(void **state)
{
    signal(SIGPIPE, SIG_IGN);
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/guest0", dir);
    return port_fixture_start(state);
}

static int stop(void **state)
{
    rmdir(dir);
    return port_fixture_stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(frames_survive_interruptions),
                                       cmocka_unit_test(frames_in_packed_rings_survive_interruptions)};

    return cmocka_run_group_tests(tests, start, stop);
}
