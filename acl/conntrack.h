// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "acl/session.h"
#include "dataplane/core/packet.h"

/* The session table: every connection that crosses a stateful policy, shared by all workers, because the two directions
 * of a connection may arrive on different cores.
 *
 *   - Look-ups take no lock. Creation locks one bucket group for a few stores; both directions become visible at once.
 *   - Sessions live in one array allocated at creation; a session is named by its index (1..capacity), 0 is none. The
 *     array never moves and is never given back, so a stale index reads old bytes, never unmapped memory.
 *   - Removal is in two phases: unlink (no new look-up finds it), then reuse after a grace period (qsbr.h) and not
 *     before SESSION_CACHE_IDLE ticks have passed since its last packet: flow cache entries that name it are dead then.
 *   - Each worker owns the timers of the sessions it created (a timer wheel in slices, conntrack_run()).
 *
 * qsbr_init() comes before the first session.
 *
 * Time is in ticks of one second of the monotonic clock, as uint32_t; comparisons are by difference.
 * Worker ids are those of the data plane, 0..WORKERS_MAX-1. */

struct conntrack;

struct conntrack_config {
    uint32_t capacity;      /* most sessions at once; rounded up to a power of two, 64 .. 2^26 */
    unsigned int n_workers; /* worker ids that may be used: 0..n_workers-1 */
};

#define CONNTRACK_CAPACITY_DEFAULT 262144u

/* NULL when out of memory. Control thread; destroy only when no worker runs. */
struct conntrack *conntrack_create(const struct conntrack_config *config);
void conntrack_destroy(struct conntrack *ct);

enum ct_direction { CT_ORIGINAL, CT_REPLY };

struct ct_match {
    uint32_t session; /* 0: none */
    enum ct_direction direction;
};

/* The tuple of a packet in a zone: addresses, protocol, ports; ICMP and ICMPv6 echo (and timestamp) by identifier,
 * other protocols by addresses alone. False when the packet cannot belong to a session of its own (ICMP errors, ND,
 * later fragments, L2, ARP). A request and the answer to another one with the same identifier have different tuples. */
bool ct_tuple_from_packet(const struct packet *packet, uint32_t zone, struct ct_tuple *tuple);

/* The same tuple seen from the other side. */
struct ct_tuple ct_tuple_reverse(const struct ct_tuple *tuple);

/* Worker. Finds the session that 'tuple' belongs to, in either direction; false when there is none. Wait-free. */
bool conntrack_find(struct conntrack *ct, const struct ct_tuple *tuple, struct ct_match *match);

/* Worker. Brings what conntrack_find() and conntrack_open() of 'tuple', as the 'nth' (0..) session opened from now, will
 * look at from memory, in both directions. Worth its few nanoseconds when something else is done first: the rest of a
 * batch, or policy. */
void conntrack_prefetch(const struct conntrack *ct, unsigned int worker, const struct ct_tuple *tuple,
                        unsigned int nth);

/* Worker. For an ICMP or ICMPv6 error: finds the session of the packet that it quotes (RFC 792, RFC 4443; the inner
 * header is checked against the quoted length, and the error must travel towards the quoted packet's sender).
 * '*match' tells the direction in which the error travels (opposite to the packet it quotes). */
bool conntrack_find_related(struct conntrack *ct, const struct packet *error, uint32_t zone, struct ct_match *match);

/* What a packet may do when no session exists. */
enum ct_admission {
    CT_ADMIT,   /* may start a session */
    CT_PICK_UP, /* may only where connections are picked up in mid-stream: TCP with ACK, without SYN, FIN and RST; SCTP
                 * DATA, SACK, HEARTBEAT. The session is ESTABLISHED at once, the sender of this packet its origin */
    CT_REFUSE,  /* cannot: TCP with other flags, other SCTP chunks than INIT, ICMP echo reply, ICMP error ... */
};
enum ct_admission conntrack_admission(const struct packet *packet);

/* Accounts: whom a session is charged to, so that one guest cannot use up the table. Every policed port has one.
 *
 *   - 'max' sessions at once; beyond that the oldest half-open one makes way, or the new one is refused. As many more
 *     may be on their way out (see reuse above), so a flood takes a bounded part of the table.
 *   - 'half_open' TCP sessions whose handshake has not finished; beyond that the oldest of them makes way for the new
 *     one (early drop), so that a SYN flood pushes out itself alone.
 *
 * Control thread, after qsbr_init(). An account that is closed, when no snapshot to come names it, lives on until its
 * last session has ended, and its number is not used again before. */
#define CT_ACCOUNTS_MAX 16384u /* numbers are 1..CT_ACCOUNTS_MAX-1; 0: nobody, without limits */
struct ct_limits {
    uint32_t max;       /* 0: the default, an eighth of the table but not less than 1024 */
    uint32_t half_open; /* 0: the default, CT_HALF_OPEN_DEFAULT; at most CT_HALF_OPEN_MAX */
};
#define CT_HALF_OPEN_DEFAULT 2048u
#define CT_HALF_OPEN_MAX     65536u
/* A new account; 0 when none is free or memory is out. */
uint32_t conntrack_account_open(struct conntrack *ct, const struct ct_limits *limits);
/* Changes the limits for sessions to come. 0 or -ENOMEM (then they stay as they were). */
int conntrack_account_change(struct conntrack *ct, uint32_t account, const struct ct_limits *limits);
void conntrack_account_close(struct conntrack *ct, uint32_t account);
/* Any thread. */
struct ct_usage {
    uint32_t sessions;
    uint32_t half_open;
    uint64_t refused;     /* new sessions turned away at 'max' */
    uint64_t early_drops; /* half-open sessions that made way */
};
void conntrack_account_usage(const struct conntrack *ct, uint32_t account, struct ct_usage *usage);

/* Sets of timeouts: number 0 is Linux's (session.h) and cannot be changed. Control thread; sessions that use the number
 * have the new times from their next look on. */
#define CT_TIMEOUT_SETS_MAX 1024u
void conntrack_set_timeouts(struct conntrack *ct, uint16_t number, const struct session_timeouts *timeouts);

struct ct_new {
    struct ct_tuple tuple;       /* original direction */
    const struct packet *packet; /* its first packet */
    uint32_t account;            /* whom it is charged to, 0: nobody */
    uint16_t timeouts;           /* number of its set of timeouts */
    bool pick_up;                /* CT_PICK_UP will do */
    uint32_t source;             /* attachment it came from */
    uint32_t destination;        /* attachment it went to */
    struct session_verdict verdict;
};

/* Worker 'worker'. Creates a session, or finds the one that another worker created meanwhile (from either side: then
 * the packet still has to be shown to it). 0 with '*match' set; -ENOSPC when the table is full (free sessions that
 * other workers keep at hand, a few dozen each, do not count); -EDQUOT when the account is at its limit; -EINVAL when
 * conntrack_admission() refuses the packet. */
int conntrack_open(struct conntrack *ct, unsigned int worker, const struct ct_new *new_session, uint32_t now,
                   struct ct_match *match);

/* What the session says of one packet. */
enum ct_result {
    CT_SETTLED, /* nothing to track until a TCP flag other than ACK and PSH, or a new tick, is seen */
    CT_TRACK,   /* packet is fine, but the next one must be shown too (handshake, close) */
    CT_INVALID, /* packet does not fit the session's state: drop it */
    CT_GONE,    /* the session has been unlinked, perhaps by this very packet (a SYN after the end): look up again */
};

/* Worker. Shows the session one of its packets: advances the protocol's state and pushes the expiry out. Both
 * directions may be shown by different workers at once (state changes by compare-and-swap). Stores to the session only
 * when the state or the tick changes. 'tcp_flags' (struct packet) is ignored unless the session is
 * TCP or SCTP. What resets are believed: tcp_states.h. */
enum ct_result conntrack_track(struct conntrack *ct, uint32_t session, enum ct_direction direction, uint8_t tcp_flags,
                               uint32_t now);

/* The session's verdict (which policy sequence it was last evaluated under, and the answer). Get: any thread. Set:
 * worker; an older sequence never replaces a newer one. */
struct session_verdict conntrack_verdict(const struct conntrack *ct, uint32_t session);
void conntrack_set_verdict(struct conntrack *ct, uint32_t session, const struct session_verdict *verdict);

/* Worker. The tuple of the session's original direction, and what else its first packet was. */
struct ct_tuple conntrack_original(const struct conntrack *ct, uint32_t session);
struct session_traits conntrack_traits(const struct conntrack *ct, uint32_t session);

/* The attachments that the session's original direction comes from and goes to (0: not known yet). Get: any thread.
 * Set, with the verdict that was made for them: worker; ignored like the verdict when that is older than the one
 * there. */
void conntrack_ends(const struct conntrack *ct, uint32_t session, uint32_t *source, uint32_t *destination);
void conntrack_set_ends(struct conntrack *ct, uint32_t session, uint32_t source, uint32_t destination,
                        const struct session_verdict *verdict);

/* Worker (or control thread for a session nobody else removes): unlinks the session now. Idempotent. */
void conntrack_close(struct conntrack *ct, uint32_t session);

/* Any thread: unlinks every session of 'zone', or of all zones when 'all'. Returns how many. The caller makes workers
 * re-validate their flow caches after. */
uint32_t conntrack_flush(struct conntrack *ct, uint32_t zone, bool all);

/* Control thread: ends the sessions that one of 'rules' (ids, sorted) let in, looking at up to 'most' places of the
 * table from '*cursor' on (0 to begin). True when the end was reached. The caller makes workers re-validate after. */
bool conntrack_flush_rules(struct conntrack *ct, const uint32_t *rules, size_t n, uint32_t *cursor, uint32_t most);

/* Worker 'worker', about every millisecond: advances its timer wheel by a bounded slice, unlinking what expired and
 * handing back what may be reused. True when there is more to do than the slice: call again soon, so that connections may
 * end as fast as they begin. */
bool conntrack_run(struct conntrack *ct, unsigned int worker, uint32_t now);

/* When worker 'worker' has stopped for good: its sessions' timers are taken over by worker 'heir', some 'most' of them;
 * true when that was all. Called by the heir's own thread between two conntrack_run(), or by the control thread while
 * the heir has none. Equal ids: nothing to do, they are kept for the next start of the same id. */
bool conntrack_worker_handover(struct conntrack *ct, unsigned int worker, unsigned int heir, uint32_t most);

/* Any thread. */
uint32_t conntrack_count(const struct conntrack *ct);
uint32_t conntrack_capacity(const struct conntrack *ct);
/* Any thread. Bytes of memory that such a table takes, and what each of its sessions has in that. */
uint64_t conntrack_bytes(const struct conntrack_config *config);
uint32_t conntrack_session_bytes(void);

/* Any thread: copies living sessions for dumps, starting after '*cursor' (0 to begin), up to 'n'. Returns how many;
 * fewer than 'n' means the end. Copies are consistent each for itself. */
struct session_copy;
size_t conntrack_dump(const struct conntrack *ct, uint32_t *cursor, struct session_copy *copies, size_t n);

/* One line as ovs-appctl dpctl/dump-conntrack prints it: "tcp,orig=(src=..,dst=..,sport=..,dport=..),reply=(..),
 * zone=Z,protoinfo=(state=ESTABLISHED)"; ICMP has "id=..,type=..,code=0" for the ports. Zone 0 is left out. Returns
 * 'buf'. */
#define CONNTRACK_TEXT_LEN 512
const char *session_copy_format(const struct session_copy *copy, char buf[CONNTRACK_TEXT_LEN]);
