// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <stdlib.h>

#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mempool.h>
#include <unixctl.h>

#include "control/unixctl_commands.h"
#include "control/vswitch.h"

/* Answers with what 'dump' writes. */
static void reply_dump(struct unixctl_conn *conn, void (*dump)(FILE *stream, const void *aux), const void *aux)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL) {
        unixctl_command_reply_error(conn, "out of memory");
        return;
    }
    dump(stream, aux);
    fclose(stream);
    unixctl_command_reply(conn, text);
    free(text);
}

static void dump_pool(FILE *stream, const void *pool)
{
    rte_mempool_dump(stream, (struct rte_mempool *)(uintptr_t)pool);
}

static void dump_pools(FILE *stream, const void *aux)
{
    rte_mempool_list_dump(stream);
}

static void get_mempool_info(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    const struct interface *interface;
    const struct rte_mempool *pool;

    if (!unixctl_need_data_plane(conn, vswitch))
        return;
    if (argc == 1) {
        reply_dump(conn, dump_pools, NULL);
        return;
    }
    interface = applied_find_interface(&vswitch->applied, argv[1]);
    pool = interface != NULL && interface->state == INTERFACE_OPEN && !interface->is_tunnel
               ? atomic_load_explicit(&interface->port->pool, memory_order_relaxed)
               : NULL;
    if (pool == NULL)
        unixctl_command_reply_error(conn, "no such port, or it has no packet buffers");
    else
        reply_dump(conn, dump_pool, pool);
}

static void dump_malloc(FILE *stream, const void *aux)
{
    rte_malloc_dump_stats(stream, NULL);
}

static void get_malloc_stats(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    if (unixctl_need_data_plane(conn, vswitch))
        reply_dump(conn, dump_malloc, NULL);
}

static void dump_lcores(FILE *stream, const void *aux)
{
    rte_lcore_dump(stream);
}

static void lcore_list(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch)
{
    if (unixctl_need_data_plane(conn, vswitch))
        reply_dump(conn, dump_lcores, NULL);
}

const struct unixctl_command unixctl_dpdk_commands[] = {
    {"netdev-dpdk/get-mempool-info", "[netdev]", 0, 1, get_mempool_info},
    {"dpdk/get-malloc-stats", "", 0, 0, get_malloc_stats},
    {"dpdk/lcore-list", "", 0, 0, lcore_list},
    {NULL, NULL, 0, 0, NULL},
};
