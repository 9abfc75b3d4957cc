// SPDX-License-Identifier: Apache-2.0
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <openvswitch/dynamic-string.h>
#include <smap.h>
#include <unixctl.h>
#include <util.h>
#include <vswitch-idl.h>

#include "acl/conntrack.h"
#include "control/mem_plan.h"
#include "control/unixctl_commands.h"
#include "control/vswitch.h"
#include "dataplane/dataplane.h"
#include "dataplane/ethdev_port.h"
#include "dataplane/fdb.h"
#include "dataplane/rule_counters.h"

#define MIB (1024.0 * 1024.0)

/* What may be said of a configuration that is not there yet. */
static const struct {
    const char *key;
    size_t offset;
    uint32_t least;
    uint32_t most;
    bool of_devices; /* what devices have claimed does not tell any more */
} questions[] = {
    {"ports", offsetof(struct memory_config, n_ports), 0, PORTS_MAX - 1, false},
    {"dpdk", offsetof(struct memory_config, n_devices), 0, PORTS_MAX - 1, true},
    {"queues", offsetof(struct memory_config, n_rxq), 1, PORT_QUEUES_MAX, true},
    {"descriptors", offsetof(struct memory_config, n_desc), 1, ETHDEV_DESCRIPTORS_MAX, true},
    {"mtu", offsetof(struct memory_config, mtu), PORT_MTU_MIN, PORT_MTU_MAX, true},
    {"workers", offsetof(struct memory_config, n_workers), 1, WORKERS_MAX, true},
    {"flows", offsetof(struct memory_config, n_flows), 1024, 8u << 20, false},
    {"sessions", offsetof(struct memory_config, n_sessions), 1024, 64u << 20, false},
    {"rules", offsetof(struct memory_config, n_rules), 0, RULE_ID_MAX, false},
    {"bridges", offsetof(struct memory_config, n_bridges), 0, 4096, false},
    {"macs", offsetof(struct memory_config, n_macs), 1, 1u << 20, false},
};

static uint32_t *field(struct memory_config *config, size_t i)
{
    return (uint32_t *)((char *)config + questions[i].offset);
}

/* False after the connection was told what is wrong. */
static bool take_question(struct unixctl_conn *conn, const char *text, struct memory_config *config)
{
    const char *equals = strchr(text, '=');
    size_t len = equals != NULL ? (size_t)(equals - text) : strlen(text);
    struct ds error = DS_EMPTY_INITIALIZER;
    unsigned int value;

    for (size_t i = 0; i < ARRAY_SIZE(questions); i++) {
        if (strlen(questions[i].key) != len || strncmp(text, questions[i].key, len) != 0)
            continue;
        if (equals != NULL && str_to_uint(equals + 1, 10, &value) && value >= questions[i].least &&
            value <= questions[i].most) {
            *field(config, i) = value;
            config->rings_known = config->rings_known && !questions[i].of_devices;
            return true;
        }
        ds_put_format(&error, "\"%s\": %s is a number from %u to %u", text, questions[i].key, questions[i].least,
                      questions[i].most);
        unixctl_command_reply_error(conn, ds_cstr(&error));
        ds_destroy(&error);
        return false;
    }
    ds_put_format(&error, "\"%s\" is not one of", text);
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
        ds_put_format(&error, " %s=N", questions[i].key);
    unixctl_command_reply_error(conn, ds_cstr(&error));
    ds_destroy(&error);
    return false;
}

static void count_device(const struct interface *interface, struct memory_config *config)
{
    uint32_t n_rxq = (uint32_t)smap_get_int(&interface->settings->options, "n_rxq", 1);
    uint32_t n_rxq_desc =
        (uint32_t)smap_get_int(&interface->settings->options, "n_rxq_desc", ETHDEV_DESCRIPTORS_DEFAULT);
    uint32_t n_txq_desc =
        (uint32_t)smap_get_int(&interface->settings->options, "n_txq_desc", ETHDEV_DESCRIPTORS_DEFAULT);

    config->n_devices++;
    config->n_rxq = MAX(config->n_rxq, n_rxq);
    config->n_desc = MAX(config->n_desc, MAX(n_rxq_desc, n_txq_desc));
    config->mtu = MAX(config->mtu, interface->settings->mtu);
}

static void read_claims(struct memory_config *config)
{
    struct packet_pool_state pool;

    config->rings_known = true;
    for (unsigned int i = 0; packet_pool_get(i, &pool); i++) {
        config->in_rings[pool.size] += pool.in_rings;
        config->passing[pool.size] += pool.passing;
    }
}

/* The configuration in force. Of devices, the largest of each figure stands for all. */
static void read_present(const struct vswitch *vswitch, struct memory_config *config)
{
    const struct applied_bridge *bridge;
    const struct interface *interface;

    *config = (struct memory_config){
        .n_workers = (uint32_t)dataplane_worker_count(),
        .n_flows = dataplane_flow_entries(),
        .n_sessions = conntrack_capacity(dataplane_conntrack()),
        .n_rules = rule_counters_highest(),
        .n_bridges = (uint32_t)hmap_count(&vswitch->applied.bridges),
        .mtu = PORT_MTU_DEFAULT,
    };
    HMAP_FOR_EACH (bridge, node, &vswitch->applied.bridges)
        config->n_macs = MAX(config->n_macs, bridge->table_size);
    HMAP_FOR_EACH (interface, node, &vswitch->applied.interfaces) {
        if (interface->is_tunnel)
            continue;
        config->n_ports++;
        if (interface->state == INTERFACE_OPEN && strcmp(interface->settings->type, "dpdk") == 0)
            count_device(interface, config);
    }
    read_claims(config);
    config->n_rxq = MAX(config->n_rxq, 1);
    config->n_desc = config->n_desc != 0 ? config->n_desc : ETHDEV_DESCRIPTORS_DEFAULT;
    config->n_macs = config->n_macs != 0 ? config->n_macs : FDB_SIZE_DEFAULT;
}

static void put_config(struct ds *out, const struct memory_config *config)
{
    ds_put_cstr(out, "configuration:");
    for (size_t i = 0; i < ARRAY_SIZE(questions); i++)
        ds_put_format(out, " %s=%" PRIu32, questions[i].key,
                      *(const uint32_t *)((const char *)config + questions[i].offset));
    ds_put_char(out, '\n');
}

static void put_demand(struct ds *out, const struct memory_demand *demand, const struct mem_room *room)
{
    const char *dpdk = room->huge ? "hugepages" : "DPDK";

    ds_put_format(out, "%-28s  %10s  %9s  %s\n", "what", "number", "MiB", "from");
    for (size_t i = 0; i < demand->n; i++) {
        const struct memory_item *item = &demand->items[i];

        ds_put_format(out, "%-28s  %10" PRIu64 "  %9.1f  %s\n", item->name, item->n, (double)item->bytes / MIB,
                      item->dpdk ? dpdk : "ordinary");
    }
    ds_put_format(out, "%-28s  %10s  %9.1f  %s\n", "devices and rings (now)", "", (double)room->dpdk_others / MIB,
                  dpdk);
    ds_put_format(out, "%-28s  %10s  %9.1f  %s\n", "sum", "", (double)(demand->dpdk + room->dpdk_others) / MIB, dpdk);
    ds_put_format(out, "%-28s  %10s  %9.1f  %s\n", "sum", "", (double)demand->ordinary / MIB, "ordinary");
    ds_put_format(out, "a cached flow takes %" PRIu32 " bytes, of IPv6 %" PRIu32 "; a session %" PRIu32 "\n",
                  memory_demand_flow_bytes(), 2 * memory_demand_flow_bytes(), conntrack_session_bytes());
}

static void put_pools(struct ds *out)
{
    struct packet_pool_state pool;

    ds_put_format(out, "%-16s  %4s  %6s  %9s  %9s  %9s  %9s  %9s  %9s\n", "pool", "node", "bytes", "buffers", "free",
                  "in rings", "wanted", "most", "MiB");
    for (unsigned int i = 0; packet_pool_get(i, &pool); i++)
        ds_put_format(out, "%-16s  %4d  %6u  %9u  %9u  %9u  %9u  %9u  %9.1f\n", pool.name, pool.node,
                      packet_pool_room(pool.size), pool.n_buffers, pool.n_free, pool.in_rings, pool.n_wanted,
                      pool.n_most, (double)pool.bytes / MIB);
}

static void put_room(struct ds *out, const struct mem_room *room)
{
    if (room->huge)
        ds_put_format(out, "NUMA node %d: DPDK has %.0f MiB of hugepages; %lu of %lu hugepages of %lu MiB are free\n",
                      room->node, (double)room->dpdk_bytes / MIB, room->pages_free, room->pages, room->page_kib / 1024);
    else
        ds_put_format(out, "DPDK has %.0f MiB of ordinary memory, no hugepages\n", (double)room->dpdk_bytes / MIB);
}

static const struct smap *other_config(const struct vswitch *vswitch)
{
    const struct ovsrec_open_vswitch *cfg = ovsrec_open_vswitch_first(vswitch->db.loop.idl);

    return cfg != NULL ? &cfg->other_config : NULL;
}

static void mem_plan(struct unixctl_conn *conn, int argc, const char *argv[], void *vswitch_)
{
    const struct vswitch *vswitch = vswitch_;
    struct memory_config present, asked;
    struct memory_demand now, demand;
    struct ds out = DS_EMPTY_INITIALIZER;
    struct mem_room room;
    const struct smap *keys = other_config(vswitch);

    if (!unixctl_need_data_plane(conn, vswitch))
        return;
    read_present(vswitch, &present);
    asked = present;
    for (int i = 1; i < argc; i++) {
        if (!take_question(conn, argv[i], &asked))
            return;
    }
    asked.n_ports = MAX(asked.n_ports, asked.n_devices);
    mem_room_read(&room, keys != NULL ? smap_get(keys, "dpdk-socket-limit") : NULL);
    memory_demand_reckon(&present, &now);
    memory_demand_reckon(&asked, &demand);
    put_config(&out, &asked);
    put_demand(&out, &demand, &room);
    put_pools(&out);
    put_room(&out, &room);
    if (room.huge)
        ds_put_format(&out, "to have that from the start: other_config:dpdk-socket-mem of %" PRIu64 " MiB\n",
                      mem_plan_socket_mem(&demand, &room));
    mem_plan_judge(&demand, now.ordinary, &room, &out);
    unixctl_command_reply(conn, ds_cstr(&out));
    ds_destroy(&out);
}

const struct unixctl_command unixctl_mem_commands[] = {
    {"mem/plan", "[ports=N] [dpdk=N] [queues=N] [mtu=N] [workers=N] [flows=N] [sessions=N] [rules=N] ...", 0,
     ARRAY_SIZE(questions), mem_plan},
    {NULL, NULL, 0, 0, NULL},
};
