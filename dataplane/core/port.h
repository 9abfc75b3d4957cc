// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dataplane/core/drop.h"
#include "dataplane/core/inet.h"

struct rte_mbuf;
struct rte_mempool;
struct port;

/* A port: anything that packets come from and go to. One small class; implementations are vhost-user (vhost/), DPDK
 * ethdev, kernel tap and kernel netdev (dataplane/). Tunnels are not ports: they have no queue of their own.
 *
 * Life: the control side (its thread or its builder thread) calls open() and later, when no worker can see the port
 * any more (after a grace period), close(). Between the two, any worker may call rx_burst() and tx_burst(), and the
 * control thread may call reconfigure(), get_status() and get_stats(). */

#define WORKERS_MAX     32 /* worker ids are 0..WORKERS_MAX-1 */
#define PORT_QUEUES_MAX 16
#define PORT_NAME_LEN   64
#define PORTS_MAX       4096 /* port indexes are 1..PORTS_MAX-1; 0 is "no port" */
#define PORT_BURST      64   /* most packets per rx_burst() call */

#define PORT_ARM_NOTHING INT_MIN /* no errno; negative, so poll() passes over it */

#define PORT_MTU_MIN     68
#define PORT_MTU_MAX     9702 /* 9728-byte frames less Ethernet header, CRC and two tags */
#define PORT_MTU_DEFAULT 1500

struct port_option {
    const char *key;
    const char *value;
};

/* What the database asks of a port. Borrowed for the call only. */
struct port_config {
    const char *name;
    const char *type;                  /* Interface.type, never empty ("system" for "") */
    const struct port_option *options; /* Interface.options */
    size_t n_options;
    uint16_t mtu; /* Interface.mtu_request; 0: the device's own */
    bool has_mac;
    struct mac_addr mac;          /* Interface.mac or the bridge's address; internal ports */
    const char *vhost_socket_dir; /* absolute; where dpdkvhostuser sockets are made */
    unsigned int n_workers;       /* how many workers may transmit */
    bool no_tso;                  /* the far side is not to be offered TCP segmentation, in either direction */
};

/* The value of an option, or NULL. */
const char *port_config_option(const struct port_config *config, const char *key);

/* Writes the MTU asked for to '*mtu', which stays as it is when none is. 0, or -EINVAL with '*error' set when it is out
 * of range. */
int port_config_mtu(const struct port_config *config, uint16_t *mtu, char **error);

#define PORT_STATUS_MAX 40
struct port_status {
    bool admin_up;
    bool link_up;
    struct mac_addr mac; /* mac_in_use; zero for vhost */
    uint16_t mtu;        /* 0: unknown */
    uint64_t link_speed; /* bit/s; 0: unknown */
    bool full_duplex;
    uint32_t ifindex; /* 0: none */
    uint32_t link_resets;
    size_t n_pairs; /* Interface.status */
    struct {
        char key[40];
        char value[128];
    } pairs[PORT_STATUS_MAX];
};

/* Appends a pair to 'status' (printf-like value); silently full beyond PORT_STATUS_MAX. */
void port_status_add(struct port_status *status, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define PORT_STATS_MAX 128
/* Counters that only the device knows, by the names of Interface.statistics ("rx_errors", "ovs_tx_retries"). The
 * worker's own counters (packets, bytes, drops) are not among them. */
struct port_stats {
    size_t n;
    struct {
        char name[48];
        uint64_t value;
    } pairs[PORT_STATS_MAX];
};
void port_stats_add(struct port_stats *stats, const char *name, uint64_t value);

struct port_ops {
    const char *type; /* Interface.type it implements */

    /* Opens the device and fills 'port' (impl, n_rxq, n_txq, ready). Control or builder thread; may take time.
     * 0, or negative errno with '*error' set to a sentence for Interface.error (texts of the OVSDB contract 1.6). */
    int (*open)(struct port *port, const struct port_config *config, char **error);

    /* Frees everything of 'impl'. No worker sees the port any more. May wait for other threads, so builder thread. */
    void (*close)(struct port *port);

    /* Applies a changed configuration to the running port. 0; -EAGAIN when the change needs close and open; another
     * negative errno with '*error' set when the new value is refused (the old one stays in force). */
    int (*reconfigure)(struct port *port, const struct port_config *config, char **error);

    /* Worker. Takes up to 'n' (at most PORT_BURST) packets from queue 'rxq'. Whole frames starting at the Ethernet
     * header, VLAN tags in place, checksums complete or described as pending (offload.h), owned by the caller, direct mbufs (refcnt 1). Each rxq is called
     * by one worker at a time. */
    uint16_t (*rx_burst)(struct port *port, uint16_t rxq, struct rte_mbuf **packets, uint16_t n);

    /* Worker. Sends packets in order, pending ones only as far as 'tx_offloads' says; those taken are consumed. Returns how many; the caller counts and frees the
     * rest. Each txq is called by one worker at a time (the caller sees to it). */
    uint16_t (*tx_burst)(struct port *port, uint16_t txq, struct rte_mbuf **packets, uint16_t n);

    /* Worker, of a queue it polls; NULL: it can only be polled. arm() has what comes to the queue from now on, and what is
     * there, make the descriptor that it returns readable, until disarm(), which follows before the worker is quiescent
     * (qsbr.h). The descriptor stays the port's; it may be readable without reason, and for ever. PORT_ARM_NOTHING: nothing
     * will come before wake_all() (wake.h) is called, and no disarm() is to follow. Neither with a negative errno: -EAGAIN
     * when something is there already, -ENOTSUP when the queue can only be polled. */
    int (*arm)(struct port *port, uint16_t rxq);
    void (*disarm)(struct port *port, uint16_t rxq);

    /* Control thread. Fill in a struct zeroed by the caller. Must not block. */
    void (*get_status)(struct port *port, struct port_status *status);
    void (*get_stats)(struct port *port, struct port_stats *stats);
};

/* One worker's counters of one port, on lines of their own. Written by that worker only, read by the control thread
 * (relaxed; each counter is monotonic). */
struct port_counters {
    uint64_t rx_packets;
    uint64_t rx_bytes;
    uint64_t tx_packets;
    uint64_t tx_bytes;
    uint64_t
        drops[DROP_N_REASONS]; /* rx side: by the port the packet came from; tx_* reasons: by the port it went to */
} __attribute__((aligned(64)));

/* What became of one receive queue: on a line of its own, because queues of one port may have different workers. Written
 * by the worker that polls the queue, read by the control thread (relaxed; both only grow). */
struct rxq_account {
    _Atomic uint64_t clocks; /* TSC clocks of polls that found packets, with all that was done to these */
    _Atomic uint64_t packets;
} __attribute__((aligned(64)));

/* Who polls a receive queue; all of it the control thread's (dataplane/rxq_plan.h). */
struct rxq_place {
    uint8_t worker; /* id plus one of who polls it, or did last; 0: nobody yet */
    uint8_t wanted; /* id plus one of who shall poll it from now on; 0: whoever does */
    uint16_t cpu;   /* number plus one of the CPU whose worker alone is to poll it; 0: any */
    bool taken;     /* on its way to another worker: nobody polls it from the snapshot 'since' on */
    uint32_t since;
};

struct port {
    /* Set before a worker sees the port, constant after. */
    const struct port_ops *ops;
    void *impl; /* the implementation's own */
    char name[PORT_NAME_LEN];
    uint16_t index;                              /* 1..PORTS_MAX-1, unique among living ports */
    uint16_t n_txq;                              /* queues tx_burst() takes; 0 < n <= PORT_QUEUES_MAX */
    struct port_counters *counters[WORKERS_MAX]; /* allocated by port_create() for every worker id */
    struct rxq_account *rxq_accounts;            /* likewise, PORT_QUEUES_MAX of them */

    struct rxq_place rxq_places[PORT_QUEUES_MAX];

    /* Written by the implementation (any of its threads), read by control (n_rxq) and workers (ready); relaxed. After
     * a change the implementation calls notifier_raise() so that control looks again. */
    _Atomic uint16_t n_rxq; /* queues to poll now; may change while the port lives */
    _Atomic bool ready;     /* the far side is there: packets may be sent */

    /* Whose buffers its packets come in. Written by the implementation (any of its threads), read by control; relaxed. */
    _Atomic(struct rte_mempool *) pool;

    /* OFFLOAD_* bits (offload.h): what packets given to tx_burst() may leave to the far side. Written by the implementation
     * whenever that changes, read by workers; relaxed. */
    _Atomic uint32_t tx_offloads;

    /* What rx_burst() lost on the way, which is not told which worker calls it: written by whoever polls the queue,
     * part of port_counters_sum() as DROP_NO_BUFFER, DROP_RX_UNSUPPORTED and DROP_RX_DESCRIPTOR. */
    _Atomic uint64_t rx_no_buffer;
    _Atomic uint64_t rx_unsupported;
    _Atomic uint64_t rx_bad_descriptor;

    /* Serialises workers that have to share a transmit queue (more workers than queues). */
    atomic_flag txq_lock[PORT_QUEUES_MAX];
};

/* A port with zeroed counters and no implementation yet, or NULL when out of memory. port_destroy() frees it; the
 * implementation must have been closed. Control thread. */
struct port *port_create(const char *name, uint16_t index, const struct port_ops *ops);
void port_destroy(struct port *port);

/* Sum over workers, and what the port lost itself. */
void port_counters_sum(const struct port *port, struct port_counters *sum);
