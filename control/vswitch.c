// SPDX-License-Identifier: Apache-2.0
#include "control/vswitch.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <daemon.h>
#include <openvswitch/poll-loop.h>
#include <openvswitch/vlog.h>
#include <simap.h>
#include <stream-ssl.h>
#include <timeval.h>
#include <util.h>
#include <vswitch-idl.h>

#include "control/buffers.h"
#include "control/closings.h"
#include "control/engine.h"
#include "control/interfaces.h"
#include "control/policies.h"
#include "control/reconcile.h"
#include "control/rxq_balancer.h"
#include "control/sluice_status.h"
#include "control/statistics.h"
#include "control/status.h"
#include "control/tunnels.h"
#include "control/verdict_lines.h"
#include "dataplane/core/notifier.h"
#include "dataplane/dataplane.h"
#include "dataplane/fdb.h"
#include "dataplane/rule_counters.h"

VLOG_DEFINE_THIS_MODULE(vswitch);

/* Longest time that cur_cfg waits for a device; clients time out after seconds. */
#define CONFIRM_MS 700
/* Longest time that the start waits for the Sluice database. */
#define START_MS 500
/* Ports are asked for their status at most this often, unless one says that something changed. */
#define STATUS_MS     200
#define STATISTICS_MS 5000

void vswitch_init(struct vswitch *vswitch, const char *remote)
{
    memset(vswitch, 0, sizeof *vswitch);
    vswitch->default_remote = xstrdup(remote);
    vswitch_db_init(&vswitch->db, remote);
    sluice_db_init(&vswitch->sluice);
    applied_init(&vswitch->applied);
    vswitch->applied.policies = policies_create();
    if (notifier_init() < 0)
        VLOG_FATAL("no event file descriptor");
}

static void configure_tls(const struct ovsrec_open_vswitch *cfg)
{
    const struct ovsrec_ssl *ssl = cfg->ssl;

    if (ssl == NULL)
        return;
    stream_ssl_set_key_and_cert(ssl->private_key, ssl->certificate);
    stream_ssl_set_ca_cert_file(ssl->ca_cert, ssl->bootstrap_ca_cert);
}

/* True when rows may be taken over. The size of the session table, which is made at the start, stands in the Sluice
 * database: that is waited for, but not long. */
static bool may_take_changes(struct vswitch *vswitch, const struct ovsrec_open_vswitch *cfg)
{
    const char *remote = smap_get(&cfg->other_config, "sluice-db");

    sluice_db_set_remote(&vswitch->sluice, remote != NULL ? remote : vswitch->default_remote);
    if (vswitch->started)
        return true;
    if (vswitch->start_by == 0)
        vswitch->start_by = time_msec() + START_MS;
    return sluice_db_is_known(&vswitch->sluice) || time_msec() >= vswitch->start_by;
}

/* What the rows say anew. */
static void take_changes(struct vswitch *vswitch, const struct ovsrec_open_vswitch *cfg)
{
    if (!vswitch->started) {
        vswitch->started = true;
        engine_start(&vswitch->applied, &cfg->other_config, sluice_db_option(&vswitch->sluice, "max-sessions"));
    }
    /* What has been edited so far goes first: workers that start or stop publish, too. */
    applied_publish(&vswitch->applied);
    engine_configure(&vswitch->applied, &cfg->other_config);
    reconcile_retry_failed(&vswitch->applied);
    if (!vswitch->unconfirmed) {
        vswitch->unconfirmed = true;
        vswitch->changed_at = time_msec();
    }
    vswitch->dirty = true;
}

static void refresh_status(struct vswitch *vswitch, bool now)
{
    struct interface *interface;

    if (!now && time_msec() < vswitch->status_at)
        return;
    /* With very many ports less often, so that idle stays idle. */
    vswitch->status_at = time_msec() + STATUS_MS + (long long int)hmap_count(&vswitch->applied.interfaces);
    HMAP_FOR_EACH (interface, node, &vswitch->applied.interfaces) {
        if (interface_refresh_status(&vswitch->applied, interface))
            vswitch->dirty = true;
    }
}

static bool is_gone(void *policies, uint16_t port, uint32_t rule)
{
    bool is_named = rule == 0 || rule == RULE_DROPS_OTHER || policies_rule_name(policies, rule) != NULL;

    return !is_named || snapshot_port(dataplane_current(), port) == NULL;
}

static void run_every_second(struct vswitch *vswitch)
{
    struct applied_bridge *bridge;
    uint32_t aged = 0;

    if (time_msec() < vswitch->second_at)
        return;
    vswitch->second_at = time_msec() + 1000;
    HMAP_FOR_EACH (bridge, node, &vswitch->applied.bridges)
        aged += fdb_age(bridge->fdb, dataplane_now());
    if (aged > 0)
        dataplane_revalidate();
    rule_drops_forget(is_gone, vswitch->applied.policies);
    buffers_run(&vswitch->applied);
    if (reconcile_check_devices(&vswitch->applied))
        vswitch->dirty = true;
}

/* What happens outside the databases: ports, devices, the kernel. */
static void run_data_plane(struct vswitch *vswitch)
{
    struct applied *applied = &vswitch->applied;
    bool notified = notifier_clear();

    if (!vswitch->started || applied->no_data_plane != NULL)
        return;
    if (reconcile_take_results(applied))
        vswitch->dirty = true;
    dataplane_reclaim();
    if (closings_run(applied))
        vswitch->dirty = true;
    if (applied->tunnels != NULL && tunnels_run(applied->tunnels)) {
        applied->tunnels_changed = true;
        vswitch->dirty = true;
    }
    if (verdict_lines_run(applied->policies))
        poll_immediate_wake();
    dataplane_run_queues();
    rxq_balancer_run(applied);
    refresh_status(vswitch, notified);
    run_every_second(vswitch);
}

static void reconcile(struct vswitch *vswitch, const struct ovsrec_open_vswitch *cfg)
{
    struct applied *applied = &vswitch->applied;

    if (!applied->policy_known && sluice_db_is_known(&vswitch->sluice)) {
        applied->policy_known = true;
        vswitch->dirty = true;
    }
    if (!vswitch->dirty && !vswitch->policy_dirty)
        return;
    if (vswitch->dirty) {
        reconcile_run(applied, cfg, vswitch->db.loop.idl, sluice_db_idl(&vswitch->sluice));
        vswitch->write_all = true;
        vswitch->sluice_write_all = true;
    } else {
        reconcile_policies(applied, vswitch->db.loop.idl, sluice_db_idl(&vswitch->sluice));
    }
    vswitch->dirty = applied->tunnels_changed || applied->policies_changed;
    vswitch->policy_dirty = false;
    vswitch->sluice_write_some = true;
}

static bool is_applied(const struct vswitch *vswitch)
{
    return vswitch->applied.no_data_plane != NULL || dataplane_is_applied(vswitch->applied.sequence);
}

/* May status be written? When workers are not there yet, another look is due soon: by the time the loop is about to sleep
 * they may be, and nothing would wake it. */
static bool workers_are_there(struct vswitch *vswitch)
{
    bool there = is_applied(vswitch);

    vswitch->awaits_workers = vswitch->awaits_workers || !there;
    return there;
}

/* Sessions of rules that are gone end when nobody lets them in again. */
static void flush_sessions(struct vswitch *vswitch)
{
    struct applied *applied = &vswitch->applied;

    if (!vswitch->dirty && is_applied(vswitch) && rule_flush_run(&applied->flush, dataplane_conntrack()))
        dataplane_revalidate();
}

/* True when the configuration may be confirmed: done, or as far as it goes in good time. */
static bool may_confirm(const struct vswitch *vswitch)
{
    bool settled = !vswitch->dirty && !applied_is_busy(&vswitch->applied) &&
                   (vswitch->applied.policy_known || vswitch->policy_overdue || vswitch->applied.no_data_plane != NULL);

    return settled || time_msec() >= vswitch->changed_at + CONFIRM_MS;
}

/* The configuration is confirmed without the policy: from now on nothing waits for it but the ports. */
static void note_missing_policy(struct vswitch *vswitch)
{
    if (vswitch->applied.policy_known || vswitch->policy_overdue || vswitch->applied.no_data_plane != NULL)
        return;
    vswitch->policy_overdue = true;
    VLOG_WARN("the Sluice database at %s does not answer: ports stay closed until it does", vswitch->sluice.remote);
}

static void write_status(struct vswitch *vswitch, const struct ovsrec_open_vswitch *cfg)
{
    struct ovsdb_idl *idl = vswitch->db.loop.idl;
    bool confirm = vswitch->unconfirmed && may_confirm(vswitch);

    if (vswitch->db.txn == NULL || !workers_are_there(vswitch) || (vswitch->unconfirmed && !confirm))
        return;
    status_write(&vswitch->applied, cfg, idl, vswitch->write_all || confirm);
    if (confirm) {
        note_missing_policy(vswitch);
        applied_set_overdue(&vswitch->applied);
        status_write_root(&vswitch->applied, cfg);
        ovsrec_open_vswitch_set_cur_cfg(cfg, cfg->next_cfg);
    }
    vswitch->in_flight = vswitch->in_flight || confirm || vswitch->write_all;
    vswitch->write_all = false;
    vswitch->unconfirmed = false;
    if (confirm)
        statistics_write(&vswitch->applied, idl, false);
    if (time_msec() >= vswitch->statistics_at) {
        statistics_write(&vswitch->applied, idl, true);
        vswitch->statistics_at =
            time_msec() + MAX(smap_get_int(&cfg->other_config, "stats-update-interval", STATISTICS_MS), STATISTICS_MS);
    }
}

static void write_sluice_status(struct vswitch *vswitch)
{
    struct ovsdb_idl *idl = sluice_db_idl(&vswitch->sluice);

    bool due = vswitch->sluice_write_all || vswitch->sluice_write_some;

    if (vswitch->sluice.txn == NULL || idl == NULL || !due || vswitch->dirty || !workers_are_there(vswitch) ||
        rule_flush_is_busy(&vswitch->applied.flush))
        return;
    sluice_status_write(&vswitch->applied, idl, vswitch->db.loop.idl, vswitch->sluice_write_all);
    sluice_status_write_figures(&vswitch->applied, idl);
    vswitch->sluice_write_all = vswitch->sluice_write_some = false;
    vswitch->sluice_in_flight = true;
}

/* The first configuration is in the database: whoever started us may go on. */
static void announce(struct vswitch *vswitch)
{
    if (vswitch->announced)
        return;
    vswitch->announced = true;
    daemonize_complete();
    VLOG_INFO("%s is ready", program_name);
}

static void commit(struct vswitch *vswitch)
{
    int rc = vswitch_db_commit(&vswitch->db);

    if (rc == 0) {
        vswitch->unconfirmed = vswitch->started;
        vswitch->write_all = true;
    }
    if (rc >= 0 && vswitch->in_flight) {
        vswitch->in_flight = false;
        if (rc == 1)
            announce(vswitch);
    }
    rc = sluice_db_commit(&vswitch->sluice);
    if (rc == 0)
        vswitch->sluice_write_all = true;
    if (rc >= 0)
        vswitch->sluice_in_flight = false;
}

/* Another daemon is in charge: let go of everything. */
static void stand_down(struct vswitch *vswitch)
{
    struct applied *applied = &vswitch->applied;

    if (!vswitch->started || hmap_is_empty(&applied->interfaces))
        return;
    reconcile_run(applied, NULL, vswitch->db.loop.idl, sluice_db_idl(&vswitch->sluice));
    vswitch->unconfirmed = true;
    vswitch->dirty = true;
}

void vswitch_run(struct vswitch *vswitch)
{
    enum vswitch_db_state state = vswitch_db_run(&vswitch->db);
    const struct ovsrec_open_vswitch *cfg = ovsrec_open_vswitch_first(vswitch->db.loop.idl);

    vswitch->awaits_workers = false;
    sluice_db_run(&vswitch->sluice);
    run_data_plane(vswitch);
    if (state == VSWITCH_DB_LOCKED) {
        stand_down(vswitch);
    } else if (state == VSWITCH_DB_READY && cfg == NULL) {
        announce(vswitch); /* an empty database says nothing about what should be */
    } else if (cfg != NULL) {
        bool unseen = ovsdb_idl_get_seqno(vswitch->db.loop.idl) != vswitch->db.seqno;

        if (state == VSWITCH_DB_READY && may_take_changes(vswitch, cfg) && vswitch_db_changed(&vswitch->db)) {
            configure_tls(cfg);
            take_changes(vswitch, cfg);
        }
        if (sluice_db_changed(&vswitch->sluice)) {
            vswitch->policy_dirty = true;
            if (sluice_db_take_loss(&vswitch->sluice))
                vswitch->applied.policies_whole = vswitch->sluice_write_all = true;
        }
        /* Rows that arrived without the lock wait for it; otherwise the switch goes on without its database. */
        if (vswitch->started && (state == VSWITCH_DB_READY || !unseen))
            reconcile(vswitch, cfg);
        if (vswitch->started)
            flush_sessions(vswitch);
        if (vswitch->started && state == VSWITCH_DB_READY)
            write_status(vswitch, cfg);
        write_sluice_status(vswitch);
    }
    commit(vswitch);
}

void vswitch_wait(struct vswitch *vswitch)
{
    struct applied *applied = &vswitch->applied;

    poll_fd_wait(notifier_fd(), POLLIN);
    if (!vswitch->started && vswitch->start_by != 0)
        poll_timer_wait_until(vswitch->start_by);
    if (!vswitch->started || applied->no_data_plane != NULL)
        return;
    if (applied->tunnels != NULL)
        tunnels_wait(applied->tunnels);
    rxq_balancer_wait();
    if (dataplane_run_queues())
        poll_immediate_wake(); /* packets wait in a queue that nobody polls */
    if (dataplane_reclaim() || vswitch->awaits_workers)
        poll_timer_wait(1);
    else if (rule_flush_is_busy(&applied->flush))
        poll_immediate_wake();
    if (vswitch->unconfirmed && vswitch->changed_at + CONFIRM_MS > time_msec())
        poll_timer_wait_until(vswitch->changed_at + CONFIRM_MS);
    if (vswitch->dirty)
        poll_timer_wait(10); /* something could not be done yet, for want of memory or of the lock */
    poll_timer_wait_until(MIN(vswitch->status_at, vswitch->second_at));
}

void vswitch_destroy(struct vswitch *vswitch)
{
    struct applied *applied = &vswitch->applied;

    if (vswitch->started) {
        reconcile_run(applied, NULL, vswitch->db.loop.idl, sluice_db_idl(&vswitch->sluice));
        engine_stop(applied);
    }
    policies_destroy(applied->policies);
    applied_destroy(applied);
    sluice_db_destroy(&vswitch->sluice);
    vswitch_db_destroy(&vswitch->db);
    free(vswitch->default_remote);
}

bool vswitch_has_data_plane(const struct vswitch *vswitch)
{
    return vswitch->started && vswitch->applied.no_data_plane == NULL;
}

void vswitch_memory_usage(const struct vswitch *vswitch, struct simap *usage)
{
    simap_increase(usage, "bridges", (unsigned int)hmap_count(&vswitch->applied.bridges));
    simap_increase(usage, "ports", (unsigned int)hmap_count(&vswitch->applied.interfaces));
    if (vswitch_has_data_plane(vswitch))
        buffers_memory_usage(usage);
    ovsdb_idl_get_memory_usage(vswitch->db.loop.idl, usage);
}
