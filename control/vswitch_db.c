// SPDX-License-Identifier: Apache-2.0
#include "control/vswitch_db.h"

#include <unistd.h>

#include <openvswitch/vlog.h>
#include <util.h>
#include <vswitch-idl.h>

VLOG_DEFINE_THIS_MODULE(vswitch_db);

/* Columns that are configuration: a change wakes us up. */
static const struct ovsdb_idl_column *const read_columns[] = {
    &ovsrec_open_vswitch_col_bridges,
    &ovsrec_open_vswitch_col_next_cfg,
    &ovsrec_open_vswitch_col_other_config,
    &ovsrec_open_vswitch_col_ssl,
    &ovsrec_ssl_col_private_key,
    &ovsrec_ssl_col_certificate,
    &ovsrec_ssl_col_ca_cert,
    &ovsrec_ssl_col_bootstrap_ca_cert,
    &ovsrec_bridge_col_name,
    &ovsrec_bridge_col_ports,
    &ovsrec_bridge_col_datapath_type,
    &ovsrec_bridge_col_other_config,
    &ovsrec_bridge_col_fail_mode,
    &ovsrec_bridge_col_controller,
    &ovsrec_port_col_name,
    &ovsrec_port_col_interfaces,
    &ovsrec_port_col_tag,
    &ovsrec_port_col_trunks,
    &ovsrec_port_col_vlan_mode,
    &ovsrec_interface_col_name,
    &ovsrec_interface_col_type,
    &ovsrec_interface_col_options,
    &ovsrec_interface_col_other_config,
    &ovsrec_interface_col_ofport_request,
    &ovsrec_interface_col_mac,
    &ovsrec_interface_col_mtu_request,
    &ovsrec_interface_col_external_ids,
    &ovsrec_controller_col_target,
};

/* Columns that are ours to write: monitored, so that only differences are written, but their changes mean nothing. */
static const struct ovsdb_idl_column *const written_columns[] = {
    &ovsrec_open_vswitch_col_cur_cfg,      &ovsrec_open_vswitch_col_datapath_types,
    &ovsrec_open_vswitch_col_iface_types,  &ovsrec_open_vswitch_col_dpdk_initialized,
    &ovsrec_open_vswitch_col_dpdk_version, &ovsrec_bridge_col_datapath_id,
    &ovsrec_bridge_col_datapath_version,   &ovsrec_interface_col_ofport,
    &ovsrec_interface_col_error,           &ovsrec_interface_col_admin_state,
    &ovsrec_interface_col_link_state,      &ovsrec_interface_col_link_speed,
    &ovsrec_interface_col_duplex,          &ovsrec_interface_col_link_resets,
    &ovsrec_interface_col_ifindex,         &ovsrec_interface_col_mtu,
    &ovsrec_interface_col_mac_in_use,      &ovsrec_interface_col_status,
    &ovsrec_interface_col_statistics,      &ovsrec_controller_col_is_connected,
    &ovsrec_controller_col_role,
};

void vswitch_db_init(struct vswitch_db *db, const char *remote)
{
    struct ovsdb_idl *idl = ovsdb_idl_create(remote, &ovsrec_idl_class, false, true);

    for (size_t i = 0; i < ARRAY_SIZE(read_columns); i++)
        ovsdb_idl_add_column(idl, read_columns[i]);
    for (size_t i = 0; i < ARRAY_SIZE(written_columns); i++) {
        ovsdb_idl_add_column(idl, written_columns[i]);
        ovsdb_idl_omit_alert(idl, written_columns[i]);
    }
    ovsdb_idl_set_lock(idl, "ovs_vswitchd");
    *db = (struct vswitch_db){.loop = OVSDB_IDL_LOOP_INITIALIZER(idl)};
    db->seqno = ovsdb_idl_get_seqno(idl);
}

void vswitch_db_destroy(struct vswitch_db *db)
{
    ovsdb_idl_loop_destroy(&db->loop);
}

enum vswitch_db_state vswitch_db_run(struct vswitch_db *db)
{
    static struct vlog_rate_limit rl = VLOG_RATE_LIMIT_INIT(1, 1);
    struct ovsdb_idl *idl = db->loop.idl;

    db->txn = ovsdb_idl_loop_run(&db->loop);
    if (ovsdb_idl_is_lock_contended(idl)) {
        VLOG_ERR_RL(&rl, "another ovs-vswitchd process is running, disabling this process (pid %ld) until it goes away",
                    (long int)getpid());
        return VSWITCH_DB_LOCKED;
    }
    return ovsdb_idl_has_lock(idl) && ovsdb_idl_has_ever_connected(idl) ? VSWITCH_DB_READY : VSWITCH_DB_WAIT;
}

bool vswitch_db_changed(struct vswitch_db *db)
{
    unsigned int seqno = ovsdb_idl_get_seqno(db->loop.idl);
    bool changed = seqno != db->seqno;

    db->seqno = seqno;
    return changed;
}

int vswitch_db_commit(struct vswitch_db *db)
{
    db->txn = NULL;
    return ovsdb_idl_loop_commit_and_wait(&db->loop);
}
