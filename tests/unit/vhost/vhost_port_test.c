// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/dataplane/port_fixture.h"
#include "tests/unit/dataplane/sent_frame.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

/* The far side is tests/support/vhost_frontend.py, which has its own memory, rings and ideas of what is proper. This
 * thread is the only worker: it must report quiescent states, as rte_vhost's threads wait for them. */

static char dir[] = "/tmp/vhost-unit-XXXXXX";
static char path[64];

struct frontend {
    pid_t pid;
    int in;  /* its standard input: ends it when closed */
    int out; /* its standard output */
};

static void poll_port(struct port *port)
{
    struct rte_mbuf *packets[PORT_BURST];

    qsbr_reader_quiescent(0);
    rte_pktmbuf_free_bulk(packets, port->ops->rx_burst(port, 0, packets, PORT_BURST));
}

static struct frontend frontend_start(const char *mode, const char *side, const char *queues)
{
    struct frontend frontend;
    int in[2], out[2];

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
    frontend = (struct frontend){.pid = fork(), .in = in[1], .out = out[0]};
    if (frontend.pid == 0) {
        fcntl(out[1], F_SETFL, 0);
        dup2(in[0], 0);
        dup2(out[1], 1);
        execl("/usr/bin/python3", "python3", SOURCE_ROOT "/tests/support/vhost_frontend.py", mode, side, path, queues,
              NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    return frontend;
}

static void frontend_stop(struct port *port, struct frontend *frontend)
{
    int status;

    close(frontend->in);
    while (waitpid(frontend->pid, &status, WNOHANG) == 0)
        poll_port(port);
    close(frontend->out);
    assert_int_equal(status, 0);
}

static bool send_frame(struct port *port, uint16_t txq, const uint8_t *frame, uint16_t len)
{
    struct rte_mbuf *packet = port_fixture_packet(frame, RTE_MIN(len, 2000));

    for (uint16_t at = 2000; at < len; at += 2000) {
        struct rte_mbuf *tail = port_fixture_packet(frame + at, RTE_MIN(len - at, 2000));

        rte_pktmbuf_chain(packet, tail);
    }
    if (port->ops->tx_burst(port, txq, &packet, 1) == 1)
        return true;
    rte_pktmbuf_free(packet);
    return false;
}

/* Waits for the front-end to say "ready", with traffic in both directions. False when it ended instead. */
static bool frontend_wait(struct port *port, const struct frontend *frontend)
{
    static const uint8_t frame[60];
    char text[4096] = "";
    size_t len = 0;

    for (;;) {
        ssize_t n = read(frontend->out, text + len, sizeof text - 1 - len);

        if (n == 0)
            return false;
        len += n > 0 ? (size_t)n : 0;
        if (strstr(text, "ready") != NULL)
            return true;
        poll_port(port);
        send_frame(port, 0, frame, sizeof frame);
    }
}

/* Sends a frame of 'len' bytes and waits until it is back. */
static void expect_echo(struct port *port, uint16_t txq, uint16_t len)
{
    static uint8_t frame[9000], back[9000];
    struct timespec start;
    bool sent = false;

    for (uint16_t i = 0; i < len; i++)
        frame[i] = (uint8_t)(i + len + txq);
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!port_fixture_expired(&start)) {
        struct rte_mbuf *packet;

        qsbr_reader_quiescent(0);
        sent = sent || send_frame(port, txq, frame, len);
        if (port->ops->rx_burst(port, 0, &packet, 1) == 0)
            continue;
        if (packet->pkt_len == len) {
            assert_true(RTE_MBUF_DIRECT(packet) && rte_mbuf_refcnt_read(packet) == 1);
            memcpy(back, rte_pktmbuf_read(packet, 0, len, back), len);
            rte_pktmbuf_free(packet);
            assert_memory_equal(back, frame, len);
            return;
        }
        rte_pktmbuf_free(packet);
    }
    fail_msg("frame did not come back");
}

static struct port *open_port(const char *type)
{
    const struct port_option option = {"vhost-server-path", path};
    const struct port_config config = {
        .name = "guest0", .type = type, .options = &option, .n_options = 1, .vhost_socket_dir = dir, .n_workers = 1};
    struct port *port = port_fixture_open(&config);

    qsbr_reader_register(0);
    return port;
}

static void close_port(struct port *port)
{
    qsbr_reader_unregister(0);
    port_fixture_close(port);
}

static const char *status_value(struct port *port, const char *key, struct port_status *status)
{
    memset(status, 0, sizeof *status);
    port->ops->get_status(port, status);
    for (size_t i = 0; i < status->n_pairs; i++) {
        if (strcmp(status->pairs[i].key, key) == 0)
            return status->pairs[i].value;
    }
    return "";
}

static void frames_pass(const char *type, const char *mode, const char *frontend_side)
{
    struct port *port = open_port(type);
    struct frontend frontend = frontend_start(mode, frontend_side, "1");
    struct port_status status;
    struct port_counters sum;

    assert_true(frontend_wait(port, &frontend));
    for (uint16_t len = 14; len < 9000; len += 499)
        expect_echo(port, (uint16_t)(len % port->n_txq), len);
    assert_string_equal(status_value(port, "status", &status), "connected");
    assert_string_equal(status_value(port, "num_of_vrings", &status), "2");
    assert_string_equal(status_value(port, "vring_0_size", &status), "256");
    assert_string_equal(status_value(port, "socket", &status), path);
    assert_true(status.link_up && port->ready);
    port_counters_sum(port, &sum);
    assert_int_equal(sum.drops[DROP_RX_DESCRIPTOR], 0);
    frontend_stop(port, &frontend);
    while (port->ready)
        poll_port(port);
    assert_string_equal(status_value(port, "status", &status), "disconnected");
    assert_false(status.link_up);
    close_port(port);
}

static struct port *echoing;

static void send_for_echo(void)
{
    static const uint8_t frame[60];

    assert_true(send_frame(echoing, 0, frame, sizeof frame));
}

static void guest_wakes_who_waits_for_it(void **state)
{
    struct port *port = open_port("dpdkvhostuser");
    struct frontend frontend;

    assert_int_equal(port->ops->arm(port, 0), PORT_ARM_NOTHING);
    frontend = frontend_start("echo", "client", "1");
    assert_true(frontend_wait(port, &frontend));
    echoing = port;
    for (unsigned int round = 0; round < 3; round++)
        assert_true(port_fixture_wakes(port, send_for_echo));
    frontend_stop(port, &frontend);
    while (port->ready)
        poll_port(port);
    assert_int_equal(port->ops->arm(port, 0), PORT_ARM_NOTHING);
    close_port(port);
}

static void client_passes_frames(void **state)
{
    frames_pass("dpdkvhostuserclient", "echo", "server");
}

static void server_passes_frames(void **state)
{
    frames_pass("dpdkvhostuser", "echo", "client");
}

static void frames_pass_through_packed_rings(void **state)
{
    frames_pass("dpdkvhostuser", "packed", "client");
}

static void client_connects_again(void **state)
{
    struct port *port = open_port("dpdkvhostuserclient");

    for (int i = 0; i < 2; i++) {
        struct frontend frontend = frontend_start("echo", "server", "1");

        assert_true(frontend_wait(port, &frontend));
        expect_echo(port, 0, 100);
        frontend_stop(port, &frontend);
    }
    close_port(port);
}

/* What the guest's driver does not take is not left to it. */
static void offloads_are_the_guests_choice(void **state)
{
    struct port *port = open_port("dpdkvhostuser");
    struct frontend frontend = frontend_start("echo", "client", "1");
    struct port_status status;
    uint64_t features;

    assert_true(frontend_wait(port, &frontend));
    features = strtoull(status_value(port, "features", &status), NULL, 16);
    assert_true(features & 1 << 15); /* mergeable buffers */
    assert_false(features & 0x7fc3); /* VIRTIO_NET_F_CSUM ... VIRTIO_NET_F_HOST_UFO */
    assert_int_equal(port->tx_offloads, 0);
    frontend_stop(port, &frontend);
    frontend = frontend_start("offload", "client", "1");
    assert_true(frontend_wait(port, &frontend));
    features = strtoull(status_value(port, "features", &status), NULL, 16);
    assert_int_equal(features & 0x7fc3, 0x3b83); /* all but VIRTIO_NET_F_GSO and UFO */
    assert_int_equal(port->tx_offloads, OFFLOAD_CHECKSUM | OFFLOAD_TSO4 | OFFLOAD_TSO6 | OFFLOAD_ECN);
    frontend_stop(port, &frontend);
    while (port->tx_offloads != 0)
        poll_port(port);
    close_port(port);
}

/* Sends a frame and takes what comes back: it is described as it was. */
static void expect_unfinished_echo(struct port *port, const struct sent_spec *spec)
{
    static struct sent_frame frame;
    static uint8_t bytes[SENT_FRAME_MAX];
    struct virtio_net_hdr header;
    struct timespec start;
    struct rte_mbuf *packet;

    sent_make(&frame, spec);
    if (spec->kind == SENT_TSO) {
        frame.bytes[frame.l4 + 13] |= 0x80; /* CWR */
        frame.header.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
    }
    packet = sent_packet(frame.bytes, frame.len, true);
    assert_int_equal(offload_from_virtio(packet, &frame.header), 0);
    assert_int_equal(port->ops->tx_burst(port, 0, &packet, 1), 1);
    clock_gettime(CLOCK_MONOTONIC, &start);
    while (!port_fixture_expired(&start)) {
        qsbr_reader_quiescent(0);
        if (port->ops->rx_burst(port, 0, &packet, 1) == 0)
            continue;
        if (packet->pkt_len != frame.len) {
            rte_pktmbuf_free(packet);
            continue;
        }
        offload_to_virtio(packet, &header);
        assert_memory_equal(&header, &frame.header, sizeof header);
        sent_bytes(packet, bytes);
        assert_memory_equal(bytes, frame.bytes, frame.len);
        rte_pktmbuf_free(packet);
        return;
    }
    fail_msg("frame did not come back");
}

static void unfinished_frames_go_to_the_guest_and_back(void **state)
{
    struct port *port = open_port("dpdkvhostuser");
    struct frontend frontend = frontend_start("offload", "client", "1");

    assert_true(frontend_wait(port, &frontend));
    for (unsigned int i = 0; i < 6; i++) {
        const struct sent_spec spec = {
            .kind = i / 2, .v6 = i & 1, .payload_len = i / 2 == SENT_TSO ? 60001 : 901, .mss = 1400};

        expect_unfinished_echo(port, &spec);
    }
    frontend_stop(port, &frontend);
    close_port(port);
}

static void queues_follow_the_guest(void **state)
{
    struct port *port = open_port("dpdkvhostuser");
    struct frontend frontend = frontend_start("echo", "client", "4");

    assert_int_equal(port->n_rxq, 1);
    assert_true(frontend_wait(port, &frontend));
    while (port->n_rxq != 4)
        poll_port(port);
    expect_echo(port, 4, 100); /* the fifth transmit queue shares the first of the guest's four */
    frontend_stop(port, &frontend);
    while (port->n_rxq != 1)
        poll_port(port);
    close_port(port);
}

static void port_survives(const char *type, const char *frontend_side)
{
    struct port *port = open_port(type);
    struct frontend frontend = frontend_start("hostile", frontend_side, "1");
    struct port_counters sum;

    assert_true(frontend_wait(port, &frontend));
    expect_echo(port, 0, 1000);
    frontend_stop(port, &frontend);
    port_counters_sum(port, &sum);
    assert_true(sum.drops[DROP_RX_DESCRIPTOR] > 0);
    assert_int_equal(sum.drops[DROP_NO_BUFFER], 0);
    close_port(port);
}

static void server_survives_nonsense(void **state)
{
    port_survives("dpdkvhostuser", "client");
}

/* A frame the guest took no part in sending is still whole: the port closes with a guest connected and busy. */
static void port_closes_under_a_guest(void **state)
{
    struct port *port = open_port("dpdkvhostuser");
    struct frontend frontend = frontend_start("echo", "client", "1");

    assert_true(frontend_wait(port, &frontend));
    expect_echo(port, 0, 100);
    close_port(port);
    assert_int_equal(access(path, F_OK), -1);
    close(frontend.in);
    close(frontend.out);
    assert_int_equal(waitpid(frontend.pid, NULL, 0), frontend.pid);
}

static void client_without_path_stays_disconnected(void **state)
{
    const struct port_option option = {"vhost-server-path", path};
    struct port_config config = {.name = "guest0", .type = "dpdkvhostuserclient", .options = &option};
    struct port *port = port_fixture_open(&config);
    struct port_status status;
    char *error = NULL;

    assert_string_equal(status_value(port, "mode", &status), "client");
    assert_string_equal(status_value(port, "status", &status), "disconnected");
    assert_int_equal(port->ops->reconfigure(port, &config, &error), 0);
    config.n_options = 1;
    assert_int_equal(port->ops->reconfigure(port, &config, &error), -EAGAIN);
    port_fixture_close(port);
}

static void settings_change_while_open(void **state)
{
    const struct port_option option = {"tx-retries-max", "33"};
    struct port_config config = {.name = "guest0", .type = "dpdkvhostuserclient", .options = &option, .mtu = 9000};
    struct port *port = port_fixture_open(&config);
    struct port_status status;
    char *error = NULL;

    status_value(port, "mode", &status);
    assert_int_equal(status.mtu, 9000);
    config.mtu = 1400;
    assert_int_equal(port->ops->reconfigure(port, &config, &error), 0);
    status_value(port, "mode", &status);
    assert_int_equal(status.mtu, 1400);
    config.n_options = 1;
    assert_int_equal(port->ops->reconfigure(port, &config, &error), -EINVAL);
    assert_string_equal(error, "guest0: bad 'tx-retries-max' '33': must be between 0 and 32");
    free(error);
    port_fixture_close(port);
}

static void refuse_server(const char *name, const char *in, const char *expected)
{
    const struct port_config config = {.name = name, .type = "dpdkvhostuser", .vhost_socket_dir = in};

    port_fixture_refused(&config, expected);
}

static void bad_paths_are_explained(void **state)
{
    char name[130], expected[300];
    const struct port_option option = {"vhost-server-path", name};
    const struct port_config client = {.name = "c", .type = "dpdkvhostuserclient", .options = &option, .n_options = 1};

    refuse_server("../x", dir, "'../x' is not a valid name for a vhost-user port: it becomes a file name");
    refuse_server("a\\b", dir, "'a\\b' is not a valid name for a vhost-user port: it becomes a file name");
    refuse_server("guest0", "/nonexistent", "vhost-user socket directory '/nonexistent' does not exist");
    memset(name, 'x', sizeof name);
    name[120] = '\0';
    snprintf(expected, sizeof expected, "vhost-user socket path '%s' is longer than 107 bytes", name);
    refuse_server(name, dir, expected);
    port_fixture_refused(&client, expected);
    snprintf(name, sizeof name, "/etc/passwd");
    port_fixture_refused(&client, "vhost-server-path '/etc/passwd' is not a socket");
}

static void path_belongs_to_one_port(void **state)
{
    const struct port_option option = {"vhost-server-path", path};
    const struct port_config config = {
        .name = "guest1", .type = "dpdkvhostuserclient", .options = &option, .n_options = 1};
    char expected[160];
    struct port *port = open_port("dpdkvhostuserclient");

    snprintf(expected, sizeof expected, "socket '%s' is already in use by 'guest0'", path);
    port_fixture_refused(&config, expected);
    close_port(port);
    port_fixture_close(port_fixture_open(&config));
}

static int listen_at_path(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void only_dead_sockets_are_replaced(void **state)
{
    char expected[160];
    int fd = listen_at_path();
    struct stat st;

    snprintf(expected, sizeof expected, "vhost-user socket '%s' is in use by another process", path);
    refuse_server("guest0", dir, expected);
    close(fd);
    close_port(open_port("dpdkvhostuser"));
    assert_int_equal(close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
    snprintf(expected, sizeof expected, "'%s' exists and is not a socket", path);
    refuse_server("guest0", dir, expected);
    assert_int_equal(lstat(path, &st), 0);
    unlink(path);
}

static void buffers_all_come_back(void **state)
{
    assert_int_equal(rte_mempool_in_use_count(packet_pool()), 0);
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
    unlink(path);
    rmdir(dir);
    return port_fixture_stop(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_passes_frames),
        cmocka_unit_test(guest_wakes_who_waits_for_it),
        cmocka_unit_test(frames_pass_through_packed_rings),
        cmocka_unit_test(server_passes_frames),
        cmocka_unit_test(client_connects_again),
        cmocka_unit_test(offloads_are_the_guests_choice),
        cmocka_unit_test(unfinished_frames_go_to_the_guest_and_back),
        cmocka_unit_test(queues_follow_the_guest),
        cmocka_unit_test(server_survives_nonsense),
        cmocka_unit_test(port_closes_under_a_guest),
        cmocka_unit_test(client_without_path_stays_disconnected),
        cmocka_unit_test(settings_change_while_open),
        cmocka_unit_test(bad_paths_are_explained),
        cmocka_unit_test(path_belongs_to_one_port),
        cmocka_unit_test(only_dead_sockets_are_replaced),
        cmocka_unit_test(buffers_all_come_back),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
