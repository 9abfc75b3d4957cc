// SPDX-License-Identifier: Apache-2.0
#include "control/engine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openvswitch/vlog.h>
#include <smap.h>
#include <timeval.h>
#include <util.h>

#include "control/applied.h"
#include "control/buffers.h"
#include "control/builder.h"
#include "control/closings.h"
#include "control/cpus.h"
#include "control/eal.h"
#include "control/reconcile.h"
#include "control/rxq_balancer.h"
#include "control/settings.h"
#include "control/tunnels.h"
#include "dataplane/core/qsbr.h"
#include "dataplane/dataplane.h"
#include "dataplane/worker_account.h"

VLOG_DEFINE_THIS_MODULE(engine);

/* Longest sleep of an idle worker that may be asked for: beyond it queues overflow. */
#define SLEEP_MOST_US 10000u

/* The workers for pmd-cpu-mask, or, without a usable one, the last CPU that we may use. */
static size_t choose_cpus(const char *mask, unsigned int cpus[WORKERS_MAX])
{
    unsigned int asked[WORKERS_MAX];
    int n = mask != NULL ? cpus_from_mask(mask, asked, WORKERS_MAX) : 0;
    size_t usable = 0, unusable = 0;
    unsigned int first = 0;

    for (int i = 0; i < n; i++) {
        if (cpus_is_usable(asked[i]))
            cpus[usable++] = asked[i];
        else if (unusable++ == 0)
            first = asked[i];
    }
    if (unusable > 0)
        VLOG_WARN("other_config:pmd-cpu-mask %s: CPU %u%s not there or not ours to use", mask, first,
                  unusable > 1 ? " and others are" : " is");
    if (usable > 0)
        return usable;
    if (mask != NULL)
        VLOG_WARN("other_config:pmd-cpu-mask %s names no CPU that can be used: taking CPU %u", mask, cpus_last());
    cpus[0] = cpus_last();
    return 1;
}

static void set_workers(const struct smap *other_config)
{
    static char *applied_mask;
    const char *mask = smap_get(other_config, "pmd-cpu-mask");
    unsigned int cpus[WORKERS_MAX];
    char *error = NULL;
    size_t n;

    if (dataplane_worker_count() > 0 && nullable_string_is_equal(mask, applied_mask))
        return;
    free(applied_mask);
    applied_mask = nullable_xstrdup(mask);
    n = choose_cpus(mask, cpus);
    cpus_leave_to_workers(cpus, n);
    if (dataplane_set_workers(cpus, n, &error) < 0)
        VLOG_ERR("workers could not be started: %s", error != NULL ? error : "no reason given");
    else
        VLOG_INFO("%zu worker%s", n, n == 1 ? "" : "s");
    free(error);
}

static void set_sleep(const struct smap *other_config)
{
    static char *applied_text;
    const char *key = smap_get(other_config, "pmd-sleep-max") != NULL ? "pmd-sleep-max" : "pmd-maxsleep";
    const char *text = smap_get(other_config, key);
    unsigned int sleep = WORKER_SLEEP_MAX_DEFAULT_US;

    if (nullable_string_is_equal(text, applied_text))
        return;
    free(applied_text);
    applied_text = nullable_xstrdup(text);
    if (text != NULL && (!str_to_uint(text, 10, &sleep) || sleep > SLEEP_MOST_US)) {
        VLOG_WARN("other_config:%s \"%s\" is not a number from 0 to %u; taking the default", key, text, SLEEP_MOST_US);
        sleep = WORKER_SLEEP_MAX_DEFAULT_US;
    }
    dataplane_set_sleep_max(sleep);
}

void engine_configure(const struct applied *applied, const struct smap *other_config)
{
    if (applied->no_data_plane != NULL)
        return;
    rxq_balancer_configure(other_config);
    set_workers(other_config);
    set_sleep(other_config);
    worker_account_by_stage(smap_get_bool(other_config, "pmd-perf-metrics", false));
}

/* A size that the operator may choose, within what the tables can be; 0 (the default) when 'text' is NULL. */
static uint32_t size_of(const char *name, const char *text, uint32_t least, uint32_t most)
{
    unsigned long long size;
    char *end;

    if (text == NULL)
        return 0;
    size = strtoull(text, &end, 10);
    if (end == text || *end != '\0' || size < least || size > most) {
        VLOG_WARN("%s \"%s\" is not a number from %u to %u; taking the default", name, text, least, most);
        return 0;
    }
    return (uint32_t)size;
}

/* The size of the session table: Sluice.options has its say first. */
static uint32_t session_capacity(const struct smap *other_config, const char *max_sessions)
{
    if (max_sessions != NULL)
        return size_of("Sluice options:max-sessions", max_sessions, 1024, 64u << 20);
    return size_of("other_config:max-sessions", smap_get(other_config, "max-sessions"), 1024, 64u << 20);
}

static int start_data_plane(const struct smap *other_config, const char *max_sessions, char **error)
{
    struct dataplane_config config = {
        .flow_entries =
            size_of("other_config:flow-cache-entries", smap_get(other_config, "flow-cache-entries"), 1024, 8u << 20),
        .session_capacity = session_capacity(other_config, max_sessions),
    };
    int rc = eal_start(other_config, error);

    if (rc < 0)
        return rc;
    rc = buffers_start(size_of("other_config:packet-buffers-max", smap_get(other_config, "packet-buffers-max"),
                               PACKET_POOL_LEAST, PACKET_POOL_MOST),
                       error);
    if (rc < 0)
        return rc;
    rc = qsbr_init();
    if (rc < 0)
        return rc;
    rc = dataplane_init(&config, error);
    if (rc == 0)
        VLOG_INFO("forwarding with the instructions of %s", dataplane_level());
    return rc;
}

void engine_start(struct applied *applied, const struct smap *other_config, const char *max_sessions)
{
    char *error = NULL;

    port_settings_set_socket_dir(smap_get(other_config, "vhost-sock-dir"));
    port_settings_set_tso(smap_get_bool(other_config, "userspace-tso-enable", true));
    if (start_data_plane(other_config, max_sessions, &error) < 0) {
        applied->no_data_plane = error != NULL ? error : "the data plane could not be started; see the log";
        VLOG_ERR("%s", applied->no_data_plane);
        return;
    }
    applied->builder = builder_create();
    if (applied->builder == NULL) {
        applied->no_data_plane = "no thread for opening ports";
        VLOG_ERR("%s", applied->no_data_plane);
        return;
    }
    applied->tunnels = tunnels_create(&error);
    if (applied->tunnels == NULL)
        VLOG_ERR("no tunnels: %s", error != NULL ? error : "netlink is not available");
    free(error);
}

/* Longest wait for devices to close. */
#define STOP_MS 5000

void engine_stop(struct applied *applied)
{
    long long int deadline = time_msec() + STOP_MS;

    if (applied->builder == NULL)
        return;
    while (!ovs_list_is_empty(&applied->closing) && time_msec() < deadline) {
        dataplane_reclaim();
        closings_run(applied);
        reconcile_take_results(applied);
        usleep(500);
    }
    if (!ovs_list_is_empty(&applied->closing))
        VLOG_WARN("some ports did not close within %d s", STOP_MS / 1000);
    dataplane_stop();
    builder_destroy(applied->builder);
    applied->builder = NULL;
    if (applied->tunnels != NULL)
        tunnels_destroy(applied->tunnels);
    applied->tunnels = NULL;
}
